// Command bundle makes the JavaScript that goes with tim.wasm, with esbuild as
// a Go library, so that `make run` needs no Node:
//
//	js/dist/tim.js           script-tag build; timd serves it beside tim.<hash>.wasm
//	bin/npm/                 the npm package, ready for npm pack
//	  index.mjs  index.js    ES module, and UMD in ES2017; .d.mts and .d.ts
//	  index.node.mjs         ES module for Node, which reads its files otherwise
//	  dist/                  tim.wasm, tim.wasm.gz, tim.js, wasm_exec.js
//	  basic.js … plugins/    under the names of lite-chat's files
//	  miniprogram/           ES2015 CommonJS; what "build npm" copies
//
// Run it in the module's root after internal/build, whose js/dist/manifest.json
// and wasm_exec.js it reads. Files that would not change are left alone.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	js := flag.String("js", "js", "the package's source `directory`")
	dist := flag.String("dist", filepath.Join("js", "dist"), "`directory` of tim.wasm and its manifest")
	out := flag.String("out", filepath.Join("bin", "npm"), "`directory` of the npm package")
	flag.Parse()
	if err := run(*js, *dist, *out, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

// files is what a build passes to write: a path below its directory, and the
// content.
type files map[string][]byte

func run(js, dist, out string, report io.Writer) error {
	b, err := newBundler(js, dist)
	if err != nil {
		return err
	}
	served, err := b.script(variant{wasm: "tim." + b.hash + ".wasm", served: true})
	if err != nil {
		return err
	}
	if err := (files{"tim.js": served}).write(dist); err != nil {
		return err
	}
	pkg, err := b.npm()
	if err != nil {
		return err
	}
	if err := pkg.write(out); err != nil {
		return err
	}
	for _, name := range []string{"index.mjs", "index.js", "dist/tim.js", "miniprogram/index.js"} {
		fmt.Fprintf(report, "%s: %d bytes, brotli %d\n", name, len(pkg[name]), packed(pkg[name]))
	}
	return nil
}

type bundler struct {
	js, dist string
	hash     string // of tim.wasm
	glue     string // the module that wraps wasm_exec.js
	banner   string
}

func newBundler(js, dist string) (*bundler, error) {
	text, err := os.ReadFile(filepath.Join(dist, "manifest.json"))
	if err != nil {
		return nil, fmt.Errorf("run internal/build first: %w", err)
	}
	var m struct{ Version, Hash string }
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, err
	}
	exec, err := os.ReadFile(filepath.Join(dist, "wasm_exec.js"))
	if err != nil {
		return nil, err
	}
	js, err = filepath.Abs(js)
	if err != nil {
		return nil, err
	}
	glue, err := wrap(string(exec))
	if err != nil {
		return nil, err
	}
	return &bundler{
		js: js, dist: dist, hash: m.Hash, glue: glue,
		banner: "/*! tim-wasm " + m.Version + ", Apache-2.0; contains wasm_exec.js of Go, BSD-3-Clause */",
	}, nil
}

// wrap turns Go's own glue into a function. Its parameter stands for
// everything that the glue takes from the global object, and it returns what
// the glue would leave there. The glue's substitutes for fs, process and path
// are dead code: the scope has an fs of its own (src/files.js), and nothing in
// tim.wasm asks for the others. So are its checks for what every scope has.
func wrap(exec string) (string, error) {
	there := map[string]string{}
	for _, name := range []string{"fs", "process", "path", "crypto", "performance", "TextEncoder", "TextDecoder"} {
		there["globalThis."+name] = "true"
	}
	result := api.Transform(exec, api.TransformOptions{
		Define:       there,
		MinifySyntax: true,
		LogOverride:  map[string]api.LogLevel{"assign-to-define": api.LogLevelSilent}, // in code that is dropped
	})
	if len(result.Errors) > 0 {
		return "", fmt.Errorf("wasm_exec.js: %s", result.Errors[0].Text)
	}
	names := "fs, WebAssembly, crypto, performance, TextEncoder, TextDecoder, console, setTimeout, clearTimeout"
	return "export function glue(globalThis) {\n" +
		"const { " + names + " } = globalThis;\n" +
		string(result.Code) + "\nreturn globalThis.Go;\n}\n", nil
}

// variant is what differs between the builds of one entry.
type variant struct {
	wasm   string // its URL relative to the script; for an ES module unused
	served bool   // by a gateway
	node   bool   // Node is one of its hosts
}

