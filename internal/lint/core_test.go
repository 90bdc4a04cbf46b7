package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The session and the client's loop run on a page's one thread and in tests
// without any: no goroutine and no channel.
func TestCoreHasNoGoroutine(t *testing.T) {
	seen := 0
	for _, p := range list(t, false, "./internal/...") {
		if !slices.Contains(pure, p.name()) {
			continue
		}
		for _, name := range p.GoFiles {
			seen++
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, 0)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				what := ""
				switch n.(type) {
				case *ast.GoStmt:
					what = "starts a goroutine"
				case *ast.ChanType, *ast.SendStmt:
					what = "uses a channel"
				case *ast.SelectStmt:
					what = "selects"
				}
				if what != "" {
					t.Errorf("%s/%s:%d %s", p.name(), name, set.Position(n.Pos()).Line, what)
				}
				return true
			})
		}
	}
	require.Greater(t, seen, 5)
}
