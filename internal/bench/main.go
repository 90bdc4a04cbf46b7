// Command bench runs every Go benchmark of the module and prints one table,
// with the sizes of the built artefacts beside it. With -o it writes the same
// as JSON. Run it in the module's root: go run ./internal/bench. Arguments are
// packages; when there is none, it is ./... and what the scripts of web/e2e measure
// in Chromium: what the built tim.wasm costs a page (bench.mjs), how long a page waits
// for it and for other SDKs (peers/start.mjs), and uploads (bench-media.mjs). -media
// measures uploads, and nothing else.
//
//	main.go   runs and prints
//	plain.go  is the server that uploads are compared with
//	parse.go  reads what go test -bench says
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// report is what -o writes.
type report struct {
	Go         string                   `json:"go"`
	CPUs       int                      `json:"cpus"`
	Sizes      map[string]int64         `json:"sizes"` // bytes, by path
	Benchmarks map[string][]measurement `json:"benchmarks"`
}

func main() {
	out := flag.String("o", "", "write the figures as JSON to this `file`")
	benchtime := flag.String("benchtime", "1s", "as of go test")
	media := flag.Bool("media", false, "measure uploads only")
	flag.Parse()
	packages := flag.Args()
	page := len(packages) == 0
	if page {
		packages = []string{"./..."}
	}
	if *media {
		packages, page = nil, false
	}
	if err := run(page, page || *media, packages, *benchtime, *out, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(page, media bool, packages []string, benchtime, out string, table io.Writer) error {
	var stdout bytes.Buffer
	if len(packages) > 0 {
		args := append([]string{"test", "-run", "^$", "-bench", ".", "-benchmem", "-benchtime", benchtime, "-p", "1"}, packages...)
		if err := add(&stdout, "go", args...); err != nil {
			return err
		}
	}
	if page {
		for _, script := range []string{"bench.mjs", filepath.Join("peers", "start.mjs")} {
			if err := add(&stdout, "node", filepath.Join("web", "e2e", script)); err != nil {
				return err
			}
		}
	}
	if media {
		if err := uploads(&stdout); err != nil {
			return err
		}
	}
	r := report{Go: runtime.Version(), CPUs: runtime.NumCPU(), Sizes: sizes(), Benchmarks: parse(stdout.String())}
	if len(r.Benchmarks) == 0 {
		return fmt.Errorf("no benchmark in %s", strings.Join(packages, " "))
	}
	r.print(table)
	if out == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(text, '\n'), 0o644)
}

// uploads measures uploads to timd and to a plain server.
func uploads(stdout *bytes.Buffer) error {
	folder, err := os.MkdirTemp("", "tim-plain")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	plain := servePlain(folder)
	defer plain.Close()
	return add(stdout, "node", filepath.Join("web", "e2e", "bench-media.mjs"), plain.URL)
}

// add runs a command and keeps what it prints.
func add(stdout *bytes.Buffer, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		os.Stderr.Write(stdout.Bytes())
		return fmt.Errorf("%s %s: %w", name, args[0], err)
	}
	return nil
}

// sizes gives what was built; what was not is left out.
func sizes() map[string]int64 {
	found := map[string]int64{}
	for _, path := range []string{
		"bin/timd", "js/dist/tim.wasm", "js/dist/tim.wasm.gz", "js/dist/tim.wasm.br", "js/dist/tim.js", "js/dist/wasm_exec.js",
	} {
		if info, err := os.Stat(filepath.FromSlash(path)); err == nil {
			found[path] = info.Size()
		}
	}
	return found
}
