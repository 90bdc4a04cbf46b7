package rest

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	maxAsking  = 64              // questions under way at once
	maxWaiting = 1024            // questions that wait for one of those to end
	downAfter  = 16              // questions in a row without an answer
	downFor    = 5 * time.Second // from then until the next question
)

// errNotAsked means that the receiver is down, or that too many wait for it.
var errNotAsked = errors.New("the receiver is not asked at the moment")

// turnstile bounds the questions that the receiver gets at once. While the receiver
// is down, it lets one question through every downFor.
type turnstile struct {
	slots chan struct{}

	mu      sync.Mutex // guards what follows
	waiting int
	silent  int       // questions in a row without an answer
	until   time.Time // while the receiver is down: when it is asked again
	probing bool      // a question that finds out whether it is back is under way
}

func newTurnstile() *turnstile { return &turnstile{slots: make(chan struct{}, maxAsking)} }

// enter waits until a question may be asked. It returns errNotAsked if none may be,
// or if ctx ends. The caller calls leave if and only if enter returns nil.
func (t *turnstile) enter(ctx context.Context, now time.Time) error {
	t.mu.Lock()
	if t.downLocked() {
		defer t.mu.Unlock()
		if t.probing || now.Before(t.until) {
			return errNotAsked
		}
		select {
		case t.slots <- struct{}{}:
			t.probing = true
			return nil
		default:
			return errNotAsked
		}
	}
	if t.waiting >= maxWaiting {
		t.mu.Unlock()
		return errNotAsked
	}
	t.waiting++
	t.mu.Unlock()

	entered := false
	select {
	case t.slots <- struct{}{}:
		entered = true
	case <-ctx.Done():
	}
	t.mu.Lock()
	t.waiting--
	down := t.downLocked()
	t.mu.Unlock()
	switch {
	case !entered:
		return errNotAsked
	case down: // meanwhile
		<-t.slots
		return errNotAsked
	}
	return nil
}

// change is what the end of a question has shown about the receiver.
type change int

const (
	noChange change = iota
	wentDown
	cameBack
)

// leave ends a question. abandoned says that the caller has hung up, so that a
// missing answer says nothing about the receiver.
func (t *turnstile) leave(now time.Time, answered, abandoned bool) change {
	<-t.slots
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.downLocked()
	t.probing = false
	switch {
	case answered:
		t.silent = 0
	case !abandoned:
		if t.silent++; t.downLocked() {
			t.until = now.Add(downFor)
		}
	}
	switch is := t.downLocked(); {
	case is && !was:
		return wentDown
	case was && !is:
		return cameBack
	}
	return noChange
}

func (t *turnstile) downLocked() bool { return t.silent >= downAfter }
