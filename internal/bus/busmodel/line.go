package busmodel

import "sync"

// line hands things on one after the other, in the order in which they came.
type line[T any] struct {
	goes   func(f func())
	handle func(T)

	handling sync.Mutex // held while handle runs; taken before mu
	mu       sync.Mutex // guards what follows
	queue    []T
	busy     bool // a drain is to come, or runs
	closed   bool
}

func (l *line[T]) put(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.queue = append(l.queue, v)
	if !l.busy {
		l.busy = true
		l.goes(l.drain)
	}
}

func (l *line[T]) drain() {
	for l.one() {
	}
}

// one hands on the next thing and reports whether there was one.
func (l *line[T]) one() bool {
	l.handling.Lock()
	defer l.handling.Unlock()
	v, ok := l.next()
	if ok {
		l.handle(v)
	}
	return ok
}

func (l *line[T]) next() (v T, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.queue) == 0 {
		l.busy = false
		return v, false
	}
	v, l.queue = l.queue[0], l.queue[1:]
	return v, true
}

// close ends it: no call of handle begins any more.
func (l *line[T]) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed, l.queue = true, nil
}

// wait returns once no call of handle runs.
func (l *line[T]) wait() {
	l.handling.Lock()
	defer l.handling.Unlock()
}
