//go:build js && wasm

package bridge

import (
	"testing"

	"github.com/hack-pad/safejs"
	"github.com/stretchr/testify/require"
)

func TestBind(t *testing.T) {
	var got []safejs.Value
	entry := Static(func(args []safejs.Value) any {
		got = args
		return nil
	}, nil)
	bound := func(o safejs.Value) {
		require.Equal(t, "", Object{Value: o}.Text(""))
		require.False(t, Object{Value: o}.Has(""))
		_, err := Get(o, "second").Invoke("an argument") // detached
		require.NoError(t, err)
		require.Len(t, got, 3)
		n, _ := Number(got[0])
		number, _ := Number(got[1])
		text, _ := Text(got[2])
		require.EqualValues(t, 2, n)
		require.EqualValues(t, 7, number)
		require.Equal(t, "an argument", text)
	}
	names := Parse(`["first","","second"]`)

	o := NewObject()
	Bind(o, names, entry, 7)
	require.True(t, IsFunction(Get(o, "first")))
	bound(o)

	// A loader's function is used instead.
	calls := 0
	require.NoError(t, safejs.Global().Set("__timMethods", Static(func(args []safejs.Value) any {
		calls++
		require.Len(t, args, 4)
		require.True(t, args[1].Equal(names))
		require.True(t, args[2].Equal(entry))
		Put(args[0], "second", Call(args[2], "bind", safejs.Undefined(), Int(2), args[3]))
		return nil
	}, nil)))
	defer func() { _ = safejs.Global().Delete("__timMethods") }()
	o = NewObject()
	Bind(o, names, entry, 7)
	require.Equal(t, 1, calls)
	require.False(t, Object{Value: o}.Has("first"))
	bound(o)
}
