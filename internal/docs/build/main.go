// Command build writes the documents of timd to web/docs/dist, which timd
// embeds: go run ./internal/docs/build in the module's root. Files that would
// not change are left alone, and those that are no longer made are removed.
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tim-wasm/tim/internal/docs"
)

func main() {
	if err := run(".", filepath.Join("web", "docs", "dist")); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

// run builds the documents of the module below root into the folder to.
func run(root, to string) error {
	files, err := docs.Build(os.DirFS(root))
	if err != nil {
		return err
	}
	all := map[string][]byte{}
	for name, body := range files {
		all[name] = body
		all[name+".gz"] = pack(body)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	there, err := os.ReadDir(to)
	if err != nil {
		return err
	}
	for _, file := range there {
		if name := file.Name(); all[name] == nil && !strings.HasPrefix(name, ".") {
			if err := os.Remove(filepath.Join(to, name)); err != nil {
				return err
			}
		}
	}
	for name, body := range all {
		path := filepath.Join(to, name)
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, body) {
			continue
		}
		if err := os.WriteFile(path, body, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// pack compresses a file; the same bytes come out each time.
func pack(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}
