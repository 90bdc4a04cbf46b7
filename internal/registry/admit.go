package registry

import (
	"slices"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// The rules of admission. Everything here is a pure function of a record, the
// settings and a time, so that every gateway decides alike. The caller stores
// the new record by compare-and-set, or starts again from a newer one.

// rules are the settings and times that a decision needs.
type rules struct {
	Settings
	Grace, CleanGrace int64 // ms
}

// claim is a place.Claim together with the gateway and operation that make it.
type claim struct {
	place.Claim
	Gateway string
	Op      string
}

// decision is the outcome of a claim, which the gateway gets, and what the
// registry has to do about it.
type decision struct {
	place.Outcome
	// Superseded is, of an Admitted claim, the older attachment of the same
	// instance if its socket may still be there; otherwise zero. Its gateway is
	// asked to drop that socket.
	Superseded place.Holder
	// Evicted lists the instances evicted by an Admitted claim. Their gateways
	// are signalled until they answer or their lease has lapsed.
	Evicted []eviction
	Events  []Event
	// Write reports whether the new record has to be stored for the outcome to
	// hold. It is also set for a refusal that leaves the record unchanged:
	// storing it proves that the record was not an old one, read from a
	// follower.
	Write bool
}

// admit decides on a claim. The record that comes back is a copy.
//
//	new      the place is there: attach again · evicted meanwhile, and the same
//	         page asks: its type, for this is the repetition of a login whose
//	         answer was lost (a page that knows it was evicted takes a fresh
//	         instance) · else: a new place, and who is too many goes
//	resume   the place is there: attach again · evicted meanwhile: its type ·
//	         a free place · else multipleAccount
//
// Nobody is admitted while a ban is in force.
func admit(old Record, s rules, c claim, now int64) (Record, decision) {
	if old.Ban.inForce(now) {
		return old, banned(&old, c)
	}
	if old.KickedAt > 0 && c.SignedAt <= old.KickedAt {
		return old, revoked(&old, c)
	}
	r := old.clone()
	r.Ban = nil // it is over
	r.used(c.SignedAt, now)
	var d decision
	d.Evicted, d.Events = prune(&r, s, c.User, c.Instance, now)

	var was Instance
	if i := r.find(c.Instance); i >= 0 {
		was = r.Instances[i]
		if was.Down == 0 {
			if was.Doc != c.Doc && was.Attach != c.Silent {
				return old, decision{Outcome: place.Outcome{Verdict: place.Held, Holder: was.holder(c.User)}}
			}
			d.Superseded = was.holder(c.User)
		}
		if kind(was.Platform) != kind(c.Platform) {
			// The claim is from another device than the instance says. It gets
			// no place that was counted for another platform.
			r.Instances = slices.Delete(r.Instances, i, i+1)
			d.Events = append(d.Events, was.event(c.User, Logout, Unregister, now))
		}
	}
	// Settings may have been lowered since the record was written. A repeated
	// login and a resume are judged as they were; a new login stays.
	had := r.find(c.Instance) >= 0
	known := c.Resume || had && was.Doc == c.Doc || !had && r.repeats(c)
	first := c.Instance
	if known {
		first = ""
	}
	in := Instance{
		Hash: c.Instance, Platform: c.Platform, Gateway: c.Gateway, Doc: c.Doc,
		Op: c.Op, Expires: c.ExpiresAt, Addr: c.Addr,
	}
	if !known && !had {
		r.forget(c.Instance)
		in.Attach = r.next(now)
		in.Login = in.Attach
		r.Instances = append(r.Instances, in)
	}
	gone := enforce(&r, s, c.User, first)
	d.Evicted = append(d.Evicted, gone...)

	i := r.find(c.Instance)
	switch {
	case i >= 0 && had: // attach again
		in.Attach, in.Login = r.next(now), was.Login
		r.Instances[i] = in
		d.Resumed = true
		d.Events = append(d.Events, kicks(&old, gone, c.User, now)...)
		d.Events = append(d.Events, in.event(c.User, Resumed, "", now))
	case i >= 0: // a new place
		e := in.loggedIn(c.User)
		for _, k := range gone {
			e.Kicked = append(e.Kicked, Kicked{Platform: k.Platform, Instance: k.Instance, Type: k.Type})
		}
		d.Events = append(d.Events, e)
	default:
		d.Events = append(d.Events, kicks(&old, gone, c.User, now)...)
		d.Kick = r.evictedAs(c.Instance)
		if d.Kick == "" && !fits(&r, s, c.Platform) {
			d.Kick = frame.KickMultipleAccount
		}
		if d.Kick != "" {
			d.Superseded = place.Holder{} // it is among the evicted
			break
		}
		in.Attach = r.next(now)
		in.Login = in.Attach
		r.Instances = append(r.Instances, in)
		d.Events = append(d.Events, in.loggedIn(c.User))
	}
	d.Verdict = place.KickedOut
	if d.Kick == "" {
		d.Verdict = place.Admitted
		d.Place = place.Place{User: c.User, Instance: c.Instance, Attach: in.Attach}
	}
	d.Write = true
	r.number(d.Events, now)
	r.Settings = max(r.Settings, s.Revision)
	return r, d
}

// repeats reports whether a claim repeats the login of an instance that was
// evicted meanwhile.
func (r *Record) repeats(c claim) bool {
	e := r.evicted(c.Instance)
	return e != nil && e.Doc == c.Doc && c.Doc != ""
}

// revoked answers a UserSig that a server API kick has voided. Kicks only
// accumulate, so this needs no proof that the record is the newest.
func revoked(r *Record, c claim) decision {
	if !c.Resume || r.find(c.Instance) >= 0 {
		return decision{Outcome: place.Outcome{Verdict: place.SigRevoked}}
	}
	return kickedByAPI(r, c)
}

// kickedByAPI ends a session whose user was kicked or banned while it was away.
func kickedByAPI(r *Record, c claim) decision {
	typ := r.evictedAs(c.Instance)
	if typ == "" {
		typ = frame.KickRESTAPI
	}
	return decision{Outcome: place.Outcome{Verdict: place.KickedOut, Kick: typ}}
}

// enforce evicts surplus instances. The instance named first stays in any
// case; of the others, those with a connection come first, the latest login
// before earlier ones, as long as they fit. The evicted are remembered, and
// returned with the first to go first.
func enforce(r *Record, s rules, u place.User, first string) []eviction {
	order := make([]*Instance, len(r.Instances))
	for i := range r.Instances {
		order[i] = &r.Instances[i]
	}
	slices.SortStableFunc(order, func(a, b *Instance) int {
		switch {
		case (a.Hash == first) != (b.Hash == first):
			return less(a.Hash == first)
		case (a.Down == 0) != (b.Down == 0):
			return less(a.Down == 0)
		}
		return less(a.Login > b.Login)
	})
	var stay []*Instance
	var gone []eviction
	for _, in := range order {
		same, rival := 0, false
		for _, o := range stay {
			rival = rival || s.rivals(o.Platform, in.Platform)
			if kind(o.Platform) == kind(in.Platform) {
				same++
			}
		}
		switch {
		case rival:
			gone = append(gone, in.eviction(u, frame.KickMultipleDevice))
		case same >= s.limit(in.Platform):
			gone = append(gone, in.eviction(u, frame.KickMultipleAccount))
		default:
			stay = append(stay, in)
		}
	}
	slices.Reverse(gone)
	for _, e := range gone {
		r.evict(e)
	}
	return gone
}

func less(first bool) int {
	if first {
		return -1
	}
	return 1
}

// fits reports whether one more instance of a platform has room without
// evicting another.
func fits(r *Record, s rules, p place.Platform) bool {
	same := 0
	for i := range r.Instances {
		o := r.Instances[i].Platform
		if s.rivals(o, p) {
			return false
		}
		if kind(o) == kind(p) {
			same++
		}
	}
	return same < s.limit(p)
}

// prune ends the places whose time is over: the UserSig has expired, or the
// instance did not come back within its grace. keep is the instance that is
// just coming back. prune returns the instances that have a socket, so that
// they can be notified.
func prune(r *Record, s rules, u place.User, keep string, now int64) (gone []eviction, events []Event) {
	r.Instances = slices.DeleteFunc(r.Instances, func(in Instance) bool {
		switch {
		case in.Hash == keep:
			return false
		case ended(in.Expires, now):
			gone = append(gone, in.eviction(u, frame.KickUserSigExpired))
			events = append(events, in.event(u, Kick, frame.KickUserSigExpired, now))
			return true
		case in.overdue(s, now):
			reason := TimeOut
			if in.Clean {
				reason = LinkClose
			}
			events = append(events, in.event(u, Disconnect, reason, now))
			return true
		}
		return false
	})
	r.Evicted = slices.DeleteFunc(r.Evicted, func(e Evicted) bool { return ended(e.Expires, now) })
	return gone, events
}

// ended reports whether a UserSig's last second is over.
func ended(expires, now int64) bool { return now/1000 > expires }

// overdue reports whether grace is over for an instance without a socket.
func (in *Instance) overdue(s rules, now int64) bool {
	return in.Down > 0 && now >= in.due(s)
}

// due returns when the place of an instance without a socket ends.
func (in *Instance) due(s rules) int64 {
	if in.Clean {
		return in.Down + s.CleanGrace
	}
	return in.Down + s.Grace
}

// evict moves an instance from the places to the evicted.
func (r *Record) evict(e eviction) {
	i := r.find(e.Instance)
	if i < 0 {
		return
	}
	in := r.Instances[i]
	r.Instances = slices.Delete(r.Instances, i, i+1)
	r.forget(e.Instance)
	r.Evicted = append(r.Evicted, Evicted{Hash: e.Instance, Doc: in.Doc, Type: e.Type, Expires: in.Expires})
	if n := len(r.Evicted) - maxEvicted; n > 0 {
		r.Evicted = slices.Delete(r.Evicted, 0, n)
	}
}

func (r *Record) forget(hash string) {
	r.Evicted = slices.DeleteFunc(r.Evicted, func(e Evicted) bool { return e.Hash == hash })
}

// next returns a number higher than any that the user's records have had.
func (r *Record) next(now int64) uint64 {
	r.Last = max(r.Last+1, uint64(max(now, 1)))
	return r.Last
}

// number numbers events.
func (r *Record) number(events []Event, now int64) {
	for i := range events {
		events[i].N = r.next(now)
	}
}

func (in *Instance) eviction(u place.User, typ string) eviction {
	return eviction{Holder: in.holder(u), Platform: in.Platform, Attached: in.Down == 0, Type: typ}
}

func (in *Instance) event(u place.User, k Kind, reason string, now int64) Event {
	return Event{
		Time: now, SDKAppID: u.SDKAppID, UserID: u.UserID, Kind: k, Reason: reason,
		Platform: in.Platform, Instance: in.Hash, Gateway: in.Gateway, Addr: in.Addr,
	}
}

// loggedIn returns the event of a login. Its time is the one that the instance
// shows as its login's, so that a reader of both a list and the events
// recognises the same login.
func (in *Instance) loggedIn(u place.User) Event {
	return in.event(u, Login, Register, int64(in.Login))
}

// kicks returns the events of instances that were evicted, but not by a login.
func kicks(old *Record, gone []eviction, u place.User, now int64) []Event {
	var events []Event
	for _, e := range gone {
		if i := old.find(e.Instance); i >= 0 {
			events = append(events, old.Instances[i].event(u, Kick, e.Type, now))
		}
	}
	return events
}
