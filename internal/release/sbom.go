package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"runtime/debug"
	"strings"
	"time"
)

// bom is a bill of materials in the form of CycloneDX 1.5.
type bom struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"`
	Metadata   metadata    `json:"metadata"`
	Components []component `json:"components"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type    string `json:"type"`
	Ref     string `json:"bom-ref"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl"`
	Hashes  []hash `json:"hashes,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

// materials returns the bill of a program, from what the linker has noted in
// it: the modules that it is made of, and the standard library.
func (r target) materials(info *debug.BuildInfo) ([]byte, error) {
	b := bom{
		Format: "CycloneDX", Spec: "1.5", Version: 1,
		Metadata: metadata{
			Timestamp: r.when.Format(time.RFC3339),
			Component: component{Type: "application", Ref: "timd", Name: "timd", Version: r.version, PURL: goPURL(info.Main.Path, "v"+r.version)},
		},
		Components: []component{{
			Type: "library", Ref: "std", Name: "std", Version: info.GoVersion,
			PURL: goPURL("std", strings.TrimPrefix(info.GoVersion, "go")),
		}},
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c := component{Type: "library", Ref: m.Path + "@" + m.Version, Name: m.Path, Version: m.Version, PURL: goPURL(m.Path, m.Version)}
		var err error
		if c.Hashes, err = hashOf(m); err != nil {
			return nil, err
		}
		b.Components = append(b.Components, c)
	}
	text, err := json.MarshalIndent(b, "", " ")
	return append(text, '\n'), err
}

func goPURL(path, version string) string {
	return "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
}

// hashOf returns the checksum of a module as in go.sum, which is a SHA-256 over
// the list of its files.
func hashOf(m *debug.Module) ([]hash, error) {
	sum, ok := strings.CutPrefix(m.Sum, "h1:")
	if !ok {
		return nil, nil // of a folder
	}
	raw, err := base64.StdEncoding.DecodeString(sum)
	if err != nil {
		return nil, errors.New(m.Path + " has a checksum that cannot be read")
	}
	return []hash{{"SHA-256", hex.EncodeToString(raw)}}, nil
}