// build bundles one entry.
func (b *bundler) build(entry string, format api.Format, target api.Target, v variant) ([]byte, error) {
	limit := 0
	if v.node {
		limit = 450 // Node prints the whole line that threw an uncaught error
	}
	result := api.Build(api.BuildOptions{
		EntryPoints:   []string{filepath.Join(b.js, entry)},
		AbsWorkingDir: b.js,
		Bundle:        true,
		Format:        format,
		Target:        target,
		Platform:      api.PlatformNeutral,
		// ES2017 has no import.meta, but every reader of ES modules has.
		Supported:         map[string]bool{"import-meta": format == api.FormatESModule},
		Charset:           api.CharsetUTF8,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		LegalComments:     api.LegalCommentsNone,
		// Names that begin with _ are the glue's own, except for two that Go
		// knows and the module that it imports in its tests.
		MangleProps:  "^_[a-z]",
		ReserveProps: "^_(pendingEvent|makeFuncWrapper|gotest)$",
		LineLimit:    limit,
		Define: map[string]string{
			"__TIM_HASH__":   strconv.Quote(b.hash),
			"__TIM_WASM__":   strconv.Quote(v.wasm),
			"__TIM_SERVED__": strconv.FormatBool(v.served),
			"__TIM_NODE__":   strconv.FormatBool(v.node),
		},
		Plugins: []api.Plugin{{Name: "glue", Setup: b.setup}},
	})
	if problems := append(result.Errors, result.Warnings...); len(problems) > 0 {
		var text []string
		for _, m := range api.FormatMessages(problems, api.FormatMessagesOptions{}) {
			text = append(text, strings.TrimSpace(m))
		}
		return nil, errors.New(strings.Join(text, "\n"))
	}
	return result.OutputFiles[0].Contents, nil
}

// setup replaces glue.js with the wrapped glue.
func (b *bundler) setup(p api.PluginBuild) {
	p.OnResolve(api.OnResolveOptions{Filter: `/glue\.js$`}, func(api.OnResolveArgs) (api.OnResolveResult, error) {
		return api.OnResolveResult{Path: "wasm_exec.js", Namespace: "glue"}, nil
	})
	p.OnLoad(api.OnLoadOptions{Filter: `.*`, Namespace: "glue"}, func(api.OnLoadArgs) (api.OnLoadResult, error) {
		return api.OnLoadResult{Contents: &b.glue, Loader: api.LoaderJS}, nil
	})
}

// script returns the UMD form: CommonJS, AMD, or globals for a script tag.
func (b *bundler) script(v variant) ([]byte, error) {
	code, err := b.build("src/script.js", api.FormatCommonJS, api.ES2017, v)
	if err != nil {
		return nil, err
	}
	const head = `(function(f){` +
		`if(typeof module==="object"&&typeof exports==="object")module.exports=f(false);` +
		`else if(typeof define==="function"&&define.amd)define([],function(){return f(false)});` +
		`else f(true)})(function(__TIM_TAG__){"use strict";var module={exports:{}};` + "\n"
	return bytes.Join([][]byte{[]byte(b.banner + "\n" + head), bytes.TrimSpace(code), []byte("return module.exports});\n")}, nil), nil
}

// module returns an ES module.
func (b *bundler) module(v variant) ([]byte, error) {
	code, err := b.build("src/index.js", api.FormatESModule, api.ES2017, v)
	return append([]byte(b.banner+"\n"), code...), err
}

// names tells Node's ES modules, which do not run the code, what a CommonJS
// module exports.
const names = "0&&(module.exports={TIM,load,create,EVENT,TSignaling,TYPES,VERSION});\n"

