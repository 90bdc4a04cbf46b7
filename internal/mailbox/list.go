package mailbox

import "github.com/tim-wasm/tim/internal/frame"

// What an ID begins with: of a conversation between two users, and of a group's.
// The system's has notices of groups, and one ID.
const (
	c2c       = "C2C"
	groupChat = "GROUP"
	system    = "@TIM#SYSTEM"
)

// conversation holds what decides a Conversation's place in the list, and how
// far it is read.
type conversation struct {
	id       string
	unread   int64
	pinned   bool
	last     int64 // position of the newest message
	lastSeq  int64 // its sequence, 0 when it is not this user's own
	peerRead int64 // sequence up to which the peer has read
	whole    bool  // its user's whole profile is known
	listed   bool  // it is in the list
	coming   bool  // it was in a part of the whole list that is just coming
	local    bool  // it has no message yet, so the gateway does not know it
	opened   int   // numbers local ones; the latest is listed first

	counts *counts // of a group's, nil for others
	own    bool    // its user has set some of what is seldom set:
	marks  int64   // a bit each
	remind string  // how to hear of its messages; "" is the usual way
	groups []int64 // numbers of conversation groups

	set  frame.Fields // of a local one: what the page has set
	owed frame.Fields // what was set, until the gateway has stored it
}

func isC2C(id string) bool { return len(id) > len(c2c) && id[:len(c2c)] == c2c }

func isGroup(id string) bool { return len(id) > len(groupChat) && id[:len(groupChat)] == groupChat }

func isConversation(id string) bool { return isC2C(id) || isGroup(id) || id == system }

// typeOf returns a conversation's type, which its ID begins with.
func typeOf(id string) string {
	switch {
	case isC2C(id):
		return c2c
	case isGroup(id):
		return groupChat
	}
	return id
}

// groupIn returns the group of a conversation.
func groupIn(id string) string { return id[len(groupChat):] }

// find returns the conversation with an ID; nil if the list has none.
func (m *Machine) find(id string) *conversation {
	if c := m.conversations[id]; c != nil && c.listed {
		return c
	}
	return nil
}

// known returns the conversation with an ID. It creates one if there is none,
// which is not listed yet.
func (m *Machine) known(id string) *conversation {
	c := m.conversations[id]
	if c == nil {
		c = &conversation{id: id}
		m.conversations[id] = c
		if isGroup(id) {
			c.counts = &counts{}
			m.groups.shown = true
		}
		m.do(Create{Conversation: id})
	}
	return c
}

// enter puts a conversation on the list; arrange finds its place. That of a topic is
// in no list.
func (m *Machine) enter(c *conversation) {
	if c.listed = true; isTopic(c.id) {
		return
	}
	m.list = append(m.list, c)
	m.moved = true
}

// drop forgets a conversation that is no longer listed.
func (m *Machine) drop(c *conversation) {
	delete(m.conversations, c.id)
	m.do(Drop{Conversation: c.id})
}

// remove removes a conversation from the list, and from a whole list that is
// coming.
func (m *Machine) remove(id string) {
	c := m.conversations[id]
	if c == nil {
		return
	}
	m.list, m.coming = without(m.list, c), without(m.coming, c)
	m.drop(c)
	if !isTopic(id) {
		m.moved, m.listChanged = true, true
	}
}

// without takes a conversation out of a list.
func without(list []*conversation, c *conversation) []*conversation {
	for n, d := range list {
		if c == d {
			return append(list[:n], list[n+1:]...)
		}
	}
	return list
}

// arrange sorts the list after a change. Nearly always a single entry has to
// move, so insertion sort is quick.
func (m *Machine) arrange() {
	m.listChanged = true
	for n, c := range m.list {
		k := n
		for ; k > 0 && c.before(m.list[k-1]); k-- {
			m.list[k] = m.list[k-1]
			m.moved = true
		}
		m.list[k] = c
	}
}

func (c *conversation) before(d *conversation) bool {
	if c.pinned != d.pinned {
		return c.pinned
	}
	if c.last != d.last {
		return c.last > d.last
	}
	return c.opened > d.opened
}

// Total returns how many messages are unread, of all conversations of which the user
// wants to be notified.
func (m *Machine) Total() int64 {
	total := int64(0)
	for _, c := range m.list {
		if c.notifies() {
			total += c.unread
		}
	}
	return total
}

