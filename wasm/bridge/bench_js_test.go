//go:build js && wasm

package bridge

import (
	"testing"

	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/frame"
)

// What a crossing costs; run it with make bench, or
// go test -bench . -exec "node web/e2e/lib/gotest.mjs" ./wasm/bridge.

var sink any

func BenchmarkGet(b *testing.B) {
	o := Parse(`{"name":"value","n":5}`)
	for b.Loop() {
		sink = Get(o, "name")
	}
}

func BenchmarkField(b *testing.B) {
	o := Parse(`{"name":"value","n":5}`)
	for b.Loop() {
		sink = Field(o, "name")
	}
}

func BenchmarkSet(b *testing.B) {
	o, to := NewObject(), Int(5)
	for b.Loop() {
		Set(o, "name", to)
	}
}

func BenchmarkPut(b *testing.B) {
	o, to := NewObject(), Int(5)
	for b.Loop() {
		Put(o, "name", to)
	}
}

func BenchmarkText(b *testing.B) {
	o := Object{Value: Parse(`{"name":"value","n":5}`)}
	for b.Loop() {
		sink = o.Text("name")
	}
}

func BenchmarkNumber(b *testing.B) {
	o := Object{Value: Parse(`{"name":"value","n":5}`)}
	for b.Loop() {
		sink = o.Number("n")
	}
}

func BenchmarkGlobal(b *testing.B) {
	for b.Loop() {
		sink = Global("Object")
	}
}

func BenchmarkPromise(b *testing.B) {
	for b.Loop() {
		p := NewPromise()
		sink = p.Value()
		p.Resolve(Int(1))
	}
}

func BenchmarkSettledPromise(b *testing.B) {
	for b.Loop() {
		p := NewPromise()
		p.Resolve(Int(1))
		sink = p.Value()
	}
}

func BenchmarkValueOf(b *testing.B) {
	f := frame.Fields{{Key: "a", Value: "x"}, {Key: "b", Value: int64(1)}, {Key: "c", Value: "y"}}
	for b.Loop() {
		sink = ValueOf(f)
	}
}

func BenchmarkEmit(b *testing.B) {
	var e Emitter
	var r recorder
	defer r.scope.Release()
	e.On("x", Get(NewArray(), "push"), NewArray(), false)
	e.On("y", Get(Global("Object"), "is"), safejs.Undefined(), false)
	for b.Loop() {
		e.Emit("y", safejs.Undefined())
	}
}
