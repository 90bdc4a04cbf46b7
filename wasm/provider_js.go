//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// question is the newest one to an app's userSigProvider. Older ones are over
// for the session, whatever becomes of their promises.
type question struct {
	number int
	done   func(userSig, failed string)
}

// provide asks the app's userSigProvider, which may answer at once, by a
// promise, by throwing, or never.
//
//	userSigProvider(userID: string, reason: 'login' | 'expiring' | 'expired'): Promise<string> | string
func (i *instance) provide(userID, reason string, done func(userSig, failed string)) {
	result, err := i.provider.Invoke(userID, reason)
	if err != nil {
		done("", messageOf(bridge.Thrown(err)))
		return
	}
	i.asked.number++
	i.asked.done = done
	answered := func(ok bool) safejs.Value {
		return bridge.Call(i.sdk.provided, "bind", safejs.Undefined(), bridge.Int(int(i.number)), bridge.Int(i.asked.number), bridge.Bool(ok))
	}
	bridge.Call(bridge.Call(bridge.Global("Promise"), "resolve", result), "then", answered(true), answered(false))
}

// onProvided is told how the promise of a userSigProvider has settled.
func (s *sdk) onProvided(args []safejs.Value) any {
	asked, _ := bridge.Number(bridge.Arg(args, 1))
	i := s.numbered(args)
	if i == nil || i.asked.number != int(asked) || i.asked.done == nil {
		return nil
	}
	done, value := i.asked.done, bridge.Arg(args, 3)
	i.asked.done = nil
	switch userSig, ok := bridge.Text(value); {
	case !bridge.Arg(args, 2).Equal(bridge.Bool(true)):
		done("", messageOf(value))
	case !ok:
		done("", "it gave something else than a string")
	default:
		done(userSig, "")
	}
	return nil
}

// messageOf says in words what was thrown.
func messageOf(thrown safejs.Value) string {
	if text := bridge.Message(thrown); text != "" {
		return text
	}
	text, _ := bridge.Text(bridge.Call(safejs.Global(), "String", thrown))
	return text
}
