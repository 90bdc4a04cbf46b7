package registry

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// checkSoon asks keepChecking to compare all places of this gateway now.
func (r *Registry) checkSoon() { poke(r.checkNow) }

func (r *Registry) keepChecking() {
	tick := time.NewTicker(r.o.check)
	defer tick.Stop()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		strict := false
		select {
		case <-r.ctx.Done():
			return
		case <-second.C:
			r.reportEnds()
			r.checkDoubts()
			r.compareSome(time.Now())
			continue
		case <-r.rounds.gone:
			r.rounds.hurry(time.Now())
			continue
		case <-tick.C:
		case <-r.checkNow:
			strict = true
		}
		r.checks.left = nil // of an earlier one; something has happened since
		for !r.checkAll(strict) {
			// The store cannot be reached; this gateway vouches for nothing
			// until it can.
			if !r.sleep(250 * time.Millisecond) {
				return
			}
			select {
			case <-r.checkNow:
				strict, r.checks.left = true, nil
			default:
			}
		}
	}
}

// checks is how far a comparison of all places has come. It belongs to the goroutine
// of keepChecking.
type checks struct {
	// left are the places that it has not come to, since the store did not answer: a
	// crowd need not be read again from its beginning.
	left []place.Place
	term uint64 // of left
}

// checkAll reads the settings, and returns false if the store does not answer. If
// something has happened, as strict says, it also compares all places of this gateway
// with their records, as the leader has them.
func (r *Registry) checkAll(strict bool) bool {
	if !r.bus.Up() {
		return false
	}
	term, vouched := r.leases.current()
	strict = strict || !vouched
	ctx, cancel := context.WithTimeout(r.ctx, r.o.opTimeout)
	defer cancel()
	if err := r.leases.held(ctx, r); err != nil {
		return false
	}
	if err := r.refreshAllSettings(ctx); err != nil {
		return false
	}
	if strict {
		if err := r.compareEach(term); err != nil {
			return false
		}
		r.rounds.end(time.Now())
	}
	r.leases.passed(term)
	r.liveAgain.wake()
	return true
}

// compareEach compares every place.
func (r *Registry) compareEach(term uint64) error {
	if r.checks.left == nil || r.checks.term != term {
		r.checks.left, r.checks.term = r.o.Sockets.Places(), term
	}
	left, err := spreadLeft(r.checks.left, func(p place.Place) error { return r.checkPlace(p, true) })
	r.checks.left = left
	return err
}

// spreadLeft calls do for each place, several at once, and returns those with which it
// did not succeed, or which it did not come to after the first error.
func spreadLeft(places []place.Place, do func(p place.Place) error) (left []place.Place, err error) {
	done := make([]bool, len(places))
	err = bus.Spread(len(places), func(i int) error {
		err := do(places[i])
		done[i] = err == nil
		return err
	})
	for i, p := range places {
		if !done[i] {
			left = append(left, p)
		}
	}
	return left, err
}

// doubts are places that are to be compared with their records now: another gateway has
// said so, and will not say it again.
type doubts struct {
	mu  sync.Mutex
	all map[place.Place]struct{}
}

func (d *doubts) add(p place.Place) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil {
		d.all = make(map[place.Place]struct{})
	}
	d.all[p] = struct{}{}
}

// take returns all of them, and has none any more.
func (d *doubts) take() []place.Place {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := slices.Collect(maps.Keys(d.all))
	d.all = nil
	return all
}

// checkDoubts compares places that are doubted. Those whose records the store does not
// give are left for the next second.
func (r *Registry) checkDoubts() {
	if !r.bus.Up() {
		return
	}
	left, _ := spreadLeft(r.doubts.take(), func(p place.Place) error {
		if err := r.checkPlace(p, true); unanswered(err) {
			return err
		}
		return nil
	})
	for _, p := range left {
		if r.attached(p) || r.recent.has(p) {
			r.doubts.add(p)
		}
	}
}

// checkPlace reads the record of a place, at the leader or from any replica, and
// compares the two.
func (r *Registry) checkPlace(p place.Place, leader bool) error {
	v, err := r.read(r.ctx, key(p.User), leader)
	if err != nil {
		return err
	}
	return r.compare(p, v)
}

