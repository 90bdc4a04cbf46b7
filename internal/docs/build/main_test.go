package main

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A second run changes nothing, and what is no longer made goes.
func TestRun(t *testing.T) {
	to := filepath.Join(t.TempDir(), "dist")
	require.NoError(t, run("../../..", to))
	old, kept := filepath.Join(to, "gone.html"), filepath.Join(to, ".gitkeep")
	require.NoError(t, os.WriteFile(old, nil, 0o644))
	require.NoError(t, os.WriteFile(kept, nil, 0o644))
	before, err := os.Stat(filepath.Join(to, "index.html.gz"))
	require.NoError(t, err)
	require.NoError(t, run("../../..", to))
	after, err := os.Stat(filepath.Join(to, "index.html.gz"))
	require.NoError(t, err)
	require.Equal(t, before.ModTime(), after.ModTime(), "the same file is left alone")
	require.NoFileExists(t, old)
	require.FileExists(t, kept)

	packed, err := os.Open(filepath.Join(to, "index.html.gz"))
	require.NoError(t, err)
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	require.NoError(t, err)
	body, err := io.ReadAll(r)
	require.NoError(t, err)
	plain, err := os.ReadFile(filepath.Join(to, "index.html"))
	require.NoError(t, err)
	require.Equal(t, string(plain), string(body))

	require.Error(t, run(t.TempDir(), to), "elsewhere than in the module's root")
}
