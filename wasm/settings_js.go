//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// open begins a conversation, as pages do that look somebody up to write to
// him. The gateway keeps none without a message; so until the first one this is
// the instance's own, with what the page sets of it.
func (in *inbox) open(a *answer, id string) {
	if len(id) <= len(convC2C) || id[:len(convC2C)] != convC2C {
		a.reject(fault.With(fault.NoConversation, id))
		return
	}
	in.profile(id, func(p safejs.Value, f *fault.Error) {
		if f == nil && !bridge.IsObject(p) {
			f = fault.With(fault.NoConversation, id)
		}
		if f != nil {
			a.reject(f)
			return
		}
		c := in.find(id)
		if c == nil { // and none has begun meanwhile
			in.opened++
			c = newConversation(id)
			c.local, c.opened, c.whole = true, in.opened, true
			for _, d := range in.list {
				c.last = max(c.last, d.last) // the newest one
			}
			bridge.Put(c.object, "userProfile", p)
			in.list = append(in.list, c)
			in.ordered = safejs.Undefined()
			in.arrange()
			in.flush()
		} else {
			in.knows(c, p)
		}
		a.resolve(bridge.Wrap("conversation", c.object))
	})
}

// settings of a conversation, and the calls that set them.
var settings = []struct{ key, method string }{
	{"isPinned", frame.ConversationPin}, {"draftText", frame.ConversationDraft}, {"customData", frame.ConversationCustom},
}

// settle: the gateway tells of a conversation that began here. What the page
// has set of it stays; with the first message the gateway is told that.
func (in *inbox) settle(c *conversation, v safejs.Value) {
	c.local = !bridge.IsObject(bridge.Field(v, "lastMessage"))
	named := frame.Fields{ // each call reads the one that it takes
		{Key: "conversationID", Value: c.id},
		{Key: "conversationIDs", Value: frame.Body(bridge.Object{Value: bridge.NewArray(bridge.String(c.id))})},
	}
	for _, s := range settings {
		kept := bridge.Get(c.object, s.key)
		text, _ := bridge.Text(kept)
		field := frame.Field{Key: s.key, Value: text}
		switch {
		case isTrue(kept):
			field.Value = true
		case text == "":
			continue
		}
		bridge.Put(v, s.key, kept)
		if c.local {
			continue
		}
		if c.owed == nil {
			c.owed = map[string]safejs.Value{}
		}
		c.owed[s.key] = kept
		in.i.client.Send(s.method, append(named[:2:2], field), 0, func(_ frame.Body, f *fault.Error) {
			delete(c.owed, s.key)
			if f != nil {
				in.i.sdk.log(2, s.method+" of "+c.id+": "+f.Message)
			}
		})
	}
}

// begunHere finds a conversation that began here, for a call about it: not once the
// session ends, for that refuses all calls.
func (in *inbox) begunHere(id string) *conversation {
	if c := in.find(id); c != nil && c.local && in.i.client.Ready() {
		return c
	}
	return nil
}

// set changes a conversation that began here; false when it did not.
func (in *inbox) set(id, key string, to safejs.Value) bool {
	c := in.begunHere(id)
	if c == nil {
		return false
	}
	in.write(c, key, to)
	c.pinned = isTrue(bridge.Get(c.object, "isPinned"))
	in.arrange()
	in.flush()
	return true
}

// write sets a field of a conversation.
func (in *inbox) write(c *conversation, key string, to safejs.Value) {
	if !bridge.Set(c.object, key, to) && frozen(c.object) {
		c.object, _ = merge(c.object, bridge.Wrap(key, to))
		in.ordered = safejs.Undefined()
	}
}

// writeTo sets fields of an object that a conversation has.
func (in *inbox) writeTo(c *conversation, key string, fields safejs.Value) {
	if now, copied := merge(bridge.Get(c.object, key), fields); copied {
		in.write(c, key, now)
	}
}

// known parts the IDs of a list into those of conversations that the gateway
// knows, or may know, and of those that began here.
func (in *inbox) known(ids safejs.Value) (known, begun []safejs.Value) {
	each(ids, func(v safejs.Value) {
		id, _ := bridge.Text(v)
		if in.begunHere(id) != nil {
			begun = append(begun, v)
			return
		}
		known = append(known, v)
	})
	return known, begun
}

// conversationCall makes a call about the conversation that an argument names
// and resolves with its ID.
func (i *instance) conversationCall(a *answer, method string, conversationID safejs.Value, more ...frame.Field) {
	id, _ := bridge.Text(conversationID)
	i.send(a, method, append(frame.Fields{{Key: "conversationID", Value: id}}, more...), func(safejs.Value) safejs.Value {
		return i.inbox.named(id)
	})
}

// named is the answer of a call about a conversation.
func (in *inbox) named(id string) safejs.Value {
	return bridge.Wrap("conversationID", bridge.String(id))
}

