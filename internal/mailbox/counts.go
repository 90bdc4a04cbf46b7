package mailbox

import "github.com/tim-wasm/tim/internal/frame"

// The gateway says two things of a group's conversation. Its head is the same for
// every member: how many messages count as unread ones (counted), and which of
// those were revoked (taken). What is the user's own comes with it when it has
// changed: up to which of the counted messages they have read (read), and the
// same as a sequence (readSequence). This side counts what is unread, so that a
// message to a group has one frame for all its members.

// counts is what decides how much of a group's conversation is unread.
type counts struct {
	own      bool // what is the user's own has come
	guessed  bool // until then: where to count from
	counted  int64
	taken    []int64 // those behind read, ascending
	read     int64
	readSeq  int64
	mentions []mention // ascending
}

// mention is an unread message that mentions the user.
type mention struct {
	seq  int64
	item frame.Body // of groupAtInfoList
}

// Whom a message mentions, as in TIM.TYPES.CONV_AT_….
const (
	atMe = 1 << iota
	atAll
)

const (
	// atAllUser stands for everybody in a message's atUserList.
	atAllUser = "__kImSDK_MesssageAtALL__"
	// groupTip is the type of a message that says what has happened in a group. It
	// does not count as unread.
	groupTip = "TIMGroupTipElem"

	unreadKey   = "unreadCount"
	mentionsKey = "groupAtInfoList"
)

const (
	// mostTaken is how many revoked messages the gateway names.
	mostTaken = 100
	// mostMentions is how many a conversation shows; the earliest ones give way.
	mostMentions = 20
)

// count takes what a body says of a group's conversation, and returns the fields
// that this side knows better.
func (m *Machine) count(c *conversation, b frame.Body) frame.Fields {
	g, readSeq, mentions := c.counts, c.counts.readSeq, len(c.counts.mentions)
	last := b.Object("lastMessage")
	if last != nil && last.Number("position") > c.last && b.Number("counted") < g.counted {
		*g, mentions = counts{}, -1 // a later message with a lower number: the log is a new one
	}
	if b.Has("read") && !g.own {
		g.own, g.read, g.readSeq = true, 0, 0
	}
	g.counted = max(g.counted, b.Number("counted"))
	for _, n := range b.Numbers("taken") {
		g.take(n)
	}
	switch mine := last != nil && last.Text("fromAccount") == m.user; {
	case b.Has("read"):
		g.readTo(b.Number("read"), b.Number("readSequence"))
	case mine && last.Text("type") != groupTip: // who writes has read what came before
		g.readTo(g.counted, last.Number("lastSequence"))
	case g.own || g.guessed:
	case last != nil && !mine && last.Text("type") != groupTip && !last.Bool("isRevoked"):
		g.readTo(g.counted-1, 0) // the first that is news is this message
	default:
		g.readTo(g.counted, 0)
	}
	g.guessed = true
	for _, at := range b.List(mentionsKey) {
		g.mention(at)
	}
	g.unmentionRead()
	c.unread = max(g.counted-g.read-int64(len(g.taken)), 0)
	if g.readSeq > readSeq {
		m.do(Patch{Conversation: c.id, Flow: flowIn, UpTo: g.readSeq, Field: "isRead"})
	}
	fields := frame.Fields{{Key: unreadKey, Value: c.unread}}
	if len(g.mentions) != mentions || b.Has(mentionsKey) {
		fields = append(fields, frame.Field{Key: mentionsKey, Value: g.mentioned()})
	}
	return fields
}

// readTo raises what the user has read. What a late notification says of less is
// no news.
func (g *counts) readTo(n, seq int64) {
	g.read, g.readSeq = max(g.read, min(n, g.counted)), max(g.readSeq, seq)
	first := 0
	for first < len(g.taken) && g.taken[first] <= g.read {
		first++
	}
	g.taken = g.taken[first:]
}

// take notes that a counted message was revoked.
func (g *counts) take(n int64) {
	at := len(g.taken)
	for at > 0 && g.taken[at-1] > n {
		at--
	}
	if n <= g.read || at > 0 && g.taken[at-1] == n {
		return
	}
	g.taken = append(g.taken, 0)
	copy(g.taken[at+1:], g.taken[at:])
	g.taken[at] = n
	g.taken = g.taken[max(0, len(g.taken)-mostTaken):]
}

// mention notes a message that mentions the user, and reports whether that is
// news.
func (g *counts) mention(item frame.Body) bool {
	seq := item.Number("messageSequence")
	at := len(g.mentions)
	for at > 0 && g.mentions[at-1].seq > seq {
		at--
	}
	if seq <= g.readSeq || at > 0 && g.mentions[at-1].seq == seq {
		return false
	}
	g.mentions = append(g.mentions, mention{})
	copy(g.mentions[at+1:], g.mentions[at:])
	g.mentions[at] = mention{seq, item}
	g.mentions = g.mentions[max(0, len(g.mentions)-mostMentions):]
	return true
}

// unmention forgets a message that was revoked, and reports whether it mentioned
// the user.
func (g *counts) unmention(seq int64) bool {
	for n, at := range g.mentions {
		if at.seq == seq {
			g.mentions = append(g.mentions[:n], g.mentions[n+1:]...)
			return true
		}
	}
	return false
}

// unmentionRead forgets those that were read.
func (g *counts) unmentionRead() {
	first := 0
	for first < len(g.mentions) && g.mentions[first].seq <= g.readSeq {
		first++
	}
	g.mentions = g.mentions[first:]
}

// mentioned returns a groupAtInfoList.
func (g *counts) mentioned() []frame.Body {
	list := make([]frame.Body, len(g.mentions))
	for n, at := range g.mentions {
		list[n] = at.item
	}
	return list
}

// mentions notes whom a message that has come mentions.
func (m *Machine) mentions(c *conversation, b frame.Body) {
	kind := int64(0)
	for _, user := range b.Texts("atUserList") {
		switch user {
		case m.user:
			kind |= atMe
		case atAllUser:
			kind |= atAll
		}
	}
	if kind == 0 || b.Text("from") == m.user || b.Bool("isRevoked") {
		return
	}
	item := frame.Fields{
		{Key: "from", Value: b.Text("from")}, {Key: "groupID", Value: groupIn(c.id)},
		{Key: "messageSequence", Value: b.Number("sequence")}, {Key: "atTypeArray", Value: []int64{kind}},
	}
	if c.counts.mention(item) {
		m.showMentions(c)
	}
}

// unmention is told of a message that has changed: one that was revoked mentions
// nobody any more.
func (m *Machine) unmention(b frame.Body) {
	c := m.find(b.Text("conversationID"))
	if c != nil && c.counts != nil && b.Bool("isRevoked") && c.counts.unmention(b.Number("sequence")) {
		m.showMentions(c)
	}
}

func (m *Machine) showMentions(c *conversation) {
	m.set(c, "", mentionsKey, c.counts.mentioned(), PileNone)
	if m.topicChanged(c.id); !isTopic(c.id) {
		m.listChanged = true
	}
}

// ReadUpTo returns up to which sequence the user has read a group's conversation.
// For what is told to a whole group does not say whether they have.
func (m *Machine) ReadUpTo(id string) int64 {
	if c := m.conversations[id]; c != nil && c.counts != nil {
		return c.counts.readSeq
	}
	return 0
}
