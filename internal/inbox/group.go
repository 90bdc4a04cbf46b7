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

// Groups says what users are in groups; package group keeps that.
type Groups interface {
	// Standing returns what a user is in a group now. It fails if the group does not
	// exist, and for a user who is neither a member nor an administrator of the app.
	Standing(ctx context.Context, u place.User, groupID string) (Standing, error)
	// Members returns the members of a group, in no order. It fails if there are more
	// than most, and where Standing does.
	Members(ctx context.Context, u place.User, groupID string, most int) ([]Joined, error)
}

// Joined says when a member joined, in Unix seconds.
type Joined struct {
	UserID string
	At     int64
}

// Standing is what a user is in a group, as far as its messages are concerned.
type Standing struct {
	Born     int64  // of the group: sets it apart from an earlier one with the same ID
	Member   bool   // false: they are an administrator of the app only
	Muted    bool   // they may not send now
	Counts   bool   // messages to them count as unread
	Older    bool   // members may read what came before they joined
	Manages  bool   // they may revoke what others have sent
	Pins     bool   // they may pin messages
	AtAll    bool   // they may mention all members
	NameCard string // their name card
	Live     bool   // it is a live room, where nothing is stored
	Topics   bool   // a community with topics: messages go to those
	Readers  int    // members who may give receipts for their messages; 0: nobody may
}

// standing returns what a user is in a group.
func (in *Inbox) standing(ctx context.Context, u place.User, groupID string) (Standing, error) {
	if in.o.Groups == nil {
		return Standing{}, fault.With(fault.NotBuiltYet, "messages in groups")
	}
	return in.o.Groups.Standing(ctx, u, groupID)
}

// membership is the part of a group conversation's document that says what its user
// is as a member. It is written when they join, leave or read, never because
// somebody else has sent a message.
type membership struct {
	In   bool  `json:"i,omitempty"`
	Born int64 `json:"b,omitempty"` // of the group that they are in
	// Joined is the position of the log when they joined. They may read what came
	// before it only if Older is set.
	Joined uint64 `json:"j,omitempty"`
	Older  bool   `json:"o,omitempty"`
	Left   uint64 `json:"l,omitempty"` // the position of the log when they left
	// Read is how far they have read the log that began at Epoch.
	Read  mark  `json:"r,omitzero"`
	Epoch int64 `json:"e,omitempty"`
	// Sent says that a message of their own moved Read: their sessions see that
	// message anyway.
	Sent bool `json:"s,omitempty"`
}

// in reports whether they are a member of the group whose newest record h is.
func (m membership) in(h *record) bool { return m.In && !h.Gone && m.Born == h.Born }

// says reports whether m says the same as o, as far as their sessions have to be
// told.
func (m membership) says(o membership) bool {
	if m.Sent && m.Read != o.Read {
		m.Read, m.Epoch = o.Read, o.Epoch
	}
	m.Sent = o.Sent
	return m == o
}

// view returns the settings, in which Cleared also covers what a member of a group
// must not see.
func (p peer) view() settings {
	s := p.settings
	if p.Group.In && !p.Group.Older {
		s.Cleared = max(s.Cleared, p.Group.Joined)
	}
	return s
}

// missedFrom returns the position after which a user may have missed messages.
func (p peer) missedFrom() uint64 { return max(p.view().Cleared, p.Group.Joined) }

// sees reports whether a user still has a conversation, given its newest record:
// only members have that of a group.
func (p peer) sees(h *record) bool {
	_, group := h.pair.group()
	return !group || p.Group.in(h)
}

// readIn returns how far a member has read a group.
func (r *record) readIn(kept peer) (read mark) {
	if kept.Group.Epoch == r.Epoch {
		read = kept.Group.Read
	}
	if kept.Epoch == r.Epoch {
		read.Sent = max(read.Sent, kept.ClearedSent)
	}
	return read
}

