//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// deleteConversation removes conversations from the list, and their history with
// them unless clearHistoryMessage is false.
//
//	deleteConversation(options: string | {conversationIDList: string[], clearHistoryMessage?: boolean}): Promise<{code: 0, data: {conversationID: string}}>
func (i *instance) deleteConversation(args []safejs.Value, a *answer) {
	o := bridge.Arg(args, 0)
	list, history := bridge.Get(o, "conversationIDList"), true
	one, single := bridge.Text(o)
	ids, shape := []string{one}, named(one)
	if !single {
		if v, err := bridge.Get(o, "clearHistoryMessage").Bool(); err == nil {
			history = v
		}
		if !bridge.IsObject(list) {
			a.reject(badArgument("deleteConversation", "pass a conversationID, or an object with conversationIDList"))
			return
		}
		ids = textsOf(list)
		shape = func(mailbox.Settle) safejs.Value { return bridge.Wrap("conversationIDList", list) }
	}
	i.post(mailbox.DeleteConversations{Call: i.call(a, shape), IDs: ids, ClearHistory: history})
}

// pinConversation pins a conversation to the top of the list, or unpins it.
//
//	pinConversation(options: {conversationID: string, isPinned: boolean}): Promise<{code: 0, data: {conversationID: string}}>
func (i *instance) pinConversation(args []safejs.Value, a *answer) {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	id, pinned := o.Text("conversationID"), o.Bool("isPinned")
	i.post(mailbox.Pin{Call: i.call(a, named(id)), Conversation: id, Pinned: pinned})
}

// setConversationDraft keeps a draft with a conversation.
//
//	setConversationDraft(options: {conversationID: string, draftText: string}): Promise<{code: 0, data: {conversationID: string, conversation: Conversation}}>
func (i *instance) setConversationDraft(args []safejs.Value, a *answer) {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	id, draft := o.Text("conversationID"), o.Text("draftText")
	call := i.call(a, func(s mailbox.Settle) safejs.Value {
		data := named(id)(s)
		if len(s.Conversations) > 0 {
			bridge.Put(data, "conversation", i.page.conversations[id])
		}
		return data
	})
	i.post(mailbox.SetDraft{Call: call, Conversation: id, Text: draft})
}

// setAllReceiveMessageOpt sets how the user wants to hear of messages from a time of
// this day on, by the page's clock and time zone, for so many seconds; with isRepeated
// every day. The page acts on it.
//
//	setAllReceiveMessageOpt(options?: {messageRemindType?: string, startHour?: number, startMinute?: number, startSecond?: number, duration?: number, isRepeated?: boolean}): Promise<{code: 0, data: {}}>
func (i *instance) setAllReceiveMessageOpt(args []safejs.Value, a *answer) {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	remind, repeated := o.Text("messageRemindType"), !o.Has("isRepeated") || o.Bool("isRepeated")
	if remind == "" {
		remind = "AcceptNotNotify"
	}
	const day = 24 * 60 * 60
	hour, minute, second, duration := o.Number("startHour"), o.Number("startMinute"), o.Number("startSecond"), o.Number("duration")
	if uint64(hour) > 23 || uint64(minute) > 59 || uint64(second) > 59 || duration < 0 {
		a.reject(badArgument("setAllReceiveMessageOpt", "startHour is 0 to 23, startMinute and startSecond are 0 to 59, duration is a number of seconds"))
		return
	}
	if repeated && duration > day {
		duration = day
	}
	today, _ := bridge.Global("Date").New()
	bridge.Call(today, "setHours", bridge.Int(int(hour)), bridge.Int(int(minute)), bridge.Int(int(second)), bridge.Int(0))
	ms, _ := bridge.Number(bridge.Call(today, "getTime"))
	start := int64(ms) / 1000
	i.send(a, frame.RemindAllSet, frame.Fields{
		{Key: "messageRemindType", Value: remind}, {Key: "startTime", Value: start}, {Key: "endTime", Value: start + duration}, {Key: "isRepeated", Value: repeated},
	}, func(safejs.Value) safejs.Value { return bridge.NewObject() })
}

// clearHistoryMessage removes a conversation's history from this user's view.
//
//	clearHistoryMessage(conversationID: string): Promise<{code: 0, data: {conversationID: string}}>
func (i *instance) clearHistoryMessage(args []safejs.Value, a *answer) {
	id, _ := bridge.Text(bridge.Arg(args, 0))
	i.post(mailbox.ClearHistory{Call: i.call(a, named(id)), Conversation: id})
}

// setConversationCustomData keeps the app's own data with conversations.
//
//	setConversationCustomData(options: {conversationIDList: string[], customData: string}): Promise<{code: 0, data: {successConversationIDList: string[], failureConversationIDList: {conversationID: string, code: number}[]}}>
func (i *instance) setConversationCustomData(args []safejs.Value, a *answer) {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	list, custom := bridge.Get(o.Value, "conversationIDList"), o.Text("customData")
	if !bridge.IsObject(list) {
		a.reject(badArgument("setConversationCustomData", "conversationIDList must be an array"))
		return
	}
	ids := textsOf(list)
	call := i.call(a, func(s mailbox.Settle) safejs.Value {
		var done []safejs.Value
		failed := bridge.NewArray()
		refused := map[string]bool{}
		if s.Result != nil {
			failed = i.page.datum(ofList, bridge.Get(bridge.ValueOf(s.Result), "failures"))
		}
		each(failed, func(v safejs.Value) { refused[bridge.Object{Value: v}.Text("conversationID")] = true })
		for _, id := range ids {
			if !refused[id] {
				done = append(done, bridge.String(id))
			}
		}
		data := bridge.Wrap("successConversationIDList", bridge.NewArray(done...))
		bridge.Put(data, "failureConversationIDList", failed)
		return data
	})
	i.post(mailbox.SetCustomData{Call: call, IDs: ids, Data: custom})
}
