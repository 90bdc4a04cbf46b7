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

// The inputs and the effects of the session are closed sets: a type switch
// over one of them, without a default, names every member. (The linter for
// enumerations does not know such sets.)
func TestSealedSwitches(t *testing.T) {
	files := map[string]*ast.File{}
	set := token.NewFileSet()
	for _, dir := range []string{"internal/session", "internal/client", "internal/client/native"} {
		names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		require.NoError(t, err)
		for _, name := range names {
			file, err := parser.ParseFile(set, name, nil, 0)
			require.NoError(t, err)
			files[name] = file
		}
	}
	members := map[string][]string{"input": nil, "effect": nil}
	for _, file := range files {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			if _, sealing := members[f.Name.Name]; sealing && f.Type.Params.NumFields() == 0 {
				members[f.Name.Name] = append(members[f.Name.Name], typeName(f.Recv.List[0].Type))
			}
		}
	}
	require.Greater(t, len(members["input"]), 10)
	require.Greater(t, len(members["effect"]), 8)

	checked := 0
	for name, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.TypeSwitchStmt)
			if !ok {
				return true
			}
			cases, open := caseNames(s)
			for _, all := range members {
				if open || len(cases) == 0 || !subset(cases, all) {
					continue
				}
				checked++
				for _, m := range all {
					if !slices.Contains(cases, m) {
						t.Errorf("%s:%d: the switch has no case for %s", name, set.Position(s.Pos()).Line, m)
					}
				}
			}
			return true
		})
	}
	require.GreaterOrEqual(t, checked, 2, "Step's and the client's switches were not found")
}

// caseNames gives the types of a switch's cases, without their packages, and
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
