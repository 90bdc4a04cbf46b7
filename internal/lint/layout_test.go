package lint

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// top is what the top level holds, besides dot files.
var top = []string{"wasm", "js", "web", "internal", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE"}

func TestTopLevel(t *testing.T) {
	var seen []string
	for _, name := range sources(t) {
		first, _, _ := strings.Cut(name, "/")
		if !strings.HasPrefix(first, ".") && !slices.Contains(seen, first) {
			seen = append(seen, first)
		}
	}
	require.ElementsMatch(t, top, seen)
}

// Files of wasm/ carry their target in their names, so that native tools skip
// them; a test may be a native one.
func TestWasmFileNames(t *testing.T) {
	seen := 0
	for _, name := range sources(t) {
		if !strings.HasPrefix(name, "wasm/") || filepath.Ext(name) != ".go" {
			continue
		}
		seen++
		if !strings.HasSuffix(name, "_js.go") && !strings.HasSuffix(name, "_test.go") {
			t.Errorf("%s must end in _js.go", name)
		}
	}
	require.Positive(t, seen)
}

// maxLines is a little above the 400 that files aim for.
const maxLines = 440

func TestFileLength(t *testing.T) {
	for _, name := range sources(t) {
		switch filepath.Ext(name) {
		case ".go", ".js", ".mjs", ".cjs", ".ts", ".mts", ".css", ".html":
		default:
			continue
		}
		if strings.Contains(name, ".gen.") || strings.Contains(name, "_gen") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		if n := bytes.Count(text, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines, more than %d: one subject a file", name, n, maxLines)
		}
	}
}

// Nothing that is committed knows the machine it was written on, or which
// registry its packages came from. The words are split here so that this file
// itself passes.
var strange = []string{
	"/wo" + "rk/", "/ro" + "ot/", "/home" + "/", "/tmp" + "/w/", "/Use" + "rs/",
	"registry" + ".npmjs.org", "registry" + ".npmmirror.com", "registry" + ".yarnpkg.com", "proxy" + ".golang.org",
}

func TestNoMachinePaths(t *testing.T) {
	for _, name := range sources(t) {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		for _, s := range strange {
			if i := bytes.Index(text, []byte(s)); i >= 0 {
				t.Errorf("%s:%d holds %q", name, 1+bytes.Count(text[:i], []byte("\n")), s)
			}
		}
	}
}
