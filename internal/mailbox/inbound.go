package mailbox

import "github.com/tim-wasm/tim/internal/frame"

// positions remembers which messages, or revocations, have come: the newest
// position of each conversation, within which they come in order. A sync that
// was asked for twice pushes some of them twice.
type positions map[string]int64

// first reports whether a position has come for the first time. Online-only
// messages have no position, and always count as new.
func (p positions) first(conversationID string, position int64) bool {
	if position == 0 {
		return true
	}
	if position <= p[conversationID] {
		return false
	}
	p[conversationID] = position
	return true
}

// noticed takes a notification of the gateway.
func (m *Machine) noticed(in Noticed) {
	if m.state == Out {
		if in.Method == frame.RoomVisit {
			m.overheard(in.Body)
		}
		return // anything else was on its way when the session ended
	}
	note := in.Body
	if note == nil {
		note = frame.Fields{}
	}
	switch in.Method {
	case frame.NoteConversations:
		if note.Bool("reset") {
			m.seen, m.undone, m.reacted, m.extended, m.early, m.cursor, m.convGroups.revision = positions{}, positions{}, nil, nil, nil, "", 0
			for _, c := range m.conversations { // topics are in no list
				if c.counts != nil {
					*c.counts = counts{}
				}
			}
		}
		if note.Bool("all") {
			m.whole(note)
		} else {
			m.patches(note, false)
			for _, id := range note.Texts("removed") {
				m.remove(id)
			}
		}
	case frame.NoteConversationGroups:
		m.convGroupsChanged(note)
	case frame.NoteMessages:
		m.patches(note, false)
		m.messages(note.List("messages"))
	case frame.NoteRevoked:
		m.changed(note, PileRevoked)
	case frame.NoteModified:
		m.changed(note, PileModified)
	case frame.NotePinned:
		m.pinned(note)
	case frame.NoteRead:
		m.readByPeer(note)
	case frame.NoteReceipts:
		m.receipts(note)
	case frame.NoteExtensions:
		m.extensions(note)
	case frame.NoteReactions:
		m.reactions(note)
	case frame.NoteProfile:
		if p := note.Object("profile"); p != nil {
			m.nick, m.avatar = p.Text("nick"), p.Text("avatar")
			m.emit(Emit{Name: frame.EventProfileUpdated, Data: []frame.Body{p}})
		}
	case frame.NoteBlacklist:
		m.pass(frame.EventBlacklistUpdated, note.Object("userIDs"))
	case frame.NoteRemindAll:
		m.pass(frame.EventAllReceiveMessageOptUpdated, note.Object("option"))
	case frame.NoteStatus:
		m.pass(frame.EventUserStatusUpdated, note.Object("statuses"))
	case frame.NoteContacts:
		m.contactsChanged(note.Texts("lists"))
	case frame.NoteGroup, frame.NoteGroupSelf, frame.NoteGroupJoined, frame.NoteGroupLeft,
		frame.NoteGroupAttributes, frame.NoteGroupCounters, frame.NoteGroupsReset:
		m.groupNoticed(Noticed{in.Method, note})
	case frame.NoteTopic, frame.NoteTopicGone:
		m.topicNote(in.Method, note)
	case frame.NoteGroupApplication, frame.NoteGroupHandled: // no list of the page's has changed
	default:
		m.do(Log{Level: 0, Text: "the gateway sent " + in.Method + ", which this version does not know"})
		return
	}
	m.stands(note)
	m.flush()
}

// pass emits what the gateway has composed for the page.
func (m *Machine) pass(event string, data frame.Body) {
	if data != nil {
		m.emit(Emit{Name: event, Data: data})
	}
}

func (m *Machine) messages(list []frame.Body) {
	var came []frame.Body
	for _, b := range list {
		id := b.Text("conversationID")
		if !m.seen.first(id, b.Number("position")) {
			continue
		}
		c := m.find(id)
		if c != nil && c.remind == remindNever && b.Text("from") != m.user {
			continue
		}
		came = append(came, b)
		switch {
		case c == nil:
		case c.counts != nil:
			m.mentions(c, b)
		default:
			m.senderOf(b, c)
		}
	}
	if len(came) > 0 {
		m.keep(came, PileReceived)
	}
}

// nobody is a reader whom no message is from: a UserID is printable ASCII.
const nobody = "·"

// overheard gives the page what was said in a live room to which it listens without a
// login, and which is no conversation of anybody's here.
func (m *Machine) overheard(note frame.Body) {
	list := note.List("messages")
	for n, b := range list {
		k := Keep{Messages: list[n : n+1], Pile: PileReceived, Reader: nobody, Notices: b.Text("conversationID") == system}
		m.do(k)
		m.wait(PileReceived)
		if k.Notices {
			m.wait(PileNotices)
		}
	}
	m.tellPiles()
}

// changed takes what has become of a message later.
func (m *Machine) changed(note frame.Body, pile Pile) {
	m.patches(note, true)
	list := note.List("messages")
	if len(list) > 0 && m.undone.first(list[0].Text("conversationID"), note.Number("position")) {
		m.keep(list, pile)
		m.unmention(list[0])
	}
}

// pinned takes a message of a group that was pinned, or is no longer.
func (m *Machine) pinned(note frame.Body) {
	list := note.List("messages")
	if len(list) == 0 || !isGroup(list[0].Text("conversationID")) || !m.undone.first(list[0].Text("conversationID"), note.Number("position")) {
		return
	}
	m.keep(list[:1], PilePinned)
	m.pins = append(m.pins, frame.Fields{
		{Key: "groupID", Value: list[0].Text("conversationID")[len(groupChat):]},
		{Key: "isPinned", Value: note.Bool("isPinned")}, {Key: "operatorInfo", Value: objectOf(note, "operator")},
	})
}

// nameKeys are what a message says of its sender.
var nameKeys = [...]string{"nick", "avatar"}

// senderOf updates a conversation with the name that a message's sender has.
func (m *Machine) senderOf(b frame.Body, c *conversation) {
	if !isC2C(c.id) || b.Text("flow") != flowIn {
		return
	}
	for _, key := range nameKeys {
		if name := b.Text(key); name != "" {
			m.set(c, "userProfile", key, name, PileNone)
		}
	}
}

// readByPeer takes a read mark: the peer has read what this user wrote, up to a
// sequence.
func (m *Machine) readByPeer(note frame.Body) {
	upTo := note.Number("sequence")
	c := m.find(note.Text("conversationID"))
	if c == nil || upTo <= c.peerRead {
		return
	}
	c.peerRead = upTo
	m.set(c, "", "peerReadTime", note.Number("time"), PileNone)
	m.set(c, "", "peerReadSequence", upTo, PileNone)
	if c.lastSeq != 0 && c.lastSeq <= upTo {
		m.set(c, "lastMessage", "isPeerRead", true, PileNone)
	}
	m.listChanged = true
	m.readUpTo(c)
}
