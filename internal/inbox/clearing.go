package inbox

import (
	"context"
	"slices"
	"strconv"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// clearing returns what hides conversations, clears their history, or both, as far as at
// reaches: a call that has waited for a lost link, or is made again, was about what its
// page had shown by then.
func (in *Inbox) clearing(ctx context.Context, u place.User, others []string, at positions, hide, history bool) (func(other string, v *settings), error) {
	list, err := in.headsOf(ctx, u, others)
	if err != nil {
		return nil, err
	}
	cuts := make(map[string]cut, len(others))
	for i, other := range others {
		if list[i] == nil {
			return nil, fault.With(fault.NoConversation, strconv.Quote(idOf(other)))
		}
		if cuts[other], err = in.cutOf(ctx, list[i], u.UserID, at); err != nil {
			return nil, err
		}
	}
	return func(other string, v *settings) {
		c := cuts[other]
		if c.counted && c.pos >= v.cleared() { // otherwise another instance has cleared more
			v.ClearedSent, v.Epoch = c.sent, c.epoch
		}
		if hide {
			v.Hidden, v.Pinned, v.Draft = max(v.Hidden, c.pos), false, ""
		}
		if history {
			v.Cleared = max(v.Cleared, c.pos)
		}
	}, nil
}

// cut is where a conversation is cleared: up to pos, by when the peer had sent so many
// messages since the conversation began at epoch.
type cut struct {
	pos, sent uint64
	epoch     int64
	counted   bool // else no more than were read before, or too long ago to count
}

// cutOf returns where a conversation, whose newest record is h, is cleared for a user who
// has seen it up to a position. What they have said themself since they know, too: their
// page may not have been told of it yet.
func (in *Inbox) cutOf(ctx context.Context, h *record, userID string, at positions) (cut, error) {
	side := h.pair.side(userID)
	pos, err := in.beforeUnseen(ctx, h, userID, at.in(h.pos))
	if err != nil {
		return cut{}, err
	}
	if pos == 0 {
		return cut{h.pos, h.Sent[h.pair.other(side)], h.Epoch, true}, nil
	}
	var to mark
	if _, ok := h.pair.group(); ok {
		to, err = in.readInGroup(ctx, h, peer{}, upTo(pos))
	} else {
		to, err = in.readTo(ctx, h, side, upTo(pos))
	}
	return cut{pos, to.Sent, h.Epoch, to.Seq > 0}, err
}

// beforeUnseen returns the position before the first message that others have written
// behind seen; 0 if there is none, and seen if that is too long ago to look for it.
func (in *Inbox) beforeUnseen(ctx context.Context, h *record, userID string, seen uint64) (pos uint64, err error) {
	positions := h.positions()
	for way := newWalk(ctx); len(positions) > 0 && positions[len(positions)-1] > seen; {
		if way.long() {
			return seen, nil
		}
		batch, err := in.messagesAt(ctx, h.pair, positions, seen)
		if err != nil || len(batch) == 0 {
			return pos, err
		}
		for _, m := range slices.Backward(batch) {
			if m.from() != userID {
				pos = m.pos - 1
			}
		}
		positions = batch[0].Last
	}
	return pos, nil
}
