//go:build js && wasm

// Package bridge is the only place where Go values become JavaScript ones and
// vice versa: promises, listeners, errors, objects. It owns the functions that
// JavaScript may call.
//
// Nothing in it blocks, starts a goroutine or lets a panic out: an uncaught
// panic would end the runtime and with it every session of the page.
//
//	doc_js.go      reading and making JavaScript values
//	body_js.go     a JavaScript object as a frame.Body
//	func_js.go     functions that JavaScript may call, and their life
//	guard_js.go    how a Go function throws
//	methods_js.go  the methods of an object that an app holds
//	promise_js.go  a promise that Go settles
//	emitter_js.go  the listeners of an instance
//	error_js.go    IMError
package bridge

import (
	"syscall/js"

	"github.com/hack-pad/safejs"
)

// Global returns a property of the realm's global scope, or undefined. In a mini
// program the loader supplies the scope.
func Global(name string) safejs.Value {
	known, intrinsic := intrinsics[name]
	if !intrinsic {
		return Get(safejs.Global(), name)
	}
	if known.IsUndefined() {
		known = Get(safejs.Global(), name)
		intrinsics[name] = known
	}
	return known
}

// intrinsics are globals that every realm has and nobody removes. They are looked
// up once, because a look-up costs as much as a call.
var intrinsics = map[string]safejs.Value{
	"Array": {}, "Error": {}, "JSON": {}, "Object": {}, "Promise": {}, "Reflect": {}, "String": {}, "Uint8Array": {},
}

// Get reads a property. It returns undefined if v is not an object or the read
// throws.
func Get(v safejs.Value, name string) safejs.Value {
	if !IsObject(v) {
		return safejs.Undefined()
	}
	// Not v.Get: Go catches what a call throws, but an exception out of a plain
	// read (a getter of the app's, storage that the user forbids) would unwind
	// Go's own stack and end the runtime.
	return invoke(reflectGet, safejs.Unsafe(v), nameOf(name))
}

// invoke calls a function, and returns undefined if it throws. safejs would put each
// argument into an interface once more, on the heap: a page starts with a hundred
// calls, and V8 keeps the compiled code of a short visit only if the allocator has
// not run too often by then.
func invoke(f js.Value, args ...any) safejs.Value {
	defer ignore()
	return safejs.Safe(f.Invoke(args...))
}

func ignore() { _ = recover() }

// Field reads a property of an object without getters: one that JSON.parse or
// this package has just made. It costs a quarter of Get.
func Field(v safejs.Value, name string) safejs.Value {
	defer ignore() // no object
	return safejs.Safe(safejs.Unsafe(v).Get(name))
}

var (
	reflectGet = js.Global().Get("Reflect").Get("get")
	reflectSet = js.Global().Get("Reflect").Get("set")
	arrayIs    = js.Global().Get("Array").Get("isArray")
	jsonParse  = js.Global().Get("JSON").Get("parse")
)

// IsArray reports whether v is an array.
func IsArray(v safejs.Value) bool {
	return IsObject(v) && invoke(arrayIs, safejs.Unsafe(v)).Equal(Bool(true))
}

// Each calls f for each element of an array, and for nothing of what is none: in
// what other users have written, an object may claim any length.
func Each(v safejs.Value, f func(v safejs.Value)) {
	if !IsArray(v) {
		return
	}
	for i := range Length(v) {
		f(Index(v, i))
	}
}

// Length returns the length of a list that may be the app's, 0 if it is not a
// list.
func Length(v safejs.Value) int {
	n, _ := Number(Get(v, "length"))
	return int(min(max(n, 0), 1<<31-1))
}

// Index returns an element of a list that may be the app's.
func Index(v safejs.Value, i int) safejs.Value {
	return invoke(reflectGet, safejs.Unsafe(v), i)
}

// names caches property names as JavaScript strings: making one costs as much as
// reading the property. It is bounded, because some names come from outside.
var names = map[string]js.Value{}

func nameOf(name string) js.Value {
	const most = 256
	known, ok := names[name]
	if !ok {
		known = js.ValueOf(name)
		if len(names) < most {
			names[name] = known
		}
	}
	return known
}

