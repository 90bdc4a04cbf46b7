package inbox

import (
	"context"
	"sync"
	"time"
)

// work owns the goroutines of an inbox: what it began is over when close
// returns, and nothing begins after that.
type work struct {
	ctx context.Context // ends when close begins
	end context.CancelFunc

	mu      sync.Mutex // guards closed, and that nothing is added once it is true
	closed  bool
	running sync.WaitGroup
}

// goes runs f in a goroutine of its own and reports whether it does: after
// close it does not.
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

// during runs f, which close then waits for; after close it does not.
func (w *work) during(f func()) {
	if w.add() {
		defer w.running.Done()
		f()
	}
}

// later runs f after d unless the inbox has been closed by then.
func (w *work) later(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() { w.during(f) })
}

// pause waits for a moment unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
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
