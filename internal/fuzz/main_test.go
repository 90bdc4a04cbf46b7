package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	require.Equal(t, []target{{"m/a", "FuzzOne"}, {"m/a", "FuzzTwo"}, {"m/c", "FuzzThree"}},
		parse("FuzzOne\nFuzzTwo\nok  \tm/a\t0.004s\nok  \tm/b\t0.003s\n?   \tm/d\t[no test files]\nFuzzThree\nok  \tm/c\t0.1s\n"))
}

func TestOverrun(t *testing.T) {
	require.True(t, overrun([]byte("--- FAIL: FuzzX (40.10s)\n    context deadline exceeded\nFAIL\n")))
	require.False(t, overrun([]byte("    context deadline exceeded\n    Failing input written to testdata/fuzz/FuzzX/1\n")))
	require.False(t, overrun([]byte("--- FAIL: FuzzX\n")))
}
