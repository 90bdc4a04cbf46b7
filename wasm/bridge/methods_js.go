//go:build js && wasm

package bridge

import "github.com/hack-pad/safejs"

// Bind gives an object methods with the names of an array. Each calls entry with
// its index in the array and a number, before the arguments of the app; an empty
// name is passed over.
//
// A loader does that with its function `__timMethods(object, names, entry, number)`
// in the global scope, in one call. Without a loader it takes three calls a method.
func Bind(object, names, entry safejs.Value, number int) {
	if bind := Global("__timMethods"); IsFunction(bind) {
		invoke(safejs.Unsafe(bind), safejs.Unsafe(object), safejs.Unsafe(names), safejs.Unsafe(entry), number)
		return
	}
	for n := range Length(names) {
		if name, _ := Text(Index(names, n)); name != "" {
			Put(object, name, Call(entry, "bind", safejs.Undefined(), Int(n), Int(number)))
		}
	}
}
