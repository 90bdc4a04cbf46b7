package inbox

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/tim-wasm/tim/internal/frame"
)

// GroupCounts holds what only the Conversation of a group has.
type GroupCounts struct {
	Counted uint64   `json:"counted"`         // messages that count as unread
	Taken   []uint64 `json:"taken,omitempty"` // the numbers of those that were revoked
	// How far the user has read, as a number of Counted and as a sequence.
	Read         uint64 `json:"read"`
	ReadSequence uint64 `json:"readSequence"`
}

// groupHead is the part of a group's Conversation that is the same for every member.
type groupHead struct {
	ConversationID string       `json:"conversationID"`
	Type           string       `json:"type"`
	Counted        uint64       `json:"counted"`
	Taken          []uint64     `json:"taken,omitempty"`
	LastMessage    *LastMessage `json:"lastMessage,omitempty"`
}

// groupNote is messagesNote, or conversationsNote, to every member of a group.
type groupNote struct {
	Messages      []Message   `json:"messages,omitempty"`
	Conversations []groupHead `json:"conversations"`
	Cursor        string      `json:"cursor"`
	Position      uint64      `json:"position,omitempty"`
}

// groupMessage is message for a group: the same for every member.
func groupMessage(m *record, f flags) Message {
	c, id := m.Message.with(f.Edit), strings.TrimPrefix(m.pair.users[0], groupMark)
	out := Message{
		ID: c.ID, ConversationID: groupKind + id, ConversationType: groupKind,
		Type: c.Type, Payload: c.Payload, From: m.From, To: id,
		Time: m.At / 1000, Sequence: m.Seq, Random: c.Random, ClientTime: c.ClientTime,
		Nick: c.Nick, Avatar: c.Avatar, NameCard: c.Card, AtUserList: c.At, CloudCustomData: c.Cloud,
		IsDeleted: f.Deleted[1], IsModified: c.Version > 0, Version: c.Version, Position: m.pos,
		NeedReadReceipt: c.Receipt, ReadReceiptInfo: f.receipt, Extensible: c.Extends, Quote: c.Quote,
	}
	if f.Revoked {
		out.revokedBy(f.By, c)
	}
	return out
}

// groupHeadOf returns what every member is told of the conversation; last may be nil.
func groupHeadOf(newest, last *record, f flags) groupHead {
	head := groupHead{
		ConversationID: idOf(newest.pair.users[0]), Type: groupKind,
		Counted: newest.Sent[0], Taken: newest.Taken,
	}
	if last != nil {
		m := groupMessage(last, f)
		head.LastMessage = lastOf(&m)
	}
	return head
}

// groupConversation is conversationOf for a group.
func groupConversation(newest, last *record, f flags, kept peer) Conversation {
	head, read := groupHeadOf(newest, last, f), newest.readIn(kept)
	return Conversation{
		ConversationID: head.ConversationID, Type: head.Type, LastMessage: head.LastMessage,
		UnreadCount: newest.unreadIn(kept), IsPinned: kept.Pinned, DraftText: kept.Draft, CustomData: kept.Custom,
		Own:         ownOf(kept.settings),
		GroupCounts: &GroupCounts{head.Counted, head.Taken, read.Sent, read.Seq},
	}
}

// groupFrames composes the frames of one record for all members of a group, each at
// most once.
type groupFrames struct {
	mu        sync.Mutex // guards what follows
	full, own json.RawMessage
}

// frame returns what a session is told of a record of a group.
func (g *groupFrames) frame(s *Session, r *record) (string, json.RawMessage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	cursor := s.in.text(cursor{pos: upTo(r.pos)})
	switch r.Kind {
	case kindMessage, kindMembers:
		if r.Message.Quiet || r.From == s.user.UserID && (r.Message.Instance == s.instance || r.Message.NoSync) {
			if g.own == nil {
				g.own = encode(groupNote{Conversations: []groupHead{groupHeadOf(r, r, flags{})}, Cursor: cursor})
			}
			return frame.NoteConversations, g.own
		}
		if g.full == nil {
			g.full = encode(groupNote{
				Messages: []Message{groupMessage(r, flags{})}, Conversations: []groupHead{groupHeadOf(r, r, flags{})}, Cursor: cursor,
			})
		}
		return frame.NoteMessages, g.full
	case kindRevoke, kindEdit:
		method, m := r.noteOf(r, 1)
		if g.full == nil {
			g.full = encode(groupNote{
				Messages: []Message{m}, Conversations: []groupHead{groupHeadOf(r, r.ifLast(), r.flagged())}, Cursor: cursor, Position: r.pos,
			})
		}
		return method, g.full
	case kindPin:
		if g.full == nil {
			g.full = encode(r.pinNote(cursor))
		}
		return frame.NotePinned, g.full
	}
	return "", nil
}

// withoutGroups leaves only the conversations with users.
func withoutGroups(list []standing) []standing {
	return slices.DeleteFunc(list, func(one standing) bool { return isGroup(one.other) })
}
