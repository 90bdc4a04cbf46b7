package lint

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fileMap matches the lines of a package comment that name files: a tab, or
// the two spaces of a nested list, and one or more names before the subject.
var fileMap = regexp.MustCompile(`^\t((?:[a-z0-9_]+\.go(?:, )?)+)\s`)

// A package of several files lists them in its comment, in the order to read
// them, so that a newcomer finds the place for a line at once. Files of one
// platform may be left out beside their twin.
func TestPackageCommentsListTheirFiles(t *testing.T) {
	seen := 0
	for _, p := range append(list(t, false, "./internal/...", "./web/"), list(t, true, "./wasm/...")...) {
		if p.Standard || !strings.HasPrefix(p.ImportPath, module) {
			continue
		}
		var listed []string
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.PackageClauseOnly)
			require.NoError(t, err)
			if file.Doc == nil {
				continue
			}
			for line := range strings.Lines(file.Doc.Text()) {
				if m := fileMap.FindStringSubmatch(line); m != nil {
					listed = append(listed, strings.Split(m[1], ", ")...)
				}
			}
		}
		var there []string
		for _, name := range p.GoFiles {
			if !strings.Contains(name, "_gen") && name != "doc.go" {
				there = append(there, name)
			}
		}
		if len(there) < 2 {
			continue
		}
		seen++
		for _, name := range there {
			if !slices.Contains(listed, name) && !twin(name, there) {
				t.Errorf("%s: the package comment does not list %s", p.name(), name)
			}
		}
		for _, name := range listed {
			if _, err := os.Stat(filepath.Join(p.Dir, name)); err != nil {
				t.Errorf("%s: the package comment lists %s, which is not there", p.name(), name)
			}
		}
		for i, name := range listed {
			if slices.Contains(listed[:i], name) {
				t.Errorf("%s: the package comment lists %s twice", p.name(), name)
			}
		}
	}
	require.Greater(t, seen, 10)
}

// twin reports whether a file is one platform's form of a file that others
// have, too: lock_unix.go.
func twin(name string, all []string) bool {
	for _, system := range []string{"_unix", "_windows", "_linux", "_other"} {
		if strings.HasSuffix(name, system+".go") {
			return true
		}
	}
	return false
}

// The floor plan names every room, and no room that is not there.
func TestFloorPlanListsTheRooms(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "internal", "README.md"))
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(text), "\n## Rooms\n")
	require.True(t, ok)
	rooms, _, ok := strings.Cut(rest, "\n## ")
	require.True(t, ok)
	var named []string
	for line := range strings.Lines(rooms) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for _, m := range regexp.MustCompile("`([a-z]+)`").FindAllStringSubmatch(cells[1], -1) {
				named = append(named, m[1])
			}
		}
	}
	var there []string
	entries, err := os.ReadDir(filepath.Join(root, "internal"))
	require.NoError(t, err)
	for _, e := range entries {
		if e.IsDir() && e.Name() != "adr" {
			there = append(there, e.Name())
		}
	}
	require.ElementsMatch(t, append(there, "web", "wasm", "js"), named)
}

// The floor plan and the code name the same streams, buckets and subjects.
func TestFloorPlanListsWhatIsKept(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "internal", "README.md"))
	require.NoError(t, err)
	names, err := os.ReadFile(filepath.Join(root, "internal", "bus", "names.go"))
	require.NoError(t, err)
	found := regexp.MustCompile(`= "((?:tim|TIM)[._][A-Za-z._]+)"`).FindAllStringSubmatch(string(names), -1)
	require.Greater(t, len(found), 10)
	for _, m := range found {
		require.Contains(t, string(text), "`"+m[1], "bus/names.go has it, the floor plan has not")
	}
}

// The floor plan sends a newcomer only to files that are there.
func TestFloorPlanNamesFilesThatExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "internal", "README.md"))
	require.NoError(t, err)
	named := regexp.MustCompile("`((?:[a-z0-9]+/)+[a-z0-9_.]+\\.(?:go|js|mjs|ts|json|md))`").FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(named), 60)
	for _, m := range named {
		path := filepath.FromSlash(m[1])
		_, inside := os.Stat(filepath.Join(root, "internal", path))
		_, top := os.Stat(filepath.Join(root, path))
		require.True(t, inside == nil || top == nil, "%s is not there", m[1])
	}
}

// TestFloorPlanNamesWhatIsInTheFiles: where the floor plan names something behind a
// file, the file has that name.
func TestFloorPlanNamesWhatIsInTheFiles(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "internal", "README.md"))
	require.NoError(t, err)
	named := regexp.MustCompile("`((?:[a-z0-9]+/)+[a-z0-9_]+\\.go)`,? `([A-Za-z0-9]+)`(?: and `([A-Za-z0-9]+)`)?").FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(named), 20)
	for _, m := range named {
		code, err := os.ReadFile(filepath.Join(root, "internal", filepath.FromSlash(m[1])))
		if err != nil {
			code, err = os.ReadFile(filepath.Join(root, filepath.FromSlash(m[1])))
		}
		require.NoError(t, err)
		for _, name := range m[2:] {
			require.Regexp(t, `\b`+name+`\b`, string(code), "%s", m[1])
		}
	}
}
