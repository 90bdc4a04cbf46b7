//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// pageSize is how many messages getMessageList returns at most, as the original
// does.
const pageSize = 15

// getMessageList pages backwards through a conversation: the newest messages
// first, the next older ones with the nextReqMessageID of the last call.
//
//	getMessageList(options: {conversationID: string, nextReqMessageID?: string, count?: number}): Promise<{code: 0, data: {messageList: Message[], nextReqMessageID: string, isCompleted: boolean}}>
func (i *instance) getMessageList(args []safejs.Value, a *answer) {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	id, next := o.Text("conversationID"), o.Text("nextReqMessageID")
	in := mailbox.ReadHistory{Conversation: id, Next: next, Count: o.Number("count")}
	if in.Count <= 0 || in.Count > pageSize {
		in.Count = pageSize
	}
	if next != "" {
		in.Given = bridge.Object{Value: i.page.message(id, next)}.Number("position")
	}
	in.Call = i.call(a, func(s mailbox.Settle) safejs.Value {
		data := bridge.Wrap("messageList", bridge.NewArray(i.page.take(mailbox.Pile(s.Call))...))
		bridge.Put(data, "nextReqMessageID", bridge.String(s.Next))
		bridge.Put(data, "isCompleted", bridge.Bool(s.Complete))
		return data
	})
	i.post(in)
}

// getMessageListHopping reads a page from anywhere in a conversation: from a sequence
// in a group, from a time between two users. Direction 0 is back from there, 1 on. The
// message that stands there is in the page.
//
//	getMessageListHopping(options: {conversationID: string, sequence?: number, time?: number, direction?: 0 | 1, count?: number}): Promise<{code: 0, data: {messageList: Message[], isCompleted: boolean, nextMessageSeq?: number | '', nextMessageTime?: number | ''}}>
func (i *instance) getMessageListHopping(args []safejs.Value, a *answer) {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	h := &hop{i: i, a: a, conversation: o.Text("conversationID"), place: "time", next: "nextMessageTime", count: o.Number("count")}
	if _, ok := groupOfConversation(h.conversation); ok {
		h.place, h.next = "sequence", "nextMessageSeq"
	}
	if h.count <= 0 || h.count > pageSize {
		h.count = pageSize
	}
	v := bridge.Get(o.Value, h.place)
	at, ok := bridge.Number(v)
	direction := o.Number("direction")
	if direction != 0 && direction != 1 || !ok && !v.IsUndefined() {
		a.reject(badArgument("getMessageListHopping", h.place+" must be a number, and direction 0, for older messages, or 1"))
		return
	}
	h.newer = direction == 1
	h.ask(at, 0)
}

// hop is one call of getMessageListHopping, for which the gateway is called until the
// page is full.
type hop struct {
	i            *instance
	a            *answer
	conversation string
	place, next  string // what the wire and the result call the place
	newer        bool
	count        int64
	got          []safejs.Value // oldest first
}

// ask reads on from a place; the search for it has come to from.
func (h *hop) ask(at float64, from int64) {
	h.i.ask(h.a, frame.MessageHop, frame.Fields{
		{Key: "conversationID", Value: h.conversation}, {Key: h.place, Value: at}, {Key: "newer", Value: h.newer},
		{Key: "count", Value: h.count - int64(len(h.got))}, {Key: "from", Value: from},
	}, func(result safejs.Value) {
		var page []safejs.Value
		each(bridge.Get(result, "messages"), func(m safejs.Value) { page = append(page, h.i.page.intern(h.i.personalResult(m))) })
		if h.newer {
			h.got = append(h.got, page...)
		} else {
			h.got = append(page, h.got...)
		}
		completed, end := isTrue(bridge.Get(result, "isCompleted")), bridge.String("")
		if !completed {
			end = bridge.Get(result, "next")
		}
		next, more := bridge.Number(end)
		switch before := (bridge.Object{Value: result}).Number("from"); {
		case before != 0 && (from == 0 || before < from):
			h.ask(at, before)
		case more && next != at && int64(len(h.got)) < h.count:
			h.ask(next, 0)
		default:
			data := bridge.Wrap("messageList", bridge.NewArray(h.got...))
			bridge.Put(data, "isCompleted", bridge.Bool(completed))
			bridge.Put(data, h.next, end)
			h.a.resolve(data)
		}
	})
}

// findMessage returns the Message with an ID that the page holds, or null. If
// several have the ID, it prefers the user's own, then the newest.
//
//	findMessage(messageID: string): Message | null
func (i *instance) findMessage(args []safejs.Value) (any, *fault.Error) {
	id, _ := bridge.Text(bridge.Arg(args, 0))
	if m := i.page.message("", id); bridge.IsObject(m) {
		return m, nil
	}
	return safejs.Null(), nil
}

// revokeMessage takes back a message that this user has sent.
//
//	revokeMessage(message: Message): Promise<{code: 0, data: {message: Message}}>
func (i *instance) revokeMessage(args []safejs.Value, a *answer) {
	m := bridge.Object{Value: bridge.Arg(args, 0)}
	position, ok := i.storedAt(a, m)
	if !ok {
		return
	}
	i.send(a, frame.MessageRevoke, frame.Fields{
		{Key: "conversationID", Value: m.Text("conversationID")}, {Key: "position", Value: position},
	}, func(result safejs.Value) safejs.Value {
		return bridge.Wrap("message", i.page.assign(m.Value, bridge.Get(result, "message")))
	})
}

// positionOf returns the position of a message that was sent or received, or 0.
// A copy that the page made before the message was sent has none, so the object
// that is held is looked up.
func (pg *page) positionOf(m bridge.Object) int64 {
	if position := m.Number("position"); position != 0 || m.Text("ID") == "" {
		return position
	}
	held, _ := pg.heldOf(m)
	return bridge.Object{Value: held}.Number("position")
}

// storedAt is positionOf for a call about one message, which it rejects if there is
// none.
func (i *instance) storedAt(a *answer, m bridge.Object) (position int64, ok bool) {
	position = i.page.positionOf(m)
	if position == 0 {
		a.reject(fault.New(fault.NotAMessage))
	}
	return position, position != 0
}

// mostDeleted is how many messages one call deletes, as in the original.
const mostDeleted = 30

// deleteMessage removes messages of one conversation from this user's view, the
// first 30 if the list is longer.
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
		if position := i.page.positionOf(m); position != 0 {
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
		each(list, func(m safejs.Value) { deleted = append(deleted, i.page.mark(m, "isDeleted", bridge.Bool(true))) })
		return bridge.Wrap("messageList", bridge.NewArray(deleted...))
	})
}
