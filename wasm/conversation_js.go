//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// call makes the Call of a mailbox input, which i.post passes on. When it
// settles, the promise resolves with what shape makes of the Settle.
func (i *instance) call(a *answer, shape func(s mailbox.Settle) safejs.Value) mailbox.Call {
	return i.client.Mail().Call(func(s mailbox.Settle) {
		if s.Err != nil {
			a.done(nil, s.Err)
			return
		}
		a.resolve(shape(s))
	})
}

func (i *instance) post(in mailbox.Input) { i.client.Mail().Post(in) }

func empty(mailbox.Settle) safejs.Value { return bridge.NewObject() }

// named makes the answer of a call about a conversation.
func named(id string) func(mailbox.Settle) safejs.Value {
	return func(mailbox.Settle) safejs.Value { return bridge.Wrap("conversationID", bridge.String(id)) }
}

// getConversationList returns all conversations, the named ones, or those that a
// filter selects.
//
//	getConversationList(options?: string[] | {type?: string, hasUnreadCount?: boolean, markType?: number, groupName?: string, …}): Promise<{code: 0, data: {conversationList: Conversation[], isSyncCompleted: true}}>
func (i *instance) getConversationList(args []safejs.Value, a *answer) {
	filter := conversationFilter(bridge.Arg(args, 0))
	filter.Call = i.call(a, func(s mailbox.Settle) safejs.Value {
		data := bridge.Wrap("conversationList", i.page.objectsOf(s.Conversations))
		bridge.Put(data, "isSyncCompleted", bridge.Bool(true))
		return data
	})
	i.post(filter)
}

func conversationFilter(v safejs.Value) (f mailbox.ListConversations) {
	if isArray(v) {
		f.IDs = textsOf(v)
		return f
	}
	o := bridge.Object{Value: v}
	f.Type, f.Unread, f.Mentions = o.Text("type"), o.Bool("hasUnreadCount"), o.Bool("hasGroupAtInfo")
	f.Mark, f.Group = o.Number("markType"), o.Text("groupName")
	return f
}

// getConversationProfile returns one conversation with the whole profile of its
// user. If there is none yet, it begins, and is in the list from now on.
//
//	getConversationProfile(conversationID: string): Promise<{code: 0, data: {conversation: Conversation}}>
func (i *instance) getConversationProfile(args []safejs.Value, a *answer) {
	id, _ := bridge.Text(bridge.Arg(args, 0))
	call := i.call(a, func(mailbox.Settle) safejs.Value { return bridge.Wrap("conversation", i.page.conversations[id]) })
	i.post(mailbox.OpenConversation{Call: call, Conversation: id})
}

// getTotalUnreadMessageCount sums the unread messages of all conversations.
//
//	getTotalUnreadMessageCount(): number
func (i *instance) getTotalUnreadMessageCount([]safejs.Value) (any, *fault.Error) {
	return float64(i.client.Mail().Total()), nil
}

// send calls the gateway and resolves with what shape makes of the result.
func (i *instance) send(a *answer, method string, params frame.Body, shape func(result safejs.Value) safejs.Value) {
	i.ask(a, method, params, func(result safejs.Value) { a.resolve(shape(result)) })
}

// ask calls the gateway and passes the result on.
func (i *instance) ask(a *answer, method string, params frame.Body, then func(result safejs.Value)) {
	i.client.Send(method, params, 0, func(result frame.Body, f *fault.Error) {
		if f != nil {
			a.done(nil, f)
			return
		}
		then(bridge.ValueOf(result))
	})
}

// setMessageRead marks a conversation as read, as far as its messages have come.
// The call may wait for a lost connection; what comes meanwhile stays unread.
//
//	setMessageRead(options: {conversationID: string}): Promise<{code: 0, data: {}}>
func (i *instance) setMessageRead(args []safejs.Value, a *answer) {
	id := bridge.Object{Value: bridge.Arg(args, 0)}.Text("conversationID")
	i.post(mailbox.MarkRead{Call: i.call(a, empty), Conversation: id})
}

// setAllMessageRead marks all conversations as read, or those of one type.
//
//	setAllMessageRead(options?: {scope?: string}): Promise<{code: 0, data: {}}>
func (i *instance) setAllMessageRead(args []safejs.Value, a *answer) {
	of := ""
	switch (bridge.Object{Value: bridge.Arg(args, 0)}).Text("scope") {
	case "readAllC2CMessage":
		of = convC2C
	case "readAllGroupMessage":
		of = convGroup
	}
	i.post(mailbox.MarkAllRead{Call: i.call(a, empty), Type: of})
}

func each(list safejs.Value, f func(v safejs.Value)) { bridge.Each(list, f) }

func isTrue(v safejs.Value) bool {
	b, err := v.Bool()
	return err == nil && b
}

func isArray(v safejs.Value) bool { return bridge.IsArray(v) }

// textsOf returns the elements of a list. What is not a string becomes "", which
// the gateway refuses.
func textsOf(list safejs.Value) []string {
	texts := []string{}
	each(list, func(v safejs.Value) {
		text, _ := bridge.Text(v)
		texts = append(texts, text)
	})
	return texts
}
