package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rooms are the server's packages that keep something on the bus.
var rooms = []string{"accounts", "audit", "contacts", "gateway", "group", "inbox", "live", "media", "registry", "rest", "stats", "timd"}

// A lock guards memory, for a moment (ADR 12). What takes a context may wait for the
// bus, so nothing that takes one is called while a lock is held; nor is anything sent
// to a channel or received from one, but in a select with a default.
func TestNoLockAcrossTheBus(t *testing.T) {
	locked := 0
	for _, room := range rooms {
		names, err := filepath.Glob(filepath.Join(root, "internal", room, "*.go"))
		require.NoError(t, err)
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			src, err := os.ReadFile(name)
			require.NoError(t, err)
			found, n := waits(t, name, src)
			locked += n
			for _, f := range found {
				t.Error(f)
			}
		}
	}
	require.Greater(t, locked, 100, "the locks are found")
}

// What the test above finds, and what it does not.
func TestWaitsAreFound(t *testing.T) {
	for body, want := range map[string]int{
		`r.mu.Lock(); r.log.Last(ctx); r.mu.Unlock()`:                              1,
		`r.mu.Lock(); defer r.mu.Unlock(); return r.log.Last(ctx)`:                 1,
		`r.mu.RLock(); x := f(g(t.Context())); r.mu.RUnlock()`:                     1,
		`r.mu.Lock(); if x { r.mu.Unlock(); return }; r.log.Last(ctx)`:             1,
		`r.mu.Lock(); r.done <- x; r.mu.Unlock()`:                                  1,
		`r.mu.Lock(); <-r.done; r.mu.Unlock()`:                                     1,
		`r.mu.Lock(); select { case r.done <- x: case <-y: }; r.mu.Unlock()`:       1,
		`r.mu.Lock(); for range x { r.log.Last(ctx) }; r.mu.Unlock()`:              1,
		`r.mu.Lock(); func() { r.log.Last(ctx) }(); r.mu.Unlock()`:                 1,
		`r.mu.Lock(); x(); r.mu.Unlock(); r.log.Last(ctx)`:                         0,
		`r.mu.Lock(); if x { r.mu.Unlock(); r.log.Last(ctx); return }`:             0,
		`r.mu.Lock(); if x { r.mu.Unlock() } else { r.mu.Unlock() }; f(ctx)`:       0,
		`r.mu.Lock(); go func() { r.log.Last(ctx) }(); r.mu.Unlock()`:              0,
		`r.mu.Lock(); r.later(func() { r.log.Last(ctx) }); r.mu.Unlock()`:          0,
		`r.mu.Lock(); select { case r.done <- x: default: }; r.mu.Unlock()`:        0,
		`r.mu.Lock(); ok := ctx.Err() == nil; r.mu.Unlock()`:                       0,
		`r.mu.Lock(); ctx, r.stop = context.WithCancel(ctx); r.mu.Unlock()`:        0,
		`func() { r.mu.Lock(); defer r.mu.Unlock(); x() }(); r.log.Last(ctx)`:      0,
		`switch x { case 1: r.mu.Lock(); x(); r.mu.Unlock() }; f(ctx)`:             0,
		`for { r.mu.Lock(); if x { r.mu.Unlock(); break }; r.mu.Unlock(); f(ctx)}`: 0,
	} {
		src := "package p\nfunc (r *room) method() {\n" + body + "\n}\n"
		found, _ := waits(t, "x.go", []byte(src))
		require.Len(t, found, want, "%s: %v", body, found)
	}
	src := "package p\n// does needs mu.\nfunc (r *room) does() { f(ctx) }\n"
	found, _ := waits(t, "x.go", []byte(src))
	require.Len(t, found, 1, "who calls it holds the lock")
}

var needsLock = regexp.MustCompile(`[nN]eeds \w*\.?mu\b`)

// held are the locks that a goroutine has, by their expressions.
type held map[string]bool

// lockWalk reads a function, statement by statement, with the locks held.
type lockWalk struct {
	set   *token.FileSet
	found []string
	locks int
}

// waits returns what a file may wait for with a lock held, and how many times it
// takes a lock.
func waits(t *testing.T, name string, src []byte) (found []string, locks int) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, src, parser.ParseComments)
	require.NoError(t, err)
	w := &lockWalk{set: set}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		has := held{}
		if needsLock.MatchString(f.Doc.Text()) {
			has["mu"] = true
		}
		w.list(f.Body.List, has)
	}
	return w.found, w.locks
}

// list reads statements, and reports whether they end the function, or the loop.
func (w *lockWalk) list(all []ast.Stmt, has held) (ends bool) {
	for _, s := range all {
		if w.stmt(s, has) {
			return true
		}
	}
	return false
}

// branch reads statements that may or may not run. A lock that they give back is
// given back for what comes behind, unless they end.
func (w *lockWalk) branch(all []ast.Stmt, has held) (after held) {
	in := maps.Clone(has)
	if w.list(all, in) {
		return nil
	}
	return in
}

