package registry

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// store is what the compare-and-set needs of a bus; tests replace it with a
// faulty one.
type store interface {
	// Last may return an old value, LastAtLeader does not.
	Last(ctx context.Context, stream, subject string) (bus.Value, error)
	LastAtLeader(ctx context.Context, stream, subject string) (bus.Value, error)
	Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error)
}

// step is one try to change a record.
type step struct {
	next    Record
	write   bool
	evicted []eviction // their gateways are signalled once the step is stored
	events  []Event
	after   func()         // run once the step is stored, or needed no storing
	doubted []place.Holder // counted as disconnected because their gateway's lease has lapsed
}

// mutate changes a user's record: read, decide, compare-and-set, and again
// until it holds or the time is over. decide may be called several times and
// must have no effects.
//
// A write that was not answered may or may not have been stored. The record
// shows which: it names the operation that wrote it last, and each instance
// names the one that attached it. Both are checked before the next try.
func (r *Registry) mutate(ctx context.Context, name string, u place.User, decide func(rec Record, s rules, op string, now int64) step) error {
	return r.mutateKnown(ctx, name, u, nil, decide)
}

// known is a user's record as it was when it was last written or read.
type known struct {
	rec  Record // not changed any more
	seq  uint64
	link uint64 // Registry.links when it was about to be written
}

// none is what is known of a user without a record.
var none = &known{}

// mutateKnown is mutate from a record that is taken for the newest one, so that none is
// read before the first try; where it is not, that costs a write in vain. nil: none is.
func (r *Registry) mutateKnown(ctx context.Context, name string, u place.User, first *known, decide func(rec Record, s rules, op string, now int64) step) error {
	start := time.Now()
	conflicts := 0
	err := r.try(ctx, u, first, &conflicts, decide)
	if r.o.Observe != nil {
		r.o.Observe(name, time.Since(start), conflicts, err)
	}
	return err
}

func (r *Registry) try(ctx context.Context, u place.User, first *known, conflicts *int, decide func(rec Record, s rules, op string, now int64) step) error {
	ctx, cancel := bus.Within(ctx, r.o.opTimeout, r.o.opTimeout/4)
	defer cancel()
	if err := r.leases.held(ctx, r); err != nil {
		return r.fail(err)
	}
	subject := key(u)
	id := randomHex(5) + "-"
	var open map[string]step // tries without an answer
	leader := false
	for n := 0; ; n++ {
		var at known
		var err error
		if guessed := first != nil && n == 0; guessed {
			at = *first
		} else if at, err = r.known(ctx, u, leader); err == nil {
			if st, ok := stored(&at.rec, open); ok {
				r.settle(u, st, open, known{})
				return nil
			}
		} else if f := (*fault.Error)(nil); errors.As(err, &f) {
			return f
		}
		rec := at.rec
		if err == nil && r.settings.older(u.SDKAppID, rec.Settings) {
			err = r.refreshSettings(ctx, u.SDKAppID)
		}
		if err == nil {
			now := r.now()
			s := r.rules(u.SDKAppID)
			op := id + strconv.Itoa(n)
			seen := lapse(rec, r.lapsed(ctx))
			st := decide(seen, s, op, now)
			if !st.write && !leader {
				// An old record may be the reason why there is nothing to do.
				leader = true
				continue
			}
			if !st.write {
				r.settle(u, st, open, known{})
				return nil
			}
			st.next.Op = op
			st.doubted = doubted(u, &rec, &seen)
			r.queue(ctx, u, &st)
			var seq uint64
			link := r.links.Load()
			seq, err = r.put(ctx, subject, &st.next, at.seq, now)
			switch {
			case err == nil:
				r.settle(u, st, open, known{st.next, seq, link})
				return nil
			case errors.Is(err, bus.ErrConflict) && first != nil && n == 0:
				continue // the record is another one
			case errors.Is(err, bus.ErrConflict):
				*conflicts++
			default:
				if open == nil {
					open = make(map[string]step)
				}
				open[op] = st
			}
		}
		leader = true
		// Others want the same record, or there is no leader at the moment.
		wait := time.Duration(1+rand.IntN(4)) * time.Millisecond
		if !errors.Is(err, bus.ErrConflict) {
			wait = r.o.retry + rand.N(2*r.o.retry)
		}
		if r.sleepCtx(ctx, min(wait<<min(n, 4), 250*time.Millisecond)) {
			continue
		}
		for _, st := range open {
			r.recheck(u, st, &Record{})
			r.mind(u, &st.next, known{})
		}
		return r.fail(err)
	}
}

// strangers says what most of the newest logins were: of users without a record,
// who are online nowhere and have not been for a while, or of others. The first kind
// saves the read of the record, and the second fails at the first write and reads
// then, which costs as much.
type strangers struct{ balance atomic.Int32 }

func (s *strangers) most() bool { return s.balance.Load() >= 0 }

