package inbox

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// delivery brings the records that the follower reads to the users who have a
// session here. The follower only finds out who these users are; a worker,
// chosen by a hash of the user, hands over the record. So each user's sessions
// get records in the stream's order, and a slow user delays only those who
// share their worker.
//
// Nothing is dropped: a full queue makes the follower wait, which is counted.
type delivery struct {
	in      *Inbox
	seed    maphash.Seed
	workers [deliveryWorkers]chan queued
	heldUp  atomic.Uint64 // how often the follower waited for a full queue
}

const (
	// deliveryWorkers is how many goroutines compose and push. Every sender has a
	// goroutine that competes with them, so a few workers would fall behind on a
	// busy machine.
	deliveryWorkers = 64
	// deliveryQueue is how many records wait for one worker.
	deliveryQueue = 64
)

// queued is a record on its way to one of its users.
type queued struct {
	*arrival
	to     *user // nil: only the cached conversation wants it
	side   int
	passed chan<- struct{} // instead of a record: closed once everything before it was handled
}

// arrival is a record that the follower has brought. The first worker that
// needs it decodes it for all of them.
type arrival struct {
	pair   pair
	value  bus.Value
	once   sync.Once
	record *record // nil: it cannot be decoded
}

// newDelivery starts the workers; Inbox.work ends them.
func newDelivery(in *Inbox) *delivery {
	d := &delivery{in: in, seed: maphash.MakeSeed()}
	for i := range d.workers {
		queue := make(chan queued, deliveryQueue)
		d.workers[i] = queue
		in.work.goes(func() { d.work(queue) })
	}
	return d
}

func (d *delivery) worker(u place.User) chan<- queued {
	return d.workers[maphash.Comparable(d.seed, u)%deliveryWorkers]
}

// sawRecord queues a record of a conversation for its users here. Most records
// of a large cluster are for nobody here, and are not decoded.
func (d *delivery) sawRecord(v bus.Value) error {
	p, err := parsePair(v.Subject)
	if err != nil {
		return nil // not one of our subjects
	}
	d.in.recent.add(v.Seq, p)
	one, other := p.user(0), p.user(1)
	d.in.mu.Lock()
	a, b := d.in.users[one], d.in.users[other]
	d.in.mu.Unlock()
	r := &arrival{pair: p, value: v}
	if a != nil {
		d.queue(one, queued{arrival: r, to: a, side: 0})
	}
	if b != nil && b != a {
		d.queue(other, queued{arrival: r, to: b, side: 1})
	}
	if a == nil && b == nil && d.in.convs.has(p) {
		d.queue(one, queued{arrival: r})
	}
	return nil
}

// queue hands a record to the user's worker, and waits while its queue is full.
func (d *delivery) queue(u place.User, q queued) {
	w := d.worker(u)
	select {
	case w <- q:
		return
	default:
	}
	d.heldUp.Add(1)
	select {
	case w <- q:
	case <-d.in.work.ctx.Done(): // every session is closed
	}
}

func (d *delivery) work(queue <-chan queued) {
	for {
		select {
		case q := <-queue:
			d.handle(q)
		case <-d.in.work.ctx.Done():
			return
		}
	}
}

func (d *delivery) handle(q queued) {
	if q.passed != nil {
		close(q.passed)
		return
	}
	q.once.Do(func() {
		r, err := decodeOf(q.pair, q.value)
		if err != nil {
			d.in.report(fmt.Errorf("record %d of %s: %w", q.value.Seq, q.value.Subject, err))
			return
		}
		q.record = r
		d.in.convs.saw(r)
	})
	if q.to != nil && q.record != nil {
		q.to.deliver(q.record, q.side)
	}
}

// reach waits, for reachWithin at most, until the sessions that a user has here
// were told of everything up to a position. So a client hears of the effects of
// its call before the call is answered.
func (d *delivery) reach(ctx context.Context, u place.User, pos uint64) {
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	d.in.messages.Reach(ctx, upTo(pos))
	passed := make(chan struct{})
	select {
	case d.worker(u) <- queued{passed: passed}:
	case <-ctx.Done():
		return
	case <-d.in.work.ctx.Done():
		return
	}
	select {
	case <-passed:
	case <-ctx.Done():
	case <-d.in.work.ctx.Done():
	}
}

// reachWithin is how long a call waits for the follower. A follower that is
// further behind delivers the rest later.
const reachWithin = time.Second
