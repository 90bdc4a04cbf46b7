//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// objects holds the Message objects of one conversation that the page may have,
// by ID. The references are weak, so that a message is freed when the page drops
// it; where there is no WeakRef they last until logout. An ID alone does not
// identify a message, because a peer may have used another user's ID: the caller
// of find decides which object is the right one.
type objects struct {
	refs  safejs.Value              // Map of ID to WeakRef, or to the object itself
	weak  safejs.Value              // WeakRef, or undefined
	twins map[string][]safejs.Value // further messages with the same ID, as in refs
}

// cleanFrom is the number of entries from which on it is worth looking for dead
// ones.
const cleanFrom = 1024

func newObjects() *objects {
	m, err := bridge.Global("Map").New()
	if err != nil {
		m = safejs.Undefined()
	}
	return &objects{refs: m, weak: bridge.Global("WeakRef"), twins: map[string][]safejs.Value{}}
}

// find returns the object with an ID that is the right one, and its place among
// those with that ID; or undefined, and the place where a new one belongs.
func (o *objects) find(id string, right func(m safejs.Value) bool) (m safejs.Value, place int) {
	if o == nil {
		return safejs.Undefined(), 0
	}
	free := -1
	for place <= len(o.twins[id]) { // a getter in the page may change their number meanwhile
		m := o.deref(o.at(id, place))
		switch {
		case !bridge.IsObject(m):
			if free < 0 {
				free = place
			}
		case right(m):
			return m, place
		}
		place++
	}
	if free < 0 {
		free = place
	}
	return safejs.Undefined(), free
}

func (o *objects) at(id string, place int) safejs.Value {
	if place == 0 {
		return bridge.Call(o.refs, "get", bridge.String(id))
	}
	return o.twins[id][place-1]
}

func (o *objects) deref(ref safejs.Value) safejs.Value {
	if !bridge.IsFunction(o.weak) || !bridge.IsObject(ref) {
		return ref
	}
	return bridge.Call(ref, "deref")
}

// put keeps an object at a place that find has returned.
func (o *objects) put(id string, place int, object safejs.Value) {
	ref := object
	if bridge.IsFunction(o.weak) {
		if r, err := o.weak.New(object); err == nil {
			ref = r
		}
	}
	switch twins := o.twins[id]; {
	case place == 0:
		bridge.Call(o.refs, "set", bridge.String(id), ref)
	case place <= len(twins):
		twins[place-1] = ref
	default:
		o.twins[id] = append(twins, ref)
	}
}

// clean drops the entries of objects that have been freed, and returns how many
// entries are left.
func (o *objects) clean() int {
	each(o.entries(), func(e safejs.Value) {
		id, _ := e.Index(0)
		ref, _ := e.Index(1)
		if !bridge.IsObject(o.deref(ref)) {
			bridge.Call(o.refs, "delete", id)
		}
	})
	n, _ := bridge.Number(bridge.Get(o.refs, "size"))
	size := int(n)
	for id, twins := range o.twins {
		var left []safejs.Value
		for _, ref := range twins {
			if bridge.IsObject(o.deref(ref)) {
				left = append(left, ref)
			}
		}
		if size += len(left); len(left) == 0 {
			delete(o.twins, id)
			continue
		}
		o.twins[id] = left
	}
	return size
}

func (o *objects) entries() safejs.Value {
	return bridge.Call(bridge.Global("Array"), "from", o.refs)
}

// each calls f for the objects that still exist, in the order in which they were
// added; those whose ID was taken already come last.
func (o *objects) each(f func(m safejs.Value)) {
	if o == nil {
		return
	}
	given := func(ref safejs.Value) {
		if m := o.deref(ref); bridge.IsObject(m) {
			f(m)
		}
	}
	each(o.entries(), func(e safejs.Value) {
		ref, _ := e.Index(1)
		given(ref)
	})
	for _, twins := range o.twins {
		for _, ref := range twins {
			given(ref)
		}
	}
}

// isOf reports whether an object that the page holds stands for a message from
// the gateway. The IDs are equal already (find has compared them); the senders
// have to be equal, and the positions unless the object has none yet.
func isOf(held, m bridge.Object) bool {
	position := held.Number("position")
	return (position == 0 || position == m.Number("position")) && held.Text("from") == m.Text("from")
}

// intern returns the one object for a message that has just been parsed: the one
// that the page has, updated in place, or else the parsed one.
func (pg *page) intern(m safejs.Value) safejs.Value {
	b := bridge.Parsed(m)
	id, conversationID := b.Text("ID"), b.Text("conversationID")
	held, place := pg.live[conversationID].find(id, func(held safejs.Value) bool { return isOf(bridge.Object{Value: held}, b) })
	if bridge.IsObject(held) {
		return pg.updateMessage(held, m)
	}
	m = messageShape.complete(m)
	pg.i.completePayload(b.Text("type"), bridge.Field(m, "payload"))
	pg.putMessage(conversationID, id, place, m)
	return m
}

// merge updates an object of the page and returns it. If the object refuses a field,
// as a frozen one refuses all (stores of immutable state freeze plain objects), merge
// returns an updated copy.
func merge(into, from safejs.Value) (now safejs.Value, copied bool) {
	object := bridge.Global("Object")
	if !bridge.IsObject(into) || bridge.IsObject(bridge.Call(object, "assign", into, from)) {
		return into, false
	}
	now = bridge.Call(object, "assign", bridge.NewObject(), into, from)
	if copied = bridge.IsObject(now); !copied { // a getter of the page's throws
		now = into
	}
	return now, copied
}

