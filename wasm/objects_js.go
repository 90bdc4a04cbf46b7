//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// objects are the Message objects of one conversation that the page may hold,
// by ID. They are held weakly, so that a page that forgets a message frees it;
// where there is no WeakRef they last until logout.
type objects struct {
	refs safejs.Value // Map of ID to WeakRef, or to the object itself
	weak safejs.Value // WeakRef, or undefined
}

// cleanFrom is from how many entries on it is worth to look for dead ones.
const cleanFrom = 1024

func newObjects() *objects {
	m, err := bridge.Global("Map").New()
	if err != nil {
		m = safejs.Undefined()
	}
	return &objects{refs: m, weak: bridge.Global("WeakRef")}
}

func (o *objects) get(id string) safejs.Value {
	if o == nil {
		return safejs.Undefined()
	}
	return o.deref(bridge.Call(o.refs, "get", bridge.String(id)))
}

func (o *objects) deref(ref safejs.Value) safejs.Value {
	if !bridge.IsFunction(o.weak) || !bridge.IsObject(ref) {
		return ref
	}
	return bridge.Call(ref, "deref")
}

func (o *objects) put(id string, object safejs.Value) {
	ref := object
	if bridge.IsFunction(o.weak) {
		if r, err := o.weak.New(object); err == nil {
			ref = r
		}
	}
	bridge.Call(o.refs, "set", bridge.String(id), ref)
}

// clean drops the entries of objects that are no more and gives how many are
// left.
func (o *objects) clean() int {
	each(o.entries(), func(e safejs.Value) {
		id, _ := e.Index(0)
		ref, _ := e.Index(1)
		if !bridge.IsObject(o.deref(ref)) {
			bridge.Call(o.refs, "delete", id)
		}
	})
	size, _ := bridge.Number(bridge.Get(o.refs, "size"))
	return int(size)
}

func (o *objects) entries() safejs.Value {
	return bridge.Call(bridge.Global("Array"), "from", o.refs)
}

// each goes through the objects that are still held, in the order in which
// they came.
func (o *objects) each(f func(m safejs.Value)) {
	if o == nil {
		return
	}
	each(o.entries(), func(e safejs.Value) {
		ref, _ := e.Index(1)
		if m := o.deref(ref); bridge.IsObject(m) {
			f(m)
		}
	})
}

// localShape is what a Message has that says nothing about one that came from
// the gateway.
const localShape = `{"clientSequence":0,"isResend":false,"isSystemMessage":false,"protocol":"JSON"}`

// shape is localShape parsed, once: it is only ever copied from.
var shape safejs.Value

// intern gives the one object of a message that has just been parsed: the one
// that the page has, brought up to date in place, or this one from now on.
func (in *inbox) intern(m safejs.Value) safejs.Value {
	b := bridge.Parsed(m)
	id, conversationID := b.Text("ID"), b.Text("conversationID")
	held := in.live[conversationID].get(id)
	if !bridge.IsObject(held) {
		if shape.IsUndefined() {
			shape = bridge.Parse(localShape)
		}
		bridge.Call(bridge.Global("Object"), "assign", m, shape)
		in.put(conversationID, id, m)
		return m
	}
	return in.assign(held, m)
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

// stead gives the object that is brought up to date in a frozen one's place, if
// there is one already.
func (in *inbox) stead(m safejs.Value) safejs.Value {
	b := bridge.Object{Value: m}
	if now := in.live[b.Text("conversationID")].get(b.Text("ID")); bridge.IsObject(now) {
		return now
	}
	return m
}

// assign brings a Message up to date, and gives it; its payload stays the
// object it is.
func (in *inbox) assign(held, m safejs.Value) safejs.Value {
	if frozen(held) {
		held = in.stead(held)
	}
	for key, more := range lasting {
		if !isTrue(bridge.Get(held, key)) || isTrue(bridge.Get(m, key)) {
			continue
		}
		bridge.Set(m, key, bridge.Bool(true))
		for _, also := range more {
			bridge.Set(m, also, bridge.Get(held, also))
		}
	}
	if p := bridge.Get(held, "payload"); bridge.IsObject(p) {
		bridge.Set(m, "payload", p)
	}
	now, copied := merge(held, m)
	if copied {
		in.hold(now)
	}
	return now
}

// mark sets a field of a Message, and gives it.
func (in *inbox) mark(m safejs.Value, key string, to safejs.Value) safejs.Value {
	if bridge.Set(m, key, to) || !frozen(m) {
		return m
	}
	now, copied := merge(in.stead(m), bridge.Wrap(key, to))
	if copied {
		in.hold(now)
	}
	return now
}

// hold keeps a Message of the page's own.
func (in *inbox) hold(m safejs.Value) {
	b := bridge.Object{Value: m}
	in.put(b.Text("conversationID"), b.Text("ID"), m)
}

func (in *inbox) put(conversationID, id string, m safejs.Value) {
	o := in.live[conversationID]
	if o == nil {
		o = newObjects()
		in.live[conversationID] = o
	}
	o.put(id, m)
	if in.held++; in.held >= in.cleanAt {
		in.clean()
	}
}

// clean forgets the messages that the page has forgotten, of all
// conversations: most of them are of many that were looked at once.
func (in *inbox) clean() {
	in.held = 0
	for id, o := range in.live {
		n := o.clean()
		if in.held += n; n == 0 {
			delete(in.live, id)
		}
	}
	in.cleanAt = max(cleanFrom, 2*in.held)
}

// message gives the live Message of an ID, undefined when there is none.
func (in *inbox) message(id string) safejs.Value {
	for _, o := range in.live {
		if m := o.get(id); bridge.IsObject(m) {
			return m
		}
	}
	return safejs.Undefined()
}