// join has only the locks that are held on all ways that go on.
func (has held) join(ways ...held) (ends bool) {
	ends = true
	for _, way := range ways {
		if way != nil {
			ends = false
			maps.DeleteFunc(has, func(lock string, _ bool) bool { return !way[lock] })
		}
	}
	return ends
}

func (w *lockWalk) stmt(s ast.Stmt, has held) (ends bool) {
	switch s := s.(type) {
	case *ast.ExprStmt:
		if call, ok := s.X.(*ast.CallExpr); ok && w.lock(call, has) {
			return false
		}
		w.nodes(s.X, has)
		if call, ok := s.X.(*ast.CallExpr); ok {
			id, ok := call.Fun.(*ast.Ident)
			return ok && id.Name == "panic"
		}
	case *ast.DeferStmt: // runs when the function ends; its arguments now
		w.later(s.Call, has)
	case *ast.GoStmt:
		w.later(s.Call, has)
	case *ast.ReturnStmt:
		w.nodes(s, has)
		return true
	case *ast.BranchStmt:
		return true
	case *ast.BlockStmt:
		return w.list(s.List, has)
	case *ast.LabeledStmt:
		return w.stmt(s.Stmt, has)
	case *ast.IfStmt:
		w.optional(s.Init, has)
		w.nodes(s.Cond, has)
		other := maps.Clone(has)
		if s.Else != nil && w.stmt(s.Else, other) {
			other = nil
		}
		return has.join(w.branch(s.Body.List, has), other)
	case *ast.ForStmt:
		w.optional(s.Init, has)
		if s.Cond != nil {
			w.nodes(s.Cond, has)
		}
		w.branch(s.Body.List, has)
	case *ast.RangeStmt:
		w.nodes(s.X, has)
		w.branch(s.Body.List, has)
	case *ast.SwitchStmt:
		w.optional(s.Init, has)
		if s.Tag != nil {
			w.nodes(s.Tag, has)
		}
		w.cases(s.Body, has)
	case *ast.TypeSwitchStmt:
		w.cases(s.Body, has)
	case *ast.SelectStmt:
		w.selects(s, has)
	case *ast.SendStmt:
		w.wait(s, has, "sends to a channel")
	default:
		w.nodes(s, has)
	}
	return false
}

func (w *lockWalk) optional(s ast.Stmt, has held) {
	if s != nil {
		w.stmt(s, has)
	}
}

func (w *lockWalk) cases(b *ast.BlockStmt, has held) {
	ways := []held{maps.Clone(has)}
	for _, c := range b.List {
		if c, ok := c.(*ast.CaseClause); ok {
			ways = append(ways, w.branch(c.Body, has))
		}
	}
	has.join(ways...)
}

func (w *lockWalk) selects(s *ast.SelectStmt, has held) {
	waits, ways := true, []held{}
	for _, c := range s.Body.List {
		if c, ok := c.(*ast.CommClause); ok {
			waits = waits && c.Comm != nil
			ways = append(ways, w.branch(c.Body, has))
		}
	}
	if waits {
		w.wait(s, has, "selects")
	}
	has.join(ways...)
}

// lock takes or gives back a lock, and reports whether a call does.
func (w *lockWalk) lock(call *ast.CallExpr, has held) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) > 0 {
		return false
	}
	name := types.ExprString(sel.X)
	switch sel.Sel.Name {
	case "Lock", "RLock":
		w.locks++
		has[name] = true
	case "Unlock", "RUnlock":
		delete(has, name)
		delete(has, "mu") // of a function that needs it
	default:
		return false
	}
	return true
}

// later reads a call that is made at another time, or by another goroutine.
func (w *lockWalk) later(call *ast.CallExpr, has held) {
	for _, arg := range call.Args {
		w.nodes(arg, has)
	}
	if f, ok := call.Fun.(*ast.FuncLit); ok {
		w.list(f.Body.List, held{})
	}
}

// nodes looks for what waits in an expression, or in a statement without others.
func (w *lockWalk) nodes(n ast.Node, has held) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			w.list(n.Body.List, held{})
			return false
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				w.wait(n, has, "receives from a channel")
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.FuncLit); ok { // it runs here and now
				w.list(f.Body.List, maps.Clone(has))
				return false
			}
			if takesContext(n) {
				w.wait(n, has, "calls "+types.ExprString(n.Fun))
			}
		}
		return true
	})
}

// takesContext reports whether a call is given a context, by its name, other than to
// make another one of it.
func takesContext(call *ast.CallExpr) bool {
	if strings.HasPrefix(types.ExprString(call.Fun), "context.") || len(call.Args) == 0 {
		return false
	}
	first := types.ExprString(call.Args[0])
	return first == "ctx" || strings.HasSuffix(first, ".ctx") || strings.HasSuffix(first, "Context()") || strings.HasPrefix(first, "context.")
}

func (w *lockWalk) wait(n ast.Node, has held, what string) {
	if len(has) > 0 {
		at := w.set.Position(n.Pos())
		w.found = append(w.found, fmt.Sprintf("%s:%d %s with a lock held", filepath.Base(at.Filename), at.Line, what))
	}
}
