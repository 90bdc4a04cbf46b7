package inbox

import (
	"context"
	"slices"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// Reactions in groups. Who has reacted to a message stands in a document of its own
// beside the message's flags, because pages of the history do not read it. Whoever is
// told of a reaction, or asks for those to several messages, gets the first users who
// have reacted so, and how many there are.

const (
	// maxReacted bounds who has reacted to a message, as JSON: each reaction writes all
	// of it, and every gateway is told who has reacted so.
	maxReacted = 32 << 10
	// someReacting is how many users of a reaction are named, as in the original.
	someReacting = 10
)

// memberReactions is the document of the reactions to a message.
type memberReactions struct {
	List    []memberReaction `json:"l,omitempty"` // in the order in which they began
	Changes int              `json:"n"`
}

// memberReaction holds the members who have reacted in one way, the earliest first.
type memberReaction struct {
	ID    string   `json:"i"`
	Users []string `json:"u"`
}

func (p pair) reactionsSubject(position uint64) string { return p.markSubject(position) + ".q" }

// react adds or removes a member's reaction, and returns who reacts so afterwards. It
// fails if the message would have too many reactions.
func (d *memberReactions) react(id, userID string, remove bool) (users []string, changed bool, err error) {
	at := slices.IndexFunc(d.List, func(r memberReaction) bool { return r.ID == id })
	if at >= 0 {
		users = d.List[at].Users
	}
	has := slices.Index(users, userID)
	if (has < 0) == remove {
		return users, false, nil
	}
	if remove {
		users = slices.Delete(users, has, has+1)
	} else {
		users = append(users, userID)
	}
	switch {
	case at < 0 && len(d.List) >= maxReactions:
		return nil, false, tooManyReactions()
	case at < 0:
		d.List = append(d.List, memberReaction{id, users})
	case len(users) == 0:
		d.List = slices.Delete(d.List, at, at+1)
	default:
		d.List[at].Users = users
	}
	d.Changes++
	if !remove && sizeOf(d) > maxReacted {
		return nil, false, fault.With(fault.InvalidOperation, "as many members have reacted to the message as may")
	}
	return users, true, nil
}

// memberReacted is a reaction on its way to the members of a group.
type memberReacted struct {
	ID       string     `json:"id"` // of the message
	Position uint64     `json:"position"`
	Version  int        `json:"version"` // counts the changes of the message's reactions
	Is       string     `json:"is"`      // the reactionID
	Users    []string   `json:"users"`   // who reacts so
	Some     []UserInfo `json:"some"`    // the first of them
}

// reactInGroup is react in a group.
func (s *Session) reactInGroup(ctx context.Context, m *record, p reactParams) (any, error) {
	in, u := s.in, s.user.User
	if err := in.notRevoked(ctx, m); err != nil {
		return nil, err
	}
	told := memberReacted{ID: m.Message.ID, Position: m.pos, Is: p.ReactionID}
	var refused error
	if err := changeInTurn(ctx, in, m.pair.reactionsSubject(m.pos), func(d *memberReactions) (changed bool) {
		told.Users, changed, refused = d.react(p.ReactionID, u.UserID, p.Remove)
		told.Version = d.Changes
		return changed
	}); err != nil {
		return nil, err
	}
	if refused != nil {
		return nil, refused
	}
	var err error
	if told.Some, err = in.named(ctx, u.SDKAppID, told.Users[:min(someReacting, len(told.Users))]); err != nil {
		return nil, err
	}
	groupID, _ := m.pair.group()
	return nothing{}, in.signal(bus.SubjectNoted, notedSignal{App: u.SDKAppID, Group: groupID, MemberReacted: &told})
}

// named returns the names and avatars of users of an app.
func (in *Inbox) named(ctx context.Context, app uint32, userIDs []string) ([]UserInfo, error) {
	profiles, err := in.profiles(ctx, app, userIDs)
	if err != nil {
		return nil, err
	}
	out := []UserInfo{}
	for i, id := range userIDs {
		out = append(out, UserInfo{id, profiles[i].Nick, profiles[i].Avatar})
	}
	return out, nil
}

// tellMembersReaction tells those members of a group who have a session here and may
// read the message. Members who react so themselves are told that.
func (in *Inbox) tellMembersReaction(p pair, r *memberReacted) {
	mine := make(map[string]bool, len(r.Users))
	for _, id := range r.Users {
		mine[id] = true
	}
	note := func(byMyself bool) []byte {
		return encode(reactionsNote{
			ConversationID: idOf(p.users[0]), Position: r.Position, Version: r.Version, ReactionID: r.Is,
			Data: reactionData{r.ID, []Reaction{{r.Is, len(r.Users), orEmpty(r.Some), byMyself}}},
		})
	}
	own, others := note(true), note(false)
	for _, u := range in.crowds.reading(p, r.Position) {
		if mine[u.UserID] {
			u.pass(frame.NoteReactions, own)
		} else {
			u.pass(frame.NoteReactions, others)
		}
	}
}

// reactionsInGroup is reactionsOf in a group. It names so many users of each reaction
// that the answer fits a frame, the original's ten at most.
func (in *Inbox) reactionsInGroup(ctx context.Context, u place.User, p pair, positions []uint64) (out reactionsResult, err error) {
	if _, _, err := in.visibleAt(ctx, u, p, positions); err != nil {
		return out, err
	}
	marks, err := in.flagsAt(ctx, p, positions)
	if err != nil {
		return out, err
	}
	docs, err := marksAt[memberReactions](ctx, in, positions, p.reactionsSubject)
	if err != nil {
		return out, err
	}
	for some := someReacting; ; some /= 2 {
		out.Reactions = []storedReactions{}
		var users []string
		for i, d := range docs {
			if marks[i].Revoked || len(d.List) == 0 {
				continue
			}
			one := storedReactions{Position: positions[i]}
			for _, r := range d.List {
				first := r.Users[:min(some, len(r.Users))]
				users = append(users, first...)
				one.ReactionList = append(one.ReactionList, reactionsBy{
					ReactionID: r.ID, UserIDs: orEmpty(first), TotalUserCount: len(r.Users), ReactedByMyself: slices.Contains(r.Users, u.UserID),
				})
			}
			out.Reactions = append(out.Reactions, one)
		}
		users = distinct(users)
		users = users[:min(maxUsers, len(users))]
		if out.Users, err = in.named(ctx, u.SDKAppID, users); err != nil {
			return out, err
		}
		if some == 0 || sizeOf(out) <= in.o.Frame {
			return out, nil
		}
	}
}

type reactorsParams struct {
	ConversationID string `json:"conversationID"`
	Position       uint64 `json:"position"`
	ReactionID     string `json:"reactionID"`
	Next           int    `json:"next"` // what the page before has returned
	Count          int    `json:"count"`
}

type reactorsResult struct {
	Users []UserInfo `json:"users"`
	Next  int        `json:"next,omitempty"` // 0: there are no more
}

// listReactors returns a page of the members who have reacted in one way to a message
// of a group, the earliest first.
func (s *Session) listReactors(ctx context.Context, p reactorsParams) (any, error) {
	in, u := s.in, s.user.User
	m, err := in.oneOfGroup(ctx, u, p.ConversationID, p.Position)
	if err != nil {
		return nil, err
	}
	if err := in.notRevoked(ctx, m); err != nil {
		return nil, err
	}
	docs, err := marksAt[memberReactions](ctx, in, []uint64{m.pos}, m.pair.reactionsSubject)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, r := range docs[0].List {
		if r.ID == p.ReactionID {
			ids = r.Users
		}
	}
	if p.Count <= 0 || p.Count > maxUsers {
		p.Count = maxUsers
	}
	from := max(0, min(p.Next, len(ids)))
	users, err := in.named(ctx, u.SDKAppID, ids[from:min(len(ids), from+p.Count)])
	if err != nil {
		return nil, err
	}
	out := reactorsResult{Users: fitting(users, in.o.Frame)}
	if to := from + len(out.Users); to < len(ids) {
		out.Next = to
	}
	return out, nil
}
