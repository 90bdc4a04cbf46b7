package main

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// table is what the linker writes for some functions, the last of which has one
// entry.
func table(functions int) (out []byte) {
	for n := range buckets*(functions-1) + 1 {
		out = binary.LittleEndian.AppendUint32(out, uint32(n/buckets))
		out = append(out, make([]byte, bucketSize-4)...)
	}
	return out
}

// program makes a module of as many functions that do nothing, and data.
func program(functions int, data []segment) []byte {
	types, imports, kinds, code := []byte{0}, []byte{0}, []byte{0}, []byte{0}
	types = appendItem(types, []byte{0x60, 1, 0x7f, 0})
	imports = appendItem(imports, []byte{1, 'm', 1, 'f', 0, 0})
	for range functions {
		kinds = appendItem(kinds, []byte{0})
		code = appendItem(code, []byte{2, 0, opEnd})
	}
	return writeModule([]section{
		{typeID, types}, {importID, imports}, {functionID, kinds}, {5, []byte{1, 0, 1}},
		{elementID, []byte{0}}, {codeID, code}, {dataID, writeSegments(data)}, {0, []byte{1, 'x'}},
	})
}

func TestComputeTable(t *testing.T) {
	const functions, at = 40, 1000
	entries := table(functions)
	before := append([]byte("before"), entries...)
	linked := program(functions, []segment{{5, []byte("a")}, {at - 6, append(before, "after"...)}})
	computed, err := computeTable(linked)
	require.NoError(t, err)

	sections, err := readModule(computed)
	require.NoError(t, err)
	var ids []byte
	for _, s := range sections {
		ids = append(ids, s.id)
	}
	require.Equal(t, []byte{typeID, importID, functionID, 5, startID, elementID, codeID, dataID, 0}, ids)
	require.Equal(t, []byte{functions + 1}, sections[4].content, "behind the function that is imported and all others")
	require.Equal(t, byte(1), sections[2].content[functions+1], "the start function is of the new type")
	written := writeTable(at+buckets*bucketSize, buckets*(functions-2)+1)
	require.Equal(t, written, sections[6].content[len(sections[6].content)-len(written):])

	segments, err := readSegments(sections[7].content)
	require.NoError(t, err)
	image := memory(segments)
	require.Equal(t, make([]byte, len(entries)), image[at:at+len(entries)])
	require.Equal(t, "after", string(image[at+len(entries):][:5]))
	require.Equal(t, "before", string(image[at-6:at]))

	_, err = computeTable(computed)
	require.ErrorIs(t, err, errTable, "it has a start function already")
}

// The zeros at the end of the table are in no segment where nothing comes behind it.
func TestComputeTableAtTheEnd(t *testing.T) {
	const functions = 40
	entries := table(functions)
	data := []segment{{1000, entries[:len(entries)-(bucketSize-4)]}}
	computed, err := computeTable(program(functions, data))
	require.NoError(t, err)
	sections, err := readModule(computed)
	require.NoError(t, err)
	segments, err := readSegments(sections[7].content)
	require.NoError(t, err)
	require.Equal(t, []segment{{1000, make([]byte, buckets*bucketSize)}}, segments, "the entries of the first function")
}

func TestComputeTableRefusesWhatItDoesNotKnow(t *testing.T) {
	const functions = 40
	entries := table(functions)
	other := append([]byte(nil), entries...)
	other[len(other)/2]++
	for name, m := range map[string][]byte{
		"no module":       []byte("\x00asm"),
		"no code":         module(writeSegments([]segment{{5, entries}})),
		"no table":        program(functions, []segment{{5, []byte("a")}}),
		"another table":   program(functions, []segment{{5, other}}),
		"of fewer":        program(functions, []segment{{5, table(functions - 1)}}),
		"no data":         program(functions, nil),
		"hardly anything": program(2, []segment{{5, table(2)}}),
	} {
		_, err := computeTable(m)
		require.Error(t, err, name)
	}
}

// A program that asks the table for the names of its functions gets the same from
// the linker's module and from the one that is built of it.
func TestComputeTableOfGo(t *testing.T) {
	dir := t.TempDir()
	main := filepath.Join(dir, "main.go")
	require.NoError(t, os.WriteFile(main, []byte(`package main

import "runtime"

func deep(n int) {
	if n > 0 {
		deep(n - 1)
		return
	}
	var callers [8]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(0, callers[:])])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		println(f.Function, f.Line)
	}
}

func main() {
	deep(2)
	var big func(n int, pad [999]int) // its stack has to grow, which asks the table, too
	big = func(n int, pad [999]int) {
		if n > 0 {
			pad[n]++
			big(n-1, pad)
		}
	}
	big(99, [999]int{})
	runtime.GC()
	println("done")
}
`), 0o600))
	linked := filepath.Join(dir, "linked.wasm")
	cmd := exec.Command("go", "build", "-o", linked, main)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	run := func(path string) string {
		out, err := exec.Command("node", filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec_node.js"), path).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}

	before, err := os.ReadFile(linked)
	require.NoError(t, err)
	after, err := computeTable(before)
	require.NoError(t, err)
	require.Less(t, len(after), len(before)-100_000)
	built := filepath.Join(dir, "built.wasm")
	require.NoError(t, os.WriteFile(built, after, 0o600))
	want := run(linked)
	require.Contains(t, want, "main.deep 7")
	require.Contains(t, want, "done")
	require.Equal(t, want, run(built))
}
