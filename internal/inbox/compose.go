package inbox

import (
	"cmp"
	"encoding/json"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// Message is a message as one of its two users sees it, with the original's
// field names; Time is in Unix seconds. Position, Random and Version are ours: the
// former pages through the history and names the message in calls. What has its
// usual value is left out, as the package comment says.
type Message struct {
	ID             string `json:"ID"`
	ConversationID string `json:"conversationID"`
	// ConversationType is GROUP or @TIM#SYSTEM, or absent. In a group Flow, IsRead and IsPeerRead
	// are: what is sent to all says nothing of one.
	ConversationType string          `json:"conversationType,omitempty"`
	Type             string          `json:"type"`
	Payload          json.RawMessage `json:"payload"`
	From             string          `json:"from"`
	To               string          `json:"to"`
	Flow             string          `json:"flow,omitempty"` // in, out
	Time             int64           `json:"time"`
	Sequence         uint64          `json:"sequence"`
	Random           int64           `json:"random,omitempty"`
	ClientTime       int64           `json:"clientTime,omitempty"`
	Nick             string          `json:"nick,omitempty"`
	Avatar           string          `json:"avatar,omitempty"`
	NameCard         string          `json:"nameCard,omitempty"`
	AtUserList       []string        `json:"atUserList,omitempty"`
	CloudCustomData  string          `json:"cloudCustomData,omitempty"`
	IsRead           bool            `json:"isRead,omitempty"`
	IsPeerRead       bool            `json:"isPeerRead,omitempty"`
	IsRevoked        bool            `json:"isRevoked,omitempty"`
	IsDeleted        bool            `json:"isDeleted,omitempty"`
	IsModified       bool            `json:"isModified,omitempty"`
	Revoker          string          `json:"revoker,omitempty"`
	RevokerInfo      UserInfo        `json:"revokerInfo,omitzero"`
	OnlineOnly       bool            `json:"onlineOnlyFlag,omitempty"`
	Priority         string          `json:"priority,omitempty"` // only in live rooms; absent: Normal
	IsBroadcast      bool            `json:"isBroadcastMessage,omitempty"`
	NeedReadReceipt  bool            `json:"needReadReceipt,omitempty"`
	Extensible       bool            `json:"isSupportExtension,omitempty"`
	Quote            *Quote          `json:"quoteInfo,omitempty"`
	ReadReceiptInfo  *ReadReceipt    `json:"readReceiptInfo,omitempty"` // of one's own that asks for receipts
	Position         uint64          `json:"position,omitempty"`
	Version          int             `json:"version,omitempty"` // ours: counts the edits
}

// UserInfo names who revoked a message.
type UserInfo struct {
	UserID string `json:"userID"`
	Nick   string `json:"nick"`
	Avatar string `json:"avatar"`
}

// Conversation is a conversation as one of its two users sees it.
type Conversation struct {
	ConversationID   string       `json:"conversationID"`
	Type             string       `json:"type,omitempty"` // GROUP or @TIM#SYSTEM, or absent
	UnreadCount      uint64       `json:"unreadCount"`
	LastMessage      *LastMessage `json:"lastMessage,omitempty"` // absent in an update: unchanged
	UserProfile      *Profile     `json:"userProfile,omitempty"` // absent in an update: unchanged
	IsPinned         bool         `json:"isPinned"`
	PeerReadTime     int64        `json:"peerReadTime"`
	PeerReadSequence uint64       `json:"peerReadSequence"`
	DraftText        string       `json:"draftText"`
	CustomData       string       `json:"customData"`
	Own              *own         `json:"own,omitempty"`
	*GroupCounts
	GroupAtInfoList []Mention `json:"groupAtInfoList,omitempty"`
}

// LastMessage is what a list of conversations shows of the newest message. The
// zero value is that of a conversation without messages.
type LastMessage struct {
	LastTime        int64           `json:"lastTime,omitempty"`
	LastSequence    uint64          `json:"lastSequence,omitempty"`
	FromAccount     string          `json:"fromAccount,omitempty"`
	MessageForShow  string          `json:"messageForShow,omitempty"`
	Type            string          `json:"type,omitempty"`
	Payload         json.RawMessage `json:"payload,omitempty"`
	CloudCustomData string          `json:"cloudCustomData,omitempty"`
	IsRevoked       bool            `json:"isRevoked,omitempty"`
	IsPeerRead      bool            `json:"isPeerRead,omitempty"`
	Nick            string          `json:"nick,omitempty"`
	Revoker         string          `json:"revoker,omitempty"`
	Version         int             `json:"version,omitempty"`
	Position        uint64          `json:"position,omitempty"` // ours: the list's order within a second
}

// message composes a Message for the user of a side; newest is its
// conversation's newest record, which says what was read.
func message(m *record, newest *record, f flags, side int) Message {
	if _, ok := m.pair.group(); ok {
		return groupMessage(m, f)
	}
	p, c := m.pair, m.Message.with(f.Edit)
	peer := p.other(side)
	to := p.users[p.other(m.By)]
	out := Message{
		ID:              c.ID,
		ConversationID:  idOf(p.users[peer]),
		Type:            c.Type,
		Payload:         c.Payload,
		From:            p.users[m.By],
		To:              to,
		Flow:            "in",
		Time:            m.At / 1000,
		Sequence:        m.Seq,
		Random:          c.Random,
		ClientTime:      c.ClientTime,
		Nick:            c.Nick,
		Avatar:          c.Avatar,
		CloudCustomData: c.Cloud,
		IsRead:          m.Seq <= newest.Read[side].Seq,
		IsDeleted:       f.Deleted[side],
		Position:        m.pos,
		IsModified:      c.Version > 0,
		Version:         c.Version,
		NeedReadReceipt: c.Receipt,
		Extensible:      c.Extends,
		Quote:           c.Quote,
		ReadReceiptInfo: f.receipt,
	}
	if out.From == systemUser {
		out.ConversationType, out.To = systemUser, c.Group
	}
	if m.By == side {
		out.Flow, out.IsRead = "out", true
		out.IsPeerRead = peer != side && m.Seq <= newest.Read[peer].Seq
	}
	if f.Revoked {
		out.revokedBy(f.By, c)
	}
	return out
}

// revokedBy notes who has revoked the message, whose content is c.
func (m *Message) revokedBy(userID string, c *content) {
	m.IsRevoked, m.Revoker, m.RevokerInfo.UserID = true, userID, userID
	if userID == m.From {
		m.RevokerInfo.Nick, m.RevokerInfo.Avatar = c.Nick, c.Avatar
	}
}

// conversationOf composes a Conversation from its newest record and its
// newest message, which may be nil.
func conversationOf(newest, last *record, f flags, kept peer, side int) Conversation {
	p := newest.pair
	if _, ok := p.group(); ok {
		return groupConversation(newest, last, f, kept)
	}
	if last == nil {
		return newest.conversation(idOf(p.users[p.other(side)]), kept, side)
	}
	m := message(last, newest, f, side)
	out := newest.conversation(m.ConversationID, kept, side)
	out.LastMessage = lastOf(&m)
	return out
}

// conversation is conversationOf without a message, of a conversation between two.
func (r *record) conversation(id string, kept peer, side int) Conversation {
	other, set := r.pair.other(side), kept.settings
	out := Conversation{
		ConversationID:   id,
		UnreadCount:      r.unread(side, kept),
		IsPinned:         set.Pinned,
		PeerReadTime:     r.Read[other].Time,
		PeerReadSequence: r.Read[other].Seq,
		DraftText:        set.Draft,
		CustomData:       set.Custom,
		Own:              ownOf(set),
	}
	if r.pair.users[other] == systemUser {
		out.Type = systemUser
	}
	return out
}

// lastOf returns what a list of conversations shows of its newest message.
func lastOf(m *Message) *LastMessage {
	return &LastMessage{
		LastTime:        m.Time,
		LastSequence:    m.Sequence,
		FromAccount:     m.From,
		MessageForShow:  forShow(m.Type, m.Payload),
		Type:            m.Type,
		Payload:         m.Payload,
		CloudCustomData: m.CloudCustomData,
		IsRevoked:       m.IsRevoked,
		IsPeerRead:      m.IsPeerRead,
		Nick:            m.Nick,
		Revoker:         m.Revoker,
		Version:         m.Version,
		Position:        m.Position,
	}
}

// labels stand in a list of conversations for messages without words.
var labels = map[string]string{
	typeFace: "[sticker]", typeLocation: "[location]", typeMerger: "[chat history]", typeImage: "[image]", typeFile: "[file]", typeSound: "[audio]", typeVideo: "[video]",
	typeGroupTip: "[group tip]", typeGroupNotice: "[group notice]",
}

func forShow(typ string, payload json.RawMessage) string {
	if typ != typeText {
		return cmp.Or(labels[typ], "[custom message]")
	}
	if text, ok := plainText(payload); ok {
		return text
	}
	var t struct {
		Text string `json:"text"`
	}
	_ = json.Unmarshal(payload, &t)
	return t.Text
}

type conversationsNote struct {
	Conversations []Conversation `json:"conversations"`
	All           bool           `json:"all,omitempty"`
	Reset         bool           `json:"reset,omitempty"`
	Removed       []string       `json:"removed,omitempty"`
	More          bool           `json:"more,omitempty"`
	Cursor        string         `json:"cursor,omitempty"`
}

type messagesNote struct {
	Messages      []Message      `json:"messages"`
	Missed        bool           `json:"missed,omitempty"`
	More          bool           `json:"more,omitempty"`
	Conversations []Conversation `json:"conversations,omitempty"`
	Cursor        string         `json:"cursor,omitempty"`
	Position      uint64         `json:"position,omitempty"` // of a revocation or an edit
}

type readNote struct {
	ConversationID string `json:"conversationID"`
	Sequence       uint64 `json:"sequence"`
	Time           int64  `json:"time"`
	Cursor         string `json:"cursor"`
}

// outgoing composes the frames of one record for one user, each at most once.
type outgoing struct {
	group     *groupFrames // of a record of a group, for all of its members
	full, own json.RawMessage
	method    string
}

// frame returns what a session is told of a record, with the cursor at; user.mu
// is held.
func (o *outgoing) frame(s *Session, r *record, side int, at string) (string, json.RawMessage) {
	u := s.user
	kept := u.peers[r.pair.users[r.pair.other(side)]]
	if _, ok := r.pair.group(); ok {
		if r.hidden(side, kept) {
			return "", nil
		}
		if o.group == nil {
			o.group = &groupFrames{}
		}
		return o.group.frame(s, r)
	}
	switch r.Kind {
	case kindMessage:
		if r.Message.Quiet || r.By == side && (r.Message.Instance == s.instance || r.Message.NoSync) {
			if o.own == nil {
				o.own = r.listNote(kept, side, at)
			}
			return frame.NoteConversations, o.own
		}
		if o.full == nil {
			o.full = r.messageNote(kept, side, at)
		}
		return frame.NoteMessages, o.full
	case kindRead:
		if o.full != nil {
			return o.method, o.full
		}
		if r.By == side {
			o.method = frame.NoteConversations
			o.full = encode(conversationsNote{Conversations: []Conversation{conversationOf(r, nil, flags{}, kept, side)}, Cursor: at})
		} else {
			m := r.Read[r.By]
			o.method = frame.NoteRead
			o.full = encode(readNote{c2c + r.pair.users[r.By], m.Seq, m.Time, at})
		}
		return o.method, o.full
	case kindRevoke, kindEdit:
		if r.hidden(side, kept) {
			return "", nil
		}
		if o.full == nil {
			method, m := r.noteOf(r, side)
			o.method = method
			o.full = encode(messagesNote{
				Messages:      []Message{m},
				Conversations: []Conversation{r.afterChange(kept, side)},
				Cursor:        at,
				Position:      r.pos,
			})
		}
		return o.method, o.full
	}
	return "", nil
}

// messageNote and listNote return what a message means to a user between two, and to
// the instance that has sent it. Each message costs one of both, so what they are made
// of is to stay on the stack: it would not if encode were given it.
func (r *record) messageNote(kept peer, side int, at string) json.RawMessage {
	m := [1]Message{message(r, r, flags{}, side)}
	conv := [1]Conversation{r.conversation(m[0].ConversationID, kept, side)}
	conv[0].LastMessage = lastOf(&m[0])
	n := messagesNote{Messages: m[:], Conversations: conv[:], Cursor: at}
	w := newWriter()
	if text := written(w, n.writePlain(w)); text != nil {
		return text
	}
	return encode(messagesNote{
		Messages:      []Message{message(r, r, flags{}, side)},
		Conversations: []Conversation{conversationOf(r, r, flags{}, kept, side)},
		Cursor:        at,
	})
}

func (r *record) listNote(kept peer, side int, at string) json.RawMessage {
	conv := [1]Conversation{conversationOf(r, r, flags{}, kept, side)}
	n := conversationsNote{Conversations: conv[:], Cursor: at}
	w := newWriter()
	if text := written(w, n.writePlain(w)); text != nil {
		return text
	}
	return encode(conversationsNote{Conversations: []Conversation{conversationOf(r, r, flags{}, kept, side)}, Cursor: at})
}

// encode returns the JSON of a frame.
func encode(v any) json.RawMessage {
	if p, ok := v.(plainWriter); ok {
		if data := writePlain(p); data != nil {
			return data
		}
	}
	data, err := jsonframe.Marshal(v)
	if err != nil { // a Payload is checked before it is stored, so never
		return nil
	}
	return data
}

// sizeOf returns how many bytes an element of a list takes in a frame. It
// encodes the element, which costs little compared with reading its record and
// is right whatever the element holds.
func sizeOf(v any) int { return len(encode(v)) + len(",") }

// noteOf returns the notification that tells of a revocation or an edit, with the
// message as it is after that.
func (r *record) noteOf(newest *record, side int) (method string, m Message) {
	method = frame.NoteRevoked
	if r.Kind == kindEdit {
		method = frame.NoteModified
	}
	return method, message(r.changed(), newest, r.flagged(), side)
}

// flagged returns the flags that a revocation, an edit or a pin leaves on its message.
func (r *record) flagged() flags {
	if r.Kind != kindRevoke {
		return flags{}
	}
	return flags{Revoked: true, By: r.from()}
}

// afterChange composes a conversation right after one of its messages was revoked
// or edited. Its LastMessage is set only if that message was the newest one.
func (r *record) afterChange(kept peer, side int) Conversation {
	return conversationOf(r, r.ifLast(), r.flagged(), kept, side)
}

// ifLast returns the message that was revoked or edited if it is the newest one.
func (r *record) ifLast() *record {
	if m := r.changed(); m.Seq == r.Seq {
		return m
	}
	return nil
}
