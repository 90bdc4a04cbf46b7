//go:build js && wasm

// Command wasm is tim.wasm: the login and session SDK of a web
// instant-messaging client, for wasm_exec.js of the Go that built it.
//
// A loader that has put a function __timLoader into the global scope gets
// {TIM, version} handed over and nothing is installed. Started by hand,
// globalThis.TIM and globalThis.tim exist as soon as go.run has returned
// control.
package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/wasm/bridge"
)

func main() {
	s := newSDK()
	if loader := bridge.Global("__timLoader"); bridge.IsFunction(loader) {
		given := bridge.Wrap("TIM", s.tim)
		bridge.Put(given, "version", bridge.String(version))
		if _, err := loader.Invoke(given); err != nil {
			bridge.Report(bridge.Thrown(err))
		}
	} else {
		scope := safejs.Global()
		bridge.Set(scope, "TIM", s.tim)
		// The app is known from the UserSig, so this one dials at its first login.
		bridge.Set(scope, "tim", s.instance(options{gateway: pageGateway()}).object)
	}
	select {} // the functions that JavaScript holds go on working
}
