package busmodel

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tim-wasm/tim/internal/bus"
)

// follower is a bus.Follower.
type follower struct {
	stream *stream
	line[bus.Value]
	pos atomic.Uint64

	reached sync.Mutex // guards what follows; taken last
	handled uint64
	waiters map[chan struct{}]uint64
}

// Follower implements bus.Log. Nothing goes wrong in the background.
func (s *stream) Follower(handle func(bus.Value), _ func(error)) bus.Follower {
	f := &follower{stream: s, waiters: map[chan struct{}]uint64{}}
	f.line = line[bus.Value]{goes: s.b.o.Go, handle: func(v bus.Value) {
		v.Data = bytes.Clone(v.Data)
		f.pos.Store(v.Seq)
		handle(v)
		f.reach(v.Seq)
	}}
	return f
}

// Start implements bus.Follower.
func (f *follower) Start(ctx context.Context) error {
	leave, err := f.stream.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	f.pos.Store(f.stream.last)
	f.reach(f.stream.last)
	f.stream.followers = append(f.stream.followers, f)
	return nil
}

// Pos implements bus.Follower.
func (f *follower) Pos() uint64 { return f.pos.Load() }

func (f *follower) reach(pos uint64) {
	f.reached.Lock()
	defer f.reached.Unlock()
	f.handled = pos
	for ch, awaited := range f.waiters {
		if awaited <= pos {
			close(ch)
			delete(f.waiters, ch)
		}
	}
}

// Reach implements bus.Follower.
func (f *follower) Reach(ctx context.Context, pos uint64) {
	f.reached.Lock()
	if pos <= f.handled {
		f.reached.Unlock()
		return
	}
	ch := make(chan struct{})
	f.waiters[ch] = pos
	f.reached.Unlock()
	select {
	case <-ch:
	case <-ctx.Done():
		f.reached.Lock()
		defer f.reached.Unlock()
		delete(f.waiters, ch)
	}
}

// Close implements bus.Follower.
func (f *follower) Close() {
	f.stream.b.mu.Lock()
	f.stream.followers = slices.DeleteFunc(f.stream.followers, func(other *follower) bool { return other == f })
	f.stream.b.mu.Unlock()
	f.close()
	f.wait()
}