// Call calls a method. It returns undefined if there is no such method or it
// throws; use v.Call where the difference matters.
func Call(v safejs.Value, method string, args ...safejs.Value) safejs.Value {
	defer ignore()
	list := make([]any, len(args))
	for i, a := range args {
		list[i] = safejs.Unsafe(a)
	}
	return safejs.Safe(safejs.Unsafe(v).Call(method, list...))
}

// Set sets a property and reports whether that has succeeded. As with Get, v may
// be the app's and its setter may throw.
func Set(v safejs.Value, name string, to safejs.Value) bool {
	return invoke(reflectSet, safejs.Unsafe(v), nameOf(name), safejs.Unsafe(to)).Equal(Bool(true))
}

// Put sets a property of an object without setters: one that JSON.parse or this
// package has just made. It compares to Set as Field does to Get.
func Put(v safejs.Value, name string, to safejs.Value) {
	defer ignore()
	safejs.Unsafe(v).Set(name, safejs.Unsafe(to))
}

// Parse parses a JSON text of ours.
func Parse(json string) safejs.Value { return invoke(jsonParse, json) }

// String makes a JS string.
func String(s string) safejs.Value { return safejs.Safe(js.ValueOf(s)) }

// Int makes a JS number.
func Int(n int) safejs.Value { return safejs.Safe(js.ValueOf(n)) }

// Bool makes a JS boolean.
func Bool(b bool) safejs.Value { return safejs.Safe(js.ValueOf(b)) }

// Wrap makes an object with one property.
func Wrap(name string, value safejs.Value) safejs.Value {
	o := NewObject()
	Put(o, name, value)
	return o
}

// kind returns v.Type, which panics for a BigInt, since Go has no type for that.
// Then it returns TypeUndefined.
func kind(v safejs.Value) (t safejs.Type) {
	defer func() {
		if recover() != nil {
			t = safejs.TypeUndefined
		}
	}()
	return v.Type()
}

// IsObject reports whether v can have properties.
func IsObject(v safejs.Value) bool {
	t := kind(v)
	return t == safejs.TypeObject || t == safejs.TypeFunction
}

// IsFunction reports whether v can be called.
func IsFunction(v safejs.Value) bool { return kind(v) == safejs.TypeFunction }

// Text returns a JS string as a Go one; ok is false for anything else.
func Text(v safejs.Value) (s string, ok bool) {
	if kind(v) != safejs.TypeString {
		return "", false
	}
	s, err := v.String()
	return s, err == nil
}

// Number returns a JS number; ok is false for anything else and for NaN.
func Number(v safejs.Value) (n float64, ok bool) {
	if kind(v) != safejs.TypeNumber {
		return 0, false
	}
	n, err := v.Float()
	return n, err == nil && n == n
}

// NewObject makes an empty plain object.
func NewObject() safejs.Value {
	o, _ := Global("Object").New()
	return o
}

// NewArray makes an array of the values.
func NewArray(items ...safejs.Value) safejs.Value {
	return Call(Global("Array"), "of", items...)
}

// Arg returns the i-th argument, or undefined if there are fewer.
func Arg(args []safejs.Value, i int) safejs.Value {
	if i < len(args) {
		return args[i]
	}
	return safejs.Undefined()
}

// Size returns the length in bytes of a JS string in UTF-8.
func Size(text safejs.Value) int {
	s, _ := Text(text)
	return len(s)
}

// Thrown returns the JS value that a failed call threw, or an Error with the text
// of err if the failure is Go's own.
func Thrown(err error) safejs.Value {
	for e := err; e != nil; {
		if t, ok := e.(js.Error); ok {
			return safejs.Safe(t.Value)
		}
		u, ok := e.(interface{ Unwrap() error })
		if !ok {
			break
		}
		e = u.Unwrap()
	}
	return safejs.Safe(js.Global().Get("Error").New(err.Error()))
}

// Report writes to console.error if there is a console.
func Report(values ...any) { log("error", values) }

// Log writes to the console with one of its methods.
func Log(method string, values ...any) { log(method, values) }

func log(method string, values []any) {
	console := Global("console")
	if IsFunction(Get(console, method)) {
		_, _ = console.Call(method, values...)
	}
}
