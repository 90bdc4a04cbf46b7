//go:build js && wasm

package bridge

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
)

// The descriptors of an IMError's name and message, made once.
var errorName, errorMessage safejs.Value

// NewError makes an IMError: an Error named IMError with own enumerable code,
// message and data. If data is undefined it becomes {}.
//
//	interface IMError extends Error { code: number; message: string; data: object }
func NewError(f *fault.Error, data safejs.Value) safejs.Value {
	e, err := Global("Error").New(f.Message)
	if err != nil {
		return safejs.Undefined()
	}
	if !IsObject(data) {
		data = NewObject()
	}
	if errorName.IsUndefined() {
		errorName = Parse(`{"value":"IMError","writable":true,"configurable":true}`)
		errorMessage = Parse(`{"enumerable":true}`) // every Error has one, but not enumerable
	}
	object := Global("Object")
	Call(object, "defineProperty", e, String("name"), errorName)
	Call(object, "defineProperty", e, String("message"), errorMessage)
	Put(e, "code", Int(int(f.Code)))
	Put(e, "data", data)
	return e
}

// Message returns the text of an Error or of an error event, or "".
func Message(v safejs.Value) string {
	o := Object{Value: v}
	if text := o.Text("message"); text != "" {
		return text
	}
	return o.Text("errMsg") // as mini programs call it
}

// Uncaught returns the fault for a Go panic that was caught before it reached
// JavaScript.
func Uncaught(reason string) *fault.Error {
	return &fault.Error{
		Code:    fault.Destroyed,
		Message: "The SDK hit an internal error and keeps running: call again, and report this if it happens again (" + reason + ").",
	}
}
