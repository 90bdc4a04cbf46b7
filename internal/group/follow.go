package group

import (
	"errors"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// saw notifies the listeners of this gateway of a document that has changed on any
// gateway. A document of a group without listeners here costs only the parsing of
// its subject.
func (r *Room) saw(v bus.Value) {
	p, err := parse(v.Subject)
	if err != nil {
		r.report("a subject", err)
		return
	}
	switch p.kind {
	case kindProfile:
		r.endRoom(p.key, v)
	case kindMember:
		if err := errors.Join(r.managers.saw(p.key, p.userID, v), r.endStay(p.key, p.userID, v)); err != nil {
			r.report(v.Subject, err)
		}
	}
	l := &r.listeners
	l.mu.Lock()
	defer l.mu.Unlock()
	switch p.kind {
	case kindProfile:
		err = r.sawProfile(p.key, v)
	case kindMember:
		err = r.sawMember(p.key, p.key.user(p.userID), v)
	case kindApplication:
		err = r.sawApplication(p.key, p.key.user(p.userID), v)
	case kindAttributes:
		err = r.sawAttributes(p.key, v)
	case kindCounters:
		err = r.sawCounters(p.key, v)
	case kindTopic:
		err = r.sawTopic(p.key, p.topic, v)
	}
	if err != nil {
		r.report(v.Subject, err)
	}
}

// The functions below need listeners.mu.

func (r *Room) sawProfile(k key, v bus.Value) error {
	l := &r.listeners
	h := l.groups[k]
	if h == nil || h.rev >= v.Seq {
		return nil
	}
	g, err := decode[group](v.Data)
	if err != nil {
		return err
	}
	was := h.group
	h.rev, h.group = v.Seq, g
	if !g.there() || was.Born != 0 && was.Born != g.Born {
		for u, o := range h.users {
			left := leftNote{k.id, leftDismissed, dismisser(g)}
			if o.born > g.Born || o.born == g.Born && g.there() { // they are in a later group
				if o.told {
					o.told = false
					r.sayLeft(u, k, &own{told: true}, left)
				}
				continue
			}
			delete(l.users[u].groups, k)
			delete(h.users, u) // so that nothing is told at the end of a pause
			r.sayLeft(u, k, o, left)
		}
		if len(h.users) == 0 {
			delete(l.groups, k)
		} else if !g.there() {
			h.group = group{}
		}
		return nil
	}
	switch tell := func() { r.tellGroup(k, h) }; {
	case was.Born == 0: // no listener knows the group yet
	case was.Info != g.Info:
		r.tellSoon(h, frame.NoteGroup, tell)
		if was.Owner != g.Owner {
			for _, id := range []string{was.Owner, g.Owner} {
				if o := h.users[k.user(id)]; o != nil {
					r.saySelf(k.user(id), k, o)
				}
			}
		}
	case was.Members != g.Members: // once for all who join within a pause
		r.tellLater(h, frame.NoteGroup, tell)
	}
	return nil
}

// dismisser returns who dismissed a group, or "" where that is unknown.
func dismisser(g group) string {
	if g.Gone == nil {
		return ""
	}
	return g.Gone.By
}

// tellPause is the least time between two notifications of one kind to the members
// of a group. Without it a user who changes a group again and again would fill the
// members' connections, and a connection whose client reads too slowly is closed.
// Changes within the pause are told once when it ends, as things stand then.
const tellPause = time.Second

// tellSoon notifies the members of a group now, or when the pause ends.
func (r *Room) tellSoon(h *heard, method string, tell func()) {
	if _, pausing := h.pauses[method]; !pausing {
		tell()
		tell = nil
	}
	r.tellLater(h, method, tell)
}

// tellLater notifies them when the pause ends; it begins a pause if there is none.
func (r *Room) tellLater(h *heard, method string, tell func()) {
	_, pausing := h.pauses[method]
	h.pauses[method] = tell
	if pausing {
		return
	}
	time.AfterFunc(tellPause, func() {
		r.listeners.mu.Lock()
		defer r.listeners.mu.Unlock()
		tell := h.pauses[method]
		delete(h.pauses, method)
		if tell != nil && r.ctx.Err() == nil {
			r.tellSoon(h, method, tell)
		} else if len(h.pauses) == 0 && h.idle != nil {
			h.idle()
		}
	})
}

func (r *Room) tellGroup(k key, h *heard) {
	r.tellAll(h, frame.NoteGroup, encode(groupNote{h.group.shape(k.id, true)}))
}

func (r *Room) sawMember(k key, u place.User, v bus.Value) error {
	l := &r.listeners
	one := l.users[u]
	if one == nil {
		return nil
	}
	o := one.groups[k]
	if o != nil && o.rev >= v.Seq {
		return nil
	}
	m, err := decode[member](v.Data)
	if err != nil {
		return err
	}
	switch {
	case m.Left != 0 && (o == nil || o.since > v.Seq):
	case m.Left != 0:
		delete(one.groups, k)
		l.forget(k, u)
		reason := leftKicked
		if m.LeftBy == u.UserID {
			reason = leftQuit
		}
		r.sayLeft(u, k, o, leftNote{k.id, reason, m.LeftBy})
	case o == nil:
		o = l.enter(one, k, u)
		o.rev, o.member = v.Seq, m
		one.news.of(k).joined = true
		r.say(u, k)
	default:
		o.rev, o.member = v.Seq, m
		r.saySelf(u, k, o)
	}
	return nil
}

// sawApplication notifies those who may handle an application. Once it is handled,
// it also notifies whoever made it: the user, or the member who invited them.
func (r *Room) sawApplication(k key, applicant place.User, v bus.Value) error {
	h := r.listeners.groups[k]
	if h == nil && r.listeners.users[applicant] == nil {
		return nil
	}
	a, err := decode[application](v.Data)
	if err != nil {
		return err
	}
	if a.Handled != "" {
		action := actionReject
		if a.Agreed {
			action = actionAgree
		}
		if a.Inviter != "" {
			applicant = k.user(a.Inviter)
		}
		r.listeners.tell(applicant, frame.NoteGroupHandled, encode(handledNote{k.id, a.Handled, action, a.Answer}))
	}
	if h == nil {
		return nil
	}
	r.tellSoon(h, frame.NoteGroupApplication, func() {
		params := encode(groupIDNote{k.id})
		for u, o := range h.users {
			if h.group.Type.May(Handle, o.member.role(h.group, u.UserID), Stranger) == nil {
				r.listeners.tell(u, frame.NoteGroupApplication, params)
			}
		}
	})
	return nil
}

func (r *Room) sawAttributes(k key, v bus.Value) error {
	h, room := r.listeners.groups[k], r.roomHeard(k)
	if h == nil && room == nil {
		return nil
	}
	a, err := decode[attributes](v.Data)
	if err != nil {
		return err
	}
	params := encode(attributesNote{k.id, orEmpty(a.All)})
	if h != nil && a.Born == h.group.Born {
		r.tellSoon(h, frame.NoteGroupAttributes, func() { r.tellAll(h, frame.NoteGroupAttributes, params) })
	}
	if room != nil {
		r.tellSoon(room, frame.NoteGroupAttributes, func() {
			r.o.Live.Notify(k.room(), a.Born, frame.NoteGroupAttributes, params)
		})
	}
	return nil
}

func (r *Room) sawCounters(k key, v bus.Value) error {
	h, room := r.listeners.groups[k], r.roomHeard(k)
	if h == nil && room == nil {
		return nil
	}
	c, err := decode[counters](v.Data)
	if err != nil {
		return err
	}
	if h != nil && c.Born == h.group.Born {
		r.sayCounters(h, k, c, func(params []byte) { r.tellAll(h, frame.NoteGroupCounters, params) })
	}
	if room != nil {
		r.sayCounters(room, k, c, func(params []byte) { r.o.Live.Notify(k.room(), c.Born, frame.NoteGroupCounters, params) })
	}
	return nil
}

// sayCounters tells of the counters that have changed; one that was deleted is 0.
func (r *Room) sayCounters(h *heard, k key, c counters, tell func(params []byte)) {
	for _, key := range c.Last {
		h.counters[key] = c.All[key]
	}
	r.tellSoon(h, frame.NoteGroupCounters, func() {
		tell(encode(countersNote{k.id, h.counters}))
		clear(h.counters)
	})
}

func (r *Room) sawTopic(k key, id string, v bus.Value) error {
	h := r.listeners.groups[k]
	if h == nil {
		return nil
	}
	t, err := decode[topic](v.Data)
	if err == nil && t.Of == h.group.Born {
		r.tellSoon(h, frame.NoteTopic+" "+id, func() {
			if t.Gone != 0 {
				r.tellAll(h, frame.NoteTopicGone, encode(topicGoneNote{k.id, id}))
				return
			}
			r.tellAll(h, frame.NoteTopic, encode(topicNote{k.id, t.shape(id), t.Info == 1}))
		})
	}
	return err
}

func (r *Room) tellAll(h *heard, method string, params []byte) {
	for u, o := range h.users {
		if o.told {
			r.listeners.tell(u, method, params)
		}
	}
}
