//go:build js && wasm

package bridge

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/hack-pad/safejs"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// await returns what a promise resolved or rejected with.
func await(t *testing.T, promise safejs.Value) (value, reason safejs.Value) {
	t.Helper()
	scope := &Scope{}
	defer scope.Release()
	type outcome struct{ value, reason safejs.Value }
	settled := make(chan outcome, 1)
	ok := scope.Func(func(args []safejs.Value) any {
		settled <- outcome{value: Arg(args, 0)}
		return nil
	})
	bad := scope.Func(func(args []safejs.Value) any {
		settled <- outcome{reason: Arg(args, 0)}
		return nil
	})
	_, err := promise.Call("then", ok.Value(), bad.Value())
	require.NoError(t, err)
	got := <-settled
	return got.value, got.reason
}

// captureErrors replaces console.error for one test, and collects what is logged.
func captureErrors(t *testing.T) *[]safejs.Value {
	t.Helper()
	var seen []safejs.Value
	scope := &Scope{}
	console := Global("console")
	old := Get(console, "error")
	f := scope.Func(func(args []safejs.Value) any {
		seen = append(seen, Arg(args, 0))
		return nil
	})
	require.NoError(t, console.Set("error", f.Value()))
	t.Cleanup(func() {
		require.NoError(t, console.Set("error", old))
		scope.Release()
	})
	return &seen
}

func text(t *testing.T, v safejs.Value) string {
	t.Helper()
	s, err := v.String()
	require.NoError(t, err)
	return s
}

func stringify(t *testing.T, v safejs.Value) string {
	t.Helper()
	s, err := Global("JSON").Call("stringify", v)
	require.NoError(t, err)
	return text(t, s)
}

func TestPromiseSettlesOnce(t *testing.T) {
	tests := map[string]func(t *testing.T){
		"with resolvers": func(t *testing.T) {
			require.True(t, IsFunction(Get(Global("Promise"), "withResolvers")))
		},
		"with an executor": func(t *testing.T) {
			constructor := Global("Promise")
			old := Get(constructor, "withResolvers")
			Set(constructor, "withResolvers", safejs.Undefined())
			t.Cleanup(func() { Set(constructor, "withResolvers", old) })
		},
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			prepare(t)
			settled := map[string]func(p *Promise){
				"before it is asked for": func(*Promise) {},
				"afterwards":             func(p *Promise) { p.Value() },
			}
			for when, ask := range settled {
				p := NewPromise()
				ask(p)
				require.False(t, p.Settled())
				p.Resolve(String("first"))
				p.Reject(String("second"))
				p.Resolve(String("third"))
				require.True(t, p.Settled())
				value, reason := await(t, p.Value())
				require.Equal(t, "first", text(t, value), when)
				require.True(t, reason.IsUndefined(), when)
				require.True(t, p.Value().Equal(p.Value()), "one promise")

				p = NewPromise()
				ask(p)
				p.Reject(String("no"))
				p.Resolve(String("yes"))
				_, reason = await(t, p.Value())
				require.Equal(t, "no", text(t, reason), when)
			}

			before := Live()
			for range 100 {
				NewPromise().Value()
			}
			require.Equal(t, before, Live(), "no function of its own")
		})
	}
}

// The copy of safejs that the build uses (internal/build) looks for no values in maps and
// lists: those fail, and are not taken for anything else.
func TestListsOfValuesFail(t *testing.T) {
	for _, v := range []any{[]any{safejs.Null()}, map[string]any{"v": safejs.Null()}} {
		_, err := safejs.ValueOf(v)
		require.Error(t, err)
		_, err = Global("Array").Call("of", v)
		require.Error(t, err)
	}
}

func TestErrorShape(t *testing.T) {
	e := NewError(&fault.Error{Code: fault.Timeout, Message: "It did not answer: ws://127.0.0.1:1/ws."}, safejs.Undefined())
	isError, err := e.InstanceOf(Global("Error"))
	require.NoError(t, err)
	require.True(t, isError)
	require.Equal(t, "IMError", text(t, Get(e, "name")))
	require.JSONEq(t,
		`{"message":"It did not answer: ws://127.0.0.1:1/ws.","code":2801,"data":{}}`,
		stringify(t, e))
	data := NewObject()
	require.NoError(t, data.Set("message", "m"))
	require.Equal(t, `{"message":"m"}`, stringify(t, Get(NewError(fault.New(fault.SendFailed), data), "data")))
}

