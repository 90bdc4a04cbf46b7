package inbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// Groups says who is what in which group; package group keeps that.
type Groups interface {
	// Standing returns what a user is in a group, as it is now. It fails if there is
	// no such group, and for whoever is neither a member nor an administrator of the
	// app.
	Standing(ctx context.Context, u place.User, groupID string) (Standing, error)
}

// Standing is what a user is in a group, as far as its messages are concerned.
type Standing struct {
	Born     int64  // of the group: tells it from one before it with the same ID
	Member   bool   // false: only an administrator of the app
	Muted    bool   // may not send now
	Counts   bool   // messages count as unread
	Older    bool   // members may read what came before they joined
	Manages  bool   // may revoke what others have sent
	AtAll    bool   // may mention all members
	NameCard string // theirs
}

// standing asks what a user is in a group.
func (in *Inbox) standing(ctx context.Context, u place.User, groupID string) (Standing, error) {
	if in.o.Groups == nil {
		return Standing{}, fault.With(fault.NotBuiltYet, "messages in groups")
	}
	return in.o.Groups.Standing(ctx, u, groupID)
}

// membership is what the document of a group's conversation says of its user as a
// member. It is written when they come and go and when they read, never because
// somebody else has sent a message.
type membership struct {
	In   bool  `json:"i,omitempty"`
	Born int64 `json:"b,omitempty"` // of the group that they are in
	// Joined: what is behind this position has come since they joined. With Older
	// they may read what came before it.
	Joined uint64 `json:"j,omitempty"`
	Older  bool   `json:"o,omitempty"`
	Left   uint64 `json:"l,omitempty"` // where the log was when they left
	// Read is what they have read of the log that began at Epoch.
	Read  mark  `json:"r,omitzero"`
	Epoch int64 `json:"e,omitempty"`
	// Sent says that Read was moved by a message of theirs, which their sessions
	// see anyhow.
	Sent bool `json:"s,omitempty"`
}

// in reports whether they are a member of the group whose newest record h is.
func (m membership) in(h *record) bool { return m.In && !h.Gone && m.Born == h.Born }

// says reports whether it says what another did, as far as their sessions have to
// be told.
func (m membership) says(o membership) bool {
	if m.Sent && m.Read != o.Read {
		m.Read, m.Epoch = o.Read, o.Epoch
	}
	m.Sent = o.Sent
	return m == o
}

// view returns settings in which everything that a member must not see is
// cleared. Of a conversation with another user they are as they are.
func (p peer) view() settings {
	s := p.settings
	if p.Group.In && !p.Group.Older {
		s.Cleared = max(s.Cleared, p.Group.Joined)
	}
	return s
}

// missedFrom returns the position behind which a message may have been missed.
func (p peer) missedFrom() uint64 { return max(p.view().Cleared, p.Group.Joined) }

// sees reports whether a conversation is still one of its user's, given its newest
// record: nobody sees a group that they are no member of.
func (p peer) sees(h *record) bool {
	_, group := h.pair.group()
	return !group || p.Group.in(h)
}

// readIn returns how many messages of a group that count its member has read.
func (r *record) readIn(kept peer) (read mark) {
	if kept.Group.Epoch == r.Epoch {
		read = kept.Group.Read
	}
	if kept.Epoch == r.Epoch {
		read.Sent = max(read.Sent, kept.ClearedSent)
	}
	return read
}

// unreadIn is unread in a group.
func (r *record) unreadIn(kept peer) uint64 {
	read := r.readIn(kept).Sent
	if !kept.Group.in(r) || r.Sent[0] <= read {
		return 0
	}
	taken := uint64(0)
	for _, number := range r.Taken {
		if number > read {
			taken++
		}
	}
	return r.Sent[0] - read - taken
}

// GroupChange is what has happened in a group. What package group keeps has been
// written before.
type GroupChange struct {
	App   uint32
	Group string
	Born  int64
	// Key names the change: the same one within Options.Dedup is told once.
	Key    string
	Joined []string // who is a member from now on
	Older  bool     // they may read what came before
	Left   []string // who is none from now on
	Gone   bool     // the group is dismissed
	// The message that tells of it, by From, whose nick, avatar and name card are
	// shown; nothing is told where Tip, the payload of a TIMGroupTipElem, is nil.
	From, Nick, Avatar, Card string
	Tip                      json.RawMessage
}

// GroupChanged has those who leave lose the group's conversation and those who join
// get it, and tells the members. It can be repeated: whoever is in already stays as
// they are. Errors are *fault.Error.
func (in *Inbox) GroupChanged(ctx context.Context, c GroupChange) error {
	if err := in.groupChanged(ctx, c); err != nil {
		return in.failed("a change of a group", err)
	}
	return nil
}

