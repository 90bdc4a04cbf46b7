package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const output = `goos: linux
pkg: example.org/a/usersig
cpu: a CPU
BenchmarkVerify-2   	   98001	     12016 ns/op	    4671 B/op	     108 allocs/op
BenchmarkLogin/web-2	     200	      5.5 ms/login	   12 ns/op
PASS
ok  	example.org/a/usersig	2.1s
?   	example.org/a/none	[no test files]
pkg: example.org/a/frame
BenchmarkRead	1000	7 ns/op
`

func TestParse(t *testing.T) {
	got := parse(output)
	require.Equal(t, map[string][]measurement{
		"example.org/a/usersig": {
			{"Verify-2", 98001, map[string]float64{"ns/op": 12016, "B/op": 4671, "allocs/op": 108}},
			{"Login/web-2", 200, map[string]float64{"ms/login": 5.5, "ns/op": 12}},
		},
		"example.org/a/frame": {{"Read", 1000, map[string]float64{"ns/op": 7}}},
	}, got)

	var table strings.Builder
	report{Go: "go1", CPUs: 2, Sizes: map[string]int64{"bin/timd": 7}, Benchmarks: got}.print(&table)
	require.Contains(t, table.String(), "4671 B/op, 108 allocs/op, 12016 ns/op")
	require.Contains(t, table.String(), "bin/timd")
}