func TestObjectReadsFieldsAndKeepsTheRest(t *testing.T) {
	parsed, err := Global("JSON").Call("parse", `{"s":"text","n":12.9,"neg":-3.9,"deep":{"a":[1]},"huge":1e300,"nul":null}`)
	require.NoError(t, err)
	o := BodyOf(parsed)
	require.Equal(t, "text", o.Text("s"))
	require.Equal(t, "", o.Text("n"))
	require.Equal(t, "", o.Text("absent"))
	require.EqualValues(t, 12, o.Number("n"))
	require.EqualValues(t, -3, o.Number("neg"))
	require.EqualValues(t, 0, o.Number("s"))
	require.EqualValues(t, 0, o.Number("huge"))
	require.True(t, ValueOf(o).Equal(parsed), "the very object")
	require.Nil(t, BodyOf(safejs.Null()))
	require.Nil(t, BodyOf(safejs.Undefined()))

	f := frame.Fields{{Key: "s", Value: "a"}, {Key: "i", Value: 3}, {Key: "l", Value: int64(1) << 40}, {Key: "b", Value: true},
		{Key: "f", Value: frame.Fields{{Key: "x", Value: "y"}}}, {Key: "o", Value: o}}
	require.Equal(t,
		`{"s":"a","i":3,"l":1099511627776,"b":true,"f":{"x":"y"},"o":{"s":"text","n":12.9,"neg":-3.9,"deep":{"a":[1]},"huge":1e+300,"nul":null}}`,
		stringify(t, ValueOf(f)))
}

func TestParsedObjectsAreReadAlike(t *testing.T) {
	parsed := Parse(`{"s":"text","n":12.9,"nul":null,"deep":{"a":1}}`)
	o := ParsedBody(parsed)
	require.Equal(t, "text", o.Text("s"))
	require.Empty(t, o.Text("n"))
	require.Empty(t, o.Text("absent"))
	require.EqualValues(t, 12, o.Number("n"))
	require.Zero(t, o.Number("nul"))
	require.True(t, ValueOf(o).Equal(parsed), "the very object")
	require.Nil(t, ParsedBody(safejs.Null()))
	require.Nil(t, ParsedBody(String("text")))
	for _, v := range []safejs.Value{safejs.Undefined(), safejs.Null(), String("text"), Int(1)} {
		require.True(t, Field(v, "name").IsUndefined(), "no object, no panic")
	}
}

func TestObjectsInObjects(t *testing.T) {
	const text = `{"yes":true,"no":false,"nul":null,"o":{"x":"y"},"list":[{"n":1},null,5,{"n":2}],"texts":["a",1,null,"b",{}],"like":{"length":2,"0":"a","1":{}}}`
	for _, o := range []Object{Parsed(Parse(text)), {Value: Parse(text)}} {
		require.True(t, o.Bool("yes") && o.Has("nul") && !o.Bool("no") && !o.Bool("o") && !o.Has("absent"))
		require.Equal(t, "y", o.Object("o").Text("x"))
		require.Nil(t, o.Object("nul"))
		require.Nil(t, o.Object("absent"))
		list := o.List("list")
		require.Len(t, list, 2)
		require.EqualValues(t, 2, list[1].Number("n"))
		require.Equal(t, []string{"a", "b"}, o.Texts("texts"))
		require.Empty(t, o.Texts("o"))
		require.Empty(t, o.Texts("like"), "it may claim any length")
		require.Empty(t, o.List("like"))
		require.Empty(t, o.List("absent"))
		require.Equal(t, `{"list":[{"n":1},{"n":2}],"texts":["a"],"numbers":[1,2]}`, stringify(t, ValueOf(frame.Fields{
			{Key: "list", Value: list}, {Key: "texts", Value: []string{"a"}}, {Key: "numbers", Value: []int64{1, 2}},
		})))
	}
}

func TestScopeReleasesAll(t *testing.T) {
	before := Live()
	scope := &Scope{}
	f := scope.Func(func([]safejs.Value) any { return 7 })
	scope.Func(func([]safejs.Value) any { return 8 })
	require.Equal(t, before+2, Live())
	got, err := f.Value().Invoke()
	require.NoError(t, err)
	n, _ := Number(got)
	require.EqualValues(t, 7, n)
	f.Release()
	f.Release()
	require.Equal(t, before+1, Live())
	scope.Release()
	require.Equal(t, before, Live())
	require.Zero(t, scope.Len())
}

var noMap map[string]int // writing to it is a runtime error

