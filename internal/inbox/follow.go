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
	// handle gets each record once. pos already stands at it, so whoever reads
	// pos after registering for records knows that each later one will reach him.
	handle func(subject string, pos uint64, data []byte)
	report func(error)
	pos    atomic.Uint64
	// handled follows pos once handle has returned.
	handled atomic.Uint64

	waiting sync.Mutex
	waiters map[chan struct{}]uint64

	mu      sync.Mutex
	consume jetstream.ConsumeContext
	stop    chan struct{}
	done    chan struct{}
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
	f.stop, f.done = make(chan struct{}), make(chan struct{})
	if err := f.open(ctx); err != nil {
		return err
	}
	go f.watch()
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
	select {
	case <-f.stop:
		consume.Stop()
	default:
		f.consume = consume
	}
	return nil
}

func (f *follower) take(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		return
	}
	f.mu.Lock() // an old consumer may still have something in hand
	defer f.mu.Unlock()
	if meta.Sequence.Stream <= f.pos.Load() {
		return
	}
	f.pos.Store(meta.Sequence.Stream)
	f.handle(m.Subject(), meta.Sequence.Stream, m.Data())
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
func (f *follower) watch() {
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
		s, err := f.js.Stream(ctx, f.stream)
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
			f.report(fmt.Errorf("inbox: following %s: %w", f.stream, err))
		}
		failing = err != nil
	}
}

func (f *follower) close() {
	close(f.stop)
	f.mu.Lock()
	if f.consume != nil {
		f.consume.Stop()
	}
	f.mu.Unlock()
	<-f.done
}
