package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The inputs and the effects of a machine are closed sets: a type switch
// over one of them, without a default, names every member. (The linter for
// enumerations does not know such sets.)
func TestSealedSwitches(t *testing.T) {
	files := map[string]*ast.File{}
	sets := map[string][]string{} // by folder and sealing method
	set := token.NewFileSet()
	for _, dir := range []string{"internal/session", "internal/mailbox", "internal/mailbox/objects", "internal/client", "internal/client/native"} {
		names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		require.NoError(t, err)
		for _, name := range names {
			file, err := parser.ParseFile(set, name, nil, 0)
			require.NoError(t, err)
			files[name] = file
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if ok && f.Recv != nil && f.Type.Params.NumFields() == 0 && (f.Name.Name == "input" || f.Name.Name == "effect") {
					key := dir + " " + f.Name.Name
					sets[key] = append(sets[key], typeName(f.Recv.List[0].Type))
				}
			}
		}
	}
	require.Len(t, sets, 4)
	require.Greater(t, len(sets["internal/session input"]), 10)
	require.Greater(t, len(sets["internal/mailbox effect"]), 8)

	checked := 0
	for name, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.TypeSwitchStmt)
			if !ok {
				return true
			}
			cases, open := caseNames(s)
			if open || len(cases) == 0 {
				return true
			}
			// The sets share some names: a switch that is complete for one of
			// the sets that it may be about is about that one.
			missing, whole := "", false
			for key, all := range sets {
				if !subset(cases, all) {
					continue
				}
				if subset(all, cases) {
					whole = true
				}
				missing = key
			}
			if missing != "" {
				checked++
			}
			if missing != "" && !whole {
				t.Errorf("%s:%d: the switch has cases of %s, but not all", name, set.Position(s.Pos()).Line, missing)
			}
			return true
		})
	}
	require.GreaterOrEqual(t, checked, 5, "the switches of the machines and of those who carry out were not found")
}

// caseNames returns the types of a switch's cases, without their packages, and
// whether it has a default.
func caseNames(s *ast.TypeSwitchStmt) (names []string, open bool) {
	for _, stmt := range s.Body.List {
		c := stmt.(*ast.CaseClause)
		open = open || c.List == nil
		for _, e := range c.List {
			names = append(names, typeName(e))
		}
	}
	return names, open
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.StarExpr:
		return "*" + strings.TrimPrefix(typeName(e.X), "*")
	default:
		return ""
	}
}

func subset(some, all []string) bool {
	for _, s := range some {
		if !slices.Contains(all, s) {
			return false
		}
	}
	return true
}
