package trace

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Span is a part of a trace: something that was done, and how long it took. It may
// be used by several goroutines, each field by one until End. A nil Span is one that
// nobody follows.
type Span struct {
	tracer     *Tracer
	trace      [2]uint64
	id, parent uint64 // parent is 0 for the first span of a trace
	name       string
	began      time.Time
	took       time.Duration
	ints       [maxInts]attribute
	used       int
	code       int // 0: it went well
	ended      atomic.Bool
}

// maxInts is how many numbers a span has.
const maxInts = 2

type attribute struct {
	key   string
	value int64
}

// Begin begins a trace, or, for those that are not sampled, returns nil.
func (t *Tracer) Begin(name string) *Span {
	if t == nil || t.o.Sample < 1 && rand.Float64() >= t.o.Sample {
		return nil
	}
	return t.span(name, [2]uint64{rand.Uint64(), nonZero()}, 0)
}

func (t *Tracer) span(name string, trace [2]uint64, parent uint64) *Span {
	return &Span{tracer: t, trace: trace, id: nonZero(), parent: parent, name: name, began: time.Now()}
}

// nonZero returns a random number; IDs of 0 are invalid.
func nonZero() uint64 { return rand.Uint64() | 1 }

// Child begins a part of what s is about.
func (s *Span) Child(name string) *Span {
	if s == nil {
		return nil
	}
	return s.tracer.span(name, s.trace, s.id)
}

// Int notes a number, before the span ends.
func (s *Span) Int(key string, value int64) {
	if s != nil && s.used < maxInts {
		s.ints[s.used] = attribute{key, value}
		s.used++
	}
}

// End ends a span with a code of package fault, 0 if it went well. Only the first
// call counts.
func (s *Span) End(code int) {
	if s == nil || s.ended.Swap(true) {
		return
	}
	s.took, s.code = time.Since(s.began), code
	s.tracer.take(s)
}

type spanKey struct{}

// With returns a context that holds a span; nil leaves it as it is.
func With(ctx context.Context, s *Span) context.Context {
	if s == nil {
		return ctx
	}
	return context.WithValue(ctx, spanKey{}, s)
}

// Of returns the span that a context holds, or nil.
func Of(ctx context.Context) *Span {
	s, _ := ctx.Value(spanKey{}).(*Span)
	return s
}