// saw notes a login. Of two at the same time one may be lost, which does no harm.
func (s *strangers) saw(stranger bool) {
	n := s.balance.Load() - 1
	if stranger {
		n += 2
	}
	s.balance.Store(min(max(n, -strangersKept), strangersKept))
}

const strangersKept = 16

// stored returns which of the unanswered tries the record shows.
func stored(rec *Record, open map[string]step) (step, bool) {
	if len(open) == 0 {
		return step{}, false
	}
	if st, ok := open[rec.Op]; ok {
		return st, true
	}
	for i := range rec.Instances {
		if st, ok := open[rec.Instances[i].Op]; ok {
			return st, true
		}
	}
	return step{}, false
}

// settle carries out what follows from a step that is in force. Whatever the
// unanswered tries before it would have evicted is checked again: one of them
// may have been stored and then overwritten. at is the record if this gateway has just
// written it.
func (r *Registry) settle(u place.User, st step, open map[string]step, at known) {
	for _, e := range st.evicted {
		if e.Attached {
			r.send(signal{Op: opKick, Place: e.Place, Type: e.Type}, e.Gateway)
		}
	}
	for _, h := range st.doubted {
		r.send(signal{Op: opCheck, Place: h.Place}, h.Gateway)
	}
	for op, o := range open {
		if op != st.next.Op {
			r.recheck(u, o, &st.next)
		}
	}
	if st.write {
		r.tell(u, st)
	}
	r.mind(u, &st.next, at) // also where an earlier write is found that was not answered
	if st.after != nil {
		st.after()
	}
}

// doubted returns the instances that lapse has changed. Their gateway may be
// back with their sockets, and has to compare these with the record.
func doubted(u place.User, was, seen *Record) (all []place.Holder) {
	for i := range was.Instances {
		if was.Instances[i].Down != seen.Instances[i].Down {
			all = append(all, was.Instances[i].holder(u))
		}
	}
	return all
}

// recheck asks every gateway touched by a write of unknown outcome to compare
// its sockets with the record. now is the record as far as it is known.
func (r *Registry) recheck(u place.User, st step, now *Record) {
	for _, e := range st.evicted {
		if e.Attached {
			r.send(signal{Op: opCheck, Place: e.Place}, e.Gateway)
		}
	}
	for _, h := range st.doubted {
		r.send(signal{Op: opCheck, Place: h.Place}, h.Gateway)
	}
	for i := range st.next.Instances {
		in := &st.next.Instances[i]
		p := in.holder(u).Place
		if in.Gateway == r.self && in.Op == st.next.Op && !now.holds(p) {
			// The record may have it attached here, though its login failed.
			r.unreported.add(socketEnd{place: p, since: r.now()})
		}
	}
}

func (r *Registry) read(ctx context.Context, subject string, leader bool) (bus.Value, error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.callTimeout)
	defer cancel()
	get := r.store.Last
	if leader {
		get = r.store.LastAtLeader
	}
	v, err := get(ctx, usersStream, subject)
	if errors.Is(err, bus.ErrNoValue) {
		return bus.Value{}, nil
	}
	return v, err
}

// known reads and decodes a record. One that cannot be decoded is a *fault.Error.
func (r *Registry) known(ctx context.Context, u place.User, leader bool) (at known, err error) {
	v, err := r.read(ctx, key(u), leader)
	if err != nil {
		return at, err
	}
	if at.rec, err = decodeRecord(v.Data); err != nil {
		r.log.Error("registry: "+err.Error(), "sdkAppID", u.SDKAppID, "userID", u.UserID)
		return at, fault.With(fault.Internal, "this user's record cannot be read")
	}
	at.seq = v.Seq
	return at, nil
}

func (r *Registry) put(ctx context.Context, subject string, rec *Record, seq uint64, now int64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.callTimeout)
	defer cancel()
	return r.store.Put(ctx, subject, rec.encode(), seq, rec.ttl(now))
}

// maxTTL is how long a record without instances is kept at most, unless it is
// kept for ever.
const maxTTL = 10 * 365 * 24 * time.Hour

// ttl returns how long a record without instances is worth keeping, 0 for
// ever: the evicted until their UserSig expires, a server API kick for good, a
// ban until it is over.
func (r *Record) ttl(now int64) time.Duration {
	if len(r.Instances) > 0 || r.KickedAt > 0 || r.Ban != nil && r.Ban.Until == 0 {
		return 0
	}
	// Long enough for an operation to recognise its own write.
	end := now + (10 * time.Minute).Milliseconds()
	for i := range r.Evicted {
		end = max(end, (r.Evicted[i].Expires+60)*1000)
	}
	if len(r.Out) > 0 {
		end = max(end, now+eventAge.Milliseconds())
	}
	if r.Ban != nil {
		end = max(end, r.Ban.Until)
	}
	return min(time.Duration(end-now)*time.Millisecond, maxTTL)
}

