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
// session here. The follower finds out who these users are, and a worker,
// chosen by a hash of the user, hands over the record. So each user's sessions
// get records in the stream's order, and a slow user delays only those who
// share their worker.
//
// A message between two that this gateway has stored needs no decoding. The follower
// hands it over itself while nothing waits for the user's worker and nobody has the
// user's lock, which saves two goroutines' turns.
//
// Nothing is dropped: a full queue makes the follower wait, which is counted.
type delivery struct {
	in      *Inbox
	seed    maphash.Seed
	workers [deliveryWorkers]chan queued
	waiting [deliveryWorkers]atomic.Int64 // records that are queued for a worker, or in its hands
	heldUp  atomic.Uint64                 // how often the follower waited for a full queue
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
	to     *user // nil: only the cached conversation wants it, or
	group  bool  // those members of a group whom this worker serves
	side   int
	passed chan<- struct{} // instead of a record: closed once everything before it was handled
}

// arrival is a record that the follower has brought. The first worker that
// needs it decodes it for all of them.
type arrival struct {
	pair   pair
	value  bus.Value
	cached *conversation // nil: it was not, when the record came
	own    *record       // this gateway has appended it: what value holds
	once   sync.Once
	record *record // nil: it cannot be decoded
	frames groupFrames
}

// newDelivery starts the workers; Inbox.work ends them.
func newDelivery(in *Inbox) *delivery {
	d := &delivery{in: in, seed: maphash.MakeSeed()}
	for i := range d.workers {
		queue := make(chan queued, deliveryQueue)
		d.workers[i] = queue
		in.work.goes(func() { d.work(i, queue) })
	}
	return d
}

// number returns which worker serves a user.
func (d *delivery) number(u place.User) int {
	return int(maphash.Comparable(d.seed, u) % deliveryWorkers)
}

// sawRecord queues a record of a conversation for its users here. Most records
// of a large cluster are for nobody here, and are not decoded.
func (d *delivery) sawRecord(v bus.Value) error {
	c := d.in.convs.of(v.Subject)
	var p pair
	if c != nil {
		p = c.pair
	} else {
		var err error
		if p, err = parsePair(v.Subject); err != nil {
			return nil // not one of our subjects
		}
	}
	d.in.recent.add(v.Seq, p)
	if _, ok := p.group(); ok {
		return d.sawGroup(p, v, c)
	}
	one, other := p.user(0), p.user(1)
	d.in.mu.Lock()
	a, b := d.in.users[one], d.in.users[other]
	d.in.mu.Unlock()
	if a == nil && b == nil && c == nil {
		return nil
	}
	r := &arrival{pair: p, value: v, cached: c}
	if c != nil {
		r.own = c.took(v)
	}
	if a != nil {
		d.pass(d.number(one), queued{arrival: r, to: a, side: 0})
	}
	if b != nil && b != a {
		d.pass(d.number(other), queued{arrival: r, to: b, side: 1})
	}
	if a == nil && b == nil {
		d.queue(d.number(one), queued{arrival: r})
	}
	return nil
}

// sawGroup is sawRecord in the log of a group.
func (d *delivery) sawGroup(p pair, v bus.Value, c *conversation) error {
	r := &arrival{pair: p, value: v, cached: c}
	if changesMembers(v.Data) {
		if d.decode(r); r.record != nil {
			d.applyMembers(r.record)
		}
	}
	workers := d.in.crowds.workers(p)
	for _, n := range workers {
		d.queue(n, queued{arrival: r, group: true})
	}
	if len(workers) == 0 && c != nil {
		d.queue(d.number(p.user(0)), queued{arrival: r})
	}
	return nil
}

// applyMembers has those who have joined told of what comes from here on, and those
// who have left of nothing more.
func (d *delivery) applyMembers(r *record) {
	if r.Members == nil {
		return
	}
	d.in.mu.Lock()
	defer d.in.mu.Unlock()
	here := func(userID string) *user { return d.in.users[place.User{SDKAppID: r.pair.app, UserID: userID}] }
	for _, id := range r.Members.Joined {
		if u := here(id); u != nil {
			d.in.crowds.joined(r.pair, d.number(u.User), u, r.Members.Floor)
		}
	}
	for _, id := range r.Members.Left {
		if u := here(id); u != nil {
			d.in.crowds.left(r.pair, d.number(u.User), u, r.pos)
		}
	}
}

// pass hands over a record at once if that needs no worker, waits for nobody and
// overtakes nothing, and queues it otherwise. Only one goroutine passes the records of a
// partition, so those before this one have been handled when none waits.
func (d *delivery) pass(n int, q queued) {
	if q.own == nil || d.waiting[n].Load() > 0 {
		d.queue(n, q)
		return
	}
	d.decode(q.arrival)
	if !q.to.tryDeliver(q.record, q.side) {
		d.queue(n, q)
		return
	}
	d.told(q)
}

// queue hands a record to a worker, and waits while its queue is full.
func (d *delivery) queue(n int, q queued) {
	d.waiting[n].Add(1)
	w := d.workers[n]
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

func (d *delivery) work(n int, queue <-chan queued) {
	for {
		select {
		case q := <-queue:
			d.handle(n, q)
			if q.passed == nil {
				d.waiting[n].Add(-1)
			}
		case <-d.in.work.ctx.Done():
			return
		}
	}
}

func (d *delivery) handle(n int, q queued) {
	if q.passed != nil {
		close(q.passed)
		return
	}
	d.decode(q.arrival)
	switch {
	case q.record == nil:
	case q.to != nil:
		q.to.deliver(q.record, q.side, outgoing{})
		d.told(q)
	case q.group:
		for _, u := range d.in.crowds.hearing(n, q.record) {
			u.hear(q.record, &q.frames)
		}
		d.in.followed.told(q.record)
	}
}

// told notes that a record has reached its receiver's sessions.
func (d *delivery) told(q queued) {
	if q.side != q.record.By {
		d.in.followed.told(q.record)
	}
}

func (d *delivery) decode(a *arrival) {
	a.once.Do(func() {
		if a.own != nil {
			a.record = a.own
			d.advance(a) // append may not know yet that it is stored
			return
		}
		r, err := decodeOf(a.pair, a.value)
		if err != nil {
			d.in.report(fmt.Errorf("record %d of %s: %w", a.value.Seq, a.value.Subject, err))
			return
		}
		a.record = r
		d.advance(a)
	})
}

// advance notes a record as the newest one of its conversation, unless a newer one is
// known already.
func (d *delivery) advance(a *arrival) {
	c := a.cached
	if c == nil { // it may be cached since the record came
		c = d.in.convs.of(a.value.Subject)
	}
	if c != nil {
		c.advance(a.record)
	}
}

// reach waits, for reachWithin at most, until the sessions that a user has here
// were told of everything up to a position. So a client hears of the effects of
// its call before the call is answered.
func (d *delivery) reach(ctx context.Context, u place.User, pos uint64) {
	ctx, cancel := context.WithTimeout(ctx, d.in.o.reach)
	defer cancel()
	d.in.messages.Reach(ctx, upTo(pos))
	passed := make(chan struct{})
	select {
	case d.workers[d.number(u)] <- queued{passed: passed}:
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