// frozen reports whether a value is a frozen object. Object.isFrozen alone is
// also true for what is not an object.
func frozen(o safejs.Value) bool {
	return bridge.IsObject(o) && isTrue(bridge.Call(bridge.Global("Object"), "isFrozen", o))
}

// lasting lists fields that never become false again, each with the fields that
// belong to it. A page of the history may have been composed before an event that
// came earlier than the page.
var lasting = map[string][]string{
	"isRead": nil, "isPeerRead": nil, "isDeleted": nil, "isRevoked": {"revoker", "revokerInfo", "revokeReason"},
}

// heldOf returns the object that is held for a Message that the page passes, and
// its place. The page may pass a frozen object whose copy is held, or a copy of
// its own; one from before the message was sent has no position.
func (pg *page) heldOf(m bridge.Object) (held safejs.Value, place int) {
	from, position := m.Text("from"), m.Number("position")
	return pg.live[m.Text("conversationID")].find(m.Text("ID"), func(held safejs.Value) bool {
		b := bridge.Object{Value: held}
		at := b.Number("position")
		return (at == position || at == 0 || position == 0) && b.Text("from") == from
	})
}

// replacement returns the live copy that stands in for a frozen object, or m
// itself if there is none.
func (pg *page) replacement(m safejs.Value) safejs.Value {
	if now, _ := pg.heldOf(bridge.Object{Value: m}); bridge.IsObject(now) {
		return now
	}
	return m
}

// assign updates a Message that the page has passed with the gateway's fields,
// and returns it.
func (pg *page) assign(given, m safejs.Value) safejs.Value {
	m = pg.i.personalResult(m)
	if frozen(given) {
		given = pg.replacement(given)
	}
	if !isOf(bridge.Object{Value: given}, bridge.Object{Value: m}) {
		return pg.intern(m)
	}
	return pg.updateMessage(given, m)
}

// pageFields are the fields of a Message that belong to the page: what the gateway
// sends of the message does not replace them.
var pageFields = [...]string{"payload", "clientSequence", "isResend"}

// editedFields are those that an edit changes, besides the payload.
var editedFields = [...]string{"cloudCustomData", "version", "isModified"}

// updateMessage does what assign does, for an object that is known to stand for
// the message.
func (pg *page) updateMessage(held, m safejs.Value) safejs.Value {
	receipts := bridge.Field(m, receiptInfo)
	m = messageShape.complete(m)
	for key, more := range lasting {
		if !isTrue(bridge.Get(held, key)) || isTrue(bridge.Get(m, key)) {
			continue
		}
		bridge.Set(m, key, bridge.Bool(true))
		for _, also := range more {
			bridge.Set(m, also, bridge.Get(held, also))
		}
	}
	version := bridge.Object{Value: held}.Number("version")
	newer := bridge.Object{Value: m}.Number("version") > version
	if newer {
		pg.i.completePayload(bridge.Object{Value: m}.Text("type"), bridge.Get(m, "payload"))
	}
	keep := func(key string) {
		if v := bridge.Get(held, key); !v.IsUndefined() && !v.IsNull() {
			bridge.Set(m, key, v)
		}
	}
	if !bridge.IsObject(receipts) || confirmsLess(receipts, bridge.Get(held, receiptInfo)) {
		keep(receiptInfo)
	}
	for _, key := range pageFields {
		if key != "payload" || !newer {
			keep(key)
		}
	}
	if version > 0 && !newer { // an edit that came before this
		for _, key := range editedFields {
			keep(key)
		}
	}
	now, copied := merge(held, m)
	if copied {
		pg.hold(now)
	}
	return now
}

// mark sets a field of a Message and returns the Message.
func (pg *page) mark(m safejs.Value, key string, to safejs.Value) safejs.Value {
	if bridge.Set(m, key, to) || !frozen(m) {
		return m
	}
	now, copied := merge(pg.replacement(m), bridge.Wrap(key, to))
	if copied {
		pg.hold(now)
	}
	return now
}

// hold keeps a Message that the page has made, or the copy of a frozen one, in
// place of the object that was held for it.
func (pg *page) hold(m safejs.Value) {
	b := bridge.Object{Value: m}
	_, place := pg.heldOf(b)
	pg.putMessage(b.Text("conversationID"), b.Text("ID"), place, m)
}

// putMessage keeps an object at a place that find has returned.
func (pg *page) putMessage(conversationID, id string, place int, m safejs.Value) {
	o := pg.live[conversationID]
	if o == nil {
		o = newObjects()
		pg.live[conversationID] = o
	}
	o.put(id, place, m)
	if pg.held++; pg.held >= pg.cleanAt {
		pg.clean()
	}
}

// clean drops the messages of all conversations that the page has dropped. Most
// of them are in conversations that were looked at once.
func (pg *page) clean() {
	pg.held = 0
	for id, o := range pg.live {
		n := o.clean()
		if pg.held += n; n == 0 {
			delete(pg.live, id)
		}
	}
	pg.cleanAt = max(cleanFrom, 2*pg.held)
}

// message returns the live Message with an ID, in one conversation or, with "",
// in all of them; undefined if there is none. If several have the ID, it prefers
// the user's own, then the newest.
func (pg *page) message(conversationID, id string) (found safejs.Value) {
	own, newest := false, int64(0)
	for of, o := range pg.live {
		if conversationID != "" && of != conversationID {
			continue
		}
		o.find(id, func(m safejs.Value) bool {
			b := bridge.Object{Value: m}
			isOwn, position := b.Text("flow") == "out", b.Number("position")
			if found.IsUndefined() || isOwn && !own || isOwn == own && position > newest {
				found, own, newest = m, isOwn, position
			}
			return false
		})
	}
	return found
}
