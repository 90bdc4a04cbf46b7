package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tim-wasm/tim/internal/bus"
)

// The logs of conversations lie in partitions, each a stream of its own. A hash
// of the conversation chooses one, so all that is said of a conversation has one
// order. How many there are stands in the layout's key.
//
// A position is a sequence number of its partition's stream, and above its lower
// 48 bits the partition's number: it names a record whatever the conversation,
// fits a number of JavaScript's, and is what it was where there is one partition.

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

// positions is how far somebody is in each partition: a sequence number each.
type positions [maxPartitions]uint64

// upTo is behind the record at a position, and nowhere in other partitions.
func upTo(pos uint64) (p positions) {
	if n := partitionOf(pos); n < maxPartitions {
		p[n] = sequenceOf(pos)
	}
	return p
}

// covers reports whether a position is not behind p.
func (p positions) covers(pos uint64) bool {
	n := partitionOf(pos)
	return n < maxPartitions && sequenceOf(pos) <= p[n]
}

// in is p within the partition of a position, as a position.
func (p positions) in(pos uint64) uint64 {
	n := partitionOf(pos)
	if n >= maxPartitions {
		return 0
	}
	return position(n, p[n])
}

// within reports whether p is nowhere behind q.
func (p positions) within(q positions) bool { return p.union(q) == q }

// union is how far the two are together.
func (p positions) union(q positions) positions {
	for n := range p {
		p[n] = max(p[n], q[n])
	}
	return p
}

// common is how far both are.
func (p positions) common(q positions) positions {
	for n := range p {
		p[n] = min(p[n], q[n])
	}
	return p
}

// partitions are the logs of all conversations. They have the subjects of the
// first one.
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

// of is the partition of a subject.
func (p partitions) of(subject string) int {
	if len(p) == 1 {
		return 0
	}
	return int(bus.Hash32(strings.TrimPrefix(subject, bus.SubjectMessages)) % uint32(len(p)))
}

// inStream is a subject as the partition's stream has it.
func inStream(partition int, subject string) string {
	if partition == 0 {
		return subject
	}
	_, prefix := bus.MessagesPartition(partition)
	return prefix + strings.TrimPrefix(subject, bus.SubjectMessages)
}

// shown is what a stream holds as everybody else sees it.
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

// each reads what keys name from the partitions where it lies.
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

// ends is where each stream ends; 0 for one that holds nothing at the moment.
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

// Pos is how far they are.
func (f followers) Pos() (p positions) {
	for n, one := range f {
		p[n] = one.Pos()
	}
	return p
}

// Reach waits until they are as far, or ctx ends.
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
