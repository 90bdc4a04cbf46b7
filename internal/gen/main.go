// Command gen writes the constants of tim from their one source, the JSON
// files beside it, into the Go and JS files that need them:
//
//	codes.json      error codes, their Go names and messages
//	constants.json  EVENT, TYPES and TSignaling of the JS API
//	methods.json    names of the public methods of an instance, and which are built
//	wire.json       the methods and notifications of the wire, and SDK methods that only ask
//	js/package.json the version
//
// js/MIGRATION.md gets the table of what is built.
//
//	main.go    reads the sources, writes the files
//	source.go  the JSON files
//	files.go   what is made of codes, constants and methods
//	wire.go    what is made of the wire's table
//
// Run it in the module's root after a change: go run ./internal/gen. Its test
// fails when a generated file is not what it would write.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run writes every generated file below root.
func run(root string) error {
	s, err := load(root)
	if err != nil {
		return err
	}
	files, err := s.files()
	if err != nil {
		return err
	}
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
