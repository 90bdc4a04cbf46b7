package registry

import (
	"slices"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// The other changes of a record, pure like admit. Each names an attachment and
// does nothing if it is no longer the record's.

// eviction is an instance that was evicted, and why.
type eviction struct {
	place.Holder
	Platform place.Platform
	Attached bool   // it has a socket that is notified; otherwise its client learns of it when it comes back
	Type     string // frame.Kick…
}

// change is the result of one of them.
type change struct {
	Evicted []eviction
	Events  []Event
	Write   bool
	Due     int64 // of tidy: when the next place ends; 0 for none
}

func (r *Record) done(c change, s rules, now int64) (Record, change) {
	r.number(c.Events, now)
	r.Settings = max(r.Settings, s.Revision)
	return *r, c
}

// release ends a place: a logout. A farewell names no attachment, because its
// client may not have learnt the latest number.
func release(old Record, s rules, p place.Place, now int64) (Record, change) {
	i := old.find(p.Instance)
	if i < 0 || (p.Attach != 0 && !old.holds(p)) {
		return old, change{}
	}
	r := old.clone()
	e := r.Instances[i].event(p.User, Logout, Unregister, now)
	if ended(r.Instances[i].Expires, now) {
		e.Kind, e.Reason = Kick, frame.KickUserSigExpired
	}
	r.Instances = append(r.Instances[:i], r.Instances[i+1:]...)
	return r.done(change{Events: []Event{e}, Write: true}, s, now)
}

// detach records that an attachment lost its socket at since.
func detach(old Record, s rules, p place.Place, clean bool, since, now int64) (Record, change) {
	i := old.find(p.Instance)
	if i < 0 || old.Instances[i].Attach != p.Attach || old.Instances[i].Down != 0 {
		return old, change{}
	}
	r := old.clone()
	in := &r.Instances[i]
	in.Down, in.Clean = max(since, 1), clean
	e := in.event(p.User, Lost, "", now)
	return r.done(change{Events: []Event{e}, Write: true}, s, now)
}

// reattach records that an attachment which counts as disconnected has a
// socket after all: its gateway's lease had lapsed, and the gateway is back.
func reattach(old Record, s rules, p place.Place, self string, now int64) (Record, change) {
	i := old.find(p.Instance)
	if i < 0 || old.Instances[i].Attach != p.Attach || old.Instances[i].Gateway != self || old.Instances[i].Down == 0 {
		return old, change{}
	}
	r := old.clone()
	r.Instances[i].Down, r.Instances[i].Clean = 0, false
	e := r.Instances[i].event(p.User, Resumed, "", now)
	return r.done(change{Events: []Event{e}, Write: true}, s, now)
}

// renew sets a new end of a session's UserSig.
func renew(old Record, s rules, p place.Place, signedAt, expiresAt, now int64) (Record, change, place.Verdict) {
	if old.KickedAt > 0 && signedAt <= old.KickedAt {
		return old, change{}, place.SigRevoked
	}
	if !old.holds(p) {
		return old, change{}, place.KickedOut
	}
	i := old.find(p.Instance)
	r := old.clone()
	r.used(signedAt, now)
	if old.Instances[i].Expires == expiresAt && r.Ahead == old.Ahead {
		return old, change{}, place.Admitted
	}
	r.Instances[i].Expires = expiresAt
	next, c := r.done(change{Write: true}, s, now)
	return next, c, place.Admitted
}

// tidy ends places whose time is over and evicts surplus instances.
func tidy(old Record, s rules, u place.User, now int64) (Record, change) {
	r := old.clone()
	var c change
	c.Evicted, c.Events = prune(&r, s, u, "", now)
	lowered := enforce(&r, s, u, "")
	c.Evicted = append(c.Evicted, lowered...)
	c.Events = append(c.Events, kicks(&old, lowered, u, now)...)
	c.Write = len(r.Instances) != len(old.Instances) || len(r.Evicted) != len(old.Evicted)
	for i := range r.Instances {
		if in := &r.Instances[i]; in.Down > 0 && (c.Due == 0 || in.due(s) < c.Due) {
			c.Due = in.due(s)
		}
	}
	if !c.Write {
		return old, c
	}
	return r.done(c, s, now)
}

// kickAll evicts every instance and voids every UserSig signed up to and
// including this second, or up to the latest date that was used if the
// signer's clock is ahead.
func kickAll(old Record, s rules, u place.User, second, now int64) (Record, change) {
	r := old.clone()
	r.KickedAt = max(r.KickedAt, second, r.Ahead)
	return r.done(r.evictAll(u, now), s, now)
}

// evictAll evicts every instance by the server API.
func (r *Record) evictAll(u place.User, now int64) change {
	c := change{Write: true}
	for _, in := range slices.Clone(r.Instances) {
		c.Evicted = append(c.Evicted, in.eviction(u, frame.KickRESTAPI))
		c.Events = append(c.Events, in.event(u, Kick, frame.KickRESTAPI, now))
		r.evict(c.Evicted[len(c.Evicted)-1])
	}
	return c
}

// kickOne evicts one instance.
func kickOne(old Record, s rules, u place.User, hash string, now int64) (Record, change) {
	i := old.find(hash)
	if i < 0 {
		return old, change{}
	}
	r := old.clone()
	in := old.Instances[i]
	c := change{
		Evicted: []eviction{in.eviction(u, frame.KickRESTAPI)},
		Events:  []Event{in.event(u, Kick, frame.KickRESTAPI, now)},
		Write:   true,
	}
	r.evict(c.Evicted[0])
	return r.done(c, s, now)
}

// lapse marks the attachments to gateways whose lease has lapsed as
// disconnected since then. It is not an operation of its own: the next
// decision starts from its result.
func lapse(old Record, lapsed func(gateway string) (since int64, yes bool)) Record {
	r, copied := old, false
	for i := range old.Instances {
		in := &old.Instances[i]
		if in.Down != 0 {
			continue
		}
		if since, yes := lapsed(in.Gateway); yes {
			if !copied {
				r, copied = old.clone(), true
			}
			r.Instances[i].Down = max(since, 1)
		}
	}
	return r
}
