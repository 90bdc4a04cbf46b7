package inbox

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// near caches records that a sync has read to find out what was missed, nearBytes
// of them, so that a small sync reads no record twice. It is dropped after the
// first part; a nil one is empty.
type near struct {
	mu      sync.Mutex // guards what follows
	records map[uint64]*record
	bytes   int
}

const nearBytes = 512 << 10

func newNear() *near { return &near{records: map[uint64]*record{}} }

func (n *near) keep(r *record) {
	if n == nil {
		return
	}
	size := r.memory()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.records[r.pos] == nil && n.bytes+size <= nearBytes {
		n.records[r.pos] = r
		n.bytes += size
	}
}

func (n *near) record(pos uint64) *record {
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.records[pos]
}

// missed returns the positions of messages in a user's conversations that lie
// beyond after, up to upTo: of those that keep accepts the newest, limit at
// most, oldest first within each partition. A nil keep accepts all, and then
// they need not be read.
func (in *Inbox) missed(ctx context.Context, u *user, heads []*record, after, upTo positions, limit int, keep func(m *record) bool) ([]uint64, error) {
	var out []found
	for _, h := range heads { // newest first
		if len(out) >= limit && !in.headOf(h).newer(out[limit-1]) {
			break // this and all further conversations are older than what was found
		}
		side := h.pair.side(u.UserID)
		floor := max(after.in(h.pos), u.peer(h.pair.users[h.pair.other(side)]).Cleared)
		some, err := in.missedIn(ctx, h, floor, upTo.in(h.pos), limit, keep)
		if err != nil {
			return nil, err
		}
		for _, pos := range some {
			out = append(out, found{pos, in.headOf(h).at})
		}
		slices.SortFunc(out, newestFirst)
		if len(out) > limit {
			out = out[:limit]
		}
	}
	positions := make([]uint64, len(out))
	for i, f := range out {
		positions[i] = f.pos
	}
	slices.Sort(positions)
	return positions, nil
}

// found is a record and its age, to compare records of several partitions: that
// of its conversation's newest record. Within a partition positions are compared.
type found struct {
	pos uint64
	at  int64 // Unix ms; 0 where there is one partition
}

func (in *Inbox) headOf(h *record) found {
	if in.o.Partitions == 1 {
		return found{pos: h.pos}
	}
	return found{h.pos, h.At}
}

func (f found) newer(g found) bool { return newestFirst(f, g) < 0 }

func newestFirst(a, b found) int { return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(b.pos, a.pos)) }

// missedIn is missed for one conversation, in no order.
func (in *Inbox) missedIn(ctx context.Context, h *record, floor, upTo uint64, limit int, keep func(m *record) bool) (out []uint64, err error) {
	positions := h.positions()
	// keep may refuse many messages: those of a user who only ever writes.
	for looked := 0; len(out) < limit && looked < 4*limit && len(positions) > 0; {
		looked += len(positions)
		if keep == nil {
			for _, pos := range positions {
				if pos > floor && pos <= upTo {
					out = append(out, pos)
				}
			}
			if len(positions) < window { // the conversation began here
				break
			}
			positions = positions[:1]
		}
		batch, err := in.messagesAt(ctx, h.pair, positions, floor)
		if err != nil || len(batch) == 0 {
			return out, err
		}
		for _, m := range batch {
			if keep != nil && m.pos <= upTo && keep(m) {
				out = append(out, m.pos)
			}
		}
		positions = batch[0].Last
	}
	return out, nil
}

// revokedAt returns the positions of revocations in a user's conversations that
// lie beyond after, up to upTo: the newest, resumedMissed at most, oldest first
// within each partition.
func (in *Inbox) revokedAt(ctx context.Context, heads []*record, after, upTo positions) ([]uint64, error) {
	var out []uint64
	for _, h := range heads {
		first := len(out)
		if err := in.eachRevocation(ctx, h, after.in(h.pos), func(r *record) bool {
			if upTo.covers(r.pos) {
				out = append(out, r.pos)
			}
			return len(out)-first < resumedMissed
		}); err != nil {
			return nil, err
		}
	}
	slices.Sort(out)
	return out[max(0, len(out)-resumedMissed):], nil
}
