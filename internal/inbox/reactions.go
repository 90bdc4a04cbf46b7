package inbox

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// Limits of reactions. A message has at most 10 different ones, as in the
// original.
const (
	maxReactions  = 10
	maxReactionID = 64 // bytes
)

// reaction is one way in which users have reacted to a message. It stands in the
// document of the message's flags as long as at least one user reacts in this way.
type reaction struct {
	ID string   `json:"i"`
	At [2]int64 `json:"a"` // when each of the two users reacted, in Unix ms; 0: they have not
}

// sides lists the users who react in this way, the earliest first.
func (r reaction) sides() []int {
	out := slices.DeleteFunc([]int{0, 1}, func(side int) bool { return r.At[side] == 0 })
	slices.SortStableFunc(out, func(a, b int) int { return int(r.At[a] - r.At[b]) })
	return out
}

// react adds or removes a user's reaction. It fails if the message would have too
// many.
func (f *flags) react(id string, side int, remove bool, now int64) (changed bool, is reaction, err error) {
	at := slices.IndexFunc(f.Reactions, func(r reaction) bool { return r.ID == id })
	if at >= 0 {
		is = f.Reactions[at]
	}
	is.ID = id
	if (is.At[side] == 0) == remove {
		return false, is, nil
	}
	// Who came second is later, also in the same millisecond or by another gateway's
	// clock.
	is.At[side] = max(now, is.At[1-side]+1)
	if remove {
		is.At[side] = 0
	}
	switch {
	case at < 0 && len(f.Reactions) >= maxReactions:
		return false, is, tooManyReactions()
	case at < 0:
		f.Reactions = append(f.Reactions, is)
	case is.At == [2]int64{}:
		f.Reactions = slices.Delete(f.Reactions, at, at+1)
	default:
		f.Reactions[at] = is
	}
	f.Reacted++
	return true, is, nil
}

func tooManyReactions() error {
	return fault.With(fault.InvalidOperation, "a message has at most "+strconv.Itoa(maxReactions)+" different reactions")
}

type reactParams struct {
	ConversationID string `json:"conversationID"`
	Position       uint64 `json:"position"`
	ReactionID     string `json:"reactionID"`
	Remove         bool   `json:"remove"`
}

// reacted is a reaction on its way to the sessions of both users.
type reacted struct {
	ID       string      `json:"id"` // of the message
	Position uint64      `json:"position"`
	Version  int         `json:"version"` // counts the changes of the message's reactions
	Is       reaction    `json:"is"`
	Users    [2]UserInfo `json:"users"`
}

// Reaction is a reaction as one user sees it.
type Reaction struct {
	ReactionID      string     `json:"reactionID"`
	TotalUserCount  int        `json:"totalUserCount"`
	PartialUserList []UserInfo `json:"partialUserList"`
	ReactedByMyself bool       `json:"reactedByMyself"`
}

// reactionData is what the listeners of a page get.
type reactionData struct {
	MessageID    string     `json:"messageID"`
	ReactionList []Reaction `json:"reactionList"`
}

type reactionsNote struct {
	ConversationID string       `json:"conversationID"`
	Position       uint64       `json:"position"`
	Version        int          `json:"version"`
	ReactionID     string       `json:"reactionID"`
	Data           reactionData `json:"data"`
}

