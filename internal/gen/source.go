package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

var (
	//go:embed codes.json
	codesJSON []byte
	//go:embed constants.json
	constantsJSON []byte
	//go:embed methods.json
	methodsJSON []byte
	//go:embed wire.json
	wireJSON []byte
)

// source is the content of the JSON files.
type source struct {
	Version string // of the npm package
	Codes   []code
	Event   table
	Types   table
	Signal  table // TSignaling
	Methods []string
	Unbuilt []string // those of Methods that only exist
	Wire    wire
	// The documents with a part that is made here.
	Migration string
}

// code is one error code.
type code struct {
	Code int    `json:"code"`
	Name string `json:"name"`
	Text string `json:"text"`
}

// constant is one member of EVENT, TYPES or TSignaling; Value is a string or a number in
// JSON.
type constant struct {
	Name  string
	Value json.RawMessage
}

// table is a JSON object in the order of its file.
type table []constant

// UnmarshalJSON keeps the order and refuses a name that appears twice.
func (t *table) UnmarshalJSON(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	if _, err := dec.Token(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		c := constant{Name: name.(string)}
		if err := dec.Decode(&c.Value); err != nil {
			return err
		}
		if seen[c.Name] {
			return fmt.Errorf("%s is there twice", c.Name)
		}
		seen[c.Name] = true
		*t = append(*t, c)
	}
	return nil
}

// MarshalJSON writes the object in the order of its file, without spaces.
func (t table) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, c := range t {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", c.Name, c.Value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// load reads the sources; the version is the npm package's below root.
func load(root string) (source, error) {
	var s source
	migration, err := os.ReadFile(filepath.Join(root, "js", "MIGRATION.md"))
	if err != nil {
		return s, fmt.Errorf("run it in the module's root: %w", err)
	}
	s.Migration = string(migration)
	var npm struct {
		Version string `json:"version"`
	}
	text, err := os.ReadFile(filepath.Join(root, "js", "package.json"))
	if err != nil {
		return s, fmt.Errorf("run it in the module's root: %w", err)
	}
	var constants struct {
		EVENT, TYPES, TSignaling table
	}
	var methods struct {
		Methods []string `json:"methods"`
		Built   []string `json:"built"`
	}
	err = errors.Join(
		json.Unmarshal(text, &npm),
		json.Unmarshal(codesJSON, &s.Codes),
		json.Unmarshal(constantsJSON, &constants),
		json.Unmarshal(methodsJSON, &methods),
		json.Unmarshal(wireJSON, &s.Wire),
	)
	s.Version = npm.Version
	s.Event, s.Types, s.Signal, s.Methods = constants.EVENT, constants.TYPES, constants.TSignaling, methods.Methods
	for _, m := range methods.Methods {
		if !slices.Contains(methods.Built, m) {
			s.Unbuilt = append(s.Unbuilt, m)
		}
	}
	return s, err
}
