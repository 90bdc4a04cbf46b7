//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

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
