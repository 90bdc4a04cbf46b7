//go:build js && wasm

package main

import (
	"testing"

	"github.com/hack-pad/safejs"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// Where V8 begins to optimize the allocator it keeps no compiled code of a short visit:
// see internal/README.md, "What a page's start costs". That is near 700 allocations of
// the module that is built, and 290 are counted here; what comes before main, and what
// a lack of inlining adds, is not.
const mostAllocations = 320

func TestAStartAllocatesLittle(t *testing.T) {
	for name, source := range map[string]string{ // what the loader provides
		"__timGuard":   `(fn, box) => (...args) => fn(...args)`,
		"__timMethods": `(object, names, entry, number) => names.forEach((name, n) => { if (name) object[name] = entry.bind(undefined, n, number); })`,
		"WebSocket":    `class { close() {} }`,
	} {
		old := bridge.Global(name)
		f, err := bridge.Global("Function").New("return " + source)
		require.NoError(t, err)
		made, err := f.Invoke()
		require.NoError(t, err)
		bridge.Set(safejs.Global(), name, made)
		defer bridge.Set(safejs.Global(), name, old)
	}
	options := bridge.Parse(app)
	live := bridge.Live()
	allocations := testing.AllocsPerRun(1, func() {
		s := newSDK()
		require.True(t, bridge.IsObject(bridge.Call(s.tim, "create", options)))
		for _, i := range s.instances {
			i.forget()
		}
	})
	baseline += bridge.Live() - live // the functions of a runtime stay
	require.LessOrEqual(t, allocations, float64(mostAllocations))
}
