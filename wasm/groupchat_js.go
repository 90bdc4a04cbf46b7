//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// convSystem is the one conversation with notices of groups.
const convSystem = "@TIM#SYSTEM"

// showGroup makes a group the profile of its conversation, which shares the page's
// object of it, and shows in the group what is the conversation's last message.
func (pg *page) showGroup(id string) {
	of := convGroup + id
	c, there := pg.conversations[of]
	if !there {
		return
	}
	pg.showLast(of, bridge.Get(c, "lastMessage"))
	g := pg.groups.listed[id]
	fields := bridge.Wrap("groupProfile", g)
	bridge.Put(fields, "subType", bridge.Get(g, "type"))
	pg.replace(of, fields)
}

// showLast shows a conversation's last message in its group.
func (pg *page) showLast(conversationID string, last safejs.Value) {
	id, ok := groupOfConversation(conversationID)
	g, listed := pg.groups.listed[id]
	if !ok || !listed || !bridge.IsObject(last) {
		return
	}
	now, copied := merge(g, bridge.Wrap("lastMessage", last))
	if copied {
		_, place := pg.groups.find(id)
		pg.groups.seen.put(id, place, now)
		pg.groups.listed[id] = now
		pg.replace(conversationID, bridge.Wrap("groupProfile", now))
	}
}

// personal says of a message of a group, which is the same for all its members, what
// it is to this user, who has read up to a sequence.
func personal(m safejs.Value, reader string, readUpTo int64) {
	b := bridge.Parsed(m)
	flow, own := "in", b.Text("from") == reader
	if own {
		flow = "out"
	}
	bridge.Put(m, "flow", bridge.String(flow))
	if own || b.Number("sequence") <= readUpTo {
		bridge.Put(m, "isRead", bridge.Bool(true))
	}
}

// personalResult does so for a message that a call has returned.
func (i *instance) personalResult(m safejs.Value) safejs.Value {
	if id := bridge.Parsed(m).Text("conversationID"); bridge.IsObject(m) {
		if _, ok := groupOfConversation(id); ok {
			personal(m, i.client.User(), i.client.Mail().ReadUpTo(id))
		}
	}
	return m
}

// named returns the object of a group of which only the ID may be known.
func (g *groupObjects) named(id string) safejs.Value {
	if v, ok := g.listed[id]; ok {
		return v
	}
	if held, _ := g.find(id); bridge.IsObject(held) {
		return held
	}
	return g.update(mailbox.UpdateGroup{Group: id, Body: bridge.Object{Value: bridge.Wrap("groupID", bridge.String(id))}, Whole: true})
}

// emitNotices fires an event for each notice, whose type is what the page looks at
// first.
func (pg *page) emitNotices(event string, notices []safejs.Value) {
	for _, m := range notices {
		data := bridge.Wrap("type", bridge.Field(bridge.Field(m, "payload"), "operationType"))
		bridge.Put(data, "message", m)
		pg.i.emitter.Emit(event, data)
	}
}
