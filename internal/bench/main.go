// Command bench runs every Go benchmark of the module and prints one table,
// with the sizes of the built artefacts beside it. With -o it writes the same
// as JSON. Run it in the module's root: go run ./internal/bench. Arguments are
// packages; when there is none, it is ./... and what the scripts of web/e2e measure
// in Chromium: what the built tim.wasm costs a page (bench.mjs), how long a page waits
// for it and for other SDKs (peers/start.mjs), and uploads (bench-media.mjs). -media
// measures uploads, and nothing else. -page writes the comparisons with peers as a page
// with charts, from this run or, with -from, from what an earlier one wrote.
//
//	main.go   runs and prints
//	page.go   writes the page of results
//	plain.go  is the server that uploads are compared with
//	parse.go  reads what go test -bench says
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// report is what -o writes.
type report struct {
	Date       string                   `json:"date"`
	Commit     string                   `json:"commit"`
	Load       string                   `json:"load"` // the machine's, before: of 1, 5 and 15 minutes
	Go         string                   `json:"go"`
	CPUs       int                      `json:"cpus"`
	Sizes      map[string]int64         `json:"sizes"` // bytes, by path
	Benchmarks map[string][]measurement `json:"benchmarks"`
}

// options are what the command line says.
type options struct {
	packages        []string
	benchtime       string
	media, peers    bool
	out, page, from string
}

func main() {
	var o options
	flag.StringVar(&o.out, "o", "", "write the figures as JSON to this `file`")
	flag.StringVar(&o.benchtime, "benchtime", "1s", "as of go test")
	flag.BoolVar(&o.media, "media", false, "measure uploads only")
	flag.BoolVar(&o.peers, "peers", false, "measure only what the page of results has")
	flag.StringVar(&o.page, "page", "", "write a page of results into this `folder`")
	flag.StringVar(&o.from, "from", "", "measure nothing: take the figures from this `file`")
	flag.Parse()
	o.packages = flag.Args()
	if err := run(o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options, table io.Writer) error {
	r, err := o.report()
	if err != nil {
		return err
	}
	r.print(table)
	if o.out != "" {
		text, err := json.MarshalIndent(r, "", "  ")
		if err == nil {
			err = os.WriteFile(o.out, append(text, '\n'), 0o644)
		}
		if err != nil {
			return err
		}
	}
	if o.page == "" {
		return nil
	}
	return r.writePage(o.page)
}

// report measures, or reads what was measured before.
func (o options) report() (report, error) {
	if o.from != "" {
		return readReport(o.from)
	}
	r := report{Date: time.Now().Format(time.DateOnly), Commit: commit(), Load: load(), Go: runtime.Version(), CPUs: runtime.NumCPU(), Sizes: sizes()}
	text, err := o.measure()
	if r.Benchmarks = parse(text); err == nil && len(r.Benchmarks) == 0 {
		err = fmt.Errorf("no benchmark in %s", strings.Join(o.packages, " "))
	}
	return r, err
}

// measure returns what the benchmarks print.
func (o options) measure() (string, error) {
	var stdout bytes.Buffer
	start := filepath.Join("peers", "start.mjs")
	switch {
	case o.media:
		err := uploads(&stdout)
		return stdout.String(), err
	case o.peers:
		err := o.goTest(&stdout, "^BenchmarkPeers$", "./internal/cluster")
		err = errors.Join(err, scripts(&stdout, "bench.mjs", start))
		return stdout.String(), err
	case len(o.packages) > 0:
		err := o.goTest(&stdout, ".", o.packages...)
		return stdout.String(), err
	}
	err := o.goTest(&stdout, ".", "./...")
	if err == nil {
		err = scripts(&stdout, "bench.mjs", start)
	}
	if err == nil {
		err = uploads(&stdout)
	}
	return stdout.String(), err
}

func (o options) goTest(stdout *bytes.Buffer, benchmarks string, packages ...string) error {
	return add(stdout, "go", append([]string{"test", "-run", "^$", "-bench", benchmarks, "-benchmem", "-benchtime", o.benchtime, "-timeout", "0", "-p", "1"}, packages...)...)
}

func scripts(stdout *bytes.Buffer, names ...string) error {
	for _, name := range names {
		if err := add(stdout, "node", filepath.Join("web", "e2e", name)); err != nil {
			return err
		}
	}
	return nil
}

// commit names what is measured, and says if there is more than that.
func commit() string {
	text, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "an unknown commit"
	}
	return strings.TrimSpace(string(text))
}

// load returns how busy the machine is, where Linux says so.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return strings.Join(fields[:3], " ")
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
