//go:build js && wasm

package bridge

import (
	"testing"

	"github.com/hack-pad/safejs"
	"github.com/stretchr/testify/require"
)

// recorder makes listeners that record their names.
type recorder struct {
	scope  Scope
	calls  []string
	events []safejs.Value
}

func (r *recorder) handler(name string, then ...func()) safejs.Value {
	return r.scope.Func(func(args []safejs.Value) any {
		r.calls = append(r.calls, name)
		r.events = append(r.events, Arg(args, 0))
		for _, f := range then {
			f()
		}
		return nil
	}).Value()
}

var none = safejs.Undefined()

func TestEmitterOrderAndOneEvent(t *testing.T) {
	var e Emitter
	var r recorder
	defer r.scope.Release()
	e.On("x", r.handler("a"), none, false)
	e.On("x", r.handler("b"), none, false)
	e.On("y", r.handler("c"), none, false)
	data := NewObject()
	e.Emit("x", data)
	require.Equal(t, []string{"a", "b"}, r.calls)
	require.True(t, r.events[0].Equal(r.events[1]))
	require.True(t, Get(r.events[0], "data").Equal(data))
	require.Equal(t, "x", text(t, Get(r.events[0], "name")))
	e.Emit("nobody", data)
}

func TestEmitterDuplicatesAndOff(t *testing.T) {
	var e Emitter
	var r recorder
	defer r.scope.Release()
	a := r.handler("a")
	one, two := NewObject(), NewObject()
	e.On("x", a, none, false)
	e.On("x", a, none, false)
	e.Emit("x", none)
	require.Equal(t, []string{"a", "a"}, r.calls)
	e.Off("x", r.handler("other"), none)
	e.Off("unknown", a, none)
	require.Equal(t, 2, e.Len())
	e.Off("x", a, none)
	require.Zero(t, e.Len())

	e.On("x", a, one, false)
	e.Off("x", a, two)
	require.Equal(t, 1, e.Len(), "another context removes nothing")
	e.Off("x", a, one)
	require.Zero(t, e.Len())
	e.On("x", a, one, false)
	e.Off("x", a, none)
	require.Zero(t, e.Len(), "a missing context removes all")
}

func TestEmitterContext(t *testing.T) {
	var e Emitter
	// A builtin that changes its `this` tells which one it was.
	list := NewArray()
	e.On("x", Get(list, "push"), list, false)
	e.Emit("x", String("data"))
	require.Equal(t, `[{"name":"x","data":"data"}]`, stringify(t, list))
}

func TestEmitterOnce(t *testing.T) {
	var e Emitter
	var r recorder
	defer r.scope.Release()
	a := r.handler("a", func() { e.Emit("x", none) })
	e.On("x", a, none, true)
	e.On("x", r.handler("b"), none, false)
	e.Emit("x", none)
	require.Equal(t, []string{"a", "b", "b"}, r.calls)
	e.On("x", a, none, true)
	e.Off("x", a, none)
	require.Equal(t, 1, e.Len())
}

func TestEmitterSnapshot(t *testing.T) {
	var e Emitter
	var r recorder
	defer r.scope.Release()
	b := r.handler("b")
	added := r.handler("added")
	a := r.handler("a", func() {
		e.Off("x", b, none)
		e.On("x", added, none, false)
	})
	e.On("x", a, none, false)
	e.On("x", b, none, false)
	e.Emit("x", none)
	require.Equal(t, []string{"a", "b"}, r.calls)
	r.calls = nil
	e.Emit("x", none)
	require.Equal(t, []string{"a", "added"}, r.calls)
}

func TestEmitterSurvivesBadListeners(t *testing.T) {
	seen := captureErrors(t)
	var e Emitter
	var r recorder
	defer r.scope.Release()
	thrower := &Guard{}
	reason := NewObject()
	throws := thrower.Guarded(Static(func([]safejs.Value) any {
		thrower.Throw(reason)
		return nil
	}, nil))
	rejects := r.scope.Func(func([]safejs.Value) any {
		p := NewPromise()
		p.Reject(String("later"))
		return p.Value()
	}).Value()
	e.On("x", throws, none, false)
	e.On("x", rejects, none, false)
	e.On("x", r.handler("a"), none, false)
	e.Emit("x", none)
	require.Equal(t, []string{"a"}, r.calls)
	require.Len(t, *seen, 1)
	require.True(t, (*seen)[0].Equal(reason), "what was thrown is what is reported")

	p := NewPromise() // its handlers run behind those of the rejection
	p.Resolve(safejs.Undefined())
	await(t, p.Value())
	require.Len(t, *seen, 2)
	require.Equal(t, "later", text(t, (*seen)[1]))
}
