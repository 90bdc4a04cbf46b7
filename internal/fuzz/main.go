// Command fuzz runs every fuzz target of the module, one after the other, each
// for -fuzztime. Run it in the module's root: go run ./internal/fuzz. Arguments
// are packages; when there is none, it is ./... .
//
// It ends with 1 when an input was found to fail; go test has written that
// input to the package's testdata/fuzz, and runs it from then on.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

func main() {
	fuzztime := flag.String("fuzztime", "30s", "as of go test")
	flag.Parse()
	packages := flag.Args()
	if len(packages) == 0 {
		packages = []string{"./..."}
	}
	if err := run(packages, *fuzztime, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

func run(packages []string, fuzztime string, out io.Writer) error {
	all, err := targets(packages)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("no fuzz target in %s", strings.Join(packages, " "))
	}
	var failed []string
	for _, t := range all {
		fmt.Fprintf(out, "%s %s\n", t.pkg, t.name)
		said, err := t.run(fuzztime)
		if err != nil && overrun(said) {
			said, err = t.run(fuzztime)
		}
		fmt.Fprintf(out, "  %s\n", last(said, err))
		if err != nil {
			_, _ = out.Write(said)
			failed = append(failed, t.name)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	return nil
}

type target struct{ pkg, name string }

func (t target) run(fuzztime string) ([]byte, error) {
	return exec.Command("go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", fuzztime, t.pkg).CombinedOutput()
}

// targets asks go test for the names: a package's stand before its line.
func targets(packages []string) (all []target, err error) {
	out, err := exec.Command("go", append([]string{"test", "-list", "^Fuzz"}, packages...)...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("go test -list: %w\n%s", err, out)
	}
	return parse(string(out)), nil
}

func parse(list string) (all []target) {
	var names []string
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 1 && strings.HasPrefix(fields[0], "Fuzz"):
			names = append(names, fields[0])
		case len(fields) >= 2 && fields[0] == "ok":
			for _, name := range names {
				all = append(all, target{fields[1], name})
			}
			names = nil
		}
	}
	return all
}

// overrun reports a failure without an input: on a busy machine the fuzzer may
// miss its own end.
func overrun(said []byte) bool {
	return bytes.Contains(said, []byte("context deadline exceeded")) && !bytes.Contains(said, []byte("Failing input"))
}

// last is the line that tells how many inputs there were.
func last(said []byte, err error) string {
	line := ""
	for l := range strings.Lines(string(said)) {
		if strings.Contains(l, "execs:") {
			line = strings.TrimSpace(l)
		}
	}
	if err != nil {
		line += " FAILED"
	}
	return line
}
