package rest

import (
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// userQueues holds the events of some users. A user's events go out in order; a
// user whose event the receiver refuses waits, and does not delay the others.
type userQueues struct {
	mu    sync.Mutex
	users map[string]*userQueue // by subject
	wake  chan struct{}
}

// userQueue holds one user's pending events, oldest first; it is never empty.
type userQueue struct {
	list     []jetstream.Msg
	due      time.Time // of the next attempt
	failures int       // of the first event
	// Of the first of those: when it was, and how many events the receiver had
	// accepted until then.
	since    time.Time
	accepted int64
	skips    bool // the event before the first one was given up
}

func newUserQueues() *userQueues {
	return &userQueues{users: map[string]*userQueue{}, wake: make(chan struct{}, 1)}
}

func (q *userQueues) put(m jetstream.Msg) {
	q.mu.Lock()
	u := q.users[m.Subject()]
	switch i := u.find(m); {
	case u == nil:
		q.users[m.Subject()] = &userQueue{list: []jetstream.Msg{m}, due: time.Now()}
	case i >= 0:
		u.list[i] = m
	default:
		u.list = append(u.list, m)
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// find returns the index of an event that was handed out before and is still
// waiting here, or -1: a durable queue that has not heard for a while that an
// event is being worked on hands it out again.
func (u *userQueue) find(m jetstream.Msg) int {
	at, err := m.Metadata()
	if u == nil || err != nil || at.NumDelivered < 2 {
		return -1
	}
	return slices.IndexFunc(u.list, func(old jetstream.Msg) bool {
		was, err := old.Metadata()
		return err == nil && was.Sequence.Stream == at.Sequence.Stream
	})
}

// next returns the first event of the user whose turn is next, without
// removing it, and how long to wait first; nil when there is none.
func (q *userQueues) next() (jetstream.Msg, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var first *userQueue
	for _, u := range q.users {
		if first == nil || u.due.Before(first.due) {
			first = u
		}
	}
	if first == nil {
		return nil, 0
	}
	return first.list[0], time.Until(first.due)
}

// taken removes a user's first event, which has been settled, and reports
// whether it had failed before.
func (q *userQueues) taken(m jetstream.Msg) (failed bool) { return q.remove(m, false) }

// skipped is taken for an event that was given up.
func (q *userQueues) skipped(m jetstream.Msg) (failed bool) { return q.remove(m, true) }

func (q *userQueues) remove(m jetstream.Msg, skips bool) (failed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.users[m.Subject()]
	failed = u.failures > 0
	if u.list = u.list[1:]; len(u.list) == 0 {
		delete(q.users, m.Subject())
		return failed
	}
	u.failures, u.due, u.skips = 0, time.Now(), skips
	return failed
}

// failed makes a user wait; backoff returns how long after that many failures.
// refused says that the receiver has answered that it does not accept the event,
// accepted is how many it has accepted so far. It reports whether this was the
// first failure, and whether the event may be given up: when it has failed
// skipAfter times and others were accepted meanwhile, or it was refused for
// skipWithin, or the one before it was given up and this one is refused, too.
func (q *userQueues) failed(m jetstream.Msg, refused bool, accepted int64, backoff func(failures int) time.Duration) (first, giveUp bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u, now := q.users[m.Subject()], time.Now()
	if u.failures == 0 {
		u.since, u.accepted = now, accepted
	}
	u.failures++
	u.due = now.Add(backoff(u.failures))
	often := u.failures >= skipAfter
	giveUp = refused && u.skips || often && accepted > u.accepted || often && refused && now.Sub(u.since) >= skipWithin
	return u.failures == 1, giveUp
}

// all calls f for each event that is waiting here.
func (q *userQueues) all(f func(jetstream.Msg) error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, u := range q.users {
		for _, m := range u.list {
			_ = f(m) // if this fails, the durable queue finds out by itself
		}
	}
}
