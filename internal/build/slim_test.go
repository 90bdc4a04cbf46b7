package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The edits fit the version of safejs in go.mod.
func TestWriteSlim(t *testing.T) {
	t.Chdir("../..")
	dir := t.TempDir()
	path, err := writeSlim(dir)
	require.NoError(t, err)
	mod, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(mod), "replace "+safejs)
	require.FileExists(t, filepath.Join(dir, "wasm.sum"))
	for name := range edits {
		slim, err := os.ReadFile(filepath.Join(dir, "safejs", name))
		require.NoError(t, err)
		require.NotContains(t, string(slim), `"fmt"`)
	}
}

func TestEditRefusesWhatDoesNotFit(t *testing.T) {
	_, err := edit("a", [][2]string{{"b", "c"}})
	require.ErrorContains(t, err, "0 times")
	_, err = edit("bb", [][2]string{{"b", "c"}})
	require.ErrorContains(t, err, "2 times")
	_, err = edit("b fmt.Println", [][2]string{{"b", "c"}})
	require.ErrorContains(t, err, "still used")
}
