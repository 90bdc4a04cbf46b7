package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tim-wasm/tim/internal/bus"
)

// The logs of conversations are divided into partitions, each a stream of its
// own. A hash of the conversation chooses the partition, so all records of a
// conversation have one order. The layout's key says how many partitions there
// are.
//
// A position is a record's sequence number in its partition's stream, with the
// partition's number above the lower 48 bits. So it identifies a record by
// itself, fits a number in JavaScript, and with one partition it is the plain
// sequence number.

const (
	maxPartitions = bus.MaxPartitions
	sequenceBits  = 48
)

func partitionOf(pos uint64) int { return int(pos >> sequenceBits) }

func sequenceOf(pos uint64) uint64 { return pos & (1<<sequenceBits - 1) }

func position(partition int, sequence uint64) uint64 {
	if sequence == 0 {
		return 0
	}
	return uint64(partition)<<sequenceBits | sequence
}

// positions says how far somebody is in each partition, as a sequence number.
type positions [maxPartitions]uint64

// upTo returns positions up to and including a record, and 0 in all other
// partitions.
func upTo(pos uint64) (p positions) {
	if n := partitionOf(pos); n < maxPartitions {
		p[n] = sequenceOf(pos)
	}
	return p
}

// covers reports whether p has reached a position.
func (p positions) covers(pos uint64) bool {
	n := partitionOf(pos)
	return n < maxPartitions && sequenceOf(pos) <= p[n]
}

// in returns how far p is in the partition of a position, as a position.
func (p positions) in(pos uint64) uint64 {
	n := partitionOf(pos)
	if n >= maxPartitions {
		return 0
	}
	return position(n, p[n])
}

// within reports whether p is no further than q in any partition.
func (p positions) within(q positions) bool { return p.union(q) == q }

// union returns the further of the two in each partition.
func (p positions) union(q positions) positions {
	for n := range p {
		p[n] = max(p[n], q[n])
	}
	return p
}

// common returns the less far of the two in each partition.
func (p positions) common(q positions) positions {
	for n := range p {
		p[n] = min(p[n], q[n])
	}
	return p
}

// reached is how far a session is in the partitions that this store has: each session
// keeps one, and most stores have one partition.
type reached []uint64

func reachedTo(in *Inbox, p positions) reached { return slices.Clone(p[:in.o.Partitions]) }

// all returns it as positions.
func (r reached) all() (p positions) {
	copy(p[:], r)
	return p
}

// raise moves it forward to p, where p is further.
func (r reached) raise(p positions) {
	for n := range r {
		r[n] = max(r[n], p[n])
	}
}

// covers reports whether r has reached a position.
func (r reached) covers(pos uint64) bool {
	n := partitionOf(pos)
	return n < len(r) && sequenceOf(pos) <= r[n]
}

// partitions are the logs of all conversations. Callers use the subjects of the
// first partition for all of them.
type partitions []bus.Log

func openPartitions(ctx context.Context, b Bus, n int, c bus.LogConfig) (partitions, error) {
	if n < 1 || n > maxPartitions {
		return nil, fmt.Errorf("the logs cannot lie in %d partitions: 1 to %d", n, maxPartitions)
	}
	var all partitions
	for i := range n {
		stream, prefix := bus.MessagesPartition(i)
		c.Stream, c.Subjects = stream, prefix+">"
		l, err := b.OpenLog(ctx, c)
		if err != nil {
			return nil, err
		}
		all = append(all, charged{l})
	}
	return all, nil
}

// of returns the partition of a subject.
func (p partitions) of(subject string) int {
	if len(p) == 1 {
		return 0
	}
	return int(bus.Hash32(strings.TrimPrefix(subject, bus.SubjectMessages)) % uint32(len(p)))
}

// inStream returns a subject as the partition's stream has it.
func inStream(partition int, subject string) string {
	if partition == 0 {
		return subject
	}
	_, prefix := bus.MessagesPartition(partition)
	return prefix + strings.TrimPrefix(subject, bus.SubjectMessages)
}

