package busmodel

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// Publish is that of bus.Bus.
func (b *Bus) Publish(subject string, data []byte) error {
	b.say(bus.Heard{Subject: subject, Data: data, Answer: func([]byte) {}})
	return nil
}

// say returns how many listeners hear it.
func (b *Bus) say(h bus.Heard) (heard int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range b.listeners {
		if l.hears(h.Subject) {
			heard++
			h.Data = bytes.Clone(h.Data)
			l.put(h)
		}
	}
	return heard
}

// Listen is that of bus.Bus.
func (b *Bus) Listen(pattern string, handle func(h bus.Heard)) (stop func(), err error) {
	l := &listener{line[bus.Heard]{goes: b.o.Go, handle: handle}, matching(pattern)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners[l] = struct{}{}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.listeners, l)
		l.close()
	}, nil
}

// Subscribe is that of bus.Bus.
func (b *Bus) Subscribe(subject string, handle func(data []byte)) (stop func(), err error) {
	return b.Listen(subject, func(h bus.Heard) { handle(h.Data) })
}

// Flush is that of bus.Bus: a Listen is in force at once.
func (b *Bus) Flush(time.Duration) error { return nil }

// Request is that of bus.Bus.
func (b *Bus) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	answers := make(chan []byte, 1)
	answer := func(data []byte) {
		select {
		case answers <- bytes.Clone(data):
		default: // the first one counts
		}
	}
	if b.say(bus.Heard{Subject: subject, Data: data, Answer: answer}) == 0 {
		return nil, fmt.Errorf("busmodel: nobody listens to %s: %w", subject, bus.ErrNoLeader)
	}
	select {
	case data := <-answers:
		return data, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Up is that of bus.Bus.
func (b *Bus) Up() bool { return true }

// OnChange is that of bus.Bus: the model never loses its connection.
func (b *Bus) OnChange(func(up bool)) {}
