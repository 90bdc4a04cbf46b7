package busmodel

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// OpenBucket is that of bus.Bus.
func (b *Bus) OpenBucket(ctx context.Context, bucket, _ string) error {
	_, err := b.OpenLog(ctx, bus.LogConfig{Stream: bus.BucketStream(bucket), Subjects: bus.BucketSubject(bucket, ">"), Keep: 1})
	return err
}

// OpenEvents is that of bus.Bus.
func (b *Bus) OpenEvents(ctx context.Context, name, _, subjects string, age time.Duration) error {
	_, err := b.OpenLog(ctx, bus.LogConfig{Stream: name, Subjects: subjects, MaxAge: age})
	return err
}

// OpenJournal is that of bus.Bus, without its bound of bytes.
func (b *Bus) OpenJournal(ctx context.Context, c bus.JournalConfig) error {
	_, err := b.OpenLog(ctx, bus.LogConfig{Stream: c.Stream, Subjects: c.Subjects, Keep: c.Keep, MaxAge: c.MaxAge})
	return err
}

// Enqueue is that of bus.Bus.
func (b *Bus) Enqueue(ctx context.Context, subject string, data []byte, id string) error {
	s := b.find(func(s *stream) bool { return s.takes(subject) })
	if s == nil {
		return fmt.Errorf("busmodel: no stream takes %s", subject)
	}
	for {
		leave, err := s.enter(ctx)
		if err != nil {
			return err
		}
		newest := s.newest(subject)
		leave()
		if _, _, err = s.append(ctx, subject, data, newest, id, 0); !errors.Is(err, bus.ErrConflict) {
			return err
		}
	}
}

// EnqueueAll is that of bus.Bus.
func (b *Bus) EnqueueAll(ctx context.Context, entries []bus.Entry) error {
	for _, e := range entries {
		if err := b.Enqueue(ctx, e.Subject, e.Data, ""); err != nil {
			return err
		}
	}
	return nil
}

// find returns a stream, nil if there is none.
func (b *Bus) find(fits func(*stream) bool) *stream {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.streams {
		if fits(s) {
			return s
		}
	}
	return nil
}

func (b *Bus) named(name string) *stream {
	return b.find(func(s *stream) bool { return s.config.Stream == name })
}

// LastAtLeader is that of bus.Bus.
func (b *Bus) LastAtLeader(ctx context.Context, stream, subject string) (bus.Value, error) {
	s := b.named(stream)
	if s == nil {
		return bus.Value{}, fmt.Errorf("busmodel: there is no stream %s", stream)
	}
	return s.Last(ctx, subject)
}

// Last is that of bus.Bus: the model has one copy of everything.
func (b *Bus) Last(ctx context.Context, stream, subject string) (bus.Value, error) {
	return b.LastAtLeader(ctx, stream, subject)
}

// Put is that of bus.Bus.
func (b *Bus) Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error) {
	s := b.find(func(s *stream) bool { return s.takes(subject) })
	if s == nil {
		return 0, fmt.Errorf("busmodel: no stream takes %s", subject)
	}
	pos, _, err := s.append(ctx, subject, data, seq, "", ttl)
	return pos, err
}

// Next is that of bus.Bus.
func (b *Bus) Next(ctx context.Context, stream, filter string, seq uint64) (bus.Value, error) {
	values, err := b.Batch(ctx, stream, filter, seq, 1)
	if err == nil && len(values) == 0 {
		err = bus.ErrNoValue
	}
	if err != nil {
		return bus.Value{}, err
	}
	return values[0], nil
}

// Batch is that of bus.Bus.
func (b *Bus) Batch(ctx context.Context, stream, filter string, seq uint64, n int) (values []bus.Value, err error) {
	s, leave, err := b.entered(ctx, stream)
	if err != nil {
		return nil, err
	}
	defer leave()
	under := matching(filter)
	for pos := max(seq, s.oldest); pos <= s.last && len(values) < n; pos++ {
		if v, err := s.at(pos); err == nil && under(v.Subject) {
			values = append(values, v)
		}
	}
	return values, nil
}

