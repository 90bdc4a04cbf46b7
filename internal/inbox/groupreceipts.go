package inbox

import (
	"context"
	"slices"
	"strconv"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// Receipts in groups. Those who have given one stand in a document of their own
// beside the message's flags, because pages of the history read the flags for every
// member, and this document for the message's sender only. Members who give none
// cost nothing: how many of them there were stands in the message.

// maxReaders is the most members of a group whose messages may ask for receipts, so
// that the document of one message stays below 8 KB.
const maxReaders = 200

// readers are the members who have given a receipt for a message, in that order.
type readers struct {
	Users []string `json:"u"`
}

// GroupReceipt is how many members have given a receipt for a message, and how many
// of those who were there when it was sent have not.
type GroupReceipt struct {
	ReadCount   int `json:"readCount"`
	UnreadCount int `json:"unreadCount"`
}

// groupRead tells the sender of a message how many have read it.
type groupRead struct {
	From string `json:"from"`
	receipt
}

// readersSubject returns the subject of the document of a message's readers. A UserID
// is never one character in a subject, so it is nobody's goneSubject.
func (p pair) readersSubject(position uint64) string { return p.markSubject(position) + ".r" }

// readBy returns what the sender of a message of a group sees once n members have
// given a receipt.
func (r *record) readBy(n int) *ReadReceipt {
	return &ReadReceipt{GroupReceipt: &GroupReceipt{n, max(0, r.Message.Readers-n)}}
}

// readersOf returns the readers of messages of a group.
func (in *Inbox) readersOf(ctx context.Context, p pair, positions []uint64) ([]readers, error) {
	return marksAt[readers](ctx, in, positions, p.readersSubject)
}

// giveReceiptsInGroup is giveReceipts in a group. Who joined after a message was sent
// is not among those whose receipts are counted, even if they may read it.
func (s *Session) giveReceiptsInGroup(ctx context.Context, p pair, positions []uint64) error {
	in, u := s.in, s.user.User
	messages, kept, err := in.visibleAt(ctx, u, p, positions)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if m.From == u.UserID || !m.Message.Receipt {
			return noReceiptAsked()
		}
	}
	marks, err := in.flagsAt(ctx, p, positions)
	if err != nil {
		return err
	}
	var counted []*record
	for i, m := range messages {
		if m.pos > kept.Group.Joined && !marks[i].Revoked {
			counted = append(counted, m)
		}
	}
	messages = counted
	given := make([]groupRead, len(messages))
	err = bus.Spread(len(messages), func(i int) error {
		m := messages[i]
		n, err := in.addReader(ctx, m, u.UserID)
		if err == nil && n > 0 {
			given[i] = groupRead{m.From, receipt{ID: m.Message.ID, Position: m.pos, GroupReceipt: m.readBy(n).GroupReceipt}}
		}
		return err
	})
	given = slices.DeleteFunc(given, func(r groupRead) bool { return r.From == "" })
	if len(given) == 0 {
		return err
	}
	groupID, _ := p.group()
	if failed := in.signal(bus.SubjectNoted, notedSignal{App: p.app, Group: groupID, Read: given}); err == nil {
		err = failed
	}
	return err
}

// addReader adds a member to the readers of a message and returns how many there are
// then; 0 if they were among them.
func (in *Inbox) addReader(ctx context.Context, m *record, userID string) (n int, err error) {
	err = changeInTurn(ctx, in, m.pair.readersSubject(m.pos), func(r *readers) bool {
		switch {
		case slices.Contains(r.Users, userID):
			if n > 0 { // an attempt of this call has added them, and its answer was lost
				n = len(r.Users)
			}
			return false
		case len(r.Users) >= m.Message.Readers:
			n = 0
			return false
		}
		r.Users = append(r.Users, userID)
		n = len(r.Users)
		return true
	})
	return n, err
}

// notedInGroup tells those sessions here whose user has sent what was read, and all
// members of reactions and extensions.
func (in *Inbox) notedInGroup(n notedSignal) {
	name := groupName(n.Group)
	if n.MemberReacted != nil {
		in.tellMembersReaction(pairOf(n.App, "", name), n.MemberReacted)
	}
	if x := n.Extended; x != nil {
		x.ConversationID = idOf(name)
		in.tellMembers(pairOf(n.App, "", name), x.Position, frame.NoteExtensions, x)
	}
	by := map[string][]receipt{}
	for _, r := range n.Read {
		by[r.From] = append(by[r.From], r.receipt)
	}
	for userID, receipts := range by {
		u := in.local(place.User{SDKAppID: n.App, UserID: userID})
		if u != nil && u.peer(name).Group.In {
			u.tell(frame.NoteReceipts, receiptsNote{idOf(name), receipts})
		}
	}
}

