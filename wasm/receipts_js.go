//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// mostReceipts is how many messages one call names, as in the original.
const mostReceipts = 30

// sendMessageReadReceipt confirms to the senders of messages that this user has
// seen them. Messages that do not ask for that are left out.
//
//	sendMessageReadReceipt(messageList: Message[]): Promise<{code: 0, data: {}}>
func (i *instance) sendMessageReadReceipt(args []safejs.Value, a *answer) {
	_, params, f := i.askingForReceipts(a, "sendMessageReadReceipt", "in", args)
	switch {
	case f != nil:
		a.reject(f)
	case params == nil:
		a.reject(fault.New(fault.NoReceiptAsked))
	default:
		i.send(a, frame.MessageReceipt, params, func(safejs.Value) safejs.Value { return bridge.NewObject() })
	}
}

// getMessageReadReceiptList brings readReceiptInfo of this user's messages up to
// date, of those that ask for receipts.
//
//	getMessageReadReceiptList(messageList: Message[]): Promise<{code: 0, data: {messageList: Message[]}}>
func (i *instance) getMessageReadReceiptList(args []safejs.Value, a *answer) {
	list, params, f := i.askingForReceipts(a, "getMessageReadReceiptList", "out", args)
	switch {
	case f != nil:
		a.reject(f)
		return
	case params == nil:
		a.resolve(bridge.Wrap("messageList", list))
		return
	}
	i.send(a, frame.MessageReceipts, params, func(result safejs.Value) safejs.Value {
		given := map[int64]bridge.Object{}
		each(bridge.Get(result, "receipts"), func(v safejs.Value) {
			r := bridge.Object{Value: v}
			given[r.Number("position")] = r
		})
		_, group := groupOfConversation(params.Text("conversationID"))
		var now []safejs.Value
		each(list, func(m safejs.Value) {
			if o := (bridge.Object{Value: m}); asksForReceipt(o, "out") {
				r, ok := given[i.page.positionOf(o)]
				info := frame.Fields{{Key: "isPeerRead", Value: ok}, {Key: "timestamp", Value: r.Number("time")}}
				if group {
					info = frame.Fields{{Key: "readCount", Value: r.Number("readCount")}, {Key: "unreadCount", Value: r.Number("unreadCount")}}
				}
				m = i.page.markReceipts(m, bridge.ValueOf(info))
			}
			now = append(now, m)
		})
		return bridge.Wrap("messageList", bridge.NewArray(now...))
	})
}

// getGroupMessageReadMemberList returns who has read a message of this user's in a
// group, or with filter 1 who has not: with their profiles, as the full original does,
// and by their IDs alone, as lite-chat does.
//
//	getGroupMessageReadMemberList(options: {message: Message, filter?: 0 | 1, cursor?: string, count?: number}): Promise<{code: 0, data: {messageID: string, cursor: string, isCompleted: boolean, readUserInfoList: UserInfo[], unreadUserInfoList: UserInfo[], readUserIDList: string[], unreadUserIDList: string[]}}>
func (i *instance) getGroupMessageReadMemberList(args []safejs.Value, a *answer) {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	m := bridge.Object{Value: bridge.Get(o.Value, "message")}
	position, ok := i.storedAt(a, m)
	if !ok {
		return
	}
	unread := o.Number("filter") == 1
	i.send(a, frame.MessageReaders, frame.Fields{
		{Key: "conversationID", Value: m.Text("conversationID")}, {Key: "position", Value: position}, {Key: "unread", Value: unread},
		{Key: "cursor", Value: o.Text("cursor")}, {Key: "count", Value: o.Number("count")},
	}, func(result safejs.Value) safejs.Value {
		data := bridge.Parse(`{"readUserInfoList":[],"unreadUserInfoList":[],"readUserIDList":[],"unreadUserIDList":[]}`)
		which := "read"
		if unread {
			which = "unread"
		}
		users := bridge.Get(result, "users")
		ids := bridge.Get(data, which+"UserIDList")
		each(users, func(v safejs.Value) { _, _ = ids.Call("push", bridge.Get(v, "userID")) })
		bridge.Put(data, which+"UserInfoList", users)
		cursor := bridge.Object{Value: result}.Text("cursor")
		bridge.Put(data, "cursor", bridge.String(cursor))
		bridge.Put(data, "isCompleted", bridge.Bool(cursor == ""))
		bridge.Put(data, "messageID", bridge.String(m.Text("ID")))
		return data
	})
}

// askingForReceipts copies a list of messages of one conversation, and makes the
// params of a call about those of one flow that ask for receipts; nil for none.
func (i *instance) askingForReceipts(a *answer, method, flow string, args []safejs.Value) (list safejs.Value, params frame.Body, f *fault.Error) {
	list = bridge.Arg(args, 0)
	if !isArray(list) {
		return list, nil, badArgument(method, "pass an array of messages of one conversation")
	}
	list = firstOf(a, method, list, mostReceipts)
	positions, conversationID, ok := i.positionsIn(list, func(m bridge.Object) bool { return asksForReceipt(m, flow) })
	if !ok {
		return list, nil, badArgument(method, "pass messages of one conversation")
	}
	if len(positions) == 0 {
		return list, nil, nil
	}
	return list, positionsOf(conversationID, positions), nil
}

// positionsIn returns the positions of those messages of a list that were sent or
// received and that are wanted, and their conversation. ok is false if they are of
// several.
func (i *instance) positionsIn(list safejs.Value, wanted func(m bridge.Object) bool) (positions []safejs.Value, conversationID string, ok bool) {
	ok = true
	each(list, func(v safejs.Value) {
		m := bridge.Object{Value: v}
		position := i.page.positionOf(m)
		if position == 0 || !wanted(m) {
			return
		}
		positions = append(positions, bridge.Int(int(position)))
		id := m.Text("conversationID")
		ok = ok && (conversationID == "" || id == conversationID)
		conversationID = id
	})
	return positions, conversationID, ok
}

// positionsOf are the params of a call about messages of a conversation.
func positionsOf(conversationID string, positions []safejs.Value) frame.Body {
	return frame.Fields{
		{Key: "conversationID", Value: conversationID},
		{Key: "positions", Value: frame.Body(bridge.Object{Value: bridge.NewArray(positions...)})},
	}
}

func asksForReceipt(m bridge.Object, flow string) bool {
	return m.Text("flow") == flow && isTrue(bridge.Get(m.Value, "needReadReceipt"))
}

// confirm sets readReceiptInfo of a message that the page holds.
func (pg *page) confirm(d mailbox.Confirm) {
	m, _ := pg.live[d.Conversation].find(d.ID, func(held safejs.Value) bool {
		o := bridge.Object{Value: held}
		at := o.Number("position")
		return o.Text("flow") == "out" && (at == 0 || at == d.Position)
	})
	if bridge.IsObject(m) {
		pg.markReceipts(m, bridge.ValueOf(d.Info))
	}
}

const receiptInfo = "readReceiptInfo"

// markReceipts sets readReceiptInfo of a message, unless what it holds says more, and
// returns the message.
func (pg *page) markReceipts(m, info safejs.Value) safejs.Value {
	if confirmsLess(info, bridge.Get(m, receiptInfo)) {
		return m
	}
	return pg.mark(m, receiptInfo, info)
}

// confirmsLess reports whether what was known of a message's receipts says more than
// what has come now: receipts are never taken back, and come in any order.
func confirmsLess(now, known safejs.Value) bool {
	n, k := bridge.Object{Value: now}, bridge.Object{Value: known}
	return n.Number("readCount") < k.Number("readCount") || k.Bool("isPeerRead") && !n.Bool("isPeerRead")
}
