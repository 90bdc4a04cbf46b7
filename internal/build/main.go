// Command build compiles tim.wasm and lays out what a page loads, with nothing
// but the Go toolchain, so that `make run` needs no Node and no brotli tool:
//
//	js/dist/tim.wasm  tim.wasm.br  tim.wasm.gz   the module
//	js/dist/tim.<hash>.wasm  .br  .gz            the same under a name that may be cached for ever
//	js/dist/wasm_exec.js                         Go's glue, of the toolchain that compiled the module
//	js/dist/manifest.json                        {version, hash, sizes}
//
// Run it in the module's root: go run ./internal/build. Files that would not
// change are left alone, so that what is built from them is not built again.
// With -budget it fails when the brotli form is larger than that many bytes.
//
//	main.go      what is built, in which order
//	slim.go      safejs without fmt
//	module.go    the sections of a module
//	findfunc.go  a table of Go's runtime that is computed at the start
//	data.go      the module's data in few segments
//	dist.go      js/dist and its manifest
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// slimDir must lie below the module's root.
var slimDir = filepath.Join("bin", "slim")

func main() {
	budget := flag.Int("budget", 0, "most `bytes` of tim.wasm.br; 0 for no limit")
	only := flag.Bool("modfile", false, "write the go.mod for go build -modfile only, and print where it is")
	flag.Parse()
	if *only {
		path, err := writeSlim(slimDir)
		if err != nil {
			fmt.Fprintln(os.Stderr, "build:", err)
			os.Exit(1)
		}
		fmt.Println(path)
		return
	}
	if err := run(*budget, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func run(budget int, out io.Writer) error {
	version, err := packageVersion("js/package.json")
	if err != nil {
		return err
	}
	modfile, err := writeSlim(slimDir)
	if err != nil {
		return err
	}
	module := filepath.Join("bin", "tim.wasm")
	if err := compile(modfile, module); err != nil {
		return err
	}
	linked, err := os.ReadFile(module)
	if err != nil {
		return err
	}
	wasm, err := computeTable(linked)
	if err != nil {
		return err
	}
	if wasm, err = mergeData(wasm); err != nil {
		return err
	}
	glue, err := readGlue()
	if err != nil {
		return err
	}
	m, err := layOut(filepath.Join("js", "dist"), version, wasm, glue)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "tim.wasm %s (%s): %d bytes, gzip %d, brotli %d\n",
		m.Version, m.Hash, m.Sizes.Raw, m.Sizes.Gzip, m.Sizes.Brotli)
	if budget > 0 && m.Sizes.Brotli > budget {
		return fmt.Errorf("tim.wasm.br has %d bytes, over the budget of %d: see what was imported last with git diff wasm/deps.txt", m.Sizes.Brotli, budget)
	}
	return nil
}

// packageVersion reads the one place that holds tim's version.
func packageVersion(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("run it in the module's root: %w", err)
	}
	var p struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(text, &p); err != nil || p.Version == "" {
		return "", fmt.Errorf("%s holds no version", path)
	}
	return p.Version, nil
}

// compile builds the module. Without inlining it is larger raw and 7 % smaller
// after brotli; without Go's experiments another 1 %.
func compile(modfile, out string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-modfile", modfile,
		"-gcflags=all=-l", "-ldflags=-s -w -buildid=", "-o", out, "./wasm")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0", "GOEXPERIMENT=none", "GOFLAGS=")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}

// readGlue reads wasm_exec.js from the toolchain, because it must match the
// compiler.
func readGlue() ([]byte, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
}
