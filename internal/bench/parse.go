package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// measurement is one benchmark's line.
type measurement struct {
	Name   string             `json:"name"`
	Runs   int64              `json:"runs"`
	Values map[string]float64 `json:"values"` // by unit: ns/op, B/op, …
}

// parse reads the output of go test -bench, by package.
func parse(text string) map[string][]measurement {
	found := map[string][]measurement{}
	pkg := ""
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "pkg: "); ok {
			pkg = strings.TrimSpace(name)
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		runs, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			continue
		}
		m := measurement{Name: strings.TrimPrefix(fields[0], "Benchmark"), Runs: runs, Values: map[string]float64{}}
		for i := 2; i+1 < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
				m.Values[fields[i+1]] = v
			}
		}
		found[pkg] = append(found[pkg], m)
	}
	return found
}

func (r report) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "artefact\tbytes\n")
	for _, path := range slices.Sorted(maps.Keys(r.Sizes)) {
		fmt.Fprintf(w, "%s\t%d\n", path, r.Sizes[path])
	}
	fmt.Fprintf(w, "\nbenchmark (%s, %d CPUs)\truns\tfigures\n", r.Go, r.CPUs)
	for _, pkg := range slices.Sorted(maps.Keys(r.Benchmarks)) {
		for _, m := range r.Benchmarks[pkg] {
			var figures []string
			for _, unit := range slices.Sorted(maps.Keys(m.Values)) {
				figures = append(figures, strconv.FormatFloat(m.Values[unit], 'f', -1, 64)+" "+unit)
			}
			fmt.Fprintf(w, "%s %s\t%d\t%s\n", pkg[strings.LastIndex(pkg, "/")+1:], m.Name, m.Runs, strings.Join(figures, ", "))
		}
	}
	_ = w.Flush()
}
