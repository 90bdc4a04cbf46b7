package inbox

import (
	"context"
	"math"
	"slices"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// A page of a history can begin anywhere: at a sequence, or at a time. No index leads
// there, but each record names the messages before it, so the way back from the newest
// one costs a read for each window of messages.

// hopParams are those of message.hop.
type hopParams struct {
	ConversationID string  `json:"conversationID"`
	Sequence       uint64  `json:"sequence"` // of a group
	Time           float64 `json:"time"`     // between two users: Unix seconds, see spot
	Newer          bool    `json:"newer"`    // which way the page goes from there
	Count          int     `json:"count"`
	From           uint64  `json:"from"` // goes on with the search for the place
}

// hopResult is a page, oldest first, or where the search for its place goes on.
type hopResult struct {
	Messages    []Message `json:"messages"`
	Next        float64   `json:"next,omitempty"` // a sequence or a time, where the next page begins
	IsCompleted bool      `json:"isCompleted"`
	From        uint64    `json:"from,omitempty"`
}

// spot is a place in a conversation: a message, or between two. Places between two
// users are times, and several messages may be of one second; a time that hop returns
// tells them apart by its fraction, which holds the lower 16 bits of a sequence. Any
// other fraction, one of milliseconds above all, means its whole second.
type spot struct {
	timed    bool
	second   int64
	exact    bool // seq counts within the second
	sequence uint64
}

const (
	spotUnits = 1 << 16 // fractions of a second that a time in a spot has
	maxTime   = 1 << 33 // seconds; a larger time is one in ms
)

func timeSpot(t float64) (spot, error) {
	if t < 0 || t > maxTime {
		return spot{}, fault.With(fault.BadParameters, "time is in seconds, as the time of a message")
	}
	second, fraction := math.Modf(t)
	unit, half := math.Modf(fraction * spotUnits)
	return spot{timed: true, second: int64(second), exact: half == 0.5, sequence: uint64(unit)}, nil
}

// compare reports how a message stands to the place: negative if it is older, positive
// if it is newer.
func (s spot) compare(m *record) int64 {
	if !s.timed {
		return int64(m.Seq) - int64(s.sequence)
	}
	if d := m.At/1000 - s.second; d != 0 || !s.exact {
		return d
	}
	return int64(int16(uint16(m.Seq) - uint16(s.sequence)))
}

// end returns the position of the first message behind the place among some, oldest
// first; 0 if there is none.
func (s spot) end(list []*record) uint64 {
	if i := slices.IndexFunc(list, func(m *record) bool { return s.compare(m) > 0 }); i >= 0 {
		return list[i].pos
	}
	return 0
}

// beside returns the place that is so many messages behind m, as a page's next.
func (s spot) beside(m *record, by int64) float64 {
	if !s.timed {
		return float64(int64(m.Seq) + by)
	}
	return float64(m.At/1000) + (float64(uint16(int64(m.Seq)+by))+0.5)/spotUnits
}

// hop reads a page from a place on. Without one that is the newest page or, with
// Newer, the oldest.
func (in *Inbox) hop(ctx context.Context, u place.User, p pair, h hopParams) (hopResult, error) {
	at := spot{sequence: h.Sequence}
	if _, ok := p.group(); !ok {
		var err error
		if at, err = timeSpot(h.Time); err != nil {
			return hopResult{}, err
		}
	}
	if h.Sequence > math.MaxInt64 {
		return hopResult{}, fault.With(fault.BadParameters, "sequence is too large")
	}
	if h.Count <= 0 || h.Count > window {
		h.Count = window
	}
	if !h.Newer && at == (spot{timed: at.timed}) {
		return in.hopBack(ctx, u, p, at, 0, h.Count)
	}
	newest, kept, err := in.look(ctx, u, p)
	if err != nil || newest == nil {
		return hopResult{Messages: []Message{}, IsCompleted: true}, err
	}
	around, from, err := in.around(ctx, newest, kept.view(), h, at)
	if err != nil || from != 0 {
		return hopResult{Messages: []Message{}, From: from}, err
	}
	if h.Newer {
		return in.hopOn(ctx, u, newest, kept.view(), at, around, h.Count)
	}
	return in.hopBack(ctx, u, p, at, at.end(around), h.Count)
}

// around returns the messages around a place, oldest first: the first one on its far
// side, or the oldest of all, and a window of messages on its near side, unless the
// newest is among them. If that takes too long it returns from where to go on.
func (in *Inbox) around(ctx context.Context, newest *record, set settings, h hopParams, at spot) (list []*record, from uint64, err error) {
	p := newest.pair
	here, near := newest.positions(), []uint64(nil)
	if h.From != 0 {
		m, err := in.messageAt(ctx, p, h.From)
		if err == nil && m.Born != newest.Born {
			err = noSuchMessage()
		}
		if err != nil {
			return nil, 0, err
		}
		here = m.positions()
	}
	for way := newWalk(ctx); len(here) > 0; {
		oldest, err := in.messagesAt(ctx, p, here[:1], set.Cleared)
		if err != nil {
			return nil, 0, err
		}
		if len(oldest) == 0 { // cleared or expired, with everything older
			break
		}
		d := at.compare(oldest[0])
		if d < 0 || d == 0 && !h.Newer || len(oldest[0].Last) == 0 {
			break
		}
		if way.long() {
			return nil, here[len(here)-1], nil
		}
		here, near = oldest[0].Last, here
	}
	list, err = in.messagesAt(ctx, p, slices.Concat(here, near), set.Cleared)
	return list, 0, err
}

// hopBack reads the page that ends before a position, 0 for the newest.
func (in *Inbox) hopBack(ctx context.Context, u place.User, p pair, at spot, before uint64, count int) (hopResult, error) {
	got, err := in.history(ctx, u, p, before, count)
	out := hopResult{Messages: got.messages, IsCompleted: got.complete}
	if got.messages == nil {
		out.Messages = []Message{}
	}
	if err == nil && !got.complete {
		out.Next = at.beside(got.oldest, -1)
	}
	return out, err
}

// hopOn reads the page that begins at a place, given the messages around it.
func (in *Inbox) hopOn(ctx context.Context, u place.User, newest *record, set settings, at spot, around []*record, count int) (hopResult, error) {
	side := newest.pair.side(u.UserID)
	out, size := hopResult{Messages: []Message{}, IsCompleted: true}, 0
	list := slices.DeleteFunc(around, func(m *record) bool { return at.compare(m) < 0 })
	marks, err := in.flagsOf(ctx, u, newest, set, list)
	if err != nil {
		return out, err
	}
	for i, m := range list {
		if !marks[i].Deleted[side] {
			one := message(m, newest, marks[i], side)
			size += sizeOf(one)
			if n := len(out.Messages); n == count || size > in.o.Frame && n > 0 {
				return out, nil
			}
			out.Messages = append(out.Messages, one)
		}
		out.IsCompleted, out.Next = m.Seq == newest.Seq, at.beside(m, 1)
	}
	if out.IsCompleted {
		out.Next = 0
	}
	return out, nil
}