// compare compares a place with its record, and corrects the socket when they differ.
// A record from any replica is good enough to find that all is well; an eviction is
// proven by a write.
func (r *Registry) compare(p place.Place, v bus.Value) error {
	ctx, cancel := context.WithTimeout(r.ctx, r.o.opTimeout)
	defer cancel()
	rec, err := decodeRecord(v.Data)
	if err != nil {
		// A newer timd has written it. This one cannot vouch for this place,
		// but it can for all others.
		r.log.Error("registry: "+err.Error(), "sdkAppID", p.SDKAppID, "userID", p.UserID)
		r.o.Sockets.Drop(p)
		return nil
	}
	if r.upToDate(ctx, rec, p) {
		return nil
	}
	return r.mutate(ctx, "check", p.User, func(rec Record, s rules, _ string, now int64) step {
		if !rec.holds(p) {
			typ, i := rec.evictedAs(p.Instance), rec.find(p.Instance)
			return step{next: rec, write: true, after: func() {
				switch {
				case i >= 0:
					r.handle(signal{Op: opSupersede, Place: p})
				case typ != "":
					r.handle(signal{Op: opKick, Place: p, Type: typ})
				default:
					r.o.Sockets.Drop(p)
				}
			}}
		}
		next, back := rec, change{}
		if r.attached(p) { // its socket may have gone since the record was read
			next, back = reattach(rec, s, p, r.self, now)
		}
		next, c := tidy(next, s, p.User, now)
		c.Events = append(back.Events, c.Events...)
		c.Write = c.Write || back.Write
		st := c.step(next)
		st.after = func() {
			r.endAt(p.User, c.Due)
			if back.Write && !r.attached(p) {
				// It was lost meanwhile, and detaching it found it detached
				// already.
				r.unreported.add(socketEnd{place: p, since: r.now()})
			}
		}
		return st
	})
}

// attached reports whether a place is attached here.
func (r *Registry) attached(p place.Place) bool {
	return slices.Contains(r.o.Sockets.Of(p.User), p)
}

// upToDate reports whether the record has the place attached and within its
// limits.
func (r *Registry) upToDate(ctx context.Context, rec Record, p place.Place) bool {
	i := rec.find(p.Instance)
	if i < 0 || rec.Instances[i].Attach != p.Attach || rec.Instances[i].Down != 0 {
		return false
	}
	_, c := tidy(lapse(rec, r.lapsed(ctx)), r.rules(p.SDKAppID), p.User, r.now())
	return !c.Write
}

// socketEnd is the end of an attachment, by a logout or a lost socket, that the
// record does not show yet.
type socketEnd struct {
	place place.Place
	leave bool // a logout; otherwise the socket was lost
	clean bool
	since int64
}

// unreported holds the ends of this gateway's attachments that the store has
// not confirmed. If the gateway dies with them, its lease lapses, and other
// gateways end its places.
type unreported struct {
	mu  sync.Mutex
	all map[place.Place]socketEnd
}

// add notes an end, once however often it is reported.
func (o *unreported) add(d socketEnd) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if old, ok := o.all[d.place]; ok {
		d = socketEnd{place: d.place, leave: d.leave || old.leave, clean: d.clean || old.clean, since: min(d.since, old.since)}
	}
	if o.all == nil {
		o.all = make(map[place.Place]socketEnd)
	}
	o.all[d.place] = d
}

func (o *unreported) list() []socketEnd {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Values(o.all))
}

// reported removes an end, unless it was changed meanwhile.
func (o *unreported) reported(d socketEnd) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all[d.place] == d {
		delete(o.all, d.place)
	}
}

// unanswered reports whether the store may yet do what it has not done.
func unanswered(err error) bool {
	var f *fault.Error
	return err != nil && (!errors.As(err, &f) || f.Code == fault.ServerTimeout)
}

// reportEnds stores the ends that the store has not confirmed.
func (r *Registry) reportEnds() {
	if !r.bus.Up() {
		return
	}
	ends := r.unreported.list()
	_ = bus.Spread(len(ends), func(i int) error { // those that fail are tried again the next time
		d := ends[i]
		ctx, cancel := context.WithTimeout(r.ctx, r.o.callTimeout)
		defer cancel()
		report := r.detach
		if d.leave {
			report = r.release
		}
		err := report(ctx, d)
		if unanswered(err) {
			return err
		}
		// Either the store knows, or it never will: this timd cannot read the
		// record.
		r.unreported.reported(d)
		return nil
	})
}