// receiptsInGroup is receiptsOf in a group. It also returns those of messages for
// which nobody has given a receipt.
func (in *Inbox) receiptsInGroup(ctx context.Context, u place.User, p pair, positions []uint64) (receiptsResult, error) {
	out := receiptsResult{Receipts: []receipt{}}
	messages, _, err := in.visibleAt(ctx, u, p, positions)
	if err != nil {
		return out, err
	}
	messages = slices.DeleteFunc(messages, func(m *record) bool { return !m.Message.Receipt })
	positions = positions[:0]
	for _, m := range messages {
		positions = append(positions, m.pos)
	}
	given, err := in.readersOf(ctx, p, positions)
	for i, r := range given {
		out.Receipts = append(out.Receipts, receipt{Position: positions[i], GroupReceipt: messages[i].readBy(len(r.Users)).GroupReceipt})
	}
	return out, err
}

type readersParams struct {
	ConversationID string `json:"conversationID"`
	Position       uint64 `json:"position"`
	Unread         bool   `json:"unread"` // those who have given no receipt
	Cursor         string `json:"cursor"` // the last user of the page before
	Count          int    `json:"count"`
}

type readersResult struct {
	Users  []UserInfo `json:"users"`
	Cursor string     `json:"cursor"` // "": there are no more
}

// listReaders returns the members who have given a receipt for a message of the user,
// in that order, or those who have not, in the order of their UserIDs. Of the latter
// it leaves out who joined after the message was sent.
func (s *Session) listReaders(ctx context.Context, p readersParams) (any, error) {
	in, u := s.in, s.user.User
	m, err := in.oneOfGroup(ctx, u, p.ConversationID, p.Position)
	if err != nil {
		return nil, err
	}
	if !m.asks(u) {
		return nil, fault.With(fault.InvalidOperation, "its sender sees who has read a message, if it asks for receipts")
	}
	given, err := in.readersOf(ctx, m.pair, []uint64{m.pos})
	if err != nil {
		return nil, err
	}
	ids := given[0].Users
	if p.Unread {
		if ids, err = in.notAmong(ctx, u, m, ids); err != nil {
			return nil, err
		}
	}
	if p.Cursor != "" {
		at := slices.Index(ids, p.Cursor)
		if p.Unread { // whoever was last then may have read it meanwhile
			var is bool
			if at, is = slices.BinarySearch(ids, p.Cursor); !is {
				at--
			}
		} else if at < 0 {
			return nil, fault.With(fault.BadParameters, "cursor must be that of the page before, or empty")
		}
		ids = ids[at+1:]
	}
	if p.Count <= 0 || p.Count > maxUsers {
		p.Count = maxUsers
	}
	users, err := in.named(ctx, u.SDKAppID, ids[:min(p.Count, len(ids))])
	if err != nil {
		return nil, err
	}
	out := readersResult{Users: fitting(users, in.o.Frame)}
	if n := len(out.Users); n < len(ids) {
		out.Cursor = ids[n-1]
	}
	return out, nil
}

// oneOfGroup returns a message of a group that a user may read.
func (in *Inbox) oneOfGroup(ctx context.Context, u place.User, conversationID string, position uint64) (*record, error) {
	name, ok := peerOf(conversationID)
	if !ok || !isGroup(name) {
		return nil, fault.With(fault.NoConversation, strconv.Quote(conversationID))
	}
	all, _, err := in.visibleAt(ctx, u, pairOf(u.SDKAppID, "", name), []uint64{position})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// notAmong returns the members who were there when a message was sent, without its
// sender and those who have read it.
func (in *Inbox) notAmong(ctx context.Context, u place.User, m *record, read []string) ([]string, error) {
	if in.o.Groups == nil {
		return nil, fault.New(fault.NotBuiltYet)
	}
	groupID, _ := m.pair.group()
	members, err := in.o.Groups.Members(ctx, u, groupID, maxReaders)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, j := range members {
		if j.UserID != m.From && j.At <= m.At/1000 && !slices.Contains(read, j.UserID) {
			out = append(out, j.UserID)
		}
	}
	slices.Sort(out)
	return out, nil
}
