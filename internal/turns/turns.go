// Package turns makes goroutines take turns at something that may take long, such
// as a call of the store. A lock may not be held across one: whoever waits for a
// lock cannot give up. A goroutine that waits for its turn stops when its context
// ends, and under virtual time (testing/synctest) a test sees that it waits.
package turns

import (
	"container/list"
	"context"
	"sync"
)

// One is a turn, which one goroutine has at a time. Those that wait get it in the
// order in which they came. The zero value is a turn that nobody has; nobody may
// copy it. While nobody waits it is all the memory that it takes.
type One struct {
	mu      sync.Mutex // guards what follows
	taken   bool
	waiting *list.List // of chan struct{}, closed when the turn is theirs; nil: nobody waits
}

// Take waits for the turn, which is the caller's until they call done. It fails
// once ctx ends before that.
func (t *One) Take(ctx context.Context) (done func(), err error) {
	t.mu.Lock()
	if !t.taken {
		t.taken = true
		t.mu.Unlock()
		return t.pass, nil
	}
	if t.waiting == nil {
		t.waiting = list.New()
	}
	mine := make(chan struct{})
	place := t.waiting.PushBack(mine)
	t.mu.Unlock()
	select {
	case <-mine:
		return t.pass, nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-mine: // it came at the same moment
		t.passLocked()
	default:
		t.leave(place)
	}
	return nil, ctx.Err()
}

// pass hands the turn to whoever has waited longest.
func (t *One) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.passLocked()
}

func (t *One) passLocked() {
	if t.waiting == nil {
		t.taken = false
		return
	}
	close(t.leave(t.waiting.Front()))
}

// leave takes somebody out of the queue; it needs mu.
func (t *One) leave(place *list.Element) chan struct{} {
	gone := t.waiting.Remove(place).(chan struct{})
	if t.waiting.Len() == 0 {
		t.waiting = nil
	}
	return gone
}

// ByKey holds one turn a key. Only those in use take memory. The zero value is
// ready for use.
type ByKey[K comparable] struct {
	mu  sync.Mutex // guards all, and users in it
	all map[K]*shared
}

type shared struct {
	One
	users int // who has the turn or waits for it
}

// Take is One.Take for the turn of a key.
func (t *ByKey[K]) Take(ctx context.Context, key K) (done func(), err error) {
	s := t.join(key)
	back, err := s.Take(ctx)
	if err != nil {
		t.leave(key, s)
		return nil, err
	}
	return func() { back(); t.leave(key, s) }, nil
}

// Len returns how many keys have a turn that somebody has or waits for.
func (t *ByKey[K]) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}

func (t *ByKey[K]) join(key K) *shared {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[K]*shared{}
	}
	s := t.all[key]
	if s == nil {
		s = &shared{}
		t.all[key] = s
	}
	s.users++
	return s
}

func (t *ByKey[K]) leave(key K, s *shared) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.users--; s.users == 0 {
		delete(t.all, key)
	}
}
