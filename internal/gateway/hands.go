package gateway

import (
	"sync"
	"sync/atomic"
)

// hands are the goroutines that handle frames, each until its socket has no more
// waiting. Some then wait for the next socket: a new goroutine begins with a small
// stack, which grows and is copied twice while the JSON of a frame is read.
type hands struct {
	work *sync.WaitGroup
	end  <-chan struct{} // when it is closed nobody waits any more
	free chan func()     // to those that wait
	idle atomic.Int32
}

// maxIdle is how many wait for work at most. Calls that wait for the store come back
// together, so few would be kept of many; so many keep some 1 MB of stacks.
const maxIdle = 64

// do runs f beside the caller, and counts it as work. Whoever may add to that
// may call it.
func (h *hands) do(f func()) {
	h.work.Add(1)
	select {
	case h.free <- f:
	default:
		go h.run(f)
	}
}

func (h *hands) run(f func()) {
	for {
		f()
		h.work.Done()
		if h.idle.Add(1) > maxIdle {
			h.idle.Add(-1)
			return
		}
		select {
		case f = <-h.free:
			h.idle.Add(-1)
		case <-h.end:
			return
		}
	}
}
