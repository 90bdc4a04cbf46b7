//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/signalling"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// page holds the JavaScript objects of an instance's user that a web page may
// have, and carries out the mailbox's effects on them. The mailbox knows their
// state; only page knows which object belongs to which message or conversation,
// and which objects are frozen or forgotten.
type page struct {
	i             *instance
	conversations map[string]safejs.Value
	order         []string
	ordered       safejs.Value // an array of order's objects; undefined when it has changed
	groups        *groupObjects
	topics        map[string]safejs.Value // their profiles, by topicID
	live          map[string]*objects     // messages, by conversationID
	held, cleanAt int                     // how many entries live has, and at how many it is cleaned

	// Messages, and conversations, that wait for an event or the end of a call.
	// Often nothing else holds them yet.
	piles map[mailbox.Pile][]safejs.Value

	attempt int64 // of the Wake that is under way
}

func newPage(i *instance) *page {
	pg := &page{i: i}
	pg.forget()
	return pg
}

func (pg *page) forget() {
	*pg = page{
		i: pg.i, conversations: map[string]safejs.Value{}, groups: newGroupObjects(), topics: map[string]safejs.Value{}, live: map[string]*objects{},
		piles: map[mailbox.Pile][]safejs.Value{}, cleanAt: cleanFrom,
	}
}

// Carry implements client.Page.
func (pg *page) Carry(d mailbox.Deed) {
	switch d := d.(type) {
	case mailbox.Ask: // the client carries it out
	case mailbox.Settle:
		delete(pg.piles, mailbox.Pile(d.Call))
	case mailbox.Emit:
		pg.emit(d)
	case mailbox.Wake:
		pg.attempt = d.Attempt
		pg.i.sdk.later(pg.i, int(d.After))
	case mailbox.Log:
		pg.i.sdk.log(d.Level, d.Text)
	case mailbox.Create:
		pg.conversations[d.Conversation] = pg.newConversation(d.Conversation)
	case mailbox.Update:
		v := completeConversation(bridge.ValueOf(d.Body))
		for _, f := range d.Kept {
			if bridge.Put(v, f.Key, bridge.Of(f.Value)); f.Value == nil {
				_ = v.Delete(f.Key)
			}
		}
		pg.replace(d.Conversation, v)
		pg.showLast(d.Conversation, bridge.Field(v, "lastMessage"))
	case mailbox.Set:
		pg.set(d)
	case mailbox.Drop:
		delete(pg.conversations, d.Conversation)
		pg.ordered = safejs.Undefined()
	case mailbox.Arrange:
		pg.order, pg.ordered = d.Order, safejs.Undefined()
	case mailbox.EmitCounters:
		pg.emitCounters(d)
	case mailbox.UpdateTopic:
		pg.topics[d.Topic] = bridge.ValueOf(d.Body)
	case mailbox.DropTopic:
		delete(pg.topics, d.Topic)
	case mailbox.EmitTopic:
		pg.emitTopic(d)
	case mailbox.EmitPins:
		pg.emitPins(d)
	case mailbox.UpdateGroup:
		pg.groups.listed[d.Group] = pg.groups.update(d)
		pg.showGroup(d.Group)
	case mailbox.DropGroup:
		delete(pg.groups.listed, d.Group)
	case mailbox.Keep:
		pg.keep(d)
	case mailbox.Patch:
		pg.patch(d)
	case mailbox.Confirm:
		pg.confirm(d)
	case mailbox.Forget:
		pg.forget()
	}
}

// woke is called when the timer of sdk.later fires.
func (pg *page) woke() { pg.i.client.Mail().Post(mailbox.Woke{Attempt: pg.attempt}) }

