package busmodel

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// OpenBucket makes the stream of a bucket, whose keys LastAtLeader and Put read
// and set. The values of one do not end: it has no TTLs.
func (b *Bus) OpenBucket(ctx context.Context, bucket string) error {
	_, err := b.OpenLog(ctx, bus.LogConfig{Stream: bus.BucketStream(bucket), Subjects: bus.BucketSubject(bucket, ">"), Keep: 1})
	return err
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

// Put is that of bus.Bus, but for the TTL.
func (b *Bus) Put(ctx context.Context, subject string, data []byte, seq uint64, _ time.Duration) (uint64, error) {
	s := b.find(func(s *stream) bool { return s.takes(subject) })
	if s == nil {
		return 0, fmt.Errorf("busmodel: no stream takes %s", subject)
	}
	pos, _, err := s.Append(ctx, subject, data, seq, "")
	return pos, err
}

// Batch is that of bus.Bus; the filter is ">".
func (b *Bus) Batch(ctx context.Context, stream, filter string, seq uint64, n int) (values []bus.Value, err error) {
	s := b.named(stream)
	if s == nil || filter != ">" {
		return nil, fmt.Errorf("busmodel: there is no stream %s, or %s is no filter", stream, filter)
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	for pos := max(seq, s.oldest); pos <= s.last && len(values) < n; pos++ {
		if v, err := s.at(pos); err == nil {
			values = append(values, v)
		}
	}
	return values, nil
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
func (b *Bus) Purge(ctx context.Context, stream, subject string) error {
	s := b.named(stream)
	if s == nil {
		return fmt.Errorf("busmodel: there is no stream %s", stream)
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	for len(s.subjects[subject]) > 0 {
		s.removeOldest(subject)
	}
	return nil
}

// Fence is that of bus.Bus: here are no gateways of another layout.
func (b *Bus) Fence(ctx context.Context, _ string) error { return ctx.Err() }

// Embedded is that of bus.Bus: several gateways of a world share one model.
func (b *Bus) Embedded() bool { return false }

// takes reports whether a subject is one of the stream's.
func (s *stream) takes(subject string) bool {
	return strings.HasPrefix(subject, strings.TrimSuffix(s.config.Subjects, ">"))
}
