package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// dist makes what internal/build leaves, around something that is not wasm: a
// bundle knows only its name.
func dist(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	glue, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	require.NoError(t, err)
	for name, content := range map[string]string{
		"manifest.json": `{"version":"1.2.3","hash":"0123456789abcdef"}`,
		"wasm_exec.js":  string(glue),
		"tim.wasm":      "wasm", "tim.wasm.gz": "gz",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return dir
}

func TestRun(t *testing.T) {
	d, out := dist(t), filepath.Join(t.TempDir(), "npm")
	var report bytes.Buffer
	require.NoError(t, run("..", d, out, &report))
	require.Contains(t, report.String(), "index.mjs")

	read := func(path ...string) string {
		b, err := os.ReadFile(filepath.Join(path...))
		require.NoError(t, err)
		return string(b)
	}
	esm, umd, served := read(out, "index.mjs"), read(out, "index.js"), read(d, "tim.js")
	require.Contains(t, esm, `new URL("./dist/tim.wasm",import.meta.url)`, "the form that bundlers know")
	require.NotContains(t, umd, "import.meta")
	require.Contains(t, served, "tim.0123456789abcdef.wasm", "the gateway's own name of the wasm, which may be cached")
	for _, code := range []string{esm, umd, served} {
		require.True(t, strings.HasPrefix(code, "/*! tim-wasm 1.2.3"))
		require.Contains(t, code, "0123456789abcdef")
	}
	require.NotRegexp(t, `\basync\b`, read(out, "miniprogram", "index.js"), "ES2015")
	for name, node := range map[string]bool{"index.mjs": false, "dist/tim.js": false, "index.node.mjs": true, "index.js": true} {
		require.Equal(t, node, strings.Contains(read(out, name), "file: URLs"), "%s reads files", name)
	}

	typings := read(out, "index.d.ts")
	require.NotRegexp(t, `(?m)^(import|export) .* from `, typings, "one file that needs no other")
	require.Equal(t, typings, read(out, "index.d.mts"))

	// The same files again change nothing.
	past := time.Unix(1_000_000_000, 0)
	var paths []string
	require.NoError(t, filepath.Walk(out, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			paths = append(paths, path)
			err = os.Chtimes(path, past, past)
		}
		return err
	}))
	require.NoError(t, run("..", d, out, io.Discard))
	for _, path := range paths {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.True(t, info.ModTime().Equal(past), "%s was written again", path)
	}
}

func TestRunNeedsTheWasmFirst(t *testing.T) {
	require.ErrorContains(t, run("..", t.TempDir(), t.TempDir(), io.Discard), "internal/build first")
}

func TestManifest(t *testing.T) {
	b := &bundler{js: t.TempDir()}
	path := filepath.Join(b.js, "package.json")
	require.NoError(t, os.WriteFile(path, []byte(`{
  "name": "x",
  "exports": {
    "import": "a",
    "default": "b"
  },
  "scripts": {
    "test": "x"
  },
  "devDependencies": {
    "y": "1"
  }
}
`), 0o600))
	text, err := b.manifest()
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(text, &fields))
	require.Len(t, fields, 2)
	require.Less(t, bytes.Index(text, []byte("import")), bytes.Index(text, []byte("default")), "order counts in exports")

	require.NoError(t, os.WriteFile(path, []byte(`{"scripts": {}, "name": "x"}`), 0o600))
	text, err = b.manifest()
	require.NoError(t, err)
	require.Contains(t, string(text), "scripts", "written in another way they are left, which the package's test reports")
}

func TestWrapLeaksNothing(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs Node")
	}
	glue, err := os.ReadFile(filepath.Join(dist(t), "wasm_exec.js"))
	require.NoError(t, err)
	wrapped, err := wrap(string(glue))
	require.NoError(t, err)
	require.NotContains(t, wrapped, "chmod", "the substitute for Node's fs is to be dropped")
	require.NotContains(t, wrapped, "getuid")
	script := filepath.Join(t.TempDir(), "leak.mjs")
	require.NoError(t, os.WriteFile(script, []byte(wrapped+`
const before = Object.getOwnPropertyNames(globalThis).length;
const { WebAssembly, crypto, performance, TextEncoder, TextDecoder, setTimeout, clearTimeout } = globalThis;
const scope = { fs: {}, WebAssembly, crypto, performance, TextEncoder, TextDecoder, console, setTimeout, clearTimeout };
const Go = glue(scope);
new Go();
console.log(Object.getOwnPropertyNames(globalThis).length - before, Object.keys(scope).slice(9).join());
`), 0o600))
	said, err := exec.Command(node, script).CombinedOutput()
	require.NoError(t, err, string(said))
	require.Equal(t, "0 Go\n", string(said))
}
