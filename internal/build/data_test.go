package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// module makes a module of a data section and one before and behind it.
func module(data []byte) []byte {
	out := []byte(wasmHead)
	out = append(out, 5, 3, 1, 0, 1) // a memory of a page
	out = append(out, dataID)
	out = binary.AppendUvarint(out, uint64(len(data)))
	out = append(out, data...)
	return append(out, 0, 2, 1, 'x') // a custom section
}

func memory(segments []segment) []byte {
	out := make([]byte, 1<<16)
	for _, s := range segments {
		copy(out[s.at:], s.data)
	}
	return out
}

func TestMergeData(t *testing.T) {
	before := []segment{
		{5, []byte("a")},
		{14, []byte("bc")},
		{16, []byte("d")},                            // no gap
		{17 + maxGap, []byte{0, 1, 0}},               // the largest
		{21 + 2*maxGap, bytes.Repeat([]byte{7}, 99)}, // one more
		{0xfff0, []byte("end")},
	}
	merged, err := mergeData(module(writeSegments(before)))
	require.NoError(t, err)

	after := join(before)
	require.Len(t, after, 3)
	require.Equal(t, module(writeSegments(after)), merged)
	require.Equal(t, memory(before), memory(after))

	again, err := mergeData(merged)
	require.NoError(t, err)
	require.Equal(t, merged, again)

	slices.Reverse(before)
	again, err = mergeData(module(writeSegments(before)))
	require.NoError(t, err)
	require.Equal(t, merged, again, "order does not matter")
}

func TestMergeDataRefusesWhatItDoesNotKnow(t *testing.T) {
	ok := writeSegments([]segment{{5, []byte("a")}, {300, []byte("b")}})
	for name, m := range map[string][]byte{
		"no module":         []byte("\x00asm"),
		"a section cut off": append([]byte(wasmHead), 5, 9, 1),
		"no count":          module(nil),
		"passive":           module([]byte{1, 1, 1, 'a'}),
		"an address unlike": module([]byte{1, 0, 0x42, 5, opEnd, 1, 'a'}),
		"a negative one":    module([]byte{1, 0, opI32Const, 0x7f, opEnd, 1, 'a'}),
		"an endless one":    module([]byte{1, 0, opI32Const, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80}),
		"data cut off":      module(ok[:len(ok)-1]),
		"data left over":    module(append(append([]byte(nil), ok...), 0)),
		"one in another":    module(writeSegments([]segment{{5, []byte("ab")}, {6, []byte("a")}})),
	} {
		_, err := mergeData(m)
		require.Error(t, err, name)
	}
}

// The linker of this toolchain writes what mergeData knows, and there is
// something to gain.
func TestMergeDataOfGo(t *testing.T) {
	dir := t.TempDir()
	main := filepath.Join(dir, "main.go")
	require.NoError(t, os.WriteFile(main, []byte("package main\n\nfunc main() {}\n"), 0o600))
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "m.wasm"), main)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	linked, err := os.ReadFile(filepath.Join(dir, "m.wasm"))
	require.NoError(t, err)
	merged, err := mergeData(linked)
	require.NoError(t, err)
	before, err := packGzip(linked)
	require.NoError(t, err)
	after, err := packGzip(merged)
	require.NoError(t, err)
	require.Less(t, len(after), len(before))
}
