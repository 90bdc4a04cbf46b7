//go:build js && wasm

// Command double is a small program that hands itself to the loader as
// tim.wasm does, and can be told to fail in ways that tim.wasm does not. It is
// for tests of loading only. Like tim.wasm it does without package os.
package main

import (
	"runtime/metrics"
	"strings"
	"syscall/js"
)

// Set with -ldflags -X.
var version, fail string

func main() {
	if fail == "exit" {
		return
	}
	if fail == "silent" {
		select {}
	}
	TIM := map[string]any{"create": js.FuncOf(func(_ js.Value, args []js.Value) any { return instance(args[0]) })}
	js.Global().Call("__timLoader", map[string]any{"TIM": TIM, "version": version})
	select {}
}

func instance(options js.Value) any {
	if server := options.Get("proxyServer"); server.Type() == js.TypeString && strings.HasPrefix(server.String(), "ftp:") {
		return nil
	}
	heard := map[string]js.Value{}
	said := js.Global().Get("Array").New()
	resolve := func(v any) any { return js.Global().Get("Promise").Call("resolve", v) }
	note := func(name string) js.Func {
		return js.FuncOf(func(_ js.Value, args []js.Value) any {
			said.Call("push", name)
			return nil
		})
	}
	emit := func(name string, data any) {
		if f, ok := heard[name]; ok {
			f.Invoke(map[string]any{"name": name, "data": data})
		}
	}
	status := "loggedOut"
	box := map[string]any{"value": js.Null()}
	boxed := js.ValueOf(box)
	return map[string]any{
		"on": js.FuncOf(func(_ js.Value, args []js.Value) any {
			heard[args[0].String()] = args[1]
			return nil
		}),
		"setLogLevel": note("setLogLevel"),
		// of nobody is refused without an event, as tim.wasm does
		"login": js.FuncOf(func(_ js.Value, args []js.Value) any {
			if args[0].Get("userID").Equal(js.ValueOf("")) {
				return js.Global().Get("Promise").Call("reject", map[string]any{"code": 2002})
			}
			said.Call("push", "login "+args[0].Get("userID").String())
			status = "ready"
			emit("sdkStateReady", nil)
			emit("loginStatusChange", map[string]any{"status": status, "reason": ""})
			return resolve(map[string]any{"code": 0})
		}),
		"logout": js.FuncOf(func(js.Value, []js.Value) any { said.Call("push", "logout"); return resolve(said) }),
		// the percentage that the loader has chosen
		"getServerTime": js.FuncOf(func(js.Value, []js.Value) any {
			percent := []metrics.Sample{{Name: "/gc/gogc:percent"}}
			metrics.Read(percent)
			return int(percent[0].Value.Uint64())
		}),
		"getLoginStatus": js.FuncOf(func(js.Value, []js.Value) any {
			return map[string]any{"status": status, "reason": ""}
		}),
		"isReady":      js.FuncOf(func(js.Value, []js.Value) any { return true }),
		"getLoginUser": js.FuncOf(func(js.Value, []js.Value) any { return options.Get("proxyServer") }),
		"createTextMessage": js.Global().Call("__timGuard", js.FuncOf(func(_ js.Value, args []js.Value) any {
			if args[0].Type() != js.TypeObject {
				boxed.Set("value", js.Global().Get("Error").New("guarded"))
				return nil
			}
			return "message"
		}), boxed),
		"destroy": js.FuncOf(func(js.Value, []js.Value) any { emit("sdkDestroy", nil); return resolve(nil) }),
		// never answers, then panics in a later task
		"sendMessage": js.FuncOf(func(js.Value, []js.Value) any {
			js.Global().Call("setTimeout", js.FuncOf(func(js.Value, []js.Value) any { panic("told to") }), 0)
			return js.Global().Get("Promise").New(js.FuncOf(func(js.Value, []js.Value) any { return nil }))
		}),
	}
}
