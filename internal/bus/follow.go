package bus

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// follower is a Follower. Records come to it in two ways: NATS sends all of them
// through a consumer, and this process offers those that it has stored itself as
// soon as they are acknowledged, which is earlier. Whichever comes first is handled,
// in the stream's order: an offer that is ahead of a missing record waits for it.
//
// The follower creates its consumer anew, from the last position, when records are
// missing, the connection was lost or the server that held the consumer is gone.
//
// Nobody but this process stores into the embedded server, so there NATS would send
// each record a second time, which costs a tenth of a message's CPU. The consumer
// therefore begins only when a record may be missing, see doubt, and ends once everything
// has been offered for a while.
//
// One goroutine, hand, handles all records, so the two ways need no lock for which
// they would contend. Any goroutine may read pos and handled.
type follower struct {
	stream *stream
	handle func(Value)
	report func(error)
	// pos is set to a record's position before the record is handled, handled
	// afterwards.
	pos, handled atomic.Uint64

	waiting sync.Mutex
	waiters map[chan struct{}]uint64

	sent   chan Value       // records from NATS
	offers chan Value       // records that this process has stored
	held   map[uint64]Value // offers ahead of a missing record; only hand uses it
	doubts chan struct{}    // holds one until watch has taken it

	alone bool          // only this process stores into the stream
	every time.Duration // between two checks of watch

	mu      sync.Mutex
	consume *consuming      // nil: NATS sends nothing
	ctx     context.Context // ended by Close, under mu
	end     context.CancelFunc
	goes    sync.WaitGroup // watch, hand, and the ends of consumers
}

// Follower implements Log.
func (l *stream) Follower(handle func(Value), report func(error)) Follower {
	ctx, end := context.WithCancel(context.Background())
	return &follower{
		stream: l, handle: handle, report: report, waiters: map[chan struct{}]uint64{},
		sent: make(chan Value, maxSent), offers: make(chan Value, maxOffers), held: map[uint64]Value{},
		doubts: make(chan struct{}, 1), alone: l.b.Embedded(), every: checkEvery,
		ctx: ctx, end: end,
	}
}

// Pos implements Follower.
func (f *follower) Pos() uint64 { return f.pos.Load() }

const (
	// checkEvery is the time between two checks whether a follower has fallen behind
	// its stream.
	checkEvery = 2 * time.Second
	// calmChecks is how many checks in a row must have found nothing doubtful before
	// a follower that needs no consumer ends it.
	calmChecks = 5
)

// Start implements Follower.
func (f *follower) Start(ctx context.Context) error {
	f.stream.followers.add(f) // first, so that what is stored after pos is offered
	if err := f.begin(ctx); err != nil {
		f.stream.followers.remove(f)
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		f.stream.followers.remove(f)
		return nil
	}
	f.goes.Go(f.watch)
	f.goes.Go(f.hand)
	return nil
}

// begin sets pos to the end of the stream, and makes the consumer where others store, too.
func (f *follower) begin(ctx context.Context) error {
	s, err := f.stream.b.js.Stream(ctx, f.stream.name)
	if err != nil {
		return err
	}
	f.pos.Store(s.CachedInfo().State.LastSeq)
	f.handled.Store(f.pos.Load())
	if f.alone {
		return nil
	}
	return f.open(ctx)
}

// ahead is the number of records that NATS sends before it waits for the next
// request. With fewer, a follower spends its time on round trips while much is
// written; so many records, of at most 13 KB, may wait here.
const ahead = 2048

// open creates a consumer that begins after pos.
func (f *follower) open(ctx context.Context) error {
	js, err := jetstream.New(f.stream.b.follows)
	if err != nil {
		return err
	}
	c, err := js.OrderedConsumer(ctx, f.stream.name, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   f.pos.Load() + 1,
	})
	if err != nil {
		return err
	}
	now := &consuming{consumer: c}
	now.ConsumeContext, err = c.Consume(f.take, jetstream.PullMaxMessages(ahead), jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
		if !now.shut.Load() {
			f.report(fmt.Errorf("following %s: %w", f.stream.name, err))
		}
	}))
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		now.Stop()
	} else {
		f.consume = now
	}
	return nil
}

// consuming is a consumer that sends.
type consuming struct {
	jetstream.ConsumeContext
	consumer jetstream.Consumer
	shut     atomic.Bool // it is being ended: no answer to a request is an error any more
}

// consumes reports whether there is a consumer.
func (f *follower) consumes() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.consume != nil
}

// shut ends the consumer, if there is one. Close must not have returned.
func (f *follower) shut() {
	f.mu.Lock()
	old := f.consume
	f.consume = nil
	f.mu.Unlock()
	if old == nil {
		return
	}
	old.shut.Store(true)
	old.Stop()
	f.goes.Go(func() {
		ctx, cancel := context.WithTimeout(f.ctx, 30*time.Second)
		defer cancel()
		if info := old.consumer.CachedInfo(); info != nil { // NATS ends one by itself after 5 min without a request
			_ = f.stream.b.js.DeleteConsumer(ctx, f.stream.name, info.Name)
		}
	})
}

const (
	// maxSent is the most records from NATS that wait to be handled; others wait at
	// the consumer, see ahead.
	maxSent = 64
	// maxOffers is the most offers that wait in the channel, and the most that wait
	// for a missing record. Others are dropped, and NATS sends them.
	maxOffers = 1024
)

