package main

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const compared = `pkg: github.com/tim-wasm/tim/internal/cluster
BenchmarkPeers/messages/pairs=128-2  6000  0 ns/op  540 tim-cpu-µs  180 centrifuge-cpu-µs  3 cpu-µs-x-centrifuge  4000 tim-per-s  6000 centrifuge-per-s  0.67 per-s-x-centrifuge
pkg: github.com/tim-wasm/tim/web/e2e/peers
BenchmarkStart/tim-js-sdk/cold	9	300000000	ns/op	1.00	x-tim-js-sdk
BenchmarkStart/tim/cold	9	330000000	ns/op	1.10	x-tim-js-sdk
BenchmarkRun/go-hello-world/second	9	6500000	ns/op
BenchmarkRun/tim/second	9	13000000	ns/op	2.00	x-go-hello-world
pkg: github.com/tim-wasm/tim/wasm
BenchmarkPage/promise	2000	45000	ns/op
BenchmarkPage/start	1	477640000	ns/op	4.5	MiB-wasm
`

func TestPage(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "9.svg"), nil, 0o600), "of an earlier run")
	r := report{Date: "2026-01-02", Commit: "abc", Go: "go1.26", CPUs: 2, Load: "0.1 0.2 0.3", Benchmarks: parse(compared)}
	require.NoError(t, r.writePage(folder))
	text, err := os.ReadFile(filepath.Join(folder, "README.md"))
	require.NoError(t, err)
	page := string(text)
	for _, want := range []string{
		"Measured on 2026-01-02 at abc, go1.26, 2 CPUs, which also ran the clients; load before it 0.1 0.2 0.3.",
		"| CPU of a message, 128 pairs | 540 µs | 180 µs | 3.00 | at most 2: **missed** |",
		"| messages a second (more is better), 128 pairs | 4000 /s | 6000 /s | 0.67 | at least 0.5: met |",
		"| tim, first visit | 330 ms | 300 ms | 1.10 | at most 1.25: met |",
		"| the second time | 13 ms | 6.5 ms | 2.00 | at most 2.5: met |",
		"| a call of a promise, until it is settled | 45 µs | 60 µs | 0.75 | at most 1: met |",
		"| the module's memory at the start | 4.5 MiB | 4 MiB | 1.12 | at most 1: **missed** |",
	} {
		require.Contains(t, page, want)
	}
	require.NotContains(t, page, "Centrifugo 6.9.1", "nothing was measured of it")
	require.Equal(t, 4, strings.Count(page, ".svg)"))
	drawn, err := filepath.Glob(filepath.Join(folder, "*.svg"))
	require.NoError(t, err)
	require.Len(t, drawn, 4)
	for _, path := range drawn {
		f, err := os.Open(path)
		require.NoError(t, err)
		defer f.Close()
		for d := xml.NewDecoder(f); ; {
			if _, err = d.Token(); err != nil {
				break
			}
		}
		require.ErrorIs(t, err, io.EOF, "it is well formed")
	}

	require.ErrorIs(t, report{}.writePage(t.TempDir()), errNothing)
}