// shown returns a value of a partition's stream with the subject and position
// that callers use.
func shown(partition int, v bus.Value) bus.Value {
	if partition != 0 && v.Seq != 0 {
		_, prefix := bus.MessagesPartition(partition)
		v.Subject = bus.SubjectMessages + strings.TrimPrefix(v.Subject, prefix)
		v.Seq = position(partition, v.Seq)
	}
	return v
}

// Last reads the newest record of a subject, or bus.ErrNoValue.
func (p partitions) Last(ctx context.Context, subject string) (bus.Value, error) {
	n := p.of(subject)
	v, err := p[n].Last(ctx, inStream(n, subject))
	return shown(n, v), err
}

// At reads the record at a position, or bus.ErrNoValue.
func (p partitions) At(ctx context.Context, pos uint64) (bus.Value, error) {
	n := partitionOf(pos)
	if n >= len(p) {
		return bus.Value{}, bus.ErrNoValue
	}
	v, err := p[n].At(ctx, sequenceOf(pos))
	return shown(n, v), err
}

// LastAll is Last for many subjects, in that order: Seq is 0 where there is none.
func (p partitions) LastAll(ctx context.Context, subjects []string) ([]bus.Value, error) {
	return each(p, subjects, p.of, func(n int, some []string) ([]bus.Value, error) {
		for i := range some {
			some[i] = inStream(n, some[i])
		}
		return p[n].LastAll(ctx, some)
	})
}

// AtAll is At for many positions, in that order: Seq is 0 where there is none.
func (p partitions) AtAll(ctx context.Context, positions []uint64) ([]bus.Value, error) {
	return each(p, positions, partitionOf, func(n int, some []uint64) ([]bus.Value, error) {
		for i := range some {
			some[i] = sequenceOf(some[i])
		}
		return p[n].AtAll(ctx, some)
	})
}

// each reads the values of keys, each from its partition.
func each[K any](p partitions, keys []K, of func(K) int, read func(partition int, some []K) ([]bus.Value, error)) ([]bus.Value, error) {
	out := make([]bus.Value, len(keys))
	for n := range p {
		var some []K
		var at []int
		for i, key := range keys {
			if of(key) == n {
				some, at = append(some, key), append(at, i)
			}
		}
		if len(some) == 0 {
			continue
		}
		values, err := read(n, some)
		if err != nil {
			return nil, err
		}
		for i, v := range values {
			out[at[i]] = shown(n, v)
		}
	}
	return out, nil
}

// Append is that of bus.Log.
func (p partitions) Append(ctx context.Context, subject string, data []byte, expect uint64, msgID string) (pos uint64, dup bool, err error) {
	n := p.of(subject)
	seq, dup, err := p[n].Append(ctx, inStream(n, subject), data, sequenceOf(expect), msgID)
	return position(n, seq), dup, err
}

// ends returns where each stream ends; 0 for an empty one.
func (p partitions) ends(ctx context.Context) (ends positions, err error) {
	for n, l := range p {
		v, err := l.Last(ctx, ">")
		if err != nil && !errors.Is(err, bus.ErrNoValue) {
			return positions{}, err
		}
		ends[n] = v.Seq
	}
	return ends, nil
}

// followers follow each partition.
type followers []bus.Follower

func (p partitions) followers(handle func(bus.Value), report func(error)) (all followers) {
	for n, l := range p {
		all = append(all, l.Follower(func(v bus.Value) { handle(shown(n, v)) }, report))
	}
	return all
}

func (f followers) Start(ctx context.Context) error {
	for _, one := range f {
		if err := one.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Pos returns how far the followers are.
func (f followers) Pos() (p positions) {
	for n, one := range f {
		p[n] = one.Pos()
	}
	return p
}

// Reach waits until the followers have reached p, or ctx ends.
func (f followers) Reach(ctx context.Context, p positions) {
	for n, one := range f {
		one.Reach(ctx, p[n])
	}
}

func (f followers) Close() {
	for _, one := range f {
		one.Close()
	}
}
