package inbox

import (
	"context"
	"sync"
	"time"
)

// work owns the goroutines and the timers of an inbox: when close returns all of
// them have ended, and none begins after that.
type work struct {
	after func(d time.Duration, f func()) Timer // Options.AfterFunc
	ctx   context.Context                       // ends when close begins
	end   context.CancelFunc

	mu      sync.Mutex // guards closed and calls of running.Add
	closed  bool
	running sync.WaitGroup
}

// goes runs f in a goroutine of its own. After close it returns false instead.
func (w *work) goes(f func()) bool {
	if !w.add() {
		return false
	}
	go func() {
		defer w.running.Done()
		f()
	}()
	return true
}

// during runs f, and close waits for it. After close it does nothing.
func (w *work) during(f func()) {
	if w.add() {
		defer w.running.Done()
		f()
	}
}

// later runs f after d, unless the inbox has been closed by then.
func (w *work) later(d time.Duration, f func()) Timer {
	return w.after(d, func() { w.during(f) })
}

// every runs f after each d until the inbox is closed.
func (w *work) every(d time.Duration, f func()) {
	for w.pause(w.ctx, d) == nil {
		f()
	}
}

// pause waits for d, or until ctx ends.
func (w *work) pause(ctx context.Context, d time.Duration) error {
	over := make(chan struct{})
	t := w.after(d, func() { close(over) })
	defer t.Stop()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *work) add() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.running.Add(1)
	return true
}

func (w *work) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.end()
	w.running.Wait()
}