// groupChanged writes the documents first, so that a gateway that dies in between
// leaves at most the message untold.
func (in *Inbox) groupChanged(ctx context.Context, c GroupChange) error {
	p := pairOf(c.App, "", groupName(c.Group))
	head, err := in.beginGroup(ctx, p, c.Born)
	if err != nil || head.Gone || head.Born != c.Born {
		return err
	}
	if err := in.leaveAll(ctx, p, head, c); err != nil {
		return err
	}
	if err := in.joinAll(ctx, p, head, c); err != nil {
		return err
	}
	if c.Tip == nil && len(c.Joined) == 0 && len(c.Left) == 0 && !c.Gone {
		return nil
	}
	_, _, err = in.append(ctx, p, dedupID("g", place.User{SDKAppID: c.App}, p.users[0]+"\x00"+c.Key), func(prev *record) (*record, error) {
		if prev == nil || prev.Born != c.Born || prev.Gone { // dismissed meanwhile, by another gateway
			return nil, nil
		}
		r := next(prev, kindSilent, 1, in.now().UnixMilli())
		r.From = c.From
		if r.Gone = c.Gone; c.Tip != nil && !c.Gone {
			r.Kind = kindMessage
			r.Seq++
			r.Message = &content{
				ID: tipID(c, in.now()), Type: typeGroupTip, Payload: c.Tip, Uncounted: true,
				Nick: c.Nick, Avatar: c.Avatar, Card: c.Card, ClientTime: in.now().Unix(),
			}
		}
		if len(c.Joined)+len(c.Left) > 0 {
			r.Members = &members{Joined: c.Joined, Left: c.Left, Floor: head.pos}
			if r.Kind == kindMessage {
				r.Kind = kindMembers
			}
		}
		return r, nil
	})
	return err
}

// beginGroup returns the newest record of a group's log, which it begins if there is
// none, or none but of a group before with the same ID.
func (in *Inbox) beginGroup(ctx context.Context, p pair, born int64) (*record, error) {
	head, err := in.load(ctx, p)
	if err != nil || head != nil && head.Born >= born {
		return head, err
	}
	key := dedupID("b", place.User{SDKAppID: p.app}, p.users[0]+"\x00"+strconv.FormatInt(born, 10))
	r, _, err := in.append(ctx, p, key, func(prev *record) (*record, error) {
		if prev != nil && prev.Born >= born {
			return nil, nil
		}
		r := next(nil, kindSilent, 1, in.now().UnixMilli())
		r.Born = born
		return r, nil
	})
	if err == nil && r == nil {
		return in.load(ctx, p)
	}
	return r, err
}

// tipID returns the ID of the message that tells of a change.
func tipID(c GroupChange, at time.Time) string {
	sum := digest(place.User{SDKAppID: c.App, UserID: c.From}, c.Group+"\x00"+c.Key)
	return frame.NewMessageID(c.From, at.UnixMilli(), [frame.MessageIDRandom]byte(sum[:frame.MessageIDRandom]))
}

// joinAll makes the group's conversation one of those who have joined.
func (in *Inbox) joinAll(ctx context.Context, p pair, head *record, c GroupChange) error {
	return bus.Spread(len(c.Joined), func(i int) error {
		return in.unlessFull(in.join(ctx, place.User{SDKAppID: p.app, UserID: c.Joined[i]}, p, head, c.Born, c.Older))
	})
}

// unlessFull has a change or a notice go on if one of its users has no room for
// another conversation: that concerns nobody else. They get it once they have room,
// with what they say in the group, or with the next notice.
func (in *Inbox) unlessFull(err error) error {
	if errors.Is(err, fault.New(fault.ConversationsFull)) {
		in.report(err)
		return nil
	}
	return err
}

// join makes a group's conversation one of a user's, unless it is. What has been
// said before they have read.
func (in *Inbox) join(ctx context.Context, u place.User, p pair, head *record, born int64, older bool) error {
	name := p.users[0]
	known, err := in.document(ctx, u, name) // another gateway may have changed it just now
	if err != nil || known.Group.In && known.Group.Born == born {
		return err
	}
	if !known.there() {
		if err := in.makeRoom(ctx, u, classOf(convToken(name))); err != nil {
			return err
		}
	}
	_, _, err = updateAt(ctx, in, in.peers, convSubject(u, name), func(d *document, _ bool) (bool, error) {
		if d.Group.In && d.Group.Born == born {
			return false, nil
		}
		d.settings = settings{}
		d.Group = membership{In: true, Born: born, Older: older, Left: d.Group.Left}
		d.Group.Joined, d.Group.Epoch = head.pos, head.Epoch
		d.Group.Read = mark{Seq: head.Seq, Sent: head.Sent[0]}
		d.Touched = in.now().Unix()
		return true, nil
	})
	return err
}

// leaveAll takes the group's conversation from those who have left.
func (in *Inbox) leaveAll(ctx context.Context, p pair, head *record, c GroupChange) error {
	return bus.Spread(len(c.Left), func(i int) error {
		return in.leave(ctx, place.User{SDKAppID: p.app, UserID: c.Left[i]}, p, head, c.Born)
	})
}

func (in *Inbox) leave(ctx context.Context, u place.User, p pair, head *record, born int64) error {
	if _, err := in.document(ctx, u, p.users[0]); err != nil { // another gateway may have changed it just now
		return err
	}
	_, _, err := updateAt(ctx, in, in.peers, convSubject(u, p.users[0]), func(d *document, there bool) (bool, error) {
		if !there || !d.Group.In || d.Group.Born != born {
			return false, nil
		}
		*d = document{Group: membership{Born: d.Group.Born, Joined: d.Group.Joined, Left: head.pos}}
		return true, nil
	})
	return err
}

// took notes that a message which counts has been revoked.
func (r *record) took(m *record) {
	if m.Message.Uncounted || m.Epoch != r.Epoch || slices.Contains(r.Taken, m.Sent[0]) {
		return
	}
	list := append(slices.Clone(r.Taken), m.Sent[0])
	slices.Sort(list)
	r.Taken = list[max(0, len(list)-maxTaken):]
}

// changesMembers reports whether a record of a group's log says who comes or goes,
// by its first bytes: most do not, and are not decoded for it.
func changesMembers(data []byte) bool {
	return bytes.HasPrefix(data, []byte(`{"k":"`+kindMembers+`"`)) || bytes.HasPrefix(data, []byte(`{"k":"`+kindSilent+`"`))
}
