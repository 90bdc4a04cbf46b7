package bus

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// follower is a Follower. Its consumer is made anew from the last position when
// records are missing, the connection was lost or the server that held it is
// gone.
//
// Locks: mu, under which records are handled, before waiting. pos and handled
// are read without one.
type follower struct {
	stream *stream
	handle func(Value)
	report func(error)
	// pos stands at a record before it is handled; handled follows once that has
	// returned.
	pos, handled atomic.Uint64

	waiting sync.Mutex
	waiters map[chan struct{}]uint64

	mu      sync.Mutex
	consume jetstream.ConsumeContext
	started bool
	ctx     context.Context // ended by Close, under mu
	end     context.CancelFunc
	done    chan struct{} // closed when watch has returned
}

// Follower implements Log.
func (l *stream) Follower(handle func(Value), report func(error)) Follower {
	ctx, end := context.WithCancel(context.Background())
	return &follower{
		stream: l, handle: handle, report: report, waiters: map[chan struct{}]uint64{},
		ctx: ctx, end: end, done: make(chan struct{}),
	}
}

// Pos implements Follower.
func (f *follower) Pos() uint64 { return f.pos.Load() }

// checkEvery is how often a follower looks whether its stream has gone on
// without it.
const checkEvery = 2 * time.Second

// Start implements Follower.
func (f *follower) Start(ctx context.Context) error {
	s, err := f.stream.b.js.Stream(ctx, f.stream.name)
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

// ahead is how many records NATS sends before it is asked for more. With few, a
// follower waits for the way there and back, which is long when much is written;
// they are held here meanwhile, of 13 KB at most.
const ahead = 2048

// open begins behind pos.
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
	consume, err := c.Consume(f.take, jetstream.PullMaxMessages(ahead), jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
		f.report(fmt.Errorf("following %s: %w", f.stream.name, err))
	}))
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		consume.Stop()
	} else {
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
	if meta.Sequence.Stream <= f.pos.Load() || f.ctx.Err() != nil {
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

// watch replaces a consumer that has stood still while its stream went on.
func (f *follower) watch() {
	defer close(f.done)
	t := time.NewTicker(checkEvery)
	defer t.Stop()
	var before uint64
	failing := false
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-t.C:
		}
		ctx, cancel := context.WithTimeout(f.ctx, checkEvery)
		pos := f.pos.Load()
		s, err := f.stream.b.js.Stream(ctx, f.stream.name)
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
		if f.ctx.Err() != nil {
			return
		}
		if err != nil && !failing { // an outage is said once
			f.report(fmt.Errorf("following %s: %w", f.stream.name, err))
		}
		failing = err != nil
	}
}

// Close implements Follower.
func (f *follower) Close() {
	f.mu.Lock()
	f.end()
	if f.consume != nil {
		f.consume.Stop()
	}
	started := f.started
	f.mu.Unlock()
	if started {
		<-f.done
	}
}
