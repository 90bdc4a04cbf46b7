package inbox

import (
	"context"
	"slices"
	"strconv"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// maxPins is how many messages of a group are pinned at once, as in the original.
const maxPins = 10

// pinning is what a record of kindPin says besides its message.
type pinning struct {
	On     bool   `json:"o,omitempty"` // it is pinned; otherwise no longer
	Nick   string `json:"n,omitempty"` // of who did it, whom From names
	Avatar string `json:"a,omitempty"`
}

// pinNote tells every member of a group of a message that was pinned or unpinned.
type pinNote struct {
	Messages []Message `json:"messages"`
	IsPinned bool      `json:"isPinned,omitempty"`
	Operator UserInfo  `json:"operator"`
	Cursor   string    `json:"cursor"`
	Position uint64    `json:"position"` // of the record
}

// pinNote returns the notification that tells of a record of kindPin.
func (r *record) pinNote(cursor string) pinNote {
	return pinNote{
		Messages: []Message{groupMessage(r.changed(), r.flagged())}, IsPinned: r.Pin.On,
		Operator: UserInfo{r.From, r.Pin.Nick, r.Pin.Avatar}, Cursor: cursor, Position: r.pos,
	}
}

// unpin notes that a message is pinned no longer.
func (r *record) unpin(pos uint64) {
	r.Pins = slices.DeleteFunc(slices.Clone(r.Pins), func(p uint64) bool { return p == pos })
}

type pinParams struct {
	ConversationID string `json:"conversationID"`
	Position       uint64 `json:"position"`
	IsPinned       bool   `json:"isPinned"`
}

type pinnedResult struct {
	Messages []Message `json:"messages"`       // newest first
	Next     uint64    `json:"next,omitempty"` // before which the rest is; 0: that is all
}

// pin pins a message for all members of a group, or unpins it. Who may, the group's
// type says. All members are told, so it costs as much as a message.
func (s *Session) pin(ctx context.Context, p pinParams) (any, error) {
	in, u := s.in, s.user.User
	c, err := groupOf(u, p.ConversationID)
	if err == nil {
		err = in.maySay(ctx, u, "pinned messages of "+u.UserID)
	}
	if err != nil {
		return nil, err
	}
	m, _, err := in.visibleAt(ctx, u, c, []uint64{p.Position})
	if err != nil {
		return nil, err
	}
	groupID, _ := c.group()
	as, err := in.standing(ctx, u, groupID)
	switch {
	case err != nil:
		return nil, err
	case !as.Pins:
		return nil, fault.With(fault.GroupNotPermitted, "only the owner and administrators pin messages here")
	}
	if err := in.takeOfGroup(c); err != nil {
		return nil, err
	}
	r, err := in.storePin(ctx, u, m[0], p.IsPinned)
	if err != nil {
		return nil, err
	}
	if r != nil {
		in.delivery.reach(ctx, u, r.pos)
	}
	return nothing{}, nil
}

// storePin appends the record of a pin, unless it would change nothing.
func (in *Inbox) storePin(ctx context.Context, u place.User, m *record, on bool) (*record, error) {
	who, err := in.profiles(ctx, u.SDKAppID, []string{u.UserID})
	if err != nil {
		return nil, err
	}
	r, _, err := in.append(ctx, m.pair, "", func(prev *record) (*record, error) {
		switch {
		case prev == nil || prev.Born != m.Born || prev.Gone:
			return nil, fault.New(fault.NoSuchGroup)
		case slices.Contains(prev.Pins, m.pos) == on:
			return nil, nil
		}
		// A revocation writes the flags first. If they change after this read, its
		// record unpins the message, or this one is refused and the flags are read again.
		f, err := in.flagsAt(ctx, m.pair, []uint64{m.pos})
		switch {
		case err != nil:
			return nil, err
		case on && f[0].Revoked:
			return nil, fault.With(fault.InvalidOperation, "the message was revoked")
		}
		now := *m
		now.Message = m.Message.with(f[0].Edit)
		r := next(prev, kindPin, 1, in.now().UnixMilli())
		r.From, r.Target = u.UserID, &target{Pos: m.pos, Record: &now}
		r.Pin = &pinning{On: on, Nick: who[0].Nick, Avatar: who[0].Avatar}
		r.unpin(m.pos)
		if on {
			if r.Pins, err = in.stillThere(ctx, m.pair, r.Pins); err != nil {
				return nil, err
			}
			if len(r.Pins) >= maxPins {
				return nil, fault.With(fault.TooManyPins, strconv.Itoa(maxPins))
			}
			r.Pins = append(r.Pins, m.pos)
			slices.Sort(r.Pins)
		}
		return r, nil
	})
	return r, err
}

// stillThere returns those of a full list of pinned messages that have not expired, so
// that these do not count for ever.
func (in *Inbox) stillThere(ctx context.Context, p pair, pins []uint64) ([]uint64, error) {
	if len(pins) < maxPins {
		return pins, nil
	}
	all, err := in.messagesAt(ctx, p, pins, 0)
	out := make([]uint64, len(all))
	for i, m := range all {
		out[i] = m.pos
	}
	return out, err
}

// pinned returns the pinned messages of a group that a member sees, as many of those
// before a position as fit a frame; 0 means all.
func (in *Inbox) pinned(ctx context.Context, u place.User, c pair, before uint64) (out pinnedResult, err error) {
	out.Messages = []Message{}
	newest, kept, err := in.look(ctx, u, c)
	if err != nil || newest == nil || len(newest.Pins) == 0 {
		return out, err
	}
	set := kept.view()
	all, err := in.messagesAt(ctx, c, newest.Pins, set.Cleared)
	if err != nil {
		return out, err
	}
	marks, err := in.flagsOf(ctx, u, newest, set, all)
	if err != nil {
		return out, err
	}
	size := 0
	for i, m := range slices.Backward(all) {
		if marks[i].Deleted[1] || before != 0 && m.pos >= before {
			continue
		}
		one := groupMessage(m, marks[i])
		if size += sizeOf(one); size > in.o.Frame && len(out.Messages) > 0 {
			out.Next = out.Messages[len(out.Messages)-1].Position
			break
		}
		out.Messages = append(out.Messages, one)
	}
	return out, nil
}

// groupOf returns the conversation of a group for a call that is about groups only.
func groupOf(u place.User, conversationID string) (pair, error) {
	peer, ok := peerOf(conversationID)
	switch {
	case !ok:
		return pair{}, fault.With(fault.NoConversation, strconv.Quote(conversationID))
	case !isGroup(peer):
		return pair{}, fault.With(fault.InvalidOperation, "messages are pinned in groups only")
	}
	return pairOf(u.SDKAppID, u.UserID, peer), nil
}

// pinCalls are the calls about pinned messages.
var pinCalls = map[string]call{
	frame.MessagePin: with(func(ctx context.Context, s *Session, p pinParams) (any, error) { return s.pin(ctx, p) }),
	frame.MessagePinned: with(func(ctx context.Context, s *Session, p conversationParams) (any, error) {
		c, err := groupOf(s.user.User, p.ConversationID)
		if err != nil {
			return nil, err
		}
		return s.in.pinned(ctx, s.user.User, c, p.Before)
	}),
}
