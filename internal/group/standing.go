package group

import (
	"context"
	"strconv"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// Standing is what a user is in a group, as far as its messages are concerned.
type Standing struct {
	Born     int64 // of the group or topic: sets it apart from an earlier one with the same ID
	Member   bool  // false: they are an administrator of the app only
	Muted    bool  // they may not send now
	Counts   bool  // messages to them count as unread
	Older    bool  // members may read what came before they joined
	Manages  bool  // they may revoke what others have sent
	Pins     bool  // they may pin messages
	AtAll    bool  // they may mention everybody
	NameCard string
	Live     bool // it is a live room, where nothing is stored
	Topics   bool // a community with topics: messages go to those
	Readers  int  // members who may give receipts for their messages; 0: nobody may
}

// Joined says when a member joined, in Unix seconds.
type Joined struct {
	UserID string
	At     int64
}

// Standing returns what a user is in a group now. It does not wait for a turn that
// is under way. It fails for a user who is neither a member nor an administrator
// of the app. Errors are *fault.Error.
func (r *Room) Standing(ctx context.Context, u place.User, groupID string) (Standing, error) {
	k := keyOf(u, groupID)
	of, isTopic := k.community()
	g, m, role, err := r.as(ctx, of, u)
	switch {
	case err != nil:
		return Standing{}, r.failed("a standing", err)
	case role == Stranger && g.Type != Live:
		return Standing{}, fault.With(fault.GroupNotPermitted, "it is for members")
	}
	born, muteAll := g.Born, g.MuteAll
	if isTopic {
		t, _, err := get[topic](ctx, r, of.topicSubject(groupID))
		if err == nil && !t.in(g) {
			err = noSuchTopic(groupID)
		}
		if err != nil {
			return Standing{}, r.failed("a standing", err)
		}
		born, muteAll = t.Born, muteAll || t.MuteAll
	}
	muted := m.Mute > r.now().Unix() || muteAll && role < Admin
	return Standing{
		Born: born, Member: m.in(g), Muted: muted && role < AppAdmin,
		Counts: table[g.Type].unread, Older: g.Type.May(ReadOlder, Member, Stranger) == nil,
		Manages: role >= Admin, Pins: g.Type.May(Pin, role, Stranger) == nil, AtAll: role >= Admin || g.Type != Community,
		NameCard: m.Card, Live: g.Type == Live, Topics: g.Topics && !isTopic,
		Readers: g.readers(),
	}, nil
}

// TypeOf returns the type of a group, or of the last one with this ID. Errors are
// *fault.Error.
func (r *Room) TypeOf(ctx context.Context, app uint32, groupID string) (Type, error) {
	g, _, err := get[group](ctx, r, keyOf(place.User{SDKAppID: app}, groupID).profileSubject())
	if err != nil {
		return "", r.failed("a group's type", err)
	}
	return g.Type, nil
}

// readers returns how many members may give receipts for a message of another member.
func (g group) readers() int {
	if !table[g.Type].receipts || g.Members > maxReaders {
		return 0
	}
	return max(0, g.Members-1)
}

// maxReaders is the most members of a group whose messages may ask for receipts.
const maxReaders = 200

// Members returns the members of a group, in no order, for a member or an
// administrator of the app. It fails if there are more than most. Errors are
// *fault.Error.
func (r *Room) Members(ctx context.Context, u place.User, groupID string, most int) ([]Joined, error) {
	k := keyOf(u, groupID)
	g, _, _, err := r.may(ctx, k, u, Read)
	if err == nil && g.Members > most {
		err = fault.With(fault.InvalidOperation, "the group has more than "+strconv.Itoa(most)+" members now")
	}
	if err != nil {
		return nil, r.failed("a list of members", err)
	}
	all, err := r.members(ctx, k, g, 0, classes)
	if err != nil {
		return nil, r.failed("a list of members", err)
	}
	out := make([]Joined, len(all))
	for i, e := range all {
		out[i] = Joined{e.userID, e.Joined}
	}
	return out, nil
}