// entered enters a stream, which the caller has to leave.
func (b *Bus) entered(ctx context.Context, stream string) (s *stream, leave func(), err error) {
	if s = b.named(stream); s == nil {
		return nil, nil, fmt.Errorf("busmodel: there is no stream %s", stream)
	}
	leave, err = s.enter(ctx)
	return s, leave, err
}

// Extent is that of bus.Bus.
func (b *Bus) Extent(ctx context.Context, stream string) (bus.Extent, error) {
	s, leave, err := b.entered(ctx, stream)
	if err != nil {
		return bus.Extent{}, err
	}
	defer leave()
	return bus.Extent{Oldest: s.oldest, Newest: s.last, Values: uint64(len(s.records))}, nil
}

// WatchBucket is that of bus.Bus, but for values that were replaced before they
// were handed on.
func (b *Bus) WatchBucket(ctx, life context.Context, bucket, pattern string) (follow func(handle func(key string, v bus.Value)), err error) {
	prefix, from := bus.BucketSubject(bucket, ""), uint64(1)
	read := func(ctx context.Context) (values []bus.Value, more <-chan struct{}, err error) {
		b.mu.Lock()
		more = b.grown
		b.mu.Unlock()
		values, err = b.Batch(ctx, bus.BucketStream(bucket), prefix+pattern, from, math.MaxInt)
		return values, more, err
	}
	if _, _, err := read(ctx); err != nil {
		return nil, err
	}
	return func(handle func(key string, v bus.Value)) {
		for {
			values, more, err := read(life)
			if err != nil {
				return
			}
			for _, v := range values {
				from = v.Seq + 1
				handle(strings.TrimPrefix(v.Subject, prefix), v)
			}
			select {
			case <-more:
			case <-life.Done():
				return
			}
		}
	}, nil
}

// Stored is that of bus.Bus.
func (b *Bus) Stored(ctx context.Context, stream string) (uint64, error) {
	s := b.named(stream)
	if s == nil {
		return 0, ctx.Err()
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	return uint64(len(s.records)), nil
}

// Has is that of bus.Bus.
func (b *Bus) Has(ctx context.Context, stream string) (bool, error) {
	return b.named(stream) != nil, ctx.Err()
}

// Size is that of bus.Bus, but for what NATS adds to each record.
func (b *Bus) Size(ctx context.Context, stream string) (n uint64, err error) {
	s := b.named(stream)
	if s == nil {
		return 0, fmt.Errorf("busmodel: there is no stream %s", stream)
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	for _, v := range s.records {
		n += uint64(len(v.Subject) + len(v.Data))
	}
	return n, nil
}

// Subjects is that of bus.Bus.
func (b *Bus) Subjects(ctx context.Context, stream string) (subjects []string, err error) {
	s := b.named(stream)
	if s == nil {
		return nil, ctx.Err()
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	for subject := range s.subjects {
		subjects = append(subjects, subject)
	}
	slices.Sort(subjects)
	return subjects, nil
}

// Purge is that of bus.Bus.
func (b *Bus) Purge(ctx context.Context, stream, pattern string) error {
	s := b.named(stream)
	if s == nil {
		return ctx.Err()
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	under := matching(pattern)
	for subject := range s.subjects {
		for under(subject) && len(s.subjects[subject]) > 0 {
			s.removeOldest(subject)
		}
	}
	return nil
}

// Fence is that of bus.Bus: here are no gateways of another layout.
func (b *Bus) Fence(ctx context.Context, _ string) error { return ctx.Err() }

// Embedded is that of bus.Bus: several gateways of a world share one model.
func (b *Bus) Embedded() bool { return false }

// Replicas is that of bus.Bus.
func (b *Bus) Replicas() int { return 1 }

// takes reports whether a subject is one of the stream's.
func (s *stream) takes(subject string) bool {
	return matching(s.config.Subjects)(subject)
}
