package inbox

import (
	"container/list"
	"sync"

	"github.com/tim-wasm/tim/internal/fault"
)

// waiting holds the syncs whose client has yet to ask for more. A sync is given
// up after Options.SyncIdle; or earlier, the longest waiting first, when all of
// them together are too large. Its client's next session.more fails, and the
// client continues with session.sync from where it is.
type waiting struct {
	mu    sync.Mutex // guards what follows
	order list.List  // of waiter, the longest waiting first
	at    map[*catchingUp]*list.Element
	bytes int
}

// waiter is a sync that waits, and the turn in which it does.
type waiter struct {
	up    *catchingUp
	turn  int
	bytes int
}

// add adds a sync, and returns those that have to be given up for it.
func (w *waiting) add(up *catchingUp, turn, bytes int) (over []waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at[up] = w.order.PushBack(waiter{up, turn, bytes})
	w.bytes += bytes
	for w.bytes > syncsWaiting && w.order.Len() > 1 {
		over = append(over, w.take(w.order.Front()))
	}
	return over
}

func (w *waiting) remove(up *catchingUp) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e := w.at[up]; e != nil {
		w.take(e)
	}
}

// take removes a waiter; mu is held.
func (w *waiting) take(e *list.Element) waiter {
	v := w.order.Remove(e).(waiter)
	delete(w.at, v.up)
	w.bytes -= v.bytes
	return v
}

// wait lets a sync wait until its client asks for more.
func (s *Session) wait(up *catchingUp) error {
	u := s.user
	u.mu.Lock()
	if s.closed || s.syncing != up {
		u.mu.Unlock()
		return fault.New(fault.NotLoggedIn)
	}
	up.turn++
	this := waiter{up: up, turn: up.turn}
	up.idle = s.in.work.later(s.in.o.SyncIdle, func() { this.giveUp() })
	over := s.in.waiting.add(up, up.turn, up.size())
	u.mu.Unlock()
	for _, w := range over {
		w.giveUp()
	}
	return nil
}

// asked ends the wait of a sync, which may be nil; user.mu is held.
func (s *Session) asked(up *catchingUp) {
	if up == nil || up.idle == nil {
		return
	}
	up.turn++
	up.idle.Stop()
	up.idle = nil
	s.in.waiting.remove(up)
}

// giveUp ends a sync unless its client has asked for more.
func (w waiter) giveUp() {
	s := w.up.s
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	if w.up.turn == w.turn && s.syncing == w.up {
		s.endSync()
	}
}

// size estimates how many bytes a waiting sync may grow to; user.mu is held.
func (up *catchingUp) size() int {
	const position, name, head = 8, 16, 400
	n := len(up.missed) + len(up.changes) + syncQueue
	news := len(up.news)
	if s := up.search; s != nil {
		n += 2*len(s.newest) + 2*len(s.changes)
		news += len(s.news)
	}
	return n*position + len(up.pending)*name + news*head + syncLives
}