// take passes a record from NATS to hand, and blocks while maxSent wait.
func (f *follower) take(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil || meta.Sequence.Stream <= f.pos.Load() {
		return
	}
	select {
	case f.sent <- Value{Subject: m.Subject(), Data: m.Data(), Seq: meta.Sequence.Stream, Time: meta.Timestamp}:
	case <-f.ctx.Done():
	}
}

// offer passes a record that this process has stored to hand, or drops it while
// maxOffers wait. It never blocks.
func (f *follower) offer(v Value) {
	select {
	case f.offers <- v:
	default:
		f.doubt()
	}
}

// doubt says that a record may be stored that was not and will not be offered: an offer
// was dropped, an offer came ahead of a missing record, or the answer to a message was
// lost, so nobody knows whether it is stored. The consumer, if there is none, is made
// at once, and stays for a while. A record that is missing without any doubt, and
// without a later one that is offered, is found by the next checks. Where others store,
// too, the consumer is always there.
func (f *follower) doubt() {
	if !f.alone {
		return
	}
	select {
	case f.doubts <- struct{}{}:
	default:
	}
}

// hand handles the records that come, in the stream's order.
func (f *follower) hand() {
	for f.ctx.Err() == nil {
		select {
		case v := <-f.sent: // NATS sends in order, so no record before it is missing
			if v.Seq > f.pos.Load() { // else an old consumer has sent it once more
				f.pass(v)
			}
		case v := <-f.offers:
			f.takeOffer(v)
		case <-f.ctx.Done():
		}
	}
}

func (f *follower) takeOffer(v Value) {
	pos := f.pos.Load()
	switch {
	case v.Seq <= pos:
	case v.Seq == pos+1:
		f.pass(v)
	default:
		f.doubt()
		if len(f.held) >= maxOffers { // offers that NATS has overtaken may be left
			maps.DeleteFunc(f.held, func(seq uint64, _ Value) bool { return seq <= pos })
		}
		if len(f.held) < maxOffers {
			f.held[v.Seq] = v
		}
	}
}

// pass handles a record, and then the offers that have waited for it.
func (f *follower) pass(v Value) {
	for ok := true; ok && f.ctx.Err() == nil; v, ok = f.held[v.Seq+1] {
		f.pos.Store(v.Seq)
		delete(f.held, v.Seq)
		f.handle(v)
		f.handled.Store(v.Seq)
		f.passed(v.Seq)
	}
}

// passed wakes those who wait for a position up to reached.
func (f *follower) passed(reached uint64) {
	f.waiting.Lock()
	defer f.waiting.Unlock()
	for ch, pos := range f.waiters {
		if pos <= reached {
			close(ch)
			delete(f.waiters, ch)
		}
	}
}

// Reach implements Follower.
func (f *follower) Reach(ctx context.Context, pos uint64) {
	ch := make(chan struct{})
	f.waiting.Lock()
	f.waiters[ch] = pos
	f.waiting.Unlock()
	if f.handled.Load() < pos {
		select {
		case <-ch:
		case <-ctx.Done():
		}
	}
	f.waiting.Lock()
	delete(f.waiters, ch)
	f.waiting.Unlock()
}

// watch replaces a consumer that has sent nothing while its stream grew. Where only this
// process stores, it also ends the consumer in calm and makes one when something is in
// doubt.
func (f *follower) watch() {
	t := time.NewTicker(f.every)
	defer t.Stop()
	var before uint64
	calm := calmChecks // checks since the last doubt
	failing := false
	for {
		checking := false
		select {
		case <-f.ctx.Done():
			return
		case <-f.doubts:
			calm = 0
			if failing { // then the next check is soon enough
				continue
			}
		case <-t.C:
			checking = true
		}
		ctx, cancel := context.WithTimeout(f.ctx, max(f.every, checkEvery)) // until about the next check, which would try again
		var err error
		if checking {
			var behind bool
			if behind, err = f.behind(ctx, &before); behind {
				f.shut()
				calm = 0
			} else if err == nil {
				calm++
			}
		}
		if err == nil {
			if f.alone && calm >= calmChecks {
				f.shut()
			} else if !f.consumes() {
				err = f.open(ctx)
			}
		}
		cancel()
		if f.ctx.Err() != nil {
			return
		}
		if err != nil && !failing { // an outage is reported once
			f.report(fmt.Errorf("following %s: %w", f.stream.name, err))
		}
		failing = err != nil
	}
}

// behind reports whether the stream has grown while no record came since the check
// before, whose position before holds.
func (f *follower) behind(ctx context.Context, before *uint64) (bool, error) {
	pos := f.pos.Load()
	was := *before
	*before = pos
	s, err := f.stream.b.js.Stream(ctx, f.stream.name)
	if err != nil {
		return false, err
	}
	return s.CachedInfo().State.LastSeq > pos && pos == was && f.pos.Load() == pos, nil
}

// Close implements Follower.
func (f *follower) Close() {
	f.stream.followers.remove(f)
	f.mu.Lock()
	f.end()
	if f.consume != nil {
		f.consume.Stop()
	}
	f.mu.Unlock()
	f.goes.Wait()
}
