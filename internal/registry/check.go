package registry

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

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
	places := make(chan gateway.Place)
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range checkers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for p := range places {
				if r.checkPlace(p, strict) != nil {
					failed.Store(true)
				}
			}
		}()
	}
	for _, p := range (*local).Places() {
		if failed.Load() || r.ctx.Err() != nil {
			break
		}
		places <- p
	}
	close(places)
	wg.Wait()
	if failed.Load() {
		return false
	}
	r.leases.passed(term)
	return true
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
	if rec, err := decodeRecord(v.Data); err == nil && r.fine(ctx, rec, p) {
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

// debt is a detachment that the store has not been told yet.
type debt struct {
	place gateway.Place
	clean bool
	since int64
}

// owed are the debts of this gateway. If it dies with them, its lease lapses.
type owed struct {
	mu   sync.Mutex
	list []debt
}

func (o *owed) add(d debt) {
	o.mu.Lock()
	o.list = append(o.list, d)
	o.mu.Unlock()
}

func (o *owed) take() []debt {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := o.list
	o.list = nil
	return list
}

// payDebts tells the store what it was not there to hear.
func (r *Registry) payDebts() {
	if !r.bus.Up() {
		return
	}
	debts := r.owed.take()
	for i, d := range debts {
		ctx, cancel := context.WithTimeout(r.ctx, r.o.callTimeout)
		err := r.detach(ctx, d)
		cancel()
		if err != nil {
			for _, d := range debts[i:] {
				r.owed.add(d)
			}
			return
		}
	}
}
