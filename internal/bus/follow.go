package bus

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Follower reads one stream from its end on, in order and without gaps: its
// consumer is made anew from the last position when records are missing, the
// connection was lost or the server that held it is gone.
//
// Locks: mu, under which records are handled, before waiting. pos and handled
// are read without one.
type Follower struct {
	log    *Log
	handle func(Value)
	report func(error)
	// pos stands at a record before it is handled, so whoever reads pos after
	// registering for records knows that each later one will reach them; handled
	// follows once that has returned.
	pos, handled atomic.Uint64

	waiting sync.Mutex
	waiters map[chan struct{}]uint64

	mu      sync.Mutex
	consume jetstream.ConsumeContext
	started bool
	stop    chan struct{} // closed by Close, under mu
	done    chan struct{} // closed when watch has returned
}

// Follower is a follower of the stream that is yet to start. handle gets each
// record once, one after the other, from a single goroutine at a time; report
// gets what went wrong in the background.
func (l *Log) Follower(handle func(Value), report func(error)) *Follower {
	return &Follower{
		log: l, handle: handle, report: report, waiters: map[chan struct{}]uint64{},
		stop: make(chan struct{}), done: make(chan struct{}),
	}
}

// Pos is the position of the newest record that was handed to handle, or is
// about to be.
func (f *Follower) Pos() uint64 { return f.pos.Load() }

// checkEvery is how often a follower looks whether its stream has gone on
// without it.
const checkEvery = 2 * time.Second

// Start begins behind the newest record of now.
func (f *Follower) Start(ctx context.Context) error {
	s, err := f.log.b.js.Stream(ctx, f.log.name)
	if err != nil {
		return err
	}
	f.pos.Store(s.CachedInfo().State.LastSeq)
	f.handled.Store(f.pos.Load())
	if err := f.open(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.started = true
	go f.watch()
	return nil
}

// open begins behind pos.
func (f *Follower) open(ctx context.Context) error {
	c, err := f.log.b.js.OrderedConsumer(ctx, f.log.name, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   f.pos.Load() + 1,
	})
	if err != nil {
		return err
	}
	consume, err := c.Consume(f.take, jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
		f.report(fmt.Errorf("following %s: %w", f.log.name, err))
	}))
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed() {
		consume.Stop()
	} else {
		f.consume = consume
	}
	return nil
}

func (f *Follower) closed() bool {
	select {
	case <-f.stop:
		return true
	default:
		return false
	}
}

func (f *Follower) take(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		return
	}
	f.mu.Lock() // an old consumer may still have something in hand
	defer f.mu.Unlock()
	if meta.Sequence.Stream <= f.pos.Load() || f.closed() {
		return
	}
	f.pos.Store(meta.Sequence.Stream)
	f.handle(Value{Subject: m.Subject(), Data: m.Data(), Seq: meta.Sequence.Stream, Time: meta.Timestamp})
	f.handled.Store(meta.Sequence.Stream)
	f.waiting.Lock()
	for ch, pos := range f.waiters {
		if pos <= meta.Sequence.Stream {
			close(ch)
			delete(f.waiters, ch)
		}
	}
	f.waiting.Unlock()
}

// Reach waits until everything up to a position has been handled, or ctx ends.
func (f *Follower) Reach(ctx context.Context, pos uint64) {
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

// watch replaces a consumer that has stood still while its stream went on.
func (f *Follower) watch() {
	defer close(f.done)
	t := time.NewTicker(checkEvery)
	defer t.Stop()
	var before uint64
	failing := false
	for {
		select {
		case <-f.stop:
			return
		case <-t.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), checkEvery)
		pos := f.pos.Load()
		s, err := f.log.b.js.Stream(ctx, f.log.name)
		if err == nil && s.CachedInfo().State.LastSeq > pos && pos == before && f.pos.Load() == pos {
			f.mu.Lock()
			old := f.consume
			f.mu.Unlock()
			if old != nil {
				old.Stop()
			}
			err = f.open(ctx)
		}
		before = pos
		cancel()
		if err != nil && !failing { // an outage is said once
			f.report(fmt.Errorf("following %s: %w", f.log.name, err))
		}
		failing = err != nil
	}
}

// Close ends it: when it returns, handle runs no more. It may be called again,
// and when Start has failed or was never called, but not from handle.
func (f *Follower) Close() {
	f.mu.Lock()
	if !f.closed() {
		close(f.stop)
	}
	if f.consume != nil {
		f.consume.Stop()
	}
	started := f.started
	f.mu.Unlock()
	if started {
		<-f.done
	}
}