func TestPanicStaysInside(t *testing.T) {
	var told string
	scope := &Scope{OnPanic: func(reason string) { told = reason }}
	defer scope.Release()
	got, err := scope.Func(func([]safejs.Value) any { panic("boom") }).Value().Invoke()
	require.NoError(t, err)
	require.True(t, IsObject(got) == false)
	require.Equal(t, "boom", told)
	_, err = scope.Func(func([]safejs.Value) any { noMap["x"] = 1; return nil }).Value().Invoke()
	require.NoError(t, err)
	require.Contains(t, told, "nil map")
}

func TestGuardThrowsAndGoesOn(t *testing.T) {
	g := &Guard{}
	var seen []safejs.Value
	f := g.Guarded(Static(func(args []safejs.Value) any {
		seen = args
		if s, _ := Text(Arg(args, 0)); s == "throw" {
			g.Throw(NewError(fault.New(fault.NotBuiltYet), safejs.Undefined()))
			return nil
		}
		return Arg(args, 1)
	}, nil))
	object := NewObject()
	for range 3 {
		got, err := f.Invoke("return", object)
		require.NoError(t, err)
		require.True(t, got.Equal(object))
		require.True(t, Arg(seen, 2).IsUndefined())

		_, err = f.Invoke("throw")
		require.Error(t, err)
		code, _ := Number(Get(Thrown(err), "code"))
		require.EqualValues(t, 2998, code)
	}
}

func TestGuardOfALoaderIsUsed(t *testing.T) {
	var inner, box safejs.Value
	require.NoError(t, safejs.Global().Set("__timGuard", Static(func(args []safejs.Value) any {
		inner, box = Arg(args, 0), Arg(args, 1)
		return inner
	}, nil)))
	defer func() { _ = safejs.Global().Delete("__timGuard") }()
	g := &Guard{}
	fn := Static(func([]safejs.Value) any { g.Throw(NewObject()); return nil }, nil)
	require.True(t, g.Guarded(fn).Equal(fn))
	require.True(t, inner.Equal(fn))
	require.True(t, Get(box, "value").IsNull())
	_, err := fn.Invoke()
	require.NoError(t, err)
	require.True(t, IsObject(Get(box, "value")), "the loader finds what to throw")
}

func TestGuardWithoutAWayReports(t *testing.T) {
	seen := captureErrors(t)
	signal := Global("AbortSignal")
	require.NoError(t, safejs.Global().Set("AbortSignal", safejs.Undefined()))
	defer func() { _ = safejs.Global().Set("AbortSignal", signal) }()
	g := &Guard{}
	fn := Static(func([]safejs.Value) any { g.Throw(NewObject()); return nil }, nil)
	got, err := g.Guarded(fn).Invoke()
	require.NoError(t, err)
	require.False(t, IsObject(got))
	require.Len(t, *seen, 1)
}

// What becomes one text on the way is the same as what is made field by field.
func TestFieldsAsText(t *testing.T) {
	for _, s := range []string{"", "plain", "\"\\/", "\x00\x01\b\t\n\f\r\x1f\x7f", "<&>\u2028\u2029", "grüße 你好 🙂", strings.Repeat("x", 1000), "not UTF-8: \xff\xc3("} {
		plain := frame.Fields{{Key: s, Value: s}, {Key: "n", Value: int64(-1 << 53)}, {Key: "yes", Value: true}, {Key: "no", Value: false}, {Key: "in", Value: frame.Fields{{Key: "deep", Value: s}, {Key: "none", Value: frame.Fields(nil)}}}}
		text, isPlain := appendFields(nil, plain)
		require.True(t, isPlain)
		made := NewObject()
		for _, f := range plain {
			if f.Key != "in" {
				_ = made.Set(f.Key, memberOf(f.Value))
			}
		}
		deep := NewObject()
		_ = deep.Set("deep", s)
		_ = deep.Set("none", NewObject())
		Put(made, "in", deep)
		want := Call(Global("JSON"), "stringify", made)
		require.True(t, want.Equal(Call(Global("JSON"), "stringify", ValueOf(plain))), "%q", text)
	}
	for _, n := range []int64{0, 1, -1, 9, 10, -10, 1700000000123, math.MaxInt64, math.MinInt64} {
		require.Equal(t, strconv.FormatInt(n, 10), string(appendWhole(nil, n)))
	}
	for _, v := range []any{nil, 1.5, []string{"a"}, []int64{1}, []frame.Body{}, Object{Value: NewObject()}, NewObject()} {
		fields := frame.Fields{{Key: "in", Value: frame.Fields{{Key: "v", Value: v}}}}
		_, isPlain := appendFields(nil, fields)
		require.False(t, isPlain, "%T", v)
		require.True(t, IsObject(Get(ValueOf(fields), "in")))
	}
}
