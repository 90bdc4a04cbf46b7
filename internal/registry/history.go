package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// The history of a user is their newest logins and how these ended, for
// administrators: the durable events, whether or not a webhook wants them. They
// are stored behind the login, one write an event, and nobody waits for that. A
// store that is slow or away loses events rather than holding a login up: they
// wait in short queues, and one that finds its queue full is left out and counted.

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
	historyWaits  = 1024 // in a queue
)

// logbook is what waits to be stored. The queues are made before the first event.
type logbook struct {
	queues [historyQueues]chan past // nil: nothing is kept
	lost   atomic.Int64             // events that were left out
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
	for i := range r.history.queues {
		q := make(chan past, historyWaits)
		r.history.queues[i] = q
		r.goes(func() { r.keepHistory(q) })
	}
	return nil
}

func historySubject(u place.User) string {
	return bus.SubjectHistory + strconv.FormatUint(uint64(u.SDKAppID), 10) + "." + bus.UserToken(u.UserID)
}

// keepHistory stores what comes through a queue until the registry is closed; what
// is in the queue then is lost.
func (r *Registry) keepHistory(q <-chan past) {
	for {
		select {
		case <-r.ctx.Done():
			return
		case p := <-q:
			if p.then != nil {
				p.then()
				continue
			}
			if err := r.storePast(p); err != nil && r.ctx.Err() == nil {
				r.history.lost.Add(1)
				r.log.Warn("a login or its end is missing in the user's history", "sdkAppID", p.user.SDKAppID, "userID", p.user.UserID, "error", err)
			}
		}
	}
}

// storePast stores one event. It gives a slow store as long as the login itself has.
func (r *Registry) storePast(p past) error {
	ctx, cancel := context.WithTimeout(r.ctx, r.o.opTimeout)
	defer cancel()
	e := p.event
	e.SDKAppID, e.UserID = 0, "" // the subject says so
	data, err := json.Marshal(&e)
	if err != nil {
		return err
	}
	subject := historySubject(p.user)
	return r.bus.Enqueue(ctx, subject, data, subject+"."+strconv.FormatUint(e.N, 10))
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
