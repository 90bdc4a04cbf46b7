package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/stretchr/testify/require"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return b
}

func TestLayOut(t *testing.T) {
	dir := t.TempDir()
	first := bytes.Repeat([]byte("first module "), 500)
	m, err := layOut(dir, "1.2.3", first, []byte("glue"))
	require.NoError(t, err)
	require.Equal(t, "1.2.3", m.Version)
	require.Equal(t, m, readManifest(dir))
	require.ElementsMatch(t, []string{
		"manifest.json", "wasm_exec.js", "tim.wasm", "tim.wasm.br", "tim.wasm.gz",
		hashed(m.Hash), hashed(m.Hash) + ".br", hashed(m.Hash) + ".gz",
	}, names(t, dir))

	for _, name := range []string{"tim.wasm", hashed(m.Hash)} {
		require.Equal(t, first, read(t, dir, name))
		got, err := io.ReadAll(brotli.NewReader(bytes.NewReader(read(t, dir, name+".br"))))
		require.NoError(t, err)
		require.Equal(t, first, got)
		z, err := gzip.NewReader(bytes.NewReader(read(t, dir, name+".gz")))
		require.NoError(t, err)
		got, err = io.ReadAll(z)
		require.NoError(t, err)
		require.Equal(t, first, got)
	}
	require.Equal(t, sizes{len(first), len(read(t, dir, "tim.wasm.gz")), len(read(t, dir, "tim.wasm.br"))}, m.Sizes)

	// The same module again changes nothing.
	past := time.Unix(1_000_000_000, 0)
	for _, name := range names(t, dir) {
		require.NoError(t, os.Chtimes(filepath.Join(dir, name), past, past))
	}
	again, err := layOut(dir, "1.2.3", first, []byte("glue"))
	require.NoError(t, err)
	require.Equal(t, m, again)
	for _, name := range names(t, dir) {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.True(t, info.ModTime().Equal(past), "%s was written again", name)
	}

	// Another module replaces everything and leaves no old hash behind.
	second := bytes.Repeat([]byte("second module "), 500)
	n, err := layOut(dir, "1.2.4", second, []byte("glue"))
	require.NoError(t, err)
	require.NotEqual(t, m.Hash, n.Hash)
	require.Len(t, names(t, dir), 8)
	require.Equal(t, second, read(t, dir, hashed(n.Hash)))
	got, err := io.ReadAll(brotli.NewReader(bytes.NewReader(read(t, dir, "tim.wasm.br"))))
	require.NoError(t, err)
	require.Equal(t, second, got)
}

func TestPackageVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "package.json")
	_, err := packageVersion(path)
	require.ErrorContains(t, err, "module's root")
	require.NoError(t, os.WriteFile(path, []byte(`{"name":"x"}`), 0o600))
	_, err = packageVersion(path)
	require.ErrorContains(t, err, "no version")
	require.NoError(t, os.WriteFile(path, []byte(`{"version":"0.1.0"}`), 0o600))
	version, err := packageVersion(path)
	require.NoError(t, err)
	require.Equal(t, "0.1.0", version)
}
