//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// What the methods of the original answer that are not built yet. A page must
// never meet "is not a function", and never an answer that is not true.
var (
	// Lists of things that do not exist here are empty, in the original's shape.
	emptyLists = map[string]string{
		"getGroupList":             `{"groupList":[]}`,
		"getJoinedCommunityList":   `{"groupList":[]}`,
		"getTopicList":             `{"successTopicList":[],"failureTopicList":[]}`,
		"getGroupApplicationList":  `{"applicationList":[]}`,
		"getFriendList":            `[]`,
		"getFriendGroupList":       `[]`,
		"getFriendApplicationList": `{"friendApplicationList":[],"unreadCount":0}`,
	}
	// Methods that give a value at once.
	unbuiltValues = map[string]any{
		"getSignalingInfo":        safejs.Null(),
		"addSignalingListener":    safejs.Undefined(),
		"removeSignalingListener": safejs.Undefined(),
	}
)

// unbuiltMethods makes an object of those methods of the original that are not
// built. They know no instance, so all instances share them.
func (s *sdk) unbuiltMethods() safejs.Value {
	o := bridge.NewObject()
	entry := s.guard.Guarded(bridge.Static(s.onUnbuilt, s.failedSync))
	each(bridge.Parse(unbuiltJSON), func(v safejs.Value) {
		name, _ := bridge.Text(v)
		bridge.Put(o, name, bridge.Call(entry, "bind", safejs.Undefined(), v))
	})
	return o
}

func (s *sdk) onUnbuilt(args []safejs.Value) any {
	name, _ := bridge.Text(bridge.Arg(args, 0))
	if v, ok := unbuiltValues[name]; ok {
		return v
	}
	if isCreate(name) {
		s.throw(notBuilt(name))
		return nil
	}
	a := &answer{promise: bridge.NewPromise()}
	switch list := emptyLists[name]; {
	case name == "callExperimentalAPI":
		return a.experimental(bridge.Arg(args, 1))
	case list != "":
		a.resolve(bridge.Parse(list))
	default:
		a.reject(notBuilt(name))
	}
	return a.promise.Value()
}

// isCreate tells the synchronous create…Message from createGroup and its like.
func isCreate(name string) bool {
	n := len(name)
	return n > 13 && name[:6] == "create" && name[n-7:] == "Message"
}

func notBuilt(name string) *fault.Error { return fault.With(fault.NotBuiltYet, name) }

// experimental answers callExperimentalAPI: what the originals' UI kits ask
// for gets an answer that lets them go on.
//
//	callExperimentalAPI(key: string, options?: any): any
func (a *answer) experimental(key safejs.Value) any {
	switch name, _ := bridge.Text(key); name {
	case "canIUseModule":
		return false
	case "isCommercialAbilityEnabled":
		a.resolve(bridge.Parse(`{"enabled":false}`))
	case "isFeatureEnabledForStat", "statTUIKeyFeatures":
		a.resolve(bridge.NewObject())
	default:
		a.reject(fault.With(fault.InvalidOperation, "callExperimentalAPI "+name))
	}
	return a.promise.Value()
}
