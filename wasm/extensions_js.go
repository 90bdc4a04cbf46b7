//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// mostExtended is how many extensions one call sets or deletes, as in the original.
const mostExtended = 20

// setMessageExtensions sets extensions of a message. One whose code is 23001 was not
// set, because somebody else has changed it: its value is theirs.
//
//	setMessageExtensions(message: Message, extensions: {key: string, value: string}[]): Promise<{code: 0, data: {extensions: {code: number, key: string, value: string}[]}}>
func (i *instance) setMessageExtensions(args []safejs.Value, a *answer) {
	const method = "setMessageExtensions"
	var in mailbox.Extend
	if list := bridge.Arg(args, 1); isArray(list) {
		in.List = bridge.Object{Value: bridge.Wrap("list", firstOf(a, method, list, mostExtended))}.List("list")
	}
	if len(in.List) == 0 {
		a.reject(badArgument(method, "pass an array of {key, value}"))
		return
	}
	i.extend(a, args, in, nil)
}

// deleteMessageExtensions deletes extensions of a message, all of them without a
// keyList.
//
//	deleteMessageExtensions(message: Message, keyList?: string[]): Promise<{code: 0, data: {extensions: {code: number, key: string, value: string}[]}}>
func (i *instance) deleteMessageExtensions(args []safejs.Value, a *answer) {
	in, keys := mailbox.Extend{Remove: true}, bridge.Arg(args, 1)
	if isArray(keys) {
		for _, key := range textsOf(firstOf(a, "deleteMessageExtensions", keys, mostExtended)) {
			in.List = append(in.List, frame.Fields{{Key: "key", Value: key}})
		}
		if len(in.List) == 0 {
			a.resolve(bridge.Parse(`{"extensions":[]}`))
			return
		}
	}
	i.extend(a, args, in, nil)
}

// getMessageExtensions returns the extensions of a message, those of a keyList if
// there is one.
//
//	getMessageExtensions(message: Message, keyList?: string[]): Promise<{code: 0, data: {extensions: {key: string, value: string}[]}}>
func (i *instance) getMessageExtensions(args []safejs.Value, a *answer) {
	var only map[string]bool
	if keys := bridge.Arg(args, 1); isArray(keys) {
		only = map[string]bool{}
		for _, key := range textsOf(keys) {
			only[key] = true
		}
	}
	i.extend(a, args, mailbox.Extend{Read: true}, only)
}

// extend asks for what in says of the message that is the first argument, and
// resolves with the extensions that the gateway returns; only names those that are
// wanted, nil for all.
func (i *instance) extend(a *answer, args []safejs.Value, in mailbox.Extend, only map[string]bool) {
	m := bridge.Object{Value: bridge.Arg(args, 0)}
	position, ok := i.storedAt(a, m)
	if !ok {
		return
	}
	in.Conversation, in.Position = m.Text("conversationID"), position
	in.Call = i.call(a, func(s mailbox.Settle) safejs.Value {
		var list []safejs.Value
		each(bridge.Get(bridge.ValueOf(s.Result), "extensions"), func(x safejs.Value) {
			if only == nil || only[bridge.Object{Value: x}.Text("key")] {
				list = append(list, x)
			}
		})
		return bridge.Wrap("extensions", bridge.NewArray(list...))
	})
	i.post(in)
}
