package inbox

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// follower reads one stream from its end on, in order and without gaps: its
// consumer is made anew from the last position when records are missing, the
// connection was lost or the server that held it is gone.
type follower struct {
	js     jetstream.JetStream
	stream string
	// handle gets each record once, one at a time, with mu held. pos already
	// stands at it, so whoever reads pos after registering for records knows that
	// each later one will reach them.
	handle func(subject string, pos uint64, data []byte) error
	report func(error)
	pos    atomic.Uint64 // written with mu held
	// handled follows pos once handle has returned.
	handled atomic.Uint64

	waiting sync.Mutex // guards waiters
	waiters map[chan struct{}]uint64

	mu      sync.Mutex // guards consume and closed
	consume jetstream.ConsumeContext
	closed  bool

	end  context.CancelFunc // of watch; nil before start
	done chan struct{}      // closed when watch has returned
}

// checkEvery is how often a follower looks whether its stream has gone on
// without it.
const checkEvery = 2 * time.Second

func (f *follower) start(ctx context.Context) error {
	s, err := f.js.Stream(ctx, f.stream)
	if err != nil {
		return err
	}
	f.pos.Store(s.CachedInfo().State.LastSeq)
	f.handled.Store(f.pos.Load())
	if err := f.open(ctx); err != nil {
		return err
	}
	ctx, f.end = context.WithCancel(context.WithoutCancel(ctx))
	f.done = make(chan struct{})
	go f.watch(ctx)
	return nil
}

// open begins behind pos.
func (f *follower) open(ctx context.Context) error {
	c, err := f.js.OrderedConsumer(ctx, f.stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   f.pos.Load() + 1,
	})
	if err != nil {
		return err
	}
	consume, err := c.Consume(f.take, jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
		f.report(fmt.Errorf("inbox: following %s: %w", f.stream, err))
	}))
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		consume.Stop()
	}
	f.consume = consume
	return nil
}

func (f *follower) take(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		return
	}
	if err := f.next(m.Subject(), meta.Sequence.Stream, m.Data()); err != nil {
		f.report(err)
	}
}

func (f *follower) next(subject string, pos uint64, data []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || pos <= f.pos.Load() { // an old consumer may still have something in hand
		return nil
	}
	f.pos.Store(pos)
	err := f.handle(subject, pos, data)
	f.handled.Store(pos)
	f.waiting.Lock()
	defer f.waiting.Unlock()
	for ch, awaited := range f.waiters {
		if awaited <= pos {
			close(ch)
			delete(f.waiters, ch)
		}
	}
	return err
}

// reach waits until everything up to a position has been handled.
func (f *follower) reach(ctx context.Context, pos uint64) {
	ch := make(chan struct{})
	f.waiting.Lock()
	if f.waiters == nil {
		f.waiters = map[chan struct{}]uint64{}
	}
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
func (f *follower) watch(ctx context.Context) {
	defer close(f.done)
	t := time.NewTicker(checkEvery)
	defer t.Stop()
	var before uint64
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		once, cancel := context.WithTimeout(ctx, checkEvery)
		pos := f.pos.Load()
		s, err := f.js.Stream(once, f.stream)
		if err == nil && s.CachedInfo().State.LastSeq > pos && pos == before && f.pos.Load() == pos {
			f.mu.Lock()
			old := f.consume
			f.mu.Unlock()
			if old != nil {
				old.Stop()
			}
			err = f.open(once)
		}
		before = pos
		cancel()
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing { // an outage is said once
			f.report(fmt.Errorf("inbox: following %s: %w", f.stream, err))
		}
		failing = err != nil
	}
}

// close ends it; when it returns, handle is not called any more.
func (f *follower) close() {
	f.mu.Lock()
	f.closed = true
	if f.consume != nil {
		f.consume.Stop()
	}
	f.mu.Unlock()
	if f.end != nil {
		f.end()
		<-f.done
	}
}
