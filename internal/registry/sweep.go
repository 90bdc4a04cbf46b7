package registry

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// Each gateway ends the places of the sockets that it lost. If a gateway dies,
// the others find its places in a walk over all records when grace is over; a
// walk every ten minutes finds the rest.

const sweepEvery = 10 * time.Minute

// orphanAfter is longer than any login takes from the record to the socket.
const orphanAfter = time.Minute

// sweeps is when the next walk is due.
type sweeps struct {
	mu   sync.Mutex
	at   time.Time
	wake chan struct{}
}

// sweepIn schedules a walk over all records after d, or earlier.
func (r *Registry) sweepIn(d time.Duration) {
	at := time.Now().Add(d)
	r.sweeps.mu.Lock()
	defer r.sweeps.mu.Unlock()
	if r.sweeps.at.IsZero() || at.Before(r.sweeps.at) {
		r.sweeps.at = at
		if r.sweeps.wake != nil {
			select {
			case r.sweeps.wake <- struct{}{}:
			default:
			}
		}
	}
}

func (r *Registry) keepSweeping() {
	wake := make(chan struct{}, 1)
	r.sweeps.mu.Lock()
	r.sweeps.wake = wake
	r.sweeps.mu.Unlock()
	r.sweepIn(r.o.Grace + time.Second)
	for {
		r.sweeps.mu.Lock()
		t := time.NewTimer(time.Until(r.sweeps.at))
		r.sweeps.mu.Unlock()
		select {
		case <-r.ctx.Done():
			t.Stop()
			return
		case <-wake:
			t.Stop()
			continue
		case <-t.C:
		}
		r.sweeps.mu.Lock()
		r.sweeps.at = time.Now().Add(sweepEvery)
		r.sweeps.mu.Unlock()
		if err := r.sweep(r.ctx, everyRecord); err != nil && r.ctx.Err() == nil {
			r.log.Warn("registry: not all records could be checked", "error", err)
			r.sweepIn(5 * time.Second)
		}
	}
}

// sweep tidies all records whose key matches, everyRecord or the appKeys of an app, and
// compares the places here with theirs.
func (r *Registry) sweep(ctx context.Context, keys string) error {
	here := make(map[place.Place]bool) // whether a record has shown it
	for _, p := range r.o.Sockets.Places() {
		here[p] = false
	}
	err := r.walk(ctx, keys, 1, func(u place.User, rec Record, _ uint64) error {
		for i := range rec.Instances {
			// The record says that it has been attached here for some time,
			// and no socket has it. (An attach number is at least the time of
			// the attach.)
			in := &rec.Instances[i]
			if in.Gateway != r.self || in.Down != 0 {
				continue
			}
			p := in.holder(u).Place
			if _, ok := here[p]; ok {
				here[p] = true
			} else if r.now()-int64(in.Attach) > orphanAfter.Milliseconds() {
				r.orphan(p)
			}
		}
		rec = lapse(rec, r.lapsed(ctx))
		now := r.now()
		_, c := tidy(rec, r.rules(u.SDKAppID), u, now)
		if len(rec.Out) > 0 && r.o.Events && now-rec.Out[0].Time > time.Minute.Milliseconds() {
			r.goes(func() { r.copyEvents(u, rec.Out) })
		}
		if c.Write {
			return r.tidyUser(ctx, u)
		}
		r.endAt(u, c.Due)
		return nil
	})
	for p, shown := range here {
		if err == nil && !shown && covers(keys, p.User) {
			err = r.checkPlace(p)
		}
	}
	return err
}

// covers reports whether a walk over these keys comes to a user's record.
func covers(keys string, u place.User) bool {
	return keys == everyRecord || keys == appKeys(u.SDKAppID)
}

// appKeys are those of an app's records.
func appKeys(app uint32) string { return strconv.FormatUint(uint64(app), 10) + ".*" }

// orphan detaches a place whose socket has gone without the record learning of
// it, unless the socket was attached since the walk began.
func (r *Registry) orphan(p place.Place) {
	if r.attached(p) {
		return
	}
	r.unreported.add(socketEnd{place: p, since: r.now()})
}

// everyRecord is the filter of all records.
const everyRecord = ">"

// recordsAtOnce is how many records a batch has at most. Before each batch NATS counts
// what is left of the stream, for which it looks at all its subjects: 20 ms with 100,000
// users. So batches are large; bus.Batch limits their bytes.
const recordsAtOnce = 4096

// walk calls f for each record that matches and can be read, as records does.
func (r *Registry) walk(ctx context.Context, keys string, from uint64, f func(u place.User, rec Record, seq uint64) error) error {
	return r.records(ctx, keys, from, func(u place.User, v bus.Value) error {
		rec, err := decodeRecord(v.Data)
		if err != nil {
			r.log.Error("registry: "+err.Error(), "sdkAppID", u.SDKAppID, "userID", u.UserID)
			return nil
		}
		return f(u, rec, v.Seq)
	})
}

// records calls f for each record that matches, from a sequence number on.
// Records that change meanwhile may come twice; none is missed.
func (r *Registry) records(ctx context.Context, keys string, from uint64, f func(u place.User, v bus.Value) error) error {
	filter := keys
	if filter != everyRecord {
		filter = bus.BucketSubject(bus.BucketUsers, keys)
	}
	for {
		values, err := r.bus.Batch(ctx, usersStream, filter, from, recordsAtOnce)
		if err != nil && !errors.Is(err, bus.ErrNoValue) {
			return err
		}
		if len(values) == 0 {
			return nil
		}
		for _, v := range values {
			from = v.Seq + 1
			u, ok := userOf(v.Subject)
			if !ok {
				continue
			}
			if err := f(u, v); err != nil {
				return err
			}
		}
	}
}

// endings holds the users whose records are to be tidied, and when (ms). One
// time a user is enough: tidying finds the next.
type endings struct {
	mu sync.Mutex
	at map[place.User]int64
}

// add returns false if the record is tidied by then anyway.
func (e *endings) add(u place.User, due int64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if at, ok := e.at[u]; ok && at <= due {
		return false
	}
	if e.at == nil {
		e.at = make(map[place.User]int64)
	}
	e.at[u] = due
	return true
}

func (e *endings) done(u place.User, due int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.at[u] == due {
		delete(e.at, u)
	}
}

// endAt schedules the tidying of a user's record at a time (ms); 0 for never.
func (r *Registry) endAt(u place.User, due int64) {
	if due == 0 || r.o.noTimers || !r.endings.add(u, due) {
		return
	}
	wait := time.Duration(due-r.now())*time.Millisecond + time.Millisecond
	time.AfterFunc(max(wait, time.Millisecond), func() {
		r.endings.done(u, due)
		r.goes(func() {
			select {
			case r.tidySlots <- struct{}{}:
			case <-r.ctx.Done():
				return
			}
			defer func() { <-r.tidySlots }()
			if err := r.tidyUser(r.ctx, u); err != nil && r.ctx.Err() == nil {
				r.sweepIn(5 * time.Second)
			}
		})
	})
}

// tidyUser ends the places in one record whose time is over.
func (r *Registry) tidyUser(ctx context.Context, u place.User) error {
	return r.mutate(ctx, "end", u, func(rec Record, s rules, _ string, now int64) step {
		next, c := tidy(rec, s, u, now)
		st := c.step(next)
		st.after = func() { r.endAt(u, c.Due) }
		return st
	})
}

// errEnough ends a walk early.
var errEnough = errors.New("enough")
