//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// objects are the Message objects of one conversation that the page may hold,
// by ID. They are held weakly, so that a page that forgets a message frees it;
// where there is no WeakRef they last until logout. An ID alone does not name
// a message: a peer may have used another user's. Which object is a message's,
// the caller of find decides.
type objects struct {
	refs  safejs.Value              // Map of ID to WeakRef, or to the object itself
	weak  safejs.Value              // WeakRef, or undefined
	twins map[string][]safejs.Value // further messages of an ID, as in refs
}

// cleanFrom is from how many entries on it is worth to look for dead ones.
const cleanFrom = 1024

func newObjects() *objects {
	m, err := bridge.Global("Map").New()
	if err != nil {
		m = safejs.Undefined()
	}
	return &objects{refs: m, weak: bridge.Global("WeakRef"), twins: map[string][]safejs.Value{}}
}

// find returns the object of an ID that is the right one, and its place among
// those of that ID; or undefined, and the place where it belongs.
func (o *objects) find(id string, right func(m safejs.Value) bool) (m safejs.Value, place int) {
	if o == nil {
		return safejs.Undefined(), 0
	}
	free := -1
	for place <= len(o.twins[id]) { // a getter of the page's may change them meanwhile
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

// clean drops the entries of objects that are no more and returns how many are
// left.
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

// each goes through the objects that are still held, in the order in which
// they came; those whose ID was taken already come last.
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

// isOf reports whether a message of the gateway's is what an object that the
// page holds stands for: its sender and ID are the same (find has compared the
// IDs), and its position, unless the object has none yet.
func isOf(held, m bridge.Object) bool {
	position := held.Number("position")
	return (position == 0 || position == m.Number("position")) && held.Text("from") == m.Text("from")
}

// intern returns the one object of a message that has just been parsed: the
// one that the page has, brought up to date in place, or this one from now on.
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

// merge brings an object of the page up to date, and gives it. Stores of
// immutable state freeze what they are given when it is a plain object; then a
// copy takes its place.
func merge(into, from safejs.Value) (now safejs.Value, copied bool) {
	object := bridge.Global("Object")
	if !bridge.IsObject(into) || bridge.IsObject(bridge.Call(object, "assign", into, from)) || !frozen(into) {
		return into, false
	}
	return bridge.Call(object, "assign", bridge.NewObject(), into, from), true
}

// frozen is false for what is no object, of which isFrozen says true.
func frozen(o safejs.Value) bool {
	return bridge.IsObject(o) && isTrue(bridge.Call(bridge.Global("Object"), "isFrozen", o))
}

// lasting are fields that become true once and for all, with what tells more
// of them. A page of the history may have been composed before the event that
// overtook it.
var lasting = map[string][]string{
	"isRead": nil, "isPeerRead": nil, "isDeleted": nil, "isRevoked": {"revoker", "revokerInfo", "revokeReason"},
}

// heldOf returns the object that is held of a Message that the page passes, and
// its place. What the page passes may be a frozen object whose copy is held, or
// a copy of its own; one from before the message was sent has no position.
func (pg *page) heldOf(m bridge.Object) (held safejs.Value, place int) {
	from, position := m.Text("from"), m.Number("position")
	return pg.live[m.Text("conversationID")].find(m.Text("ID"), func(held safejs.Value) bool {
		b := bridge.Object{Value: held}
		at := b.Number("position")
		return (at == position || at == 0 || position == 0) && b.Text("from") == from
	})
}

// stead returns the object that is brought up to date in a frozen one's place,
// if there is one already.
func (pg *page) stead(m safejs.Value) safejs.Value {
	if now, _ := pg.heldOf(bridge.Object{Value: m}); bridge.IsObject(now) {
		return now
	}
	return m
}

// assign brings a Message that the page has passed up to date with what the
// gateway says of it, and returns it.
func (pg *page) assign(given, m safejs.Value) safejs.Value {
	if frozen(given) {
		given = pg.stead(given)
	}
	if !isOf(bridge.Object{Value: given}, bridge.Object{Value: m}) {
		return pg.intern(m)
	}
	return pg.updateMessage(given, m)
}

// pageFields are fields of a Message that are the page's, not the gateway's:
// they stay as they are.
var pageFields = [...]string{"payload", "clientSequence", "isResend"}

// updateMessage is assign for an object that is known to be the message's.
func (pg *page) updateMessage(held, m safejs.Value) safejs.Value {
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
	for _, key := range pageFields {
		if v := bridge.Get(held, key); !v.IsUndefined() && !v.IsNull() {
			bridge.Set(m, key, v)
		}
	}
	now, copied := merge(held, m)
	if copied {
		pg.hold(now)
	}
	return now
}

// mark sets a field of a Message, and gives it.
func (pg *page) mark(m safejs.Value, key string, to safejs.Value) safejs.Value {
	if bridge.Set(m, key, to) || !frozen(m) {
		return m
	}
	now, copied := merge(pg.stead(m), bridge.Wrap(key, to))
	if copied {
		pg.hold(now)
	}
	return now
}

// hold keeps a Message of the page's own, or the copy of a frozen one, in the
// place of what was held of it.
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

// clean forgets the messages that the page has forgotten, of all
// conversations: most of them are of many that were looked at once.
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

// message returns the live Message of an ID, undefined when there is none: of
// one conversation, or with "" of all. Of several it is the user's own, else
// the newest.
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
