package inbox

import (
	"context"
	"errors"
	"slices"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// Mention is an element of a Conversation's groupAtInfoList.
type Mention struct {
	From            string `json:"from"`
	GroupID         string `json:"groupID"`
	MessageSequence uint64 `json:"messageSequence"`
	AtTypeArray     []int  `json:"atTypeArray"`
}

// Whom a message mentions, in Mention.AtTypeArray.
const (
	atMe        = 1
	atEverybody = 2
	atMeAndAll  = atMe | atEverybody
)

const (
	// maxMentions is the most messages in a groupAtInfoList, which has the newest.
	maxMentions = 5
	// maxNamed is the most messages with mentions that are read to find them.
	maxNamed = 20
)

// mentions returns the unread messages that mention a member, oldest first. It reads
// no message if none that the member may see mentions anybody.
func (in *Inbox) mentions(ctx context.Context, u place.User, h *record, kept peer) (out []Mention, err error) {
	groupID, group := h.pair.group()
	if !group {
		return nil, nil
	}
	read := h.readIn(kept).Seq
	for pos, n := h.named(), 0; pos > kept.missedFrom() && n < maxNamed && len(out) < maxMentions; n++ {
		m := h
		if pos != h.pos {
			v, err := in.store.messages.At(ctx, pos)
			if errors.Is(err, bus.ErrNoValue) {
				break
			}
			if err == nil {
				m, err = decode(v)
			}
			if err != nil {
				return nil, err
			}
		}
		if m.Seq <= read || m.Message == nil {
			break
		}
		kind := 0
		if slices.Contains(m.Message.At, u.UserID) {
			kind |= atMe
		}
		if slices.Contains(m.Message.At, atAll) {
			kind |= atEverybody
		}
		if kind != 0 && m.From != u.UserID && !slices.Contains(h.Taken, m.Sent[0]) {
			out = append(out, Mention{m.From, groupID, m.Seq, []int{kind}})
		}
		pos = m.Named
	}
	slices.Reverse(out)
	return out, nil
}
