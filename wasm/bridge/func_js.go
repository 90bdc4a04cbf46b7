//go:build js && wasm

package bridge

import (
	"syscall/js"

	"github.com/hack-pad/safejs"
)

// live counts the functions that JavaScript can still call.
var live int

// Live returns how many functions of the runtime JavaScript can still call. It is
// the same before an instance is created and after it was destroyed.
func Live() int { return live }

// Scope owns functions that JavaScript may call and releases them together.
type Scope struct {
	// OnPanic is called after a panic in one of the functions; it may be nil.
	OnPanic func(reason string)

	funcs []*Func // few: those of the sockets and timers of one instance
}

// Func is a Go function that JavaScript may call until it is released.
type Func struct {
	f     js.Func
	scope *Scope
}

// Func makes a function that JavaScript can call. The caller gets fn's result;
// after a panic OnPanic is called.
func (s *Scope) Func(fn func(args []safejs.Value) any) *Func {
	made := &Func{scope: s}
	made.f = newFunc(fn, func(reason string) any {
		if s.OnPanic != nil {
			s.OnPanic(reason)
		}
		return nil
	})
	s.funcs = append(s.funcs, made)
	return made
}

// Len returns how many functions the scope owns.
func (s *Scope) Len() int { return len(s.funcs) }

// Release frees all functions of the scope. They must have been removed from
// everything that could still call them.
func (s *Scope) Release() {
	for len(s.funcs) > 0 {
		s.funcs[len(s.funcs)-1].Release()
	}
}

// Value returns the function as JavaScript calls it.
func (f *Func) Value() safejs.Value { return safejs.Safe(f.f.Value) }

// Release frees the function. A second Release does nothing.
func (f *Func) Release() {
	owned := f.scope.funcs
	for n := range owned {
		if owned[n] == f {
			last := len(owned) - 1
			owned[n], owned[last] = owned[last], nil
			f.scope.funcs = owned[:last]
			f.f.Release()
			live--
			return
		}
	}
}

// Static makes a function that lives as long as the runtime. failed returns the
// result if fn panics.
func Static(fn func(args []safejs.Value) any, failed func(reason string) any) safejs.Value {
	return safejs.Safe(newFunc(fn, failed).Value)
}

func newFunc(fn func(args []safejs.Value) any, failed func(reason string) any) js.Func {
	live++
	return js.FuncOf(func(_ js.Value, given []js.Value) any {
		args := make([]safejs.Value, len(given))
		for i, v := range given {
			args[i] = safejs.Safe(v)
		}
		result := call(fn, args, failed)
		if v, ok := result.(safejs.Value); ok {
			return safejs.Unsafe(v)
		}
		return result
	})
}

func call(fn func(args []safejs.Value) any, args []safejs.Value, failed func(reason string) any) (result any) {
	defer func() {
		if p := recover(); p != nil {
			result = failed(Reason(p))
		}
	}()
	return fn(args)
}

// Noop returns a function that does nothing: Function.prototype, reached through
// properties that mini programs do not hide. It is JavaScript's own, so a host
// may keep it for ever and call it even after the runtime has ended.
func Noop() safejs.Value { return Get(Get(Global("Object"), "constructor"), "prototype") }

// Reason returns the text of a panic's value.
func Reason(p any) string {
	switch p := p.(type) {
	case error:
		return p.Error()
	case string:
		return p
	default:
		return "a panic without a text"
	}
}
