//go:build !js

package main

import (
	"go/build/constraint"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryFileBearsItsTag checks what keeps syscall/js out of native `./...`:
// file names that end in _js.go or _js_test.go, and build lines, where there are
// any, that require js and wasm.
func TestEveryFileBearsItsTag(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || path == "tags_test.go" {
			return err
		}
		seen++
		require.Regexp(t, `_js(_test)?\.go$`, path)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, line := range strings.Split(string(text), "\n") {
			if !constraint.IsGoBuild(line) {
				continue
			}
			expr, err := constraint.Parse(line)
			require.NoError(t, err, path)
			require.True(t, expr.Eval(func(tag string) bool { return tag == "js" || tag == "wasm" }), path)
			require.False(t, expr.Eval(func(tag string) bool { return tag == "linux" || tag == "amd64" }), path)
		}
		return nil
	})
	require.NoError(t, err)
	require.NotZero(t, seen)
}
