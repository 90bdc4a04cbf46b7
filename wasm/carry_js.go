//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// page holds the objects of an instance's user that JavaScript may have, and
// carries out on them what the mailbox wants done. What they are the mailbox
// knows; which object is whose, and what becomes of one that is frozen or
// forgotten, is known here alone.
type page struct {
	i             *instance
	conversations map[string]safejs.Value
	order         []string
	ordered       safejs.Value        // an array of order's objects; undefined when it has changed
	live          map[string]*objects // messages, by conversationID
	cleanAt, held int                 // of live: how many entries make it worth to look for dead ones

	// Messages, and conversations, that wait for an event or the end of a call.
	// Nothing else may hold them as yet.
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
		i: pg.i, conversations: map[string]safejs.Value{}, live: map[string]*objects{},
		piles: map[mailbox.Pile][]safejs.Value{}, cleanAt: cleanFrom,
	}
}

// Carry implements client.Page.
func (pg *page) Carry(d mailbox.Deed) {
	switch d := d.(type) {
	case mailbox.Ask: // is the client's
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
		pg.conversations[d.Conversation] = newConversation(d.Conversation)
	case mailbox.Update:
		v := completeConversation(bridge.ValueOf(d.Body))
		for _, f := range d.Kept {
			bridge.Put(v, f.Key, bridge.Of(f.Value))
		}
		pg.replace(d.Conversation, v)
	case mailbox.Set:
		pg.set(d)
	case mailbox.Drop:
		delete(pg.conversations, d.Conversation)
		pg.ordered = safejs.Undefined()
	case mailbox.Arrange:
		pg.order, pg.ordered = d.Order, safejs.Undefined()
	case mailbox.Keep:
		pg.keep(d)
	case mailbox.Patch:
		pg.patch(d)
	case mailbox.Forget:
		pg.forget()
	}
}

// woke is what later comes back to.
func (pg *page) woke() { pg.i.client.Mail().Post(mailbox.Woke{Attempt: pg.attempt}) }

func (pg *page) emit(e mailbox.Emit) {
	var data safejs.Value
	pile := pg.take(e.Pile)
	switch {
	case e.Pile != mailbox.PileNone && len(pile) == 0:
		return
	case e.List:
		data = pg.list()
	case e.Pile != mailbox.PileNone:
		data = bridge.NewArray(pile...)
	default:
		data = bridge.Of(e.Data)
	}
	pg.i.emitter.Emit(e.Name, data)
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

// keep makes one object of each message. It is fresh from JSON.parse: read
// plainly until it reaches the page, which may put a getter on it.
func (pg *page) keep(d mailbox.Keep) {
	newer := pg.piles[d.Pile]
	if d.Front {
		delete(pg.piles, d.Pile)
	}
	for _, m := range d.Messages {
		pg.put(d.Pile, pg.intern(bridge.ValueOf(m)))
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

// replace brings a conversation up to date, or puts a copy in the place of a
// frozen one.
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

// list is the list as an event carries it: a new array of the same objects. In
// a conversation that goes on the order stays, and a copy is one call.
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
