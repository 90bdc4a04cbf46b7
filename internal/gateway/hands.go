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
	free chan *socket    // to those that wait
	idle atomic.Int32
}

// maxIdle is how many wait for work at most. Calls that wait for the store come back
// together, so few would be kept of many; so many keep some 2 MB of stacks.
const maxIdle = 256

// take has a socket's frames handled beside the caller, and counts that as work.
// Whoever may add to that may call it.
func (h *hands) take(s *socket) {
	h.work.Add(1)
	select {
	case h.free <- s:
	default:
		go h.run(s)
	}
}

func (h *hands) run(s *socket) {
	for {
		s.work()
		h.work.Done()
		if h.idle.Add(1) > maxIdle {
			h.idle.Add(-1)
			return
		}
		select {
		case s = <-h.free:
			h.idle.Add(-1)
		case <-h.end:
			return
		}
	}
}
