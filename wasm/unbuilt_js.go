//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// onUnbuilt answers a method of the original that is not built. A page must never
// run into "is not a function", and never get an answer that is not true. It needs no
// instance.
func (s *sdk) onUnbuilt(args []safejs.Value) any {
	n, _ := bridge.Number(bridge.Arg(args, 0))
	name, _ := bridge.Text(bridge.Index(s.names.unbuilt, int(n)))
	a := &answer{promise: bridge.NewPromise()}
	if name == "callExperimentalAPI" {
		return a.experimental(bridge.Arg(args, 2), bridge.Arg(args, 3))
	}
	a.reject(s.notBuilt(name))
	return a.promise.Value()
}

// notBuilt returns an error whose text is for users, because kits may show it.
// For developers it logs, once, what is not built.
func (s *sdk) notBuilt(what string) *fault.Error {
	if !s.told[what] {
		s.told[what] = true
		s.log(0, what+" is not built yet: MIGRATION.md of tim-wasm lists what is")
	}
	return fault.New(fault.NotBuiltYet)
}

// What isCommercialAbilityEnabled is asked about, and what is built of it. A kit
// hides what is not enabled.
const (
	readReceipts      = 1 << 5
	userStatuses      = 1 << 7
	conversationMarks = 1 << 9
	messageReactions  = 1 << 48
)

// experimental answers callExperimentalAPI. What the originals' UI kits ask for
// gets an answer with which they go on.
//
//	callExperimentalAPI(key: string, options?: any): any
func (a *answer) experimental(key, options safejs.Value) any {
	switch name, _ := bridge.Text(key); name {
	case "canIUseModule":
		return false
	case "isCommercialAbilityEnabled":
		n, _ := bridge.Number(options)
		enabled := n == readReceipts || n == userStatuses || n == conversationMarks || n == messageReactions
		a.resolve(bridge.Wrap("enabled", bridge.Bool(enabled)))
	case "getServerConfig":
		a.resolve(bridge.String(""))
	case "isFeatureEnabledForStat", "statTUIKeyFeatures", "reportTUIFeatureUsage", "setApplicationID":
		a.resolve(bridge.NewObject())
	default:
		a.reject(fault.With(fault.InvalidOperation, "callExperimentalAPI "+name))
	}
	return a.promise.Value()
}