// react adds a user's reaction to a message, or removes it, and tells both users. A
// repetition tells them again, since the first attempt may have died after it stored
// the reaction. It costs as much of the user's rate as a message.
func (s *Session) react(ctx context.Context, p reactParams) (any, error) {
	in, u := s.in, s.user.User
	peer, ok := peerOf(p.ConversationID)
	if !ok {
		return nil, fault.With(fault.NoConversation, strconv.Quote(p.ConversationID))
	}
	if p.ReactionID == "" || !validText(p.ReactionID, maxReactionID) || strings.ContainsFunc(p.ReactionID, unicode.IsControl) {
		return nil, fault.With(fault.BadParameters, "reactionID is a text of 1 to "+strconv.Itoa(maxReactionID)+" bytes")
	}
	c := pairOf(u.SDKAppID, u.UserID, peer)
	if c.hasSystem() {
		return nil, fault.New(fault.NotBuiltYet)
	}
	side := c.side(u.UserID)
	m, err := in.toChange(ctx, u, c, p.Position, "reactions of ")
	if err != nil {
		return nil, err
	}
	if isGroup(peer) {
		return s.reactInGroup(ctx, m, p)
	}
	told, refused := reacted{ID: m.Message.ID, Position: m.pos}, error(nil)
	if err := in.flagAll(ctx, []*record{m}, func(_ *record, f *flags) (changed bool) {
		if f.Revoked {
			refused = fault.With(fault.InvalidOperation, "the message was revoked")
			return false
		}
		changed, told.Is, refused = f.react(p.ReactionID, side, p.Remove, in.now().UnixMilli())
		told.Version = f.Reacted
		return changed
	}, func(*record, flags) {}); err != nil {
		return nil, err
	}
	if refused != nil {
		return nil, refused
	}
	if told.Users, err = in.usersOf(ctx, c); err != nil {
		return nil, err
	}
	return nothing{}, in.signal(bus.SubjectNoted, notedSignal{App: c.app, Users: c.users, By: side, Reacted: &told})
}

// usersOf returns the names and avatars of the two users of a conversation.
func (in *Inbox) usersOf(ctx context.Context, p pair) (out [2]UserInfo, err error) {
	profiles, err := in.profiles(ctx, p.app, p.users[:])
	for side := range profiles {
		out[side] = UserInfo{p.users[side], profiles[side].Nick, profiles[side].Avatar}
	}
	return out, err
}

// tellReaction tells those sessions of both users that are here.
func (in *Inbox) tellReaction(p pair, r *reacted) {
	for side := range 2 {
		u := in.local(p.user(side))
		if side != p.side(p.users[side]) || u == nil {
			continue // in a conversation with oneself both sides are one user
		}
		one := Reaction{ReactionID: r.Is.ID, PartialUserList: []UserInfo{}, ReactedByMyself: r.Is.At[side] != 0}
		for _, by := range r.Is.sides() {
			one.PartialUserList = append(one.PartialUserList, r.Users[by])
		}
		one.TotalUserCount = len(one.PartialUserList)
		u.tell(frame.NoteReactions, reactionsNote{
			ConversationID: c2c + p.users[p.other(side)], Position: r.Position, Version: r.Version, ReactionID: r.Is.ID,
			Data: reactionData{r.ID, []Reaction{one}},
		})
	}
}

// storedReactions holds the reactions to one message; reactionsResult.Users has the
// names of the users.
type storedReactions struct {
	Position     uint64        `json:"position"`
	ReactionList []reactionsBy `json:"reactionList"`
}

type reactionsBy struct {
	ReactionID string   `json:"reactionID"`
	UserIDs    []string `json:"userIDs"` // in a group the first of them
	// In groups.
	TotalUserCount  int  `json:"totalUserCount,omitempty"`
	ReactedByMyself bool `json:"reactedByMyself,omitempty"`
}

type reactionsResult struct {
	Reactions []storedReactions `json:"reactions"`
	Users     []UserInfo        `json:"users"`
}

// reactionsOf returns the reactions to messages; it leaves out messages without any.
func (in *Inbox) reactionsOf(ctx context.Context, u place.User, p pair, positions []uint64) (out reactionsResult, err error) {
	out.Reactions = []storedReactions{}
	if p.hasSystem() {
		return out, fault.New(fault.NotBuiltYet)
	}
	positions = distinct(positions)
	if err := bounded(positions, window, "messages"); err != nil {
		return out, err
	}
	if _, group := p.group(); group {
		return in.reactionsInGroup(ctx, u, p, positions)
	}
	marks, err := in.flagsAt(ctx, p, positions)
	if err != nil {
		return out, err
	}
	for i, f := range marks {
		if f.Revoked || len(f.Reactions) == 0 {
			continue
		}
		one := storedReactions{Position: positions[i]}
		for _, r := range f.Reactions {
			by := reactionsBy{ReactionID: r.ID}
			for _, side := range r.sides() {
				by.UserIDs = append(by.UserIDs, p.users[side])
			}
			one.ReactionList = append(one.ReactionList, by)
		}
		out.Reactions = append(out.Reactions, one)
	}
	users, err := in.usersOf(ctx, p)
	out.Users = users[:]
	return out, err
}