// npm returns the files of the package.
func (b *bundler) npm() (files, error) {
	out := files{}
	var err error
	for name, make := range map[string]func() ([]byte, error){
		"index.js":       func() ([]byte, error) { return b.script(variant{wasm: "dist/tim.wasm", node: true}) },
		"dist/tim.js":    func() ([]byte, error) { return b.script(variant{wasm: "tim.wasm"}) },
		"index.mjs":      func() ([]byte, error) { return b.module(variant{}) },
		"index.node.mjs": func() ([]byte, error) { return b.module(variant{node: true}) },
		"miniprogram/index.js": func() ([]byte, error) {
			code, err := b.build("miniprogram/index.js", api.FormatCommonJS, api.ES2015, variant{})
			return append([]byte(b.banner+"\n"), append(code, names...)...), err
		},
		"package.json": b.manifest,
		"index.d.ts":   b.typings,
	} {
		if out[name], err = make(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for to, from := range map[string]string{
		"dist/tim.wasm":     filepath.Join(b.dist, "tim.wasm"),
		"dist/tim.wasm.gz":  filepath.Join(b.dist, "tim.wasm.gz"),
		"dist/wasm_exec.js": filepath.Join(b.dist, "wasm_exec.js"),
		"README.md":         filepath.Join(b.js, "README.md"),
		"CHANGELOG.md":      filepath.Join(b.js, "CHANGELOG.md"),
		"MIGRATION.md":      filepath.Join(b.js, "MIGRATION.md"),
		"LICENSE":           filepath.Join(b.js, "..", "LICENSE"),
	} {
		if out[to], err = os.ReadFile(from); err != nil {
			return nil, err
		}
	}
	// Each script has its own copy beside it, for tools that do not know
	// exports.
	out["index.d.mts"], out["miniprogram/index.d.ts"] = out["index.d.ts"], out["index.d.ts"]
	out.standIns()
	return out, nil
}

// edition is an edition of lite-chat. As index.js does, it shows its exports to
// nobody who does not run it: checkers of typings would misread half of them.
const edition = "(function (module) {\n  module.exports = require('./index.js');\n})(module);\n"

// standIns adds what takes the place of lite-chat's files: its editions, for
// tools that do not know exports, and its plugins, which do nothing here.
func (f files) standIns() {
	for _, name := range []string{"basic", "standard", "professional"} {
		f[name+".js"] = []byte(edition)
		f[name+".d.ts"] = []byte("import all = require('./index');\nexport = all;\n")
	}
	for _, name := range []string{
		"avchatroom", "cloud-search", "conversation", "conversation-group", "follow", "friend", "group", "message-enhancer",
		"offline-message-synchronizer", "push-token-register", "rich-media-message", "signaling", "topic",
	} {
		f["plugins/"+name+".js"] = []byte("module.exports = { name: '" + name + "' };\n")
		f["plugins/"+name+".d.ts"] = []byte("declare const plugin: { readonly name: string };\nexport = plugin;\n")
	}
}

// typings puts the parts of the typings into one file that needs no other.
func (b *bundler) typings() ([]byte, error) {
	var out bytes.Buffer
	for _, name := range []string{"src/constants.gen.d.ts", "types/index.d.ts", "types/inbox.d.ts", "types/conversations.d.ts", "types/marks.d.ts", "types/contacts.d.ts", "types/groups.d.ts", "types/payloads.d.ts", "types/signaling.d.ts", "types/unbuilt.d.ts", "types/names.gen.d.ts"} {
		text, err := os.ReadFile(filepath.Join(b.js, name))
		if err != nil {
			return nil, err
		}
		if name == "src/constants.gen.d.ts" {
			text = bytes.ReplaceAll(text, []byte("export declare const"), []byte("declare const"))
		}
		out.Write(imports.ReplaceAll(text, nil))
	}
	return out.Bytes(), nil
}

// imports matches the imports of one part of the typings from another.
var imports = regexp.MustCompile(`(?m)^(import|export type) .* from .*;\n`)

// manifest returns package.json without what only its developers need.
func (b *bundler) manifest() ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(b.js, "package.json"))
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	// Cut from the text, because the order in exports matters.
	for _, name := range []string{"scripts", "devDependencies"} {
		start := bytes.Index(text, []byte(`  "`+name+`": `))
		if start < 0 {
			continue
		}
		end := start + bytes.Index(text[start:], []byte("\n  }")) + len("\n  }")
		text = append(bytes.TrimRight(text[:start:start], ", \n"), text[end:]...)
	}
	var check map[string]json.RawMessage
	if err := json.Unmarshal(text, &check); err != nil {
		return nil, fmt.Errorf("scripts and devDependencies must come last, indented by two: %w", err)
	}
	return text, nil
}

// write makes a directory hold these files. Other files in it stay, such as
// the mini program's wasm that a later step makes.
func (f files) write(dir string) error {
	for name, content := range f {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path+".part", content, 0o644); err != nil {
			return err
		}
		if err := os.Rename(path+".part", path); err != nil {
			return err
		}
	}
	return nil
}

func packed(b []byte) int {
	var out bytes.Buffer
	w := brotli.NewWriterOptions(&out, brotli.WriterOptions{Quality: 11, LGWin: 24})
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Len()
}
