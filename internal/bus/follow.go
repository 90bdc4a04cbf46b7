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
	// pos is set to a record before it is handled. A goroutine that reads pos
	// after registering for records therefore knows that each later one will
	// reach it. handled follows once handle has returned.
	pos, handled atomic.Uint64

	waiting sync.Mutex
	waiters map[chan struct{}]uint64

	mu      sync.Mutex
	consume jetstream.ConsumeContext
	started bool
	stop    chan struct{} // closed by Close, under mu
	done    chan struct{} // closed when watch has returned
}

// Follower returns a follower of the stream, not started yet. handle receives
// each record once, one after the other, from a single goroutine at a time;
// report receives errors of the background work.
func (l *Log) Follower(handle func(Value), report func(error)) *Follower {
	return &Follower{
		log: l, handle: handle, report: report, waiters: map[chan struct{}]uint64{},
		stop: make(chan struct{}), done: make(chan struct{}),
	}
}

// Pos returns the position of the newest record that was handed to handle, or
// is about to be.
func (f *Follower) Pos() uint64 { return f.pos.Load() }

// checkEvery is how often a follower checks whether its stream has gone on
// without it.
const checkEvery = 2 * time.Second

// Start begins after the newest record that exists now.
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

// open begins after pos.
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
		if err != nil && !failing { // report an outage only once
			f.report(fmt.Errorf("following %s: %w", f.log.name, err))
		}
		failing = err != nil
	}
}

// Close ends the follower: once it returns, handle is not called any more. It
// may be called once, also when Start has failed or was never called, but not
// from handle.
func (f *Follower) Close() {
	f.mu.Lock()
	close(f.stop)
	if f.consume != nil {
		f.consume.Stop()
	}
	started := f.started
	f.mu.Unlock()
	if started {
		<-f.done
	}
}