// readByAuthor returns how far the author of a message has read the group: whoever
// writes there has seen what was said before.
func (r *record) readByAuthor() mark {
	return mark{Seq: r.Seq, Sent: r.Sent[0], Time: r.At / 1000}
}

// unreadIn is unread for a group.
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

// GroupChange is a change of a group. Package group has written its own documents
// before it reports the change.
type GroupChange struct {
	App   uint32
	Group string
	Born  int64
	// Key identifies the change: within Options.Dedup it is told once.
	Key    string
	Joined []string // members from now on
	// Since holds when each of Joined joined in another system from which they are
	// imported, in Unix seconds; nil: they join now.
	Since  []int64
	Began  int64    // when it began in another system from which it is imported, in Unix seconds; 0: now
	Older  bool     // they may read earlier messages
	Left   []string // members no longer
	Gone   bool     // the group is dismissed
	Topics []string // of a community: those who have left, have left its topics, too; Gone: so are they
	Live   bool     // it is a live room: only Tip is told, to whoever is there
	// Tip is the payload of the TIMGroupTipElem that tells the members, from From,
	// who is shown with Nick, Avatar and Card; nil: there is no such message.
	From, Nick, Avatar, Card string
	Tip                      json.RawMessage
}

// GroupChanged gives the group's conversation to those who join, takes it from those
// who leave, and tells the members. It can be repeated: members who are in already
// stay as they are. Errors are *fault.Error.
func (in *Inbox) GroupChanged(ctx context.Context, c GroupChange) error {
	change := in.groupChanged
	if c.Live {
		change = in.roomChanged
	}
	err := change(ctx, c)
	if err == nil {
		err = in.topicsChanged(ctx, c)
	}
	if err != nil {
		return in.failed("a change of a group", err)
	}
	return nil
}

// groupChanged writes the documents first, so that at most the message is lost if
// the gateway dies in between.
func (in *Inbox) groupChanged(ctx context.Context, c GroupChange) error {
	p, at := pairOf(c.App, "", groupName(c.Group)), in.now()
	switch { // its messages may be as old
	case len(c.Since) > 0:
		at = time.Unix(slices.Min(c.Since), 0)
	case c.Began != 0:
		at = time.Unix(c.Began, 0)
	}
	head, err := in.beginGroup(ctx, p, c.Born, at)
	if err != nil || head.Gone || head.Born != c.Born {
		return err
	}
	if err := in.leaveAll(ctx, p, head, c); err != nil {
		return err
	}
	floor, err := in.joinAll(ctx, p, head, &c)
	if err != nil {
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
		if c.Since != nil {
			r.At = prev.At // older messages may be imported after it
		}
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
			r.Members = &members{Joined: c.Joined, Left: c.Left, Floor: floor}
			if r.Kind == kindMessage {
				r.Kind = kindMembers
			}
		}
		return r, nil
	})
	return err
}

// beginGroup returns the newest record of a group's log. If there is none, or only
// that of an earlier group with the same ID, it begins the log with the time at.
func (in *Inbox) beginGroup(ctx context.Context, p pair, born int64, at time.Time) (*record, error) {
	head, err := in.load(ctx, p)
	if err != nil || head != nil && head.Born >= born {
		return head, err
	}
	key := dedupID("b", place.User{SDKAppID: p.app}, p.users[0]+"\x00"+strconv.FormatInt(born, 10))
	r, _, err := in.append(ctx, p, key, func(prev *record) (*record, error) {
		if prev != nil && prev.Born >= born {
			return nil, nil
		}
		r := next(nil, kindSilent, 1, at.UnixMilli())
		r.Born, r.Epoch = born, in.now().UnixMilli()
		return r, nil
	})
	if err == nil && r == nil {
		return in.load(ctx, p)
	}
	return r, err
}

// tipID returns the ID of the message that tells the members of a change.
func tipID(c GroupChange, at time.Time) string {
	sum := digest(place.User{SDKAppID: c.App, UserID: c.From}, c.Group+"\x00"+c.Key)
	return frame.NewMessageID(c.From, at.UnixMilli(), [frame.MessageIDRandom]byte(sum[:frame.MessageIDRandom]))
}

