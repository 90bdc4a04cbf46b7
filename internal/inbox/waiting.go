package inbox

import (
	"container/list"
	"sync"

	"github.com/tim-wasm/tim/internal/fault"
)

// waiting are the syncs whose client has yet to ask for more. One that does not
// is given up after Options.SyncIdle, and before that, the longest waiting
// first, when all of them together are too large: its client's next
// session.more fails, and it begins with session.sync where it stands.
type waiting struct {
	mu    sync.Mutex // guards what follows
	order list.List  // of waiter, the longest waiting first
	at    map[*catchingUp]*list.Element
	bytes int
}

// waiter is a sync at one of the turns that it waits for.
type waiter struct {
	up    *catchingUp
	turn  int
	bytes int
}

// add returns those that have to go for it.
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

// take needs mu.
func (w *waiting) take(e *list.Element) waiter {
	v := w.order.Remove(e).(waiter)
	delete(w.at, v.up)
	w.bytes -= v.bytes
	return v
}

// wait has a sync wait until its client asks on.
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

// asked ends the waiting of a sync, nil for none; user.mu is held.
func (s *Session) asked(up *catchingUp) {
	if up == nil || up.idle == nil {
		return
	}
	up.turn++
	up.idle.Stop()
	up.idle = nil
	s.in.waiting.remove(up)
}

// giveUp ends a sync unless its client has asked on.
func (w waiter) giveUp() {
	s := w.up.s
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	if w.up.turn == w.turn && s.syncing == w.up {
		s.endSync()
	}
}

// size is what a sync that waits may come to hold; user.mu is held.
func (up *catchingUp) size() int {
	const position, name, head = 8, 16, 400
	n := len(up.missed) + len(up.revoked) + syncQueue
	return n*position + len(up.pending)*name + len(up.news)*head + syncLives
}
