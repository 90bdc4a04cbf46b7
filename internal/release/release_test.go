package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// release packs a program that is none.
func release(t *testing.T, goos string) (dir string, r target) {
	t.Helper()
	dir = t.TempDir()
	r = target{version: "1.2.3", goos: goos, goarch: "amd64", when: time.Unix(1_700_000_000, 0).UTC()}
	require.NoError(t, r.write(dir, root, []byte("a program"), []byte("{}\n")))
	require.NoError(t, checksums(dir))
	return dir, r
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return text
}

func TestTarball(t *testing.T) {
	dir, r := release(t, "linux")
	z, err := gzip.NewReader(bytes.NewReader(read(t, dir, "timd_1.2.3_linux_amd64.tar.gz")))
	require.NoError(t, err)
	modes := map[string]int64{}
	for a := tar.NewReader(z); ; {
		h, err := a.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		require.True(t, r.when.Equal(h.ModTime), h.Name)
		require.Empty(t, h.Uname)
		name, ok := strings.CutPrefix(h.Name, "timd_1.2.3_linux_amd64/")
		require.True(t, ok, "it unpacks into one folder: %s", h.Name)
		modes[name] = h.Mode
		if name == "timd.service" {
			text, err := io.ReadAll(a)
			require.NoError(t, err)
			require.Equal(t, read(t, root, "web/deploy/timd.service"), text)
		}
	}
	require.Equal(t, map[string]int64{
		"timd": 0o755, "sbom.cdx.json": 0o644, "LICENSE": 0o644, "README.md": 0o644, "CHANGELOG.md": 0o644, "timd.service": 0o644, "timd.conf": 0o644,
	}, modes)
	again, _ := release(t, "linux")
	require.Equal(t, read(t, dir, "SHA256SUMS"), read(t, again, "SHA256SUMS"), "the same twice")
}

func TestZip(t *testing.T) {
	dir, r := release(t, "windows")
	text := read(t, dir, "timd_1.2.3_windows_amd64.zip")
	z, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	require.NoError(t, err)
	var names []string
	for _, f := range z.File {
		names = append(names, strings.TrimPrefix(f.Name, r.name()+"/"))
		require.True(t, r.when.Equal(f.Modified), f.Name)
	}
	require.ElementsMatch(t, []string{"timd.exe", "sbom.cdx.json", "LICENSE", "README.md", "CHANGELOG.md"}, names)
}

func TestChecksums(t *testing.T) {
	dir, _ := release(t, "darwin")
	for _, name := range []string{"timd_0.1.0_linux_amd64.tar.gz", "notes.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
	}
	require.NoError(t, removeOld(dir))
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "notes.txt")}, left, "only a release is removed")

	dir, _ = release(t, "darwin")
	lines := strings.Split(strings.TrimSpace(string(read(t, dir, "SHA256SUMS"))), "\n")
	require.Len(t, lines, 2)
	for _, line := range lines {
		sum, name, ok := strings.Cut(line, "  ")
		require.True(t, ok)
		want := sha256.Sum256(read(t, dir, name))
		require.Equal(t, hex.EncodeToString(want[:]), sum, name)
	}
}

func TestMaterials(t *testing.T) {
	r := target{version: "1.2.3", when: time.Unix(1_700_000_000, 0).UTC()}
	text, err := r.materials(&debug.BuildInfo{
		GoVersion: "go1.26.8",
		Main:      debug.Module{Path: "github.com/tim-wasm/tim"},
		Deps: []*debug.Module{
			{Path: "example.com/a", Version: "v1.0.0+incompatible", Sum: "h1:" + strings.Repeat("A", 43) + "="},
			{Path: "example.com/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/c", Version: "v2.0.0"}},
		},
	})
	require.NoError(t, err)
	require.JSONEq(t, `{
		"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
		"metadata": {
			"timestamp": "2023-11-14T22:13:20Z",
			"component": {"type": "application", "bom-ref": "timd", "name": "timd", "version": "1.2.3", "purl": "pkg:golang/github.com/tim-wasm/tim@v1.2.3"}
		},
		"components": [
			{"type": "library", "bom-ref": "std", "name": "std", "version": "go1.26.8", "purl": "pkg:golang/std@1.26.8"},
			{"type": "library", "bom-ref": "example.com/a@v1.0.0+incompatible", "name": "example.com/a", "version": "v1.0.0+incompatible",
				"purl": "pkg:golang/example.com/a@v1.0.0%2Bincompatible", "hashes": [{"alg": "SHA-256", "content": "`+strings.Repeat("0", 64)+`"}]},
			{"type": "library", "bom-ref": "example.com/c@v2.0.0", "name": "example.com/c", "version": "v2.0.0", "purl": "pkg:golang/example.com/c@v2.0.0"}
		]
	}`, string(text))
	_, err = r.materials(&debug.BuildInfo{Deps: []*debug.Module{{Path: "example.com/a", Sum: "h1:?"}}})
	require.ErrorContains(t, err, "example.com/a")
}

func TestCommitTime(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	when, err := commitTime()
	require.NoError(t, err)
	require.Equal(t, "2023-11-14T22:13:20Z", when.Format(time.RFC3339))
	for _, bad := range []string{"yesterday", "0", "-1"} {
		t.Setenv("SOURCE_DATE_EPOCH", bad)
		_, err = commitTime()
		require.ErrorContains(t, err, "SOURCE_DATE_EPOCH", bad)
	}
}
