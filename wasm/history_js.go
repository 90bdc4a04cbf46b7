//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// pageSize is how many messages getMessageList gives at once, as the original.
const pageSize = 15

// getMessageList pages backwards through a conversation: the newest messages
// first, the next older ones with the nextReqMessageID of the last call.
//
//	getMessageList(options: {conversationID: string, nextReqMessageID?: string, count?: number}): Promise<{code: 0, data: {messageList: Message[], nextReqMessageID: string, isCompleted: boolean}}>
func (i *instance) getMessageList(args []safejs.Value, a *answer) {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	id, next := o.Text("conversationID"), o.Text("nextReqMessageID")
	count := int(o.Number("count"))
	if count <= 0 || count > pageSize {
		count = pageSize
	}
	var before int64
	if next != "" {
		for _, p := range i.inbox.pages[id] {
			if p.id == next {
				before = p.before
			}
		}
		if before == 0 {
			before = bridge.Object{Value: i.inbox.message(id, next)}.Number("position")
		}
		if before == 0 {
			a.reject(badArgument("getMessageList", "nextReqMessageID is none that a call for this conversation has given: begin without one"))
			return
		}
	}
	a.gated = !i.client.Ready()
	i.page(a, id, before, count, nil)
}

// page collects a page: the gateway gives less at once than was asked for when
// the messages are large.
func (i *instance) page(a *answer, id string, before int64, count int, newer []safejs.Value) {
	in := i.inbox
	round := in.round
	i.client.Send(frame.MessageList, frame.Fields{
		{Key: "conversationID", Value: id}, {Key: "before", Value: before}, {Key: "count", Value: count - len(newer)},
	}, 0, func(result frame.Body, f *fault.Error) {
		if f == nil && round != in.round {
			f = fault.New(fault.LoggedOut)
		}
		if f != nil {
			a.done(nil, f)
			return
		}
		r := bridge.ValueOf(result)
		var list []safejs.Value
		in.each(r, "messages", func(m safejs.Value) { list = append(list, in.intern(m)) })
		list = append(list, newer...)
		complete, next := isTrue(bridge.Get(r, "isCompleted")), result.Number("next")
		if !complete && len(list) < count && next != 0 && next != before {
			i.page(a, id, next, count, list)
			return
		}
		data := bridge.Wrap("messageList", bridge.NewArray(list...))
		nextID := ""
		if !complete && len(list) > 0 {
			nextID = bridge.Object{Value: list[0]}.Text("ID")
			if ends := append(in.pages[id], pageEnd{nextID, next}); len(ends) > keptPages {
				in.pages[id] = ends[1:]
			} else {
				in.pages[id] = ends
			}
		}
		bridge.Put(data, "nextReqMessageID", bridge.String(nextID))
		bridge.Put(data, "isCompleted", bridge.Bool(complete))
		a.resolve(data)
	})
}

// findMessage gives the Message of an ID that the page holds, else null. Should
// there be several, it is the user's own, else the newest.
//
//	findMessage(messageID: string): Message | null
func (i *instance) findMessage(args []safejs.Value) (any, *fault.Error) {
	id, _ := bridge.Text(bridge.Arg(args, 0))
	if m := i.inbox.message("", id); bridge.IsObject(m) {
		return m, nil
	}
	return safejs.Null(), nil
}

// revokeMessage takes back a message that this user has sent.
//
//	revokeMessage(message: Message): Promise<{code: 0, data: {message: Message}}>
func (i *instance) revokeMessage(args []safejs.Value, a *answer) {
	m := bridge.Object{Value: bridge.Arg(args, 0)}
	position := i.inbox.positionOf(m)
	if position == 0 {
		a.reject(fault.New(fault.NotAMessage))
		return
	}
	i.send(a, frame.MessageRevoke, frame.Fields{
		{Key: "conversationID", Value: m.Text("conversationID")}, {Key: "position", Value: position},
	}, func(result safejs.Value) safejs.Value {
		return bridge.Wrap("message", i.inbox.assign(m.Value, bridge.Get(result, "message")))
	})
}

// positionOf gives the position of a message that was sent or received, else 0.
// A copy that the page has made before it was sent does not know it yet.
func (in *inbox) positionOf(m bridge.Object) int64 {
	if position := m.Number("position"); position != 0 || m.Text("ID") == "" {
		return position
	}
	held, _ := in.heldOf(m)
	return bridge.Object{Value: held}.Number("position")
}

// mostDeleted is how many messages one call deletes, as the original.
const mostDeleted = 30

// deleteMessage removes messages of one conversation from this user's view; of
// a longer list the first 30.
//
//	deleteMessage(messageList: Message[]): Promise<{code: 0, data: {messageList: Message[]}}>
func (i *instance) deleteMessage(args []safejs.Value, a *answer) {
	list := bridge.Arg(args, 0)
	if bridge.IsObject(list) && !isArray(list) {
		list = bridge.NewArray(list)
	}
	if isArray(list) {
		list = firstOf(a, "deleteMessage", list, mostDeleted)
	}
	var positions []safejs.Value
	conversationID, mixed := "", false
	each(list, func(v safejs.Value) {
		m := bridge.Object{Value: v}
		if position := i.inbox.positionOf(m); position != 0 {
			positions = append(positions, bridge.Int(int(position)))
		}
		id := m.Text("conversationID")
		mixed = mixed || conversationID != "" && id != conversationID
		conversationID = id
	})
	if len(positions) == 0 || mixed {
		a.reject(badArgument("deleteMessage", "pass an array of messages of one conversation that were sent or received"))
		return
	}
	i.send(a, frame.MessageDelete, frame.Fields{
		{Key: "conversationID", Value: conversationID},
		{Key: "positions", Value: frame.Body(bridge.Object{Value: bridge.NewArray(positions...)})},
	}, func(safejs.Value) safejs.Value {
		var deleted []safejs.Value
		each(list, func(m safejs.Value) { deleted = append(deleted, i.inbox.mark(m, "isDeleted", bridge.Bool(true))) })
		return bridge.Wrap("messageList", bridge.NewArray(deleted...))
	})
}
