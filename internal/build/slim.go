package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// safejs uses fmt for four error texts, and fmt brings os, io/fs, time and
// reflect: 100 KB of brotli, a sixth of tim.wasm. The build compiles against a
// copy of safejs with other texts, named by a go.mod of its own (go build
// -modfile). The copy does the same, except that an error carries no stack
// trace, which tim never prints.
//
// A new version of safejs that the edits no longer fit fails the build here.
var edits = map[string][][2]string{
	"internal/stackerr/stackerr.go": {{everything, `//go:build js && wasm

package stackerr

// WithStack gives err itself: tim's build leaves the stack traces out.
func WithStack(err error) error { return err }
`}},
	"internal/catch/catch.go": {
		{`"fmt"`, `"errors"`},
		{"default:\n\t\treturn fmt.Errorf(\"%+v\", value)", "case string:\n\t\treturn errors.New(value)\n\tdefault:\n\t\treturn errors.New(\"panic\")"},
	},
	"value.go": {
		// tim passes no maps and lists with values in them, and makes its own functions.
		{"case Func:\n\t\treturn value.fn\n\tcase Error:\n\t\treturn value.err\n\tcase map[string]any:\n\t\tnewValue := make(map[string]any)\n\t\tfor mapKey, mapValue := range value {\n\t\t\tnewValue[mapKey] = toJSValue(mapValue)\n\t\t}\n\t\treturn newValue\n\tcase []any:\n\t\tnewValue := make([]any, len(value))\n\t\tfor i, arg := range value {\n\t\t\tnewValue[i] = toJSValue(arg)\n\t\t}\n\t\treturn newValue\n", ""},
		{"return toJSValue(args).([]any)", "values := make([]any, len(args))\n\tfor i, arg := range args {\n\t\tvalues[i] = toJSValue(arg)\n\t}\n\treturn values"},
		{`"fmt"`, `"errors"`},
		{`fmt.Errorf("invalid type for instanceof: %v", t.Type())`, `errors.New("invalid type for instanceof: " + t.Type().String())`},
		{`fmt.Errorf("invalid constructor type for instanceof: %v", err)`, `errors.New("invalid constructor type for instanceof: " + err.Error())`},
		{`fmt.Errorf("invalid constructor type for instanceof: %v", prototype.Type())`, `errors.New("invalid constructor type for instanceof: " + prototype.Type().String())`},
	},
}

// everything, as an old text, stands for the whole file.
const everything = ""

const safejs = "github.com/hack-pad/safejs"

// writeSlim writes the copy and the go.mod that names it below dir, and
// returns the path of that go.mod.
func writeSlim(dir string) (string, error) {
	from, err := download(safejs)
	if err != nil {
		return "", err
	}
	to := filepath.Join(dir, "safejs")
	sources, err := filepath.Glob(filepath.Join(from, "*.go"))
	if err != nil {
		return "", err
	}
	inner, err := filepath.Glob(filepath.Join(from, "internal", "*", "*.go"))
	if err != nil {
		return "", err
	}
	edited := 0
	for _, path := range append(append(sources, inner...), filepath.Join(from, "go.mod")) {
		name, err := filepath.Rel(from, path)
		if err != nil {
			return "", err
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		if swap, ok := edits[filepath.ToSlash(name)]; ok {
			edited++
			slim, err := edit(string(text), swap)
			if err != nil {
				return "", fmt.Errorf("safejs/%s has changed, see internal/build/slim.go: %w", name, err)
			}
			text = []byte(slim)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			return "", err
		}
		if err := write(filepath.Join(to, name), text); err != nil {
			return "", err
		}
	}
	if edited != len(edits) {
		return "", fmt.Errorf("safejs has lost files, see internal/build/slim.go: %d of %d found", edited, len(edits))
	}
	return writeModfile(dir, to)
}

// writeModfile writes the module's go.mod and go.sum into dir, with safejs
// replaced by a folder.
func writeModfile(dir, folder string) (string, error) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		return "", fmt.Errorf("run it in the module's root: %w", err)
	}
	sum, err := os.ReadFile("go.sum")
	if err != nil {
		return "", err
	}
	// A relative folder is below the module's root, wherever the go.mod lies.
	mod = fmt.Appendf(mod, "\nreplace %s => ./%s\n", safejs, filepath.ToSlash(folder))
	if err := write(filepath.Join(dir, "wasm.sum"), sum); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "wasm.mod")
	return path, write(path, mod)
}

// edit swaps each old text, which must occur exactly once, and leaves no use
// of fmt.
func edit(text string, swap [][2]string) (string, error) {
	for _, s := range swap {
		if s[0] == everything {
			text = s[1]
			continue
		}
		if n := strings.Count(text, s[0]); n != 1 {
			return "", fmt.Errorf("%q is there %d times", s[0], n)
		}
		text = strings.Replace(text, s[0], s[1], 1)
	}
	if strings.Contains(text, "fmt.") {
		return "", fmt.Errorf("fmt is still used")
	}
	return text, nil
}

// download fetches a module of go.mod and returns its folder.
func download(module string) (string, error) {
	out, err := exec.Command("go", "mod", "download", "-json", module).Output()
	if err != nil {
		return "", fmt.Errorf("go mod download %s: %w", module, err)
	}
	var m struct{ Dir string }
	return m.Dir, json.Unmarshal(out, &m)
}
