//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// pinGroupMessage pins a message of a group for all its members, or unpins it.
//
//	pinGroupMessage(options: {groupID: string, message: Message, isPinned: boolean}): Promise<{code: 0, data: {}}>
func (i *instance) pinGroupMessage(args []safejs.Value, a *answer) {
	id, ok := groupOf(a, "pinGroupMessage", args)
	if !ok {
		return
	}
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	position, ok := i.storedAt(a, bridge.Object{Value: bridge.Get(o.Value, "message")})
	if !ok {
		return
	}
	i.send(a, frame.MessagePin, frame.Fields{
		{Key: "conversationID", Value: convGroup + id}, {Key: "position", Value: position}, {Key: "isPinned", Value: o.Bool("isPinned")},
	}, func(safejs.Value) safejs.Value { return bridge.NewObject() })
}

// getPinnedGroupMessageList resolves with the pinned messages of a group, the newest
// message first.
//
//	getPinnedGroupMessageList(groupID: string): Promise<{code: 0, data: {messageList: Message[]}}>
func (i *instance) getPinnedGroupMessageList(args []safejs.Value, a *answer) {
	id, _ := bridge.Text(bridge.Arg(args, 0))
	if id == "" {
		a.reject(badArgument("getPinnedGroupMessageList", "pass the groupID, a string that is not empty"))
		return
	}
	i.pinnedBefore(a, convGroup+id, 0, nil)
}

// pinnedBefore asks for the pinned messages before a position, of which got are newer.
func (i *instance) pinnedBefore(a *answer, conversationID string, before int64, got []safejs.Value) {
	i.ask(a, frame.MessagePinned, frame.Fields{{Key: "conversationID", Value: conversationID}, {Key: "before", Value: before}}, func(result safejs.Value) {
		each(bridge.Get(result, "messages"), func(m safejs.Value) { got = append(got, i.page.intern(i.personalResult(m))) })
		if next := (bridge.Object{Value: result}).Number("next"); next != 0 && (before == 0 || next < before) {
			i.pinnedBefore(a, conversationID, next, got)
			return
		}
		a.resolve(bridge.Wrap("messageList", bridge.NewArray(got...)))
	})
}

func (pg *page) emitPins(e mailbox.EmitPins) {
	for n, m := range pg.take(mailbox.PilePinned) {
		data := bridge.ValueOf(e.Pins[n])
		bridge.Put(data, "message", m)
		pg.i.emitter.Emit(frame.EventPinnedGroupMessageUpdated, data)
	}
}
