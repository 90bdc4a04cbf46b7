package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// Stored returns how many messages a stream holds, 0 when there is no such
// stream. It neither makes the stream nor changes it. A stream that the
// embedded server cannot open counts as one message, because nobody knows what
// is in it before Ensure has recovered it.
func (b *Bus) Stored(ctx context.Context, stream string) (n uint64, err error) {
	_, n, err = b.look(ctx, stream)
	return n, err
}

// Has reports whether there is a stream, also one that holds nothing or cannot be opened.
func (b *Bus) Has(ctx context.Context, stream string) (there bool, err error) {
	there, _, err = b.look(ctx, stream)
	return there, err
}

func (b *Bus) look(ctx context.Context, stream string) (there bool, n uint64, err error) {
	err = Retry(ctx, func(ctx context.Context) error {
		there, n = false, 0
		s, err := b.js.Stream(ctx, stream)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			damaged, err := b.Unopened(ctx)
			if slices.Contains(damaged, stream) {
				there, n = true, 1
			}
			return err
		}
		if err == nil {
			there, n = true, s.CachedInfo().State.Msgs
		}
		return err
	})
	if err != nil {
		return false, 0, fmt.Errorf("NATS stream %s cannot be looked up: %w", stream, err)
	}
	return there, n, nil
}

// Size returns how many bytes a stream takes.
func (b *Bus) Size(ctx context.Context, stream string) (uint64, error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return 0, err
	}
	return s.CachedInfo().State.Bytes, nil
}

// Extent is how long a stream is.
type Extent struct {
	// Oldest and Newest are the positions of the oldest value and of the newest one,
	// which is before the oldest in a stream that is empty.
	Oldest, Newest uint64
	Values         uint64
}

// Extent returns how long a stream is, as its leader knows.
func (b *Bus) Extent(ctx context.Context, stream string) (Extent, error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return Extent{}, err
	}
	state := s.CachedInfo().State
	return Extent{state.FirstSeq, state.LastSeq, state.Msgs}, nil
}

// Subjects returns the subjects of a stream that hold something, sorted, as
// the stream's leader knows them; none when there is no such stream.
func (b *Bus) Subjects(ctx context.Context, stream string) (subjects []string, err error) {
	err = Retry(ctx, func(ctx context.Context) error {
		subjects = nil
		s, err := b.js.Stream(ctx, stream)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := s.Info(ctx, jetstream.WithSubjectFilter(">"))
		if err != nil {
			return err
		}
		for subject := range info.State.Subjects {
			subjects = append(subjects, subject)
		}
		return nil
	})
	slices.Sort(subjects)
	return subjects, err
}

// Fence lets the messages of a stream have TTLs. No gateway needs that, but it
// cannot be taken back, and a gateway of the store's first layout, which
// updates the stream at its start, would take it back: so NATS refuses the
// update, and such a gateway does not start any more. Ensure keeps it. A stream
// that is missing, or that the embedded server cannot open, gets its fence when
// OpenLog makes it.
func (b *Bus) Fence(ctx context.Context, stream string) error {
	err := Retry(ctx, func(ctx context.Context) error {
		s, err := b.js.Stream(ctx, stream)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		c := s.CachedInfo().Config
		if c.AllowMsgTTL {
			return nil
		}
		c.AllowMsgTTL = true
		_, err = b.js.UpdateStream(ctx, c)
		return err
	})
	if err != nil {
		return fmt.Errorf("NATS stream %s cannot be updated: %w", stream, err)
	}
	return nil
}

// Purge removes the messages of a subject, or of all that a pattern matches, and
// leaves no tombstone. A stream that is absent has none.
func (b *Bus) Purge(ctx context.Context, stream, pattern string) error {
	s, err := b.js.Stream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Purge(ctx, jetstream.WithPurgeSubject(pattern))
}
