package inbox

import (
	"context"
	"errors"
	"slices"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// page is a part of a conversation's history as one of its users sees it.
type page struct {
	messages []Message // oldest first
	next     uint64    // before which the next page begins
	oldest   *record   // what stands there; nil before the first message
	complete bool      // there is nothing older
}

// history reads up to count messages older than before, or the newest if before
// is 0. Where many have been deleted it stops early and returns fewer messages,
// or none; the next page begins at next.
func (in *Inbox) history(ctx context.Context, u place.User, p pair, before uint64, count int) (page, error) {
	newest, kept, err := in.look(ctx, u, p)
	if err != nil || newest == nil {
		return page{complete: true}, err
	}
	set, side := kept.view(), p.side(u.UserID)
	older := newest.positions()
	if before != 0 {
		m, err := in.messageAt(ctx, p, before)
		if err == nil && m.Born != newest.Born {
			err = noSuchMessage()
		}
		if errors.Is(err, fault.New(fault.BadParameters)) {
			return page{complete: true}, nil // it has expired, with everything older
		}
		if err != nil {
			return page{}, err
		}
		older = m.Last
	}
	out := page{next: before}
	size := 0
	for way := newWalk(ctx); len(out.messages) < count && !way.long(); {
		batch, err := in.messagesAt(ctx, p, older, set.Cleared)
		if err != nil {
			return page{}, err
		}
		if len(batch) == 0 {
			out.complete = true
			break
		}
		marks, err := in.flagsOf(ctx, u, newest, set, batch)
		if err != nil {
			return page{}, err
		}
		for i := len(batch) - 1; i >= 0; i-- {
			if len(out.messages) == count {
				return out.reversed(), nil
			}
			m := batch[i]
			if !marks[i].Deleted[side] {
				one := message(m, newest, marks[i], side)
				size += sizeOf(one)
				if size > in.o.Frame && len(out.messages) > 0 {
					return out.reversed(), nil
				}
				out.messages = append(out.messages, one)
			}
			out.next, out.oldest = m.pos, m
		}
		oldest := batch[0]
		older = oldest.Last
		if len(older) == 0 || older[len(older)-1] <= set.Cleared {
			out.complete = true
			break
		}
	}
	return out.reversed(), nil
}

// look reads the newest record of a conversation, nil for none, and what a user keeps
// of it. It fails for a group that they are no member of.
func (in *Inbox) look(ctx context.Context, u place.User, p pair) (newest *record, kept peer, err error) {
	if newest, err = in.load(ctx, p); err != nil || newest == nil {
		return nil, peer{}, err
	}
	if kept, err = in.document(ctx, u, p.users[p.other(p.side(u.UserID))]); err != nil {
		return nil, peer{}, err
	}
	switch {
	case kept.sees(newest):
		return newest, kept, nil
	case newest.Gone:
		return nil, peer{}, fault.New(fault.NoSuchGroup)
	case p.ofTopic():
		if err := in.enterTopic(ctx, u, p); err != nil {
			return nil, peer{}, err
		}
		if kept, err = in.document(ctx, u, p.users[0]); err == nil && kept.sees(newest) {
			return newest, kept, nil
		}
	}
	return nil, peer{}, fault.With(fault.GroupNotPermitted, "only members read what is said in a group")
}

func (p page) reversed() page {
	slices.Reverse(p.messages)
	return p
}

// messagesAt reads messages of a conversation, oldest first, without those
// that the user has cleared or that retention has removed.
func (in *Inbox) messagesAt(ctx context.Context, p pair, positions []uint64, cleared uint64) ([]*record, error) {
	positions = slices.DeleteFunc(slices.Clone(positions), func(pos uint64) bool { return pos <= cleared })
	if len(positions) == 0 {
		return nil, nil
	}
	entries, err := in.store.messages.AtAll(ctx, positions)
	if err != nil {
		return nil, err
	}
	out := make([]*record, 0, len(entries))
	for _, e := range entries {
		if e.Seq == 0 || e.Subject != p.subject() {
			continue
		}
		r, err := decode(e)
		if err != nil {
			return nil, err
		}
		if r.isMessage() {
			out = append(out, r)
		}
	}
	return out, nil
}

// headsAtOnce is how many newest records one request reads.
const headsAtOnce = 64

// headsOf reads the newest records of a user's conversations with others, in
// that order; nil where there is none.
func (in *Inbox) headsOf(ctx context.Context, u place.User, others []string) ([]*record, error) {
	subjects := make([]string, len(others))
	for i, other := range others {
		subjects[i] = pairOf(u.SDKAppID, u.UserID, other).subject()
	}
	entries, err := in.store.messages.LastAll(ctx, subjects)
	if err != nil {
		return nil, err
	}
	out := make([]*record, len(entries))
	for i, e := range entries {
		if e.Seq == 0 {
			continue
		}
		if out[i], err = decode(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// listed reports whether a user lists a conversation, given its newest record, nil for
// none, and their document of it; and what its last message is, as lastMessage does.
func (in *Inbox) listed(ctx context.Context, u place.User, h *record, kept peer) (last *record, f flags, listed bool, err error) {
	if h == nil || !kept.sees(h) {
		return nil, flags{}, false, nil
	}
	set := kept.view()
	last, f, err = in.lastMessage(ctx, u, h, set)
	// What has brought it back may be deleted since.
	came := h.positions()
	return last, f, err == nil && (set.Hidden == 0 || len(came) > 0 && came[len(came)-1] > set.Hidden), err
}

// compose returns conversations, given their newest records, as their user sees
// them and in that order; nil for those without a record and for hidden ones.
// kept holds the user's document of each.
func (in *Inbox) compose(ctx context.Context, u place.User, heads []*record, kept []peer) ([]*Conversation, error) {
	out := make([]*Conversation, len(heads))
	err := bus.Spread(len(heads), func(i int) error {
		h := heads[i]
		last, f, listed, err := in.listed(ctx, u, h, kept[i])
		if err != nil || !listed {
			return err
		}
		c := conversationOf(h, last, f, kept[i], h.pair.side(u.UserID))
		if last == nil {
			c.LastMessage = &LastMessage{}
		}
		if c.GroupAtInfoList, err = in.mentions(ctx, u, h, kept[i]); err != nil {
			return err
		}
		out[i] = &c
		return nil
	})
	if err != nil {
		return nil, err
	}
	var others []string
	for i, c := range out {
		if c != nil && c.GroupCounts == nil {
			others = append(others, heads[i].pair.users[heads[i].pair.other(heads[i].pair.side(u.UserID))])
		}
	}
	profiles, err := in.profiles(ctx, u.SDKAppID, others)
	if err != nil {
		return nil, err
	}
	for _, c := range out {
		if c != nil && c.GroupCounts == nil {
			c.UserProfile, profiles = &profiles[0], profiles[1:]
		}
	}
	return out, nil
}

// lastMessage returns the newest message that a user has not cleared or
// deleted; nil if the last page holds none.
func (in *Inbox) lastMessage(ctx context.Context, u place.User, h *record, set settings) (*record, flags, error) {
	if h.isMessage() && h.pos > set.Cleared && !set.Deleted && h.change() == 0 {
		return h, flags{}, nil // the common case costs no read
	}
	l := h.positions()
	if len(l) == 0 {
		return nil, flags{}, nil
	}
	if !set.Deleted {
		l = l[len(l)-1:]
	}
	batch, err := in.messagesAt(ctx, h.pair, l, set.Cleared)
	if err != nil {
		return nil, flags{}, err
	}
	marks, err := in.flagsOf(ctx, u, h, set, batch)
	if err != nil {
		return nil, flags{}, err
	}
	for i := len(batch) - 1; i >= 0; i-- {
		if !marks[i].Deleted[h.pair.side(u.UserID)] {
			return batch[i], marks[i], nil
		}
	}
	return nil, flags{}, nil
}

// eachChange goes through the revocations and edits of a conversation after a
// position, newest first, until one returns false.
func (in *Inbox) eachChange(ctx context.Context, newest *record, after uint64, one func(r *record) bool) error {
	for pos := newest.change(); pos > after; {
		e, err := in.store.messages.At(ctx, pos)
		if errors.Is(err, bus.ErrNoValue) {
			return nil
		}
		if err != nil {
			return err
		}
		r, err := decode(e)
		if err != nil {
			return err
		}
		if !one(r) {
			return nil
		}
		pos = r.Changed
	}
	return nil
}
