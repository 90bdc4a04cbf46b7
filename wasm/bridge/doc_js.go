//go:build js && wasm

// Package bridge is the one place where Go values become JavaScript ones and
// back: promises, listeners, errors, objects, and the life of the functions
// that JavaScript may call.
//
// Nothing in it blocks, starts a goroutine or lets a panic out: an uncaught
// panic would end the runtime and with it every session of the page.
//
//	doc_js.go      reading and making JavaScript values
//	body_js.go     a JavaScript object as a frame.Body
//	func_js.go     functions that JavaScript may call, and their life
//	guard_js.go    how a Go function throws
//	promise_js.go  a promise that Go settles
//	emitter_js.go  the listeners of an instance
//	error_js.go    IMError
package bridge

import (
	"syscall/js"

	"github.com/hack-pad/safejs"
)

// Global gives a property of the realm's global scope, undefined when there is
// none. In a mini program the scope is what the loader supplies.
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

// intrinsics are what every realm has and nobody takes away: they are looked up
// once, for each look costs as much as a call.
var intrinsics = map[string]safejs.Value{
	"Array": {}, "Error": {}, "JSON": {}, "Object": {}, "Promise": {}, "Reflect": {}, "String": {}, "Uint8Array": {},
}

// Get reads a property, undefined when v is not an object or the read throws.
func Get(v safejs.Value, name string) safejs.Value {
	if !IsObject(v) {
		return safejs.Undefined()
	}
	// Not v.Get: Go catches what a call throws, but an exception out of a plain
	// read (a getter of the app's, storage that the user forbids) would unwind
	// Go's own stack and end the runtime.
	p, err := reflectGet.Invoke(v, nameOf(name))
	if err != nil {
		return safejs.Undefined()
	}
	return p
}

// Field reads a property of an object without getters: one that JSON.parse or
// this package has just made. It costs a quarter of Get.
func Field(v safejs.Value, name string) safejs.Value {
	p, err := v.Get(name)
	if err != nil { // no object
		return safejs.Undefined()
	}
	return p
}

var (
	reflectGet = safejs.Safe(js.Global().Get("Reflect").Get("get"))
	reflectSet = safejs.Safe(js.Global().Get("Reflect").Get("set"))
)

// Length gives the length of a list that may be the app's, 0 when it is none.
func Length(v safejs.Value) int {
	n, _ := Number(Get(v, "length"))
	return int(min(max(n, 0), 1<<31-1))
}

// Index gives an element of a list that may be the app's.
func Index(v safejs.Value, i int) safejs.Value {
	e, err := reflectGet.Invoke(v, i)
	if err != nil {
		return safejs.Undefined()
	}
	return e
}

// names are property names as JavaScript has them: making one costs as much as
// reading the property. Names that come from outside are not kept for ever.
var names = map[string]safejs.Value{}

func nameOf(name string) safejs.Value {
	const most = 256
	known, ok := names[name]
	if !ok {
		known = String(name)
		if len(names) < most {
			names[name] = known
		}
	}
	return known
}

// Call calls a method, undefined when there is none or it throws. Where the
// difference matters, v.Call tells it.
func Call(v safejs.Value, method string, args ...safejs.Value) safejs.Value {
	list := make([]any, len(args))
	for i, a := range args {
		list[i] = a
	}
	result, err := v.Call(method, list...)
	if err != nil {
		return safejs.Undefined()
	}
	return result
}

// Set sets a property, if v can have any, and tells whether it has it now. As
// with Get, v may be the app's and its setter may throw.
func Set(v safejs.Value, name string, to safejs.Value) bool {
	done, err := reflectSet.Invoke(v, nameOf(name), to)
	return err == nil && done.Equal(Bool(true))
}

// Put sets a property of an object without setters: one that JSON.parse or this
// package has just made. To Set it is what Field is to Get.
func Put(v safejs.Value, name string, to safejs.Value) { _ = v.Set(name, to) }

// Parse gives what a JSON text of ours means.
func Parse(json string) safejs.Value { return Call(Global("JSON"), "parse", String(json)) }

// String gives a JS string.
func String(s string) safejs.Value { return safejs.Safe(js.ValueOf(s)) }

// Int gives a JS number.
func Int(n int) safejs.Value { return safejs.Safe(js.ValueOf(n)) }

// Bool gives a JS boolean.
func Bool(b bool) safejs.Value { return safejs.Safe(js.ValueOf(b)) }

// Wrap gives an object of one property.
func Wrap(name string, value safejs.Value) safejs.Value {
	o := NewObject()
	Put(o, name, value)
	return o
}

// kind is v.Type, which panics for what Go has no type for: a BigInt. Here that
// is none of the known ones either.
func kind(v safejs.Value) (t safejs.Type) {
	defer func() {
		if recover() != nil {
			t = safejs.TypeUndefined
		}
	}()
	return v.Type()
}

// IsObject tells whether v can have properties.
func IsObject(v safejs.Value) bool {
	t := kind(v)
	return t == safejs.TypeObject || t == safejs.TypeFunction
}

// IsFunction tells whether v can be called.
func IsFunction(v safejs.Value) bool { return kind(v) == safejs.TypeFunction }

// Text gives a JS string as a Go one; ok is false for anything else.
func Text(v safejs.Value) (s string, ok bool) {
	if kind(v) != safejs.TypeString {
		return "", false
	}
	s, err := v.String()
	return s, err == nil
}

// Number gives a JS number; ok is false for anything else and for NaN.
func Number(v safejs.Value) (n float64, ok bool) {
	if kind(v) != safejs.TypeNumber {
		return 0, false
	}
	n, err := v.Float()
	return n, err == nil && n == n
}

// NewObject gives an empty plain object.
func NewObject() safejs.Value {
	o, _ := Global("Object").New()
	return o
}

// NewArray gives an array of the values.
func NewArray(items ...safejs.Value) safejs.Value {
	return Call(Global("Array"), "of", items...)
}

// Arg gives the i-th argument, undefined when there are fewer.
func Arg(args []safejs.Value, i int) safejs.Value {
	if i < len(args) {
		return args[i]
	}
	return safejs.Undefined()
}

// Size gives the length in bytes of a JS string's UTF-8 form.
func Size(text safejs.Value) int {
	s, _ := Text(text)
	return len(s)
}

// Thrown gives the JS value that a failed call threw, or an Error made of the
// text of err when the failure is Go's own.
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

// Report writes to console.error where there is a console.
func Report(values ...any) { log("error", values) }

// Log writes to the console with one of its methods.
func Log(method string, values ...any) { log(method, values) }

func log(method string, values []any) {
	console := Global("console")
	if IsFunction(Get(console, method)) {
		_, _ = console.Call(method, values...)
	}
}
