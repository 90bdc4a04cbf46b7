package sim

import (
	"strconv"

	"github.com/tim-wasm/tim/internal/frame"
)

// record is an entry of the one log: a message, or a change that concerns a
// user's conversation.
type record struct {
	pos      int64
	from, to string // of a message, or of whom a read mark tells
	by       string // the instance that has sent it
	id       string
	seq      int64
	read     int64 // of a read mark: up to which sequence
	revoked  bool
	revokes  int64 // the position of the message that a revocation takes back
}

// user is what the model keeps about a user.
type user struct {
	name   string
	convs  map[string]*conv
	peers  []string // in the order in which they came
	cursor int64    // what any of the user's instances has acknowledged
}

// conv is a conversation as one of its users sees it.
type conv struct {
	peer      string
	last      int64 // position of the newest message
	lastSeq   int64
	lastFrom  string
	unread    int64
	readSeq   int64 // up to which this user has read
	peerRead  int64
	floor     int64 // what lies up to here was deleted
	pinned    bool
	draft     string
	custom    string
	hidden    bool
	changedAt int64
}

func (g *gateway) user(name string) *user {
	u := g.users[name]
	if u == nil {
		u = &user{name: name, convs: map[string]*conv{}}
		g.users[name] = u
	}
	return u
}

// of returns the conversation with an ID; nil if there is none.
func (u *user) of(id string) *conv {
	if id == theTeam {
		return u.convs[id]
	}
	return u.convs[id[min(len(c2c), len(id)):]]
}

func (u *user) conv(peer string) *conv {
	c := u.convs[peer]
	if c == nil {
		c = &conv{peer: peer}
		u.convs[peer] = c
		u.peers = append(u.peers, peer)
	}
	return c
}

// append adds a record to the log and sets its position.
func (g *gateway) append(r record) *record {
	r.pos = int64(len(g.log)) + 1
	g.log = append(g.log, &r)
	return g.log[len(g.log)-1]
}

func (g *gateway) at() int64 { return int64(len(g.log)) }

// store stores a message once, and tells both users.
func (g *gateway) store(from, by, to, id string) *record {
	for _, r := range g.log {
		if r.id != "" && r.id == id && r.from == from {
			return r
		}
	}
	mine, theirs := g.user(from).conv(to), g.user(to).conv(from)
	r := g.append(record{from: from, to: to, by: by, id: id, seq: max(mine.lastSeq, theirs.lastSeq) + 1})
	for _, c := range []*conv{mine, theirs} {
		c.last, c.lastSeq, c.lastFrom, c.hidden, c.changedAt = r.pos, r.seq, from, false, r.pos
	}
	if from != to {
		theirs.unread++
	}
	g.tell(from, func(p *place) {
		f := frame.Fields{{Key: "conversations", Value: []frame.Body{g.body(mine)}}, g.cursor(p)}
		if p.instance == by {
			g.note(p, frame.NoteConversations, f)
			return
		}
		g.note(p, frame.NoteMessages, append(f, frame.Field{Key: "messages", Value: []frame.Body{g.message(r, from)}}))
	})
	if to != from {
		g.tell(to, func(p *place) {
			g.note(p, frame.NoteMessages, frame.Fields{
				{Key: "conversations", Value: []frame.Body{g.body(theirs)}},
				{Key: "messages", Value: []frame.Body{g.message(r, to)}}, g.cursor(p),
			})
		})
	}
	return r
}

// message composes a message for one of its users.
func (g *gateway) message(r *record, receiver string) frame.Body {
	if r.to == theTeam { // which says nothing of its receivers
		return frame.Fields{
			{Key: "ID", Value: r.id}, {Key: "conversationID", Value: theTeam}, {Key: "from", Value: r.from}, {Key: "to", Value: team},
			{Key: "sequence", Value: r.seq}, {Key: "position", Value: r.pos}, {Key: "isRevoked", Value: r.revoked},
		}
	}
	flow, peer, isRead := "out", r.to, true
	if r.from != receiver {
		flow, peer = "in", r.from
		isRead = r.seq <= g.user(receiver).conv(peer).readSeq
	}
	return frame.Fields{
		{Key: "ID", Value: r.id}, {Key: "conversationID", Value: c2c + peer}, {Key: "flow", Value: flow},
		{Key: "from", Value: r.from}, {Key: "to", Value: r.to},
		{Key: "sequence", Value: r.seq}, {Key: "position", Value: r.pos}, {Key: "isRead", Value: isRead},
		{Key: "isPeerRead", Value: flow == "out" && r.seq <= g.user(receiver).conv(peer).peerRead}, {Key: "isRevoked", Value: r.revoked},
	}
}

