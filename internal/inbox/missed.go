package inbox

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// near are records that a sync has read in finding out what was missed, so that
// a small one reads nothing twice: nearBytes of them. It goes with the first
// part; a nil one has none.
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

// missed finds what came to a user's conversations between two positions, after
// and up to and including upTo, oldest first: the positions of the newest limit
// messages that keep accepts. A nil keep accepts all, and spares reading them.
func (in *Inbox) missed(ctx context.Context, u *user, heads []*record, after, upTo uint64, limit int, keep func(m *record) bool) ([]uint64, error) {
	var out []uint64
	for _, h := range heads { // newest first
		if h.pos <= after {
			break
		}
		if len(out) >= limit && h.pos <= out[limit-1] {
			break // all of this and the next conversations is older than what is there
		}
		side := h.pair.side(u.UserID)
		floor := max(after, u.peer(h.pair.users[h.pair.other(side)]).Cleared)
		found, err := in.missedIn(ctx, h, floor, upTo, limit, keep)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
		slices.SortFunc(out, func(a, b uint64) int { return cmp.Compare(b, a) })
		if len(out) > limit {
			out = out[:limit]
		}
	}
	slices.Reverse(out)
	return slices.Clone(out), nil // without what it grew by
}

// missedIn is missed for one conversation, in no order.
func (in *Inbox) missedIn(ctx context.Context, h *record, floor, upTo uint64, limit int, keep func(m *record) bool) (out []uint64, err error) {
	positions := h.positions()
	// What keep does not want may be much: a user who only ever writes.
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

// revokedAt returns the positions of what was revoked in a user's conversations
// between two positions, oldest first, the newest resumedMissed at most.
func (in *Inbox) revokedAt(ctx context.Context, heads []*record, after, upTo uint64) ([]uint64, error) {
	var out []uint64
	for _, h := range heads {
		first := len(out)
		if err := in.eachRevocation(ctx, h, after, func(r *record) bool {
			if r.pos <= upTo {
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