func (pg *page) emit(e mailbox.Emit) {
	var data safejs.Value
	pile := pg.take(e.Pile)
	switch {
	case e.Pile != mailbox.PileNone && len(pile) == 0:
		return
	case e.In != nil:
		data = bridge.Wrap("groupName", bridge.Of(e.Data))
		bridge.Put(data, "conversationList", pg.objectsOf(e.In))
	case e.List:
		data = pg.list()
	case e.Groups != nil:
		data = pg.groups.list(e.Groups)
	case e.Pile == mailbox.PileNotices:
		pg.emitNotices(e.Name, pile)
		return
	case e.Pile != mailbox.PileNone:
		data = bridge.NewArray(pile...)
	default:
		data = bridge.Of(e.Data)
	}
	var signals []*signalling.Signal
	if e.Pile == mailbox.PileReceived || e.Pile == mailbox.PileModified {
		signals = pg.i.signalsOf(pile) // now, because the page may change its objects
	}
	pg.i.emitter.Emit(e.Name, data)
	pg.i.seen(signals, false)
}

// take empties a pile.
func (pg *page) take(p mailbox.Pile) []safejs.Value {
	pile := pg.piles[p]
	delete(pg.piles, p)
	return pile
}

func (pg *page) put(p mailbox.Pile, v safejs.Value) {
	if p != mailbox.PileNone {
		pg.piles[p] = append(pg.piles[p], v)
	}
}

// keep turns each message into the one object that the page has of it. A message
// comes from JSON.parse, so it can be read without guarding against getters
// until the page has it.
func (pg *page) keep(d mailbox.Keep) {
	newer := pg.piles[d.Pile]
	if d.Front {
		delete(pg.piles, d.Pile)
	}
	for _, m := range d.Messages {
		v := bridge.ValueOf(m)
		if d.Reader != "" {
			personal(v, d.Reader, d.ReadUpTo)
		}
		v = pg.intern(v)
		if pg.put(d.Pile, v); d.Notices {
			pg.put(mailbox.PileNotices, v)
		}
	}
	if d.Front {
		pg.piles[d.Pile] = append(pg.piles[d.Pile], newer...)
	}
}

// patch sets a flag of the messages that the page holds.
func (pg *page) patch(d mailbox.Patch) {
	pg.live[d.Conversation].each(func(m safejs.Value) {
		o := bridge.Object{Value: m}
		if o.Text("flow") != d.Flow || o.Number("sequence") > d.UpTo || o.Bool(d.Field) ||
			d.Flow == "out" && (o.Text("status") != "success" || o.Number("position") == 0) {
			return
		}
		pg.put(d.Pile, pg.mark(m, d.Field, bridge.Bool(true)))
	})
}

// replace brings a conversation up to date, or puts a copy in the place of one that
// cannot be.
func (pg *page) replace(id string, fields safejs.Value) {
	now, copied := merge(pg.conversations[id], fields)
	if copied {
		pg.conversations[id] = now
		pg.ordered = safejs.Undefined()
	}
}

// set sets fields of a conversation, unless it was deleted meanwhile.
func (pg *page) set(d mailbox.Set) {
	c := pg.conversations[d.Conversation]
	if !bridge.IsObject(c) {
		return
	}
	fields := bridge.ValueOf(d.Fields)
	if d.In != "" {
		now, copied := merge(bridge.Get(c, d.In), fields)
		if !copied {
			return
		}
		fields = bridge.Wrap(d.In, now)
	}
	if d.Pile != mailbox.PileNone {
		for _, f := range d.Fields {
			if jsonOf(bridge.Field(fields, f.Key)) == jsonOf(bridge.Get(c, f.Key)) {
				return
			}
		}
	}
	pg.replace(d.Conversation, fields)
	pg.put(d.Pile, c)
}

func jsonOf(v safejs.Value) string {
	text, _ := bridge.Text(bridge.Call(bridge.Global("JSON"), "stringify", v))
	return text
}

// list returns the list of conversations for an event: a new array of the same
// objects. While the order stays the same, as it does during a conversation, it
// copies the last array, which takes one call.
func (pg *page) list() safejs.Value {
	if pg.ordered.IsUndefined() {
		pg.ordered = pg.objectsOf(pg.order)
	}
	return bridge.Call(pg.ordered, "slice")
}

// objectsOf returns an array of conversations.
func (pg *page) objectsOf(ids []string) safejs.Value {
	all := make([]safejs.Value, 0, len(ids))
	for _, id := range ids {
		if c, ok := pg.conversations[id]; ok {
			all = append(all, c)
		}
	}
	return bridge.NewArray(all...)
}