// id returns a conversation's ID.
func (c *conv) id() string {
	if c.peer == theTeam {
		return theTeam
	}
	return c2c + c.peer
}

// body composes a conversation for its user. Of the group's that is what the head
// says, and what is the user's own.
func (g *gateway) body(c *conv) frame.Body {
	f := frame.Fields{
		{Key: "conversationID", Value: c.id()}, {Key: "unreadCount", Value: c.unread}, {Key: "isPinned", Value: c.pinned},
		{Key: "draftText", Value: c.draft}, {Key: "customData", Value: c.custom}, {Key: "peerReadSequence", Value: c.peerRead},
	}
	if c.peer == theTeam {
		f = append(f, frame.Field{Key: "counted", Value: g.team.seq}, frame.Field{Key: "taken", Value: g.team.taken},
			frame.Field{Key: "read", Value: c.readSeq}, frame.Field{Key: "readSequence", Value: c.readSeq})
	}
	if c.last != 0 {
		f = append(f, frame.Field{Key: "lastMessage", Value: frame.Fields{
			{Key: "position", Value: c.last}, {Key: "lastSequence", Value: c.lastSeq}, {Key: "fromAccount", Value: c.lastFrom},
		}})
	}
	return f
}

// change records that a user's conversation has changed, and tells the user's
// instances.
func (g *gateway) change(u *user, c *conv) {
	r := g.append(record{})
	c.changedAt = r.pos
	g.tell(u.name, func(p *place) {
		f := frame.Fields{g.cursor(p)}
		if c.hidden {
			f = append(f, frame.Field{Key: "removed", Value: []string{c.id()}})
		} else {
			f = append(f, frame.Field{Key: "conversations", Value: []frame.Body{g.body(c)}})
		}
		g.note(p, frame.NoteConversations, f)
	})
}

// markRead records that a user has read a conversation up to a position.
func (g *gateway) markRead(u *user, c *conv, upTo int64) {
	if c.peer == theTeam {
		g.readInGroup(u, c, upTo)
		return
	}
	read, unread := c.readSeq, int64(0)
	for _, r := range g.log {
		if r.id == "" || r.to != u.name || r.from != c.peer || r.pos <= c.floor {
			continue
		}
		if r.pos <= upTo {
			read = max(read, r.seq)
		} else if r.seq > read {
			unread++
		}
	}
	if read == c.readSeq {
		return
	}
	c.readSeq, c.unread = read, unread
	g.change(u, c)
	theirs := g.user(c.peer).conv(u.name)
	mark := g.append(record{from: u.name, to: c.peer, read: read})
	theirs.peerRead, theirs.changedAt = read, mark.pos
	g.tell(c.peer, func(p *place) {
		g.note(p, frame.NoteRead, frame.Fields{{Key: "conversationID", Value: c2c + u.name},
			{Key: "sequence", Value: read}, {Key: "time", Value: g.w.clock.now / 1000}, g.cursor(p)})
	})
}

// revoke takes a message back, for both of its users.
func (g *gateway) revoke(r *record) {
	if r.revoked {
		return
	}
	r.revoked = true
	mark := g.append(record{from: r.from, to: r.to, revokes: r.pos})
	if r.to == theTeam {
		g.revokeInGroup(r, mark)
		return
	}
	for _, name := range []string{r.from, r.to} {
		g.tell(name, func(p *place) { g.tellRevoked(p, mark, true) })
		if r.from == r.to {
			break
		}
	}
}

func (g *gateway) tellRevoked(p *place, mark *record, live bool) {
	f := frame.Fields{{Key: "messages", Value: []frame.Body{g.message(g.log[mark.revokes-1], p.user)}}, {Key: "position", Value: mark.pos}}
	if mark.to == theTeam {
		f = append(f, frame.Field{Key: "conversations", Value: []frame.Body{g.headOf(mark)}})
	}
	if live {
		f = append(f, g.cursor(p))
	}
	g.note(p, frame.NoteRevoked, f)
}

func parseInt(s string) int64 { n, _ := strconv.ParseInt(s, 10, 64); return n }
