package registry

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/gateway"
)

// checkers is how many records are compared at once.
const checkers = 16

// poke has all places of this gateway compared now.
func (r *Registry) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Registry) keepChecking() {
	tick := time.NewTicker(r.o.check)
	defer tick.Stop()
	retry := time.NewTicker(time.Second)
	defer retry.Stop()
	for {
		strict := false
		select {
		case <-r.ctx.Done():
			return
		case <-retry.C:
			r.payDebts()
			continue
		case <-tick.C:
		case <-r.wake:
			strict = true
		}
		for !r.checkAll(strict) {
			// The store is away; nothing is vouched for until it is back.
			if !r.sleep(250 * time.Millisecond) {
				return
			}
		}
	}
}

// checkAll compares every place of this gateway with its record; false when
// some record could not be read. strict reads at the leader: something has
// happened. Otherwise a record from a follower will do until the next time.
func (r *Registry) checkAll(strict bool) bool {
	local := r.local.Load()
	if local == nil {
		return true
	}
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
	if !each((*local).Places(), func(p gateway.Place) error { return r.checkPlace(p, strict) }) {
		return false
	}
	r.leases.passed(term)
	r.better.ring()
	return true
}

// each calls f for all of a list, several at once, until one fails.
func each[T any](list []T, f func(T) error) bool {
	work := make(chan T)
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range min(checkers, len(list)) {
		wg.Go(func() {
			for v := range work {
				if f(v) != nil {
					failed.Store(true)
				}
			}
		})
	}
	for _, v := range list {
		if failed.Load() {
			break
		}
		work <- v
	}
	close(work)
	wg.Wait()
	return !failed.Load()
}

// checkPlace compares one place with its record, and brings the socket in line
// when they differ. A plain read is only good for finding that all is well:
// what turns somebody out is proven by a write.
func (r *Registry) checkPlace(p gateway.Place, strict bool) error {
	local := r.local.Load()
	if local == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.ctx, r.o.opTimeout)
	defer cancel()
	v, err := r.read(ctx, key(p.User), strict)
	if err != nil {
		return err
	}
	rec, err := decodeRecord(v.Data)
	if err != nil {
		// A newer timd has written it. This one cannot vouch for the place, and
		// for all others it can.
		r.log.Error("registry: "+err.Error(), "sdkAppID", p.SDKAppID, "userID", p.UserID)
		(*local).Drop(p)
		return nil
	}
	if r.fine(ctx, rec, p) {
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
					(*local).Drop(p)
				}
			}}
		}
		next, back := rec, change{}
		if slices.Contains((*local).Places(), p) { // a late question may find it gone
			next, back = reattach(rec, s, p, r.self, now)
		}
		next, c := tidy(next, s, p.User, now)
		c.Events = append(back.Events, c.Events...)
		c.Write = c.Write || back.Write
		st := c.step(next)
		st.after = func() {
			r.endAt(p.User, c.Due)
			if back.Write && !slices.Contains((*local).Places(), p) {
				// It went meanwhile, and its detachment found it detached.
				r.owed.add(debt{place: p, since: r.now()})
			}
		}
		return st
	})
}

// fine tells whether a record says that a place is attached and that nobody is
// too many.
func (r *Registry) fine(ctx context.Context, rec Record, p gateway.Place) bool {
	i := rec.find(p.Instance)
	if i < 0 || rec.Instances[i].Attach != p.Attach || rec.Instances[i].Down != 0 {
		return false
	}
	_, c := tidy(lapse(rec, r.lapsed(ctx)), r.rules(p.SDKAppID), p.User, r.now())
	return !c.Write
}

// debt is an end of an attachment that the store has not been told yet.
type debt struct {
	place gateway.Place
	leave bool // a logout; else the socket was lost
	clean bool
	since int64
}

// owed are the debts of this gateway. If it dies with them, its lease lapses.
type owed struct {
	mu  sync.Mutex
	all map[gateway.Place]debt
}

// add notes a debt, once however often it is said.
func (o *owed) add(d debt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if old, ok := o.all[d.place]; ok {
		d = debt{place: d.place, leave: d.leave || old.leave, clean: d.clean || old.clean, since: min(d.since, old.since)}
	}
	if o.all == nil {
		o.all = make(map[gateway.Place]debt)
	}
	o.all[d.place] = d
}

func (o *owed) list() []debt {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Values(o.all))
}

// paid takes a debt out, unless it has grown meanwhile.
func (o *owed) paid(d debt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all[d.place] == d {
		delete(o.all, d.place)
	}
}

// payDebts tells the store what it was not there to hear.
func (r *Registry) payDebts() {
	if !r.bus.Up() {
		return
	}
	each(r.owed.list(), func(d debt) error {
		ctx, cancel := context.WithTimeout(r.ctx, r.o.callTimeout)
		defer cancel()
		pay := r.detach
		if d.leave {
			pay = r.release
		}
		err := pay(ctx, d)
		var f *fault.Error
		if err != nil && (!errors.As(err, &f) || f.Code == fault.ServerTimeout) {
			return err
		}
		// Said; or it can never be, as this timd cannot read the record.
		r.owed.paid(d)
		return nil
	})
}
