//go:build js && wasm

package bridge

import (
	"syscall/js"

	"github.com/hack-pad/safejs"
)

// A Go function cannot throw: syscall/js returns its result, and a panic ends the
// runtime. A Guard wraps it in a piece of JavaScript that can throw.
//
// A loader provides that piece as the function `__timGuard(fn, box)` in the global
// scope. It returns a function that calls fn with the same arguments and, if
// box.value is not null afterwards, sets it to null and throws what it was.
// Without a loader (wasm_exec.js and go.run by hand) there is no JavaScript of
// ours in the page, and a Content-Security-Policy may forbid making some from
// text. Then a wasm module of 108 bytes does it: an exception of a function that
// it imports passes through it. If neither is possible, the error is reported on
// the console and the call returns undefined.
type Guard struct {
	box    safejs.Value // one for all functions of this guard
	signal bool         // the box wants an aborted AbortSignal, not the error itself
}

// Guarded returns a function of at most six arguments that calls fn and throws
// what fn has passed to Throw.
func (g *Guard) Guarded(fn safejs.Value) safejs.Value {
	if make := Global("__timGuard"); IsFunction(make) {
		if g.box.IsUndefined() {
			g.box = Wrap("value", safejs.Null())
		}
		if made, err := make.Invoke(fn, g.box); err == nil && IsFunction(made) {
			return made
		}
	}
	g.signal = true
	made, err := g.trampoline(fn)
	if err != nil {
		return fn
	}
	return made
}

// Throw makes the running guarded call throw, as soon as fn has returned.
func (g *Guard) Throw(thrown safejs.Value) {
	value := thrown
	if g.signal {
		var err error
		if value, err = Global("AbortSignal").Call("abort", thrown); err != nil {
			Report(thrown)
			return
		}
	}
	if g.box.IsUndefined() {
		Report(thrown)
		return
	}
	if err := g.box.Set("value", value); err != nil {
		Report(thrown)
	}
}

// trampolineWasm is
//
//	(module
//	  (import "" "f" (func $f (param externref externref externref externref externref externref) (result externref)))
//	  (import "" "t" (func $throw (param externref)))
//	  (import "" "e" (global $box (mut externref)))
//	  (func (export "f") (param externref externref externref externref externref externref) (result externref)
//	    (local $result externref) (local $thrown externref)
//	    (local.set $result (call $f (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5)))
//	    (if (i32.eqz (ref.is_null (global.get $box))) (then
//	      (local.set $thrown (global.get $box))
//	      (global.set $box (ref.null extern))
//	      (call $throw (local.get $thrown))))
//	    (local.get $result)))
const trampolineWasm = "\x00asm\x01\x00\x00\x00" +
	"\x01\x0f\x02\x60\x06\x6f\x6f\x6f\x6f\x6f\x6f\x01\x6f\x60\x01\x6f\x00" + // types
	"\x02\x11\x03\x00\x01f\x00\x00\x00\x01t\x00\x01\x00\x01e\x03\x6f\x01" + // imports
	"\x03\x02\x01\x00" + // functions
	"\x07\x05\x01\x01f\x00\x02" + // exports
	"\x0a\x2b\x01\x29\x01\x02\x6f" + // code: one body, two locals
	"\x20\x00\x20\x01\x20\x02\x20\x03\x20\x04\x20\x05\x10\x00\x21\x06" +
	"\x23\x00\xd1\x45\x04\x40" +
	"\x23\x00\x21\x07\xd0\x6f\x24\x00\x20\x07\x10\x01\x0b" +
	"\x20\x06\x0b"

func (g *Guard) trampoline(fn safejs.Value) (safejs.Value, error) {
	// Function.prototype.call, bound to a builtin that throws what it is given:
	// AbortSignal's throwIfAborted throws the signal's reason.
	throwIfAborted := Get(Get(Global("AbortSignal"), "prototype"), "throwIfAborted")
	throw, err := Get(throwIfAborted, "call").Call("bind", throwIfAborted)
	if err != nil {
		return fn, err
	}
	assembly := Global("WebAssembly")
	code, err := Global("Uint8Array").New(len(trampolineWasm))
	if err != nil {
		return fn, err
	}
	js.CopyBytesToJS(safejs.Unsafe(code), []byte(trampolineWasm))
	module, err := Get(assembly, "Module").New(code)
	if err != nil {
		return fn, err
	}
	box := g.box
	if box.IsUndefined() {
		kind := Parse(`{"value":"externref","mutable":true}`)
		if box, err = Get(assembly, "Global").New(kind, safejs.Null()); err != nil {
			return fn, err
		}
	}
	imports := NewObject()
	Put(imports, "f", fn)
	Put(imports, "t", throw)
	Put(imports, "e", box)
	instance, err := Get(assembly, "Instance").New(module, Wrap("", imports))
	if err != nil {
		return fn, err
	}
	g.box = box
	return Get(Get(instance, "exports"), "f"), nil
}
