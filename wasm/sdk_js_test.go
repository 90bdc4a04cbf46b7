//go:build js && wasm

package main

import (
	"testing"

	"github.com/hack-pad/safejs"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// the is the SDK of the test page; like every page, it has only one.
var the = func() *sdk {
	s := newSDK()
	s.complete()
	return s
}()

// baseline is the count of functions while there is no instance.
var baseline = func() int {
	bridge.NewPromise().Value() // makes what all promises share
	return bridge.Live()
}()

// outcome of a promise: what it resolved with, or the code it rejected with.
type outcome struct {
	value safejs.Value
	code  int
}

func await(t *testing.T, promise safejs.Value) outcome {
	t.Helper()
	scope := &bridge.Scope{}
	defer scope.Release()
	settled := make(chan outcome, 1)
	ok := scope.Func(func(args []safejs.Value) any {
		settled <- outcome{value: bridge.Arg(args, 0)}
		return nil
	})
	bad := scope.Func(func(args []safejs.Value) any {
		settled <- outcome{value: bridge.Arg(args, 0), code: code(bridge.Arg(args, 0))}
		return nil
	})
	_, err := promise.Call("then", ok.Value(), bad.Value())
	require.NoError(t, err)
	return <-settled
}

func code(e safejs.Value) int { return int(bridge.Object{Value: e}.Number("code")) }

// call calls a method as a page does.
func call(t *testing.T, o safejs.Value, method string, args ...any) safejs.Value {
	t.Helper()
	v, err := o.Call(method, args...)
	require.NoError(t, err, method)
	return v
}

// throws returns the IMError that a method throws.
func throws(t *testing.T, o safejs.Value, method string, args ...any) safejs.Value {
	t.Helper()
	_, err := o.Call(method, args...)
	require.Error(t, err, method)
	e := bridge.Thrown(err)
	require.Equal(t, "IMError", bridge.Object{Value: e}.Text("name"))
	return e
}

func stringify(t *testing.T, v safejs.Value) string {
	t.Helper()
	s, ok := bridge.Text(bridge.Call(bridge.Global("JSON"), "stringify", v))
	require.True(t, ok)
	return s
}

// errorsOf replaces console.error while f runs, and returns what was logged.
func errorsOf(t *testing.T, f func()) (seen []safejs.Value) {
	t.Helper()
	scope := &bridge.Scope{}
	defer scope.Release()
	console := bridge.Global("console")
	old := bridge.Get(console, "error")
	bridge.Set(console, "error", scope.Func(func(args []safejs.Value) any {
		seen = append(seen, bridge.Arg(args, 0))
		return nil
	}).Value())
	defer bridge.Set(console, "error", old)
	f()
	return seen
}

// create makes an instance and destroys it at the test's end, unless the test has
// done so. After the last one no function may be left.
func create(t *testing.T, options string) safejs.Value {
	t.Helper()
	o := call(t, the.tim, "create", bridge.Parse(options))
	require.True(t, bridge.IsObject(o))
	destroy := bridge.Get(o, "destroy")
	t.Cleanup(func() {
		gone, err := destroy.Invoke()
		require.NoError(t, err)
		require.Zero(t, await(t, gone).code)
		if len(the.instances) == 0 {
			require.Equal(t, baseline, bridge.Live(), "functions left behind")
		}
	})
	return o
}

// errors collects an instance's ERROR events.
func errors(t *testing.T, o safejs.Value) *[]int {
	t.Helper()
	var codes []int
	scope := &bridge.Scope{}
	call(t, o, "on", "error", scope.Func(func(args []safejs.Value) any {
		codes = append(codes, code(bridge.Get(bridge.Arg(args, 0), "data")))
		return nil
	}).Value())
	t.Cleanup(scope.Release)
	return &codes
}

const app = `{"SDKAppID":1400000000}`

func TestTIM(t *testing.T) {
	require.Equal(t, "sdkStateReady", bridge.Object{Value: bridge.Get(the.tim, "EVENT")}.Text("SDK_READY"))
	require.Equal(t, "loginStatusChange", bridge.Object{Value: bridge.Get(the.tim, "EVENT")}.Text("LOGIN_STATUS_CHANGE"))
	require.Equal(t, "TIMTextElem", bridge.Object{Value: bridge.Get(the.tim, "TYPES")}.Text("MSG_TEXT"))
	require.Equal(t, version, bridge.Object{Value: the.tim}.Text("VERSION"))
}

func TestCreateGivesTheSameUntilDestroy(t *testing.T) {
	a := create(t, app)
	require.True(t, a.Equal(call(t, the.tim, "create", bridge.Parse(`{"SDKAppID":"1400000000"}`))))
	require.True(t, a.Equal(call(t, the.tim, "create", bridge.Parse(`{"SDKAppID":1400000000,"name":"","other":1}`))))
	b := create(t, `{"SDKAppID":1400000000,"name":"second"}`)
	require.False(t, a.Equal(b))
	require.False(t, a.Equal(create(t, `{"SDKAppID":1400000001}`)))
	require.Zero(t, await(t, call(t, b, "destroy")).code)
	require.False(t, b.Equal(create(t, `{"SDKAppID":1400000000,"name":"second"}`)))
	require.True(t, a.Equal(call(t, the.tim, "create", bridge.Parse(app))))
}

func TestCreateWithBadOptions(t *testing.T) {
	tests := map[string]fault.Code{
		`null`:                 fault.NoSDKAppID,
		`{}`:                   fault.NoSDKAppID,
		`"1400000000"`:         fault.NoSDKAppID,
		`{"SDKAppID":"x1"}`:    fault.NoSDKAppID,
		`{"SDKAppID":""}`:      fault.NoSDKAppID,
		`{"SDKAppID":0}`:       fault.NoSDKAppID,
		`{"SDKAppID":-1}`:      fault.NoSDKAppID,
		`{"SDKAppID":1.5}`:     fault.NoSDKAppID,
		`{"SDKAppID":1e10}`:    fault.NoSDKAppID,
		`{"SDKAppID":null}`:    fault.NoSDKAppID,
		`{"SDKAppID":{"a":1}}`: fault.NoSDKAppID,
		`{"SDKAppID":1,"proxyServer":"example.com"}`: fault.InvalidOperation,
		`{"SDKAppID":1,"proxyServer":5}`:             fault.InvalidOperation,
		`{"SDKAppID":1,"proxyServer":"ftp://a"}`:     fault.InvalidOperation,
		`{"SDKAppID":1,"userSigProvider":"sig"}`:     fault.InvalidOperation,
	}
	for options, want := range tests {
		seen := errorsOf(t, func() {
			require.True(t, call(t, the.tim, "create", bridge.Parse(options)).IsNull(), options)
		})
		require.Len(t, seen, 1, options)
		require.EqualValues(t, want, code(seen[0]), options)
	}
	seen := errorsOf(t, func() { require.True(t, call(t, the.tim, "create").IsNull()) })
	require.Len(t, seen, 1)
}

func TestGatewayURL(t *testing.T) {
	tests := map[string]string{
		"http://127.0.0.1:8080":     "ws://127.0.0.1:8080/ws",
		"https://im.example.com/":   "wss://im.example.com/ws",
		"ws://im.example.com/im":    "ws://im.example.com/im",
		"WSS://im.example.com":      "wss://im.example.com/ws",
		"wss://h/a/b?x=1#f":         "wss://h/a/b?x=1",
		"ws://h?x=1":                "ws://h/ws?x=1",
		" ws://[::1]:80 ":           "ws://[::1]:80/ws",
		"im.example.com":            "",
		"ftp://h":                   "",
		"ws://":                     "",
		"ws:///ws":                  "",
		"ws://user@h":               "",
		"ws://a b":                  "",
		"ws://h:80/a b":             "",
		"javascript://h":            "",
		"null":                      "",
		"":                          "",
		"//h":                       "",
		"wss://im.example.com:443/": "wss://im.example.com:443/ws",
	}
	for given, want := range tests {
		got, f := gatewayURL(given)
		require.Equal(t, want, got, given)
		require.Equal(t, want == "", f != nil, given)
	}
	host, _ := bridge.Text(bridge.Get(bridge.Global("location"), "host"))
	require.Equal(t, "ws://"+host+"/ws", pageGateway())
}

func TestEveryMethodIsThereAndDetached(t *testing.T) {
	a := create(t, app)
	var names []string
	each(bridge.Parse(unbuiltJSON), func(v safejs.Value) {
		name, _ := bridge.Text(v)
		names = append(names, name)
	})
	for n := range methodCount() {
		m := methodAt(n)
		require.NotContains(t, names, m.name, "internal/gen/methods.json says whether it is built")
		names = append(names, m.name)
	}
	require.Len(t, names, 155, "the methods of internal/gen/methods.json")
	for _, name := range names {
		require.True(t, bridge.IsFunction(bridge.Get(a, name)), name)
		require.True(t, bridge.Get(a, name).Equal(bridge.Get(a, name)), name)
	}
	got, err := bridge.Get(a, "isReady").Invoke()
	require.NoError(t, err)
	ready, err := got.Bool()
	require.NoError(t, err)
	require.False(t, ready)
	_, err = bridge.Get(a, "setLogLevel").Invoke(1)
	require.NoError(t, err)
}

func TestBadLoginArgumentsReject(t *testing.T) {
	a := create(t, app)
	for options, want := range map[string]int{
		`null`:                            2002,
		`"alice"`:                         2002,
		`{}`:                              2002,
		`{"userID":7,"userSig":"x"}`:      2002,
		`{"userID":"","userSig":"x"}`:     2002,
		`{"userID":"é","userSig":"x"}`:    2002,
		`{"userID":"alice"}`:              2003,
		`{"userID":"alice","userSig":""}`: 2003,
		`{"userID":"alice","userSig":{}}`: 2003,
	} {
		require.Equal(t, want, await(t, call(t, a, "login", bridge.Parse(options))).code, options)
	}
	require.Equal(t, 2002, await(t, call(t, a, "login")).code)
}

func TestCallsBeforeReadyRejectAndEmitERROR(t *testing.T) {
	a := create(t, app)
	seen := errors(t, a)
	m := call(t, a, "createTextMessage", bridge.Parse(`{"to":"bob","conversationType":"C2C","payload":{"text":"x"}}`))
	got := await(t, call(t, a, "sendMessage", m))
	require.Equal(t, 2024, got.code)
	require.True(t, bridge.Get(bridge.Get(got.value, "data"), "message").Equal(m))
	require.Equal(t, "fail", bridge.Object{Value: m}.Text("status"))
	require.Equal(t, 2024, await(t, call(t, a, "renewUserSig", "x")).code)
	require.Equal(t, []int{2024, 2024}, *seen)
	require.Equal(t, 2024, await(t, call(t, a, "logout")).code)
	require.Len(t, *seen, 2, "logout is not gated")
}

func TestListenersWithBadArgumentsThrow(t *testing.T) {
	a := create(t, app)
	handler := bridge.Get(a, "isReady")
	for _, method := range []string{"on", "once", "off"} {
		require.Equal(t, 2905, code(throws(t, a, method)))
		require.Equal(t, 2905, code(throws(t, a, method, 1, handler)))
		require.Equal(t, 2905, code(throws(t, a, method, "", handler)))
		require.Equal(t, 2905, code(throws(t, a, method, "x", "no function")))
		require.True(t, call(t, a, method, "unknown", handler).IsUndefined())
	}
}

func TestDestroy(t *testing.T) {
	a := create(t, `{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1"}`)
	seen := 0
	scope := &bridge.Scope{}
	defer scope.Release()
	call(t, a, "on", "sdkDestroy", scope.Func(func([]safejs.Value) any { seen++; return nil }).Value())
	login := call(t, a, "login", bridge.Parse(`{"userID":"alice","userSig":"x"}`))
	require.Equal(t, 2025, await(t, call(t, a, "login", bridge.Parse(`{"userID":"alice","userSig":"x"}`))).code)
	require.Equal(t, "loggingIn", bridge.Object{Value: call(t, a, "getLoginStatus")}.Text("status"))
	require.Equal(t, `{"code":0,"data":{}}`, stringify(t, await(t, call(t, a, "destroy")).value))
	require.Equal(t, 2903, await(t, login).code)
	require.Equal(t, 1, seen)

	require.Equal(t, 2903, await(t, call(t, a, "login", bridge.Parse(`{"userID":"alice","userSig":"x"}`))).code)
	require.Equal(t, 2903, await(t, call(t, a, "logout")).code)
	require.Zero(t, await(t, call(t, a, "destroy")).code)
	require.Equal(t, 2903, code(throws(t, a, "createTextMessage", bridge.Parse(`{}`))))
	require.Equal(t, `[false,"",0,{"status":"loggedOut","reason":"destroyed"}]`, stringify(t, bridge.NewArray(
		call(t, a, "isReady"), call(t, a, "getLoginUser"), call(t, a, "getServerTime"), call(t, a, "getLoginStatus"))))
	call(t, a, "on", "x", bridge.Get(a, "isReady"))
	require.Empty(t, the.instances)
	require.Empty(t, the.keys)
}

func TestManyInstancesLeaveNothing(t *testing.T) {
	for range 20 {
		o := call(t, the.tim, "create", bridge.Parse(app))
		require.Greater(t, bridge.Live(), baseline)
		require.Zero(t, await(t, call(t, o, "destroy")).code)
		require.Equal(t, baseline, bridge.Live())
	}
}

func TestPanicInAnExport(t *testing.T) {
	old := methods
	defer func() { methods = old }()
	methods = append([]method(nil), methods...)
	for n, m := range methods {
		switch m.name {
		case "logout":
			methods[n].promise = func(*instance, []safejs.Value, *answer) { panic("boom") }
		case "getLoginUser":
			methods[n].sync = func(*instance, []safejs.Value) (any, *fault.Error) { return *(*any)(nil), nil }
		}
	}
	a := create(t, app)
	seen := errors(t, a)
	got := await(t, call(t, a, "logout"))
	require.Equal(t, 2903, got.code)
	require.Contains(t, bridge.Object{Value: got.value}.Text("message"), "boom")
	require.Equal(t, []int{2903}, *seen, "one ERROR")
	require.Equal(t, 2903, code(throws(t, a, "getLoginUser")))
	require.Equal(t, []int{2903, 2903}, *seen)
	require.Equal(t, 2002, await(t, call(t, a, "login")).code, "the runtime goes on")
}

func TestMessageShape(t *testing.T) {
	a := create(t, app)
	m := call(t, a, "createCustomMessage", bridge.Parse(
		`{"to":"bob","conversationType":"C2C","payload":{"data":"d","extension":"e"},"priority":"High","cloudCustomData":"c"}`))
	o := bridge.Object{Value: m}
	require.Equal(t, "C2Cbob", o.Text("conversationID"))
	require.Equal(t, "TIMCustomElem", o.Text("type"))
	require.Equal(t, "High", o.Text("priority"))
	require.Equal(t, "c", o.Text("cloudCustomData"))
	require.Equal(t, "unSend", o.Text("status"))
	require.Equal(t, "out", o.Text("flow"))
	require.Empty(t, o.Text("ID"), "it says who wrote it, which is not known before the login")
	require.Greater(t, o.Number("time"), int64(1_600_000_000))
	require.Less(t, o.Number("time"), int64(1e11), "in seconds")
	require.Equal(t, `{"data":"d","description":"","extension":"e"}`, stringify(t, bridge.Get(m, "payload")))

	for options, want := range map[string]int{
		`null`: 2905, `{}`: 2905,
		`{"to":"bob","conversationType":"C2C","payload":{}}`:            2905,
		`{"to":"bob","conversationType":"C2C","payload":{"text":5}}`:    2905,
		`{"to":"","conversationType":"C2C","payload":{"text":"x"}}`:     2905,
		`{"to":"bob","conversationType":"LIFT","payload":{"text":"x"}}`: 2905,
		`{"to":"bob","payload":{"text":"x"}}`:                           2905,
	} {
		require.Equal(t, want, code(throws(t, a, "createTextMessage", bridge.Parse(options))), options)
	}
}

// The session is checked before the arguments are.
func TestGateComesFirst(t *testing.T) {
	a := create(t, app)
	seen := errors(t, a)
	calls := 0
	for n := range methodCount() {
		m := methodAt(n)
		if m.sync != nil || m.name == "login" || m.name == "logout" || m.name == "destroy" {
			continue
		}
		calls++
		require.Equal(t, 2024, await(t, call(t, a, m.name)).code, m.name)
		require.Len(t, *seen, calls, m.name)
	}
	require.Equal(t, 2024, await(t, call(t, a, "sendMessage", bridge.Parse(`{}`))).code)
}

func TestConfigure(t *testing.T) {
	defer func() { the.defaults = bridge.NewObject() }()
	call(t, the.tim, "configure", bridge.Parse(`{"SDKAppID":1400000009,"name":"kit","proxyServer":"ws://127.0.0.1:1"}`))
	a := create(t, `{}`)
	require.True(t, a.Equal(create(t, `{"SDKAppID":1400000009}`)))
	require.False(t, a.Equal(create(t, `{"name":""}`)))
	require.True(t, call(t, a, "use", bridge.NewArray()).Equal(a))
}

// If the host has no randomness for a moment, as in a mini program, the login
// fails and the instance still works.
func TestRandomnessThatFails(t *testing.T) {
	crypto := bridge.Global("crypto")
	dry, err := bridge.Global("Function").New("throw new Error('dry')")
	require.NoError(t, err)
	bridge.Set(crypto, "getRandomValues", dry)
	a := create(t, `{"SDKAppID":1400000000,"name":"dry","proxyServer":"ws://127.0.0.1:1"}`)
	seen := errors(t, a)
	alice := bridge.Parse(`{"userID":"alice","userSig":"x"}`)
	got := await(t, call(t, a, "login", alice))
	require.NoError(t, crypto.Delete("getRandomValues"))
	require.Equal(t, 2903, got.code)
	require.Equal(t, []int{2903}, *seen, "one ERROR")
	login := call(t, a, "login", alice)
	require.Equal(t, "loggingIn", bridge.Object{Value: call(t, a, "getLoginStatus")}.Text("status"), "not 2025")
	require.Zero(t, await(t, call(t, a, "logout")).code)
	require.Equal(t, 3005, await(t, login).code)
}
