//go:build js && wasm

package bridge

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
)

// NewError gives an IMError: an Error named IMError with own enumerable code,
// message and data. data may be undefined, which makes it {}.
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
	_, err = Global("Object").Call("defineProperties", e, map[string]any{
		"name":    property("IMError", false),
		"code":    property(int(f.Code), true),
		"message": property(f.Message, true),
		"data":    property(data, true),
	})
	if err != nil {
		Report(Thrown(err))
	}
	return e
}

func property(value any, enumerable bool) map[string]any {
	return map[string]any{"value": value, "enumerable": enumerable, "writable": true, "configurable": true}
}

// Uncaught is the fault of a Go panic that was caught at the border.
func Uncaught(reason string) *fault.Error {
	return &fault.Error{
		Code:    fault.Destroyed,
		Message: "The SDK failed inside and goes on: call again, and report this if it repeats (" + reason + ").",
	}
}