// joinAll gives the group's conversation to those who have joined, and returns the
// position behind which they see the log. Of users who are imported it leaves only
// those in c who have it only now: the others may see more of it.
func (in *Inbox) joinAll(ctx context.Context, p pair, head *record, c *GroupChange) (floor uint64, err error) {
	if len(c.Joined) == 0 {
		return head.pos, nil
	}
	floors, err := in.floors(ctx, p, head, c)
	if err != nil {
		return 0, err
	}
	came := make([]bool, len(c.Joined))
	if err := bus.Spread(len(c.Joined), func(i int) (err error) {
		came[i], err = in.join(ctx, place.User{SDKAppID: p.app, UserID: c.Joined[i]}, p, head, floors[i], c.Born, c.Older)
		return in.unlessFull(err)
	}); err != nil {
		return 0, err
	}
	if c.Since != nil {
		var now []string
		for i, id := range c.Joined {
			if came[i] {
				now = append(now, id)
			}
		}
		c.Joined = now
	}
	return slices.Min(floors), nil
}

// unlessFull reports an error that says that a user has no room for another
// conversation, and returns nil, so that a change or a notice goes on for all others.
// The user gets the conversation once they have room: when they send a message to the
// group, or with the next notice. Other errors are returned.
func (in *Inbox) unlessFull(err error) error {
	if errors.Is(err, fault.New(fault.ConversationsFull)) {
		in.report(err)
		return nil
	}
	return err
}

// join gives a group's conversation to a user, unless they have it: what is behind the
// position floor. What is there already counts as read.
func (in *Inbox) join(ctx context.Context, u place.User, p pair, head *record, floor uint64, born int64, older bool) (came bool, err error) {
	name := p.users[0]
	known, err := in.document(ctx, u, name) // another gateway may have changed it just now
	if err != nil || known.Group.In && known.Group.Born == born {
		return false, err
	}
	if !known.there() {
		if err := in.makeRoom(ctx, u, classOf(convToken(name))); err != nil {
			return false, err
		}
	}
	_, _, err = updateAt(ctx, in, in.peers, convSubject(u, name), func(d *document, _ bool) (bool, error) {
		if came = !d.Group.In || d.Group.Born != born; !came {
			return false, nil
		}
		d.settings = settings{}
		d.Group = membership{In: true, Born: born, Older: older, Left: d.Group.Left}
		d.Group.Joined, d.Group.Epoch = floor, head.Epoch
		d.Group.Read = mark{Seq: head.Seq, Sent: head.Sent[0]}
		d.Touched = in.now().Unix()
		return true, nil
	})
	return came, err
}

// leaveAll takes the group's conversation from those who have left.
func (in *Inbox) leaveAll(ctx context.Context, p pair, head *record, c GroupChange) error {
	return bus.Spread(len(c.Left), func(i int) error {
		return in.leave(ctx, place.User{SDKAppID: p.app, UserID: c.Left[i]}, p, head, c.Born)
	})
}

// leave takes the group's conversation from a user, if they have it.
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

// took notes that a message was revoked, if it counts as unread.
func (r *record) took(m *record) {
	if m.Message.Uncounted || m.Epoch != r.Epoch || slices.Contains(r.Taken, m.Sent[0]) {
		return
	}
	list := append(slices.Clone(r.Taken), m.Sent[0])
	slices.Sort(list)
	r.Taken = list[max(0, len(list)-maxTaken):]
}

// changesMembers reports whether a record of a group's log says who joins or leaves.
// It looks at the first bytes only, so that the many other records need not be
// decoded.
func changesMembers(data []byte) bool {
	return bytes.HasPrefix(data, []byte(`{"k":"`+kindMembers+`"`)) || bytes.HasPrefix(data, []byte(`{"k":"`+kindSilent+`"`))
}
