package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// The history of a user is their newest logins and how these ended, for
// administrators: the durable events, whether or not a webhook wants them. They
// are stored behind the login, many in one go, and nobody waits for that. A store
// that is slow or away loses events rather than holding a login up: they wait in
// short queues, and one that finds its queue full is left out and counted. Close
// stores what waits; a crash loses what came in the last historyHold.

// The bounds of what is kept: of a user, and of all users together; the oldest
// entries go.
const (
	maxHistory      = 50
	maxHistoryBytes = 256 << 20
)

// A user's events go through one of the queues, so they stay in order, and what
// waits for them or deletes them goes the same way.
const (
	historyQueues = 4
	historyWaits  = 1024                   // in a queue
	historyBatch  = 256                    // stored in one go
	historyHold   = 250 * time.Millisecond // how long an event waits for others
	historyEnd    = time.Second            // how long Close waits for the store
)

// logbook is what waits to be stored. The queues are made before the first event.
type logbook struct {
	queues [historyQueues]chan past // nil: nothing is kept
	lost   atomic.Int64             // events that were left out

	keepers sync.WaitGroup
	ending  chan struct{} // closed once no event comes any more
	ctx     context.Context
	cancel  context.CancelFunc
}

// past is an event to be stored, or something to be done behind those before it.
type past struct {
	user  place.User
	event Event
	then  func() // nil for an event
}

func (h *logbook) queue(u place.User) chan past {
	return h.queues[bus.Hash32(u.UserID)%historyQueues]
}

// add puts an event into its queue. It does not block.
func (h *logbook) add(u place.User, e Event) {
	if !e.Kind.durable() || h.queues[0] == nil {
		return
	}
	select {
	case h.queue(u) <- past{user: u, event: e}:
	default:
		h.lost.Add(1)
	}
}

// end has what waits stored, as far as the store takes it within historyEnd. No
// event comes any more.
func (h *logbook) end() {
	if h.ending == nil {
		return
	}
	close(h.ending)
	late := time.AfterFunc(historyEnd, h.cancel)
	h.keepers.Wait()
	late.Stop()
	h.cancel()
}

func (r *Registry) openHistory(ctx context.Context) error {
	if r.o.History <= 0 {
		return nil
	}
	if err := r.bus.OpenJournal(ctx, bus.JournalConfig{
		Stream: bus.StreamHistory, Description: "tim: the newest logins of users and their ends", Subjects: bus.SubjectHistory + "*.*",
		MaxAge: r.o.History, Keep: maxHistory, MaxBytes: maxHistoryBytes,
	}); err != nil {
		return err
	}
	h := &r.history
	h.ending = make(chan struct{})
	h.ctx, h.cancel = context.WithCancel(context.Background())
	for i := range h.queues {
		q := make(chan past, historyWaits)
		h.queues[i] = q
		h.keepers.Go(func() { r.keepHistory(q) })
	}
	return nil
}

func historySubject(u place.User) string {
	return bus.SubjectHistory + strconv.FormatUint(uint64(u.SDKAppID), 10) + "." + bus.UserToken(u.UserID)
}

// keepHistory stores what comes through a queue, until logbook.end.
func (r *Registry) keepHistory(q <-chan past) {
	var together []past // the same one each time
	for ended := false; !ended; {
		var then func()
		clear(together)
		together, then, ended = r.history.gather(q, together[:0])
		if err := r.storePast(together); err != nil {
			r.history.lost.Add(int64(len(together)))
			r.log.Warn("logins or their ends are missing in the history of their users", "count", len(together), "error", err)
		}
		if then != nil {
			then()
		}
	}
}

// gather returns the events that come through a queue within historyHold of the
// first, historyBatch at most. What is to be done behind them ends the wait, and so
// does logbook.end, after which it returns what is left.
func (h *logbook) gather(q <-chan past, into []past) (together []past, then func(), ended bool) {
	together = into
	hold := time.NewTimer(math.MaxInt64)
	defer hold.Stop()
	for len(together) < historyBatch {
		var p past
		select {
		case p = <-q:
		case <-hold.C:
			return together, nil, false
		case <-h.ending:
			select {
			case p = <-q:
			default:
				return together, nil, true
			}
		}
		if p.then != nil {
			return together, p.then, false
		}
		if together = append(together, p); len(together) == 1 {
			hold.Reset(historyHold)
		}
	}
	return together, nil, false
}

// storePast stores events of one queue. It gives a slow store as long as a login has.
func (r *Registry) storePast(together []past) error {
	if len(together) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.history.ctx, r.o.opTimeout)
	defer cancel()
	entries := make([]bus.Entry, len(together))
	for i, p := range together {
		e := p.event
		e.SDKAppID, e.UserID = 0, "" // the subject says so
		entries[i] = bus.Entry{Subject: historySubject(p.user), Data: e.json()}
	}
	return r.bus.EnqueueAll(ctx, entries)
}

func (r *Registry) purgeHistory(u place.User) error {
	ctx, cancel := context.WithTimeout(r.ctx, r.o.opTimeout)
	defer cancel()
	return r.bus.Purge(ctx, bus.StreamHistory, historySubject(u))
}

// behindHistory calls f once what this gateway knows of a user's history is stored.
func (r *Registry) behindHistory(ctx context.Context, u place.User, f func() error) error {
	done := make(chan error, 1)
	select {
	case r.history.queue(u) <- past{user: u, then: func() { done <- f() }}:
	case <-ctx.Done():
		return r.fail(ctx.Err())
	case <-r.ctx.Done():
		return r.fail(r.ctx.Err())
	}
	select {
	case err := <-done:
		if err != nil {
			return r.fail(err)
		}
		return nil
	case <-ctx.Done():
		return r.fail(ctx.Err())
	case <-r.ctx.Done():
		return r.fail(r.ctx.Err())
	}
}

// History returns the newest logins of a user and their ends, the newest first; kept
// is false when no history is kept. What happened on this gateway is there, and what
// happened on others a moment after it did.
func (r *Registry) History(ctx context.Context, u place.User) (events []Event, kept bool, err error) {
	if r.o.History <= 0 {
		return nil, false, nil
	}
	if err := r.behindHistory(ctx, u, func() error { return nil }); err != nil {
		return nil, true, err
	}
	values, err := r.bus.Batch(ctx, bus.StreamHistory, historySubject(u), 1, maxHistory)
	if err != nil && !errors.Is(err, bus.ErrNoValue) {
		return nil, true, r.fail(err)
	}
	for _, v := range values {
		var e Event
		if json.Unmarshal(v.Data, &e) != nil {
			return nil, true, fault.With(fault.Internal, "this user's history cannot be read")
		}
		e.SDKAppID, e.UserID = u.SDKAppID, u.UserID
		events = append(events, e)
	}
	// Several gateways have stored them, each when it came to it.
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(b.N, a.N) })
	return events, true, nil
}

// ForgetHistory deletes the history of a user, with what waits to be stored here, or
// what was kept before it was turned off.
func (r *Registry) ForgetHistory(ctx context.Context, u place.User) error {
	if r.o.History <= 0 {
		if err := r.purgeHistory(u); err != nil {
			return r.fail(err)
		}
		return nil
	}
	return r.behindHistory(ctx, u, func() error { return r.purgeHistory(u) })
}

// HistoryLost returns how many events are missing in histories because the store was
// slow or away.
func (r *Registry) HistoryLost() int64 { return r.history.lost.Load() }