// conversationsCall makes a call about several conversations; begun is told of
// each that began here, once the gateway has done its part. It resolves with
// what shape gives.
func (i *instance) conversationsCall(a *answer, method string, ids safejs.Value, more frame.Field, begun func(id string), shape func() safejs.Value) {
	known, here := i.inbox.known(ids)
	end := func(safejs.Value) safejs.Value {
		for _, v := range here {
			id, _ := bridge.Text(v)
			begun(id)
		}
		return shape()
	}
	if len(known) == 0 && len(here) > 0 {
		a.resolve(end(safejs.Undefined()))
		return
	}
	i.send(a, method, frame.Fields{
		{Key: "conversationIDs", Value: frame.Body(bridge.Object{Value: bridge.NewArray(known...)})}, more,
	}, end)
}

// deleteConversation removes conversations from the list, and with them what
// they hold, unless clearHistoryMessage is false.
//
//	deleteConversation(options: string | {conversationIDList: string[], clearHistoryMessage?: boolean}): Promise<{code: 0, data: {conversationID: string}}>
func (i *instance) deleteConversation(args []safejs.Value, a *answer) {
	o := bridge.Arg(args, 0)
	ids, history := bridge.Get(o, "conversationIDList"), true
	one, single := bridge.Text(o)
	if single {
		ids = bridge.NewArray(o)
	} else if v, err := bridge.Get(o, "clearHistoryMessage").Bool(); err == nil {
		history = v
	}
	if !bridge.IsObject(ids) {
		a.reject(badArgument("deleteConversation", "pass a conversationID, or an object with conversationIDList"))
		return
	}
	i.conversationsCall(a, frame.ConversationDelete, ids, frame.Field{Key: "clearHistory", Value: history}, func(id string) {
		i.inbox.remove(id)
		i.inbox.flush()
	}, func() safejs.Value {
		if single {
			return i.inbox.named(one)
		}
		return bridge.Wrap("conversationIDList", ids)
	})
}

// pinConversation puts a conversation on top of the list, or back.
//
//	pinConversation(options: {conversationID: string, isPinned: boolean}): Promise<{code: 0, data: {conversationID: string}}>
func (i *instance) pinConversation(args []safejs.Value, a *answer) {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	id, pinned := o.Text("conversationID"), isTrue(bridge.Get(o.Value, "isPinned"))
	if i.inbox.set(id, "isPinned", bridge.Bool(pinned)) {
		a.resolve(i.inbox.named(id))
		return
	}
	i.conversationCall(a, frame.ConversationPin, bridge.String(id), frame.Field{Key: "isPinned", Value: pinned})
}

// setConversationDraft keeps a draft with a conversation.
//
//	setConversationDraft(options: {conversationID: string, draftText: string}): Promise<{code: 0, data: {conversationID: string, conversation: Conversation}}>
func (i *instance) setConversationDraft(args []safejs.Value, a *answer) {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	id, draft := o.Text("conversationID"), o.Text("draftText")
	shape := func(safejs.Value) safejs.Value {
		data := i.inbox.named(id)
		if c := i.inbox.find(id); c != nil {
			bridge.Put(data, "conversation", c.object)
		}
		return data
	}
	if i.inbox.set(id, "draftText", bridge.String(draft)) {
		a.resolve(shape(safejs.Undefined()))
		return
	}
	i.send(a, frame.ConversationDraft, frame.Fields{{Key: "conversationID", Value: id}, {Key: "draftText", Value: draft}}, shape)
}

// clearHistoryMessage removes what a conversation holds, for this user.
//
//	clearHistoryMessage(conversationID: string): Promise<{code: 0, data: {conversationID: string}}>
func (i *instance) clearHistoryMessage(args []safejs.Value, a *answer) {
	id, _ := bridge.Text(bridge.Arg(args, 0))
	if i.inbox.begunHere(id) != nil { // it holds nothing
		a.resolve(i.inbox.named(id))
		return
	}
	i.conversationCall(a, frame.ConversationClear, bridge.String(id))
}

// setConversationCustomData keeps the app's own data with conversations.
//
//	setConversationCustomData(options: {conversationIDList: string[], customData: string}): Promise<{code: 0, data: {successConversationIDList: string[], failureConversationIDList: []}}>
func (i *instance) setConversationCustomData(args []safejs.Value, a *answer) {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	ids, custom := bridge.Get(o.Value, "conversationIDList"), o.Text("customData")
	if !bridge.IsObject(ids) {
		a.reject(badArgument("setConversationCustomData", "conversationIDList must be an array"))
		return
	}
	i.conversationsCall(a, frame.ConversationCustom, ids, frame.Field{Key: "customData", Value: custom}, func(id string) {
		i.inbox.set(id, "customData", bridge.String(custom))
	}, func() safejs.Value {
		data := bridge.Wrap("successConversationIDList", ids)
		bridge.Put(data, "failureConversationIDList", bridge.NewArray())
		return data
	})
}