func keys(list []*conversation) []string {
	order := make([]string, len(list))
	for n, c := range list {
		order[n] = c.id
	}
	return order
}

// whole takes a part of a whole list. The list may begin again before its last
// part has come, because this side has asked again or the gateway has caught up
// by itself; no conversation is listed twice for that.
func (m *Machine) whole(note frame.Body) {
	for _, b := range note.List("conversations") {
		id := b.Text("conversationID")
		if !isConversation(id) {
			continue
		}
		c := m.known(id)
		m.update(c, b)
		if isTopic(id) {
			m.enter(c)
			continue
		}
		if !c.coming {
			c.coming = true
			m.coming = append(m.coming, c)
		}
	}
	if note.Bool("more") {
		return
	}
	old := m.list
	m.list, m.coming = m.coming, nil
	for _, c := range m.list {
		c.listed = true
	}
	for _, c := range old {
		switch {
		case c.coming:
		case c.local:
			m.list = append(m.list, c)
		default:
			m.drop(c)
		}
	}
	for _, c := range m.list {
		c.coming = false
	}
	m.moved = true
	m.arrange()
	m.groupsIfLive()
}

// brokeOff forgets the parts of a whole list that will come again. Conversations
// that were listed before keep what the parts said about them.
func (m *Machine) brokeOff() {
	if len(m.coming) == 0 {
		return
	}
	for _, c := range m.coming {
		c.coming = false
		if !c.listed {
			m.drop(c)
		}
	}
	m.coming = nil
	m.arrange()
}

// patches brings the conversations of a notification up to date. With listed, those
// of groups stay away that are not on the list: what a user has deleted there comes
// back with the next message, and not with a change of one.
func (m *Machine) patches(note frame.Body, listed bool) {
	came := false
	for _, b := range note.List("conversations") {
		id := b.Text("conversationID")
		if !isConversation(id) || listed && isGroup(id) && m.find(id) == nil {
			continue
		}
		c := m.known(id)
		if !c.listed {
			m.enter(c)
			if isC2C(id) && !c.whole && b.Object("userProfile") == nil {
				m.complete(c, nil)
			}
			if isGroup(id) {
				m.groupsIfLive()
			}
		}
		m.update(c, b)
		came = came || !isTopic(id)
	}
	if came {
		m.arrange()
	}
}

// update brings a conversation up to date, and with it the flags of its messages:
// they may have been read here, on another instance, or by the peer.
func (m *Machine) update(c *conversation, b frame.Body) {
	unread, read := c.unread, c.peerRead
	last := b.Object("lastMessage")
	if c.local && (last != nil || c.counts != nil) {
		m.firstMessage(c)
	}
	kept := append(c.keeps(b), m.owns(c, b)...)
	if c.counts != nil {
		kept = append(kept, m.count(c, b)...)
	} else if n := b.Number("unreadCount"); n != 0 || b.Has("unreadCount") {
		c.unread = max(n, 0)
	}
	if n := b.Number("peerReadSequence"); n != 0 || b.Has("peerReadSequence") {
		c.peerRead = n
	}
	if kept.Has(pinnedKey) {
		c.pinned = kept.Bool(pinnedKey)
	} else if b.Has(pinnedKey) {
		c.pinned = b.Bool(pinnedKey)
	}
	if last != nil {
		c.last, c.lastSeq = last.Number("position"), 0
		if last.Text("fromAccount") == m.user {
			c.lastSeq = last.Number("lastSequence")
		}
	}
	c.whole = c.whole || b.Object("userProfile") != nil
	m.do(Update{Conversation: c.id, Body: b, Kept: kept})
	m.topicChanged(c.id)
	if unread > 0 && c.unread == 0 && c.counts == nil {
		m.do(Patch{Conversation: c.id, Flow: flowIn, UpTo: endOfTime, Field: "isRead"})
	}
	if c.peerRead > read {
		m.readUpTo(c)
	}
}

// endOfTime is beyond the sequence of every message.
const endOfTime = 1<<63 - 1

// readUpTo marks the messages that the peer has read, and has an event fired for
// those that were not marked before.
func (m *Machine) readUpTo(c *conversation) {
	m.do(Patch{Conversation: c.id, Flow: flowOut, UpTo: c.peerRead, Field: "isPeerRead", Pile: PileReadByPeer})
	m.wait(PileReadByPeer)
}
