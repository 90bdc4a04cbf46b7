package busmodel

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// stream is a bus.Log. All of it is guarded by Bus.mu.
type stream struct {
	b      *Bus
	config bus.LogConfig

	last      uint64 // the newest position, whether or not its record is still there
	oldest    uint64 // no record stands before it
	records   map[uint64]bus.Value
	subjects  map[string][]uint64 // positions of records, ascending
	ids       map[string]uint64   // positions by msgID, for as long as they are recognised
	idsByAge  []knownID
	followers []*follower
	ends      map[uint64]time.Time // when values with a TTL end, by position
}

type knownID struct {
	id string
	at time.Time
}

func newStream(b *Bus) *stream {
	return &stream{
		b: b, oldest: 1, records: map[uint64]bus.Value{}, subjects: map[string][]uint64{},
		ids: map[string]uint64{}, ends: map[uint64]time.Time{},
	}
}

// enter takes the lock for an operation at a moment at which all that is too
// old has gone.
func (s *stream) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.b.mu.Lock()
	now := s.b.o.Now()
	for s.config.MaxAge > 0 && s.oldest <= s.last {
		v, ok := s.records[s.oldest]
		if ok && now.Sub(v.Time) < s.config.MaxAge {
			break
		}
		if ok {
			s.removeOldest(v.Subject)
		}
		s.oldest++
	}
	for pos, end := range s.ends {
		if now.Before(end) {
			continue
		}
		delete(s.ends, pos)
		if v, ok := s.records[pos]; ok {
			s.removeOldest(v.Subject) // the only one: it is a value of a bucket
		}
	}
	for len(s.idsByAge) > 0 && now.Sub(s.idsByAge[0].at) >= s.config.Dedup {
		delete(s.ids, s.idsByAge[0].id)
		s.idsByAge = s.idsByAge[1:]
	}
	return s.b.mu.Unlock, nil
}

// removeOldest removes the oldest record of a subject.
func (s *stream) removeOldest(subject string) {
	all := s.subjects[subject]
	delete(s.records, all[0])
	if s.subjects[subject] = all[1:]; len(all) == 1 {
		delete(s.subjects, subject)
	}
}

func (s *stream) newest(subject string) uint64 {
	all := s.subjects[subject]
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1]
}

func (s *stream) at(pos uint64) (bus.Value, error) {
	v, ok := s.records[pos]
	if !ok {
		return bus.Value{}, bus.ErrNoValue
	}
	v.Data = bytes.Clone(v.Data)
	return v, nil
}

// Last implements bus.Log.
func (s *stream) Last(ctx context.Context, subject string) (bus.Value, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return bus.Value{}, err
	}
	defer leave()
	if !strings.ContainsAny(subject, "*>") {
		return s.at(s.newest(subject))
	}
	under := matching(subject)
	for pos := s.last; pos >= s.oldest; pos-- {
		if v, err := s.at(pos); err == nil && under(v.Subject) {
			return v, nil
		}
	}
	return bus.Value{}, bus.ErrNoValue
}

// matching returns what a pattern matches: * stands for one part of a subject, >
// for all that follow.
func matching(pattern string) func(subject string) bool {
	want := strings.Split(pattern, ".")
	return func(subject string) bool {
		parts := strings.Split(subject, ".")
		for i, w := range want {
			switch {
			case i == len(parts):
				return false
			case w == ">":
				return true
			case w != "*" && w != parts[i]:
				return false
			}
		}
		return len(parts) == len(want)
	}
}

// LastUnder implements bus.Log.
func (s *stream) LastUnder(ctx context.Context, patterns ...string) ([]bus.Value, error) {
	var subjects []string
	for _, pattern := range patterns {
		some, err := s.Subjects(ctx, pattern)
		if err != nil {
			return nil, err
		}
		subjects = append(subjects, some...)
	}
	slices.Sort(subjects)
	if subjects = slices.Compact(subjects); len(subjects) > bus.MaxUnder {
		return nil, bus.ErrTooMany
	}
	values, err := s.LastAll(ctx, subjects)
	values = slices.DeleteFunc(values, func(v bus.Value) bool { return v.Seq == 0 }) // removed meanwhile
	slices.SortFunc(values, func(a, b bus.Value) int { return cmp.Compare(a.Seq, b.Seq) })
	return values, err
}

// Subjects implements bus.Log.
func (s *stream) Subjects(ctx context.Context, pattern string) ([]string, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	under := matching(pattern)
	var out []string
	for subject := range s.subjects {
		if under(subject) {
			out = append(out, subject)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Count implements bus.Log.
func (s *stream) Count(ctx context.Context, pattern string) (int, error) {
	all, err := s.Subjects(ctx, pattern)
	return len(all), err
}

// Remove implements bus.Log.
func (s *stream) Remove(ctx context.Context, subject string, upTo uint64) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	for len(s.subjects[subject]) > 0 && s.subjects[subject][0] <= upTo {
		s.removeOldest(subject)
	}
	return nil
}

// At implements bus.Log.
func (s *stream) At(ctx context.Context, pos uint64) (bus.Value, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return bus.Value{}, err
	}
	defer leave()
	return s.at(pos)
}

// LastAll implements bus.Log.
func (s *stream) LastAll(ctx context.Context, subjects []string) ([]bus.Value, error) {
	return all(subjects, func(subject string) (bus.Value, error) { return s.Last(ctx, subject) })
}

// AtAll implements bus.Log.
func (s *stream) AtAll(ctx context.Context, positions []uint64) ([]bus.Value, error) {
	return all(positions, func(pos uint64) (bus.Value, error) { return s.At(ctx, pos) })
}

func all[K any](keys []K, read func(K) (bus.Value, error)) ([]bus.Value, error) {
	out := make([]bus.Value, len(keys))
	for i, k := range keys {
		v, err := read(k)
		if err != nil && !errors.Is(err, bus.ErrNoValue) {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// Append implements bus.Log.
func (s *stream) Append(ctx context.Context, subject string, data []byte, expect uint64, msgID string) (pos uint64, dup bool, err error) {
	return s.append(ctx, subject, data, expect, msgID, 0)
}

// append is Append of a record that ends after ttl, if that is not 0.
func (s *stream) append(ctx context.Context, subject string, data []byte, expect uint64, msgID string, ttl time.Duration) (pos uint64, dup bool, err error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return 0, false, err
	}
	defer leave()
	if !s.takes(subject) {
		return 0, false, fmt.Errorf("busmodel: %s is no subject of %s", subject, s.config.Stream)
	}
	if s.newest(subject) != expect { // looked at first, as an embedded NATS does
		return 0, false, bus.ErrConflict
	}
	if pos, ok := s.ids[msgID]; ok {
		return pos, true, nil
	}
	s.last++
	v := bus.Value{Subject: subject, Data: bytes.Clone(data), Seq: s.last, Time: s.b.o.Now()}
	s.records[s.last] = v
	s.subjects[subject] = append(s.subjects[subject], s.last)
	if s.config.Keep > 0 && len(s.subjects[subject]) > int(s.config.Keep) {
		s.removeOldest(subject)
	}
	if ttl > 0 {
		s.ends[s.last] = v.Time.Add((ttl + time.Second - 1).Truncate(time.Second))
	}
	if msgID != "" {
		s.ids[msgID] = s.last
		s.idsByAge = append(s.idsByAge, knownID{msgID, v.Time})
	}
	for _, f := range s.followers {
		f.put(v)
	}
	close(s.b.grown)
	s.b.grown = make(chan struct{})
	return s.last, false, nil
}
