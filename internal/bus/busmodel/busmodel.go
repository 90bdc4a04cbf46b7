// Package busmodel is a bus in memory: the logs and signals of package bus, as
// far as its interfaces promise them, without NATS, a disk or a connection. It
// is for tests of rooms that keep logs, and for worlds that are simulated: its
// clock and its goroutines are given to it.
//
// A test holds it against an embedded NATS. What it does not have: outages and
// elections, a full disk, bounds of size, and the replica that is a little behind.
// Of its calls only Reach, Close, Request and what WatchBucket returns wait.
//
//	busmodel.go  Bus
//	signals.go   signals
//	stream.go    a stream of logs
//	values.go    values of buckets, and what is asked of a stream as a whole
//	follower.go  what is new in one
//	line.go      handing on one after the other
package busmodel

import (
	"context"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// Options of New. Zero values mean the defaults.
type Options struct {
	// Now is the clock, which never goes back; nil: time.Now. Ages and the window
	// of duplicates are measured by it, at the next call.
	Now func() time.Time
	// Go has f run later, not before it returns: f hands on what has come to a
	// follower or a subscriber. nil: a goroutine.
	Go func(f func())
}

// Bus is safe for concurrent use.
//
// Locks: mu, under which streams are read and changed, before the locks of a
// line.
type Bus struct {
	o Options

	mu        sync.Mutex // guards what follows
	streams   map[string]*stream
	listeners map[*listener]struct{}
	grown     chan struct{} // closed and made anew by the next Append
}

// listener is one call of Listen.
type listener struct {
	line[bus.Heard]
	hears func(subject string) bool
}

// New is a bus that holds nothing.
func New(o Options) *Bus {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Go == nil {
		o.Go = func(f func()) { go f() }
	}
	return &Bus{o: o, streams: map[string]*stream{}, listeners: map[*listener]struct{}{}, grown: make(chan struct{})}
}

// OpenLog is that of bus.Bus.
func (b *Bus) OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.Dedup <= 0 {
		c.Dedup = 2 * time.Minute
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.streams[c.Stream]
	if s == nil {
		s = newStream(b)
		b.streams[c.Stream] = s
	}
	s.config = c
	return s, nil
}
