// Package turns makes goroutines take turns at something that may take long, such
// as a call of the store. A lock may not be held across one: whoever waits for a
// lock cannot give up. A goroutine that waits for its turn stops when its context
// ends, and under virtual time (testing/synctest) a test sees that it waits.
package turns

import (
	"context"
	"sync"
)

// One is a turn, which one goroutine has at a time. Those that wait get it in the
// order in which they came. New makes one.
type One struct {
	token chan struct{} // full while somebody has the turn
}

// New returns a turn that nobody has.
func New() One { return One{make(chan struct{}, 1)} }

// Take waits for the turn, which is the caller's until they call done. It fails
// once ctx ends before that.
func (t One) Take(ctx context.Context) (done func(), err error) {
	select {
	case t.token <- struct{}{}:
		return func() { <-t.token }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
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
		s = &shared{One: New()}
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