// fail converts an error of the store to what a client is told.
func (r *Registry) fail(err error) error {
	var f *fault.Error
	switch {
	case errors.As(err, &f):
		return f
	case err == nil:
		err = context.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return fault.New(fault.ServerTimeout) // the client has hung up: nothing is wrong
	}
	// During an outage every operation of every user ends here.
	if second := time.Now().Unix(); r.failedAt.Swap(second) != second {
		r.log.Warn("registry: the store did not answer in time; logged at most once a second", "error", err)
	}
	return fault.New(fault.ServerTimeout)
}

// Admit implements gateway.Registry.
func (r *Registry) Admit(ctx context.Context, c place.Claim) (place.Outcome, error) {
	d, err := r.admit(ctx, c)
	return d.Outcome, err
}

// admit stores the decision on a claim and signals the gateways it concerns.
func (r *Registry) admit(ctx context.Context, c place.Claim) (decision, error) {
	ctx, cancel := bus.Within(ctx, r.o.opTimeout, r.o.opTimeout/4) // all tries together
	defer cancel()
	if err := r.awaitLive(ctx); err != nil {
		return decision{}, r.fail(err)
	}
	if r.o.Known != nil {
		known, err := r.o.Known(ctx, c.User)
		if err != nil {
			return decision{}, r.fail(err)
		}
		if !known {
			return decision{Outcome: place.Outcome{Verdict: place.UnknownUser}}, nil
		}
	}
	var made decision
	var first *known
	if !c.Resume && r.strangers.most() {
		first = none
	}
	err := r.mutateKnown(ctx, "admit", c.User, first, func(rec Record, s rules, op string, now int64) step {
		next, d := admit(rec, s, claim{Claim: c, Gateway: r.self, Op: op}, now)
		return step{next: next, write: d.Write, evicted: d.Evicted, events: d.Events, after: func() {
			made = d
			r.strangers.saw(rec.Version == 0)
			if d.Verdict == place.Admitted {
				r.recent.add(d.Place, time.Now())
			}
			if d.Superseded.Attach != 0 {
				r.send(signal{Op: opSupersede, Place: d.Superseded.Place}, d.Superseded.Gateway)
			}
		}}
	})
	return made, err
}

// Release implements gateway.Registry. When the store does not answer, it is
// repeated until it does, as Detach is, unless it is a farewell: the client
// repeats that itself.
func (r *Registry) Release(ctx context.Context, p place.Place) error {
	d := socketEnd{place: p, leave: true, since: r.now()}
	err := r.inTurn(ctx, func() error { return r.release(ctx, d) })
	if err != nil && p.Attach != 0 {
		r.unreported.add(d)
	}
	return err
}

// inTurn waits for one of the slots for leaving. Thousands of sockets may end
// at once, and a store that all of them ask at once answers none in time.
func (r *Registry) inTurn(ctx context.Context, f func() error) error {
	select {
	case r.leaveSlots <- struct{}{}:
		defer func() { <-r.leaveSlots }()
		return f()
	case <-ctx.Done():
		return r.fail(ctx.Err())
	}
}

func (r *Registry) release(ctx context.Context, d socketEnd) error {
	p := d.place
	return r.mutate(ctx, "release", p.User, func(rec Record, s rules, _ string, now int64) step {
		next, c := release(rec, s, p, now)
		st := c.step(next)
		if i := rec.find(p.Instance); c.Write && p.Attach == 0 && rec.Instances[i].Down == 0 {
			h := rec.Instances[i].holder(p.User)
			st.after = func() { r.send(signal{Op: opCheck, Place: h.Place}, h.Gateway) }
		}
		return st
	})
}

// Detach implements gateway.Registry. When the store does not answer, it is
// repeated until it does; the error is only for the log.
func (r *Registry) Detach(ctx context.Context, p place.Place, clean bool) error {
	d := socketEnd{place: p, clean: clean, since: r.now()}
	err := r.inTurn(ctx, func() error { return r.detach(ctx, d) })
	if err != nil {
		r.unreported.add(d)
	}
	return err
}

func (r *Registry) detach(ctx context.Context, d socketEnd) error {
	return r.mutate(ctx, "detach", d.place.User, func(rec Record, s rules, _ string, now int64) step {
		next, c := detach(rec, s, d.place, d.clean, d.since, now)
		return c.step(next)
	})
}

// Renew implements gateway.Registry.
func (r *Registry) Renew(ctx context.Context, p place.Place, signedAt, expiresAt int64) (place.Verdict, error) {
	var verdict place.Verdict
	err := r.mutate(ctx, "renew", p.User, func(rec Record, s rules, _ string, now int64) step {
		next, c, v := renew(rec, s, p, signedAt, expiresAt, now)
		st := c.step(next)
		// A refusal has to be proven by a write, as in admit.
		st.write = st.write || v == place.KickedOut
		st.after = func() { verdict = v }
		return st
	})
	if verdict == place.KickedOut {
		r.doubts.add(p)
		r.goes(r.checkDoubts)
	}
	return verdict, err
}

func (c change) step(next Record) step {
	return step{next: next, write: c.Write, evicted: c.Evicted, events: c.Events}
}
