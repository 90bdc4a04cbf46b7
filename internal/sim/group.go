package sim

import (
	"slices"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// The model has one group, in which everybody is at first. Its messages are records
// of the one log, and the same frame goes to all members.
const (
	inGroup = "GROUP"
	team    = "team"
	theTeam = inGroup + team
)

// group is what the model keeps about the group.
type group struct {
	members []string
	seq     int64
	taken   []int64 // the numbers of its messages that were revoked
}

func newGroup() group { return group{members: slices.Clone(users)} }

func (g *group) has(name string) bool { return slices.Contains(g.members, name) }

// storeInGroup stores a message once, and tells all members the same.
func (g *gateway) storeInGroup(from, by, id string) (*record, *fault.Error) {
	for _, r := range g.log {
		if r.id != "" && r.id == id && r.from == from {
			return r, nil
		}
	}
	if !g.team.has(from) {
		return nil, fault.New(fault.GroupNotPermitted)
	}
	g.team.seq++
	r := g.append(record{from: from, to: theTeam, by: by, id: id, seq: g.team.seq})
	for _, name := range g.team.members {
		c := g.user(name).conv(theTeam)
		c.last, c.lastSeq, c.lastFrom, c.hidden, c.changedAt = r.pos, r.seq, from, false, r.pos
		if name == from {
			c.readSeq = r.seq
		}
		c.unread = g.unreadInGroup(c)
	}
	head := g.headOf(r)
	for _, name := range g.team.members {
		g.tell(name, func(p *place) {
			f := frame.Fields{{Key: "conversations", Value: []frame.Body{head}}, g.cursor(p)}
			if p.instance == by {
				g.note(p, frame.NoteConversations, f)
				return
			}
			g.note(p, frame.NoteMessages, append(f, frame.Field{Key: "messages", Value: []frame.Body{g.message(r, "")}}))
		})
	}
	return r, nil
}

// headOf returns the group's conversation as a record tells it to all members.
func (g *gateway) headOf(r *record) frame.Fields {
	f := frame.Fields{{Key: "conversationID", Value: theTeam}, {Key: "counted", Value: g.team.seq}, {Key: "taken", Value: g.team.taken}}
	if r.id != "" {
		f = append(f, frame.Field{Key: "lastMessage", Value: frame.Fields{
			{Key: "position", Value: r.pos}, {Key: "lastSequence", Value: r.seq}, {Key: "fromAccount", Value: r.from},
		}})
	}
	return f
}

// unreadInGroup counts what is behind a member's mark, as a gateway that tells
// members one by one would.
func (g *gateway) unreadInGroup(c *conv) int64 {
	n := g.team.seq - c.readSeq
	for _, seq := range g.team.taken {
		if seq > c.readSeq {
			n--
		}
	}
	return n
}

// readInGroup moves a member's mark up to a position.
func (g *gateway) readInGroup(u *user, c *conv, upTo int64) {
	read := c.readSeq
	for _, r := range g.log[:min(upTo, g.at())] {
		if r.id != "" && r.to == theTeam && r.pos > c.floor {
			read = max(read, r.seq)
		}
	}
	if read != c.readSeq {
		c.readSeq = read
		c.unread = g.unreadInGroup(c)
		g.change(u, c)
	}
}

// revokeInGroup tells all members that a message was taken back.
func (g *gateway) revokeInGroup(r, mark *record) {
	g.team.taken = append(g.team.taken, r.seq)
	slices.Sort(g.team.taken)
	for _, name := range g.team.members {
		c := g.user(name).conv(theTeam)
		c.unread, c.changedAt = g.unreadInGroup(c), mark.pos
		g.tell(name, func(p *place) { g.tellRevoked(p, mark, true) })
	}
}

// join makes a user a member, who is shown what comes from now on.
func (g *gateway) join(u *user) {
	if g.team.has(u.name) {
		return
	}
	g.team.members = append(g.team.members, u.name)
	c := u.conv(theTeam)
	*c = conv{peer: theTeam, readSeq: g.team.seq, lastSeq: g.team.seq, floor: g.at(), hidden: true}
	g.tell(u.name, func(p *place) { g.note(p, frame.NoteGroupJoined, frame.Fields{{Key: "group", Value: groupBody()}}) })
}

// leave ends a membership. The last thing that a former member hears of the group
// is that its conversation is gone.
func (g *gateway) leave(u *user) {
	n := slices.Index(g.team.members, u.name)
	if n < 0 {
		return
	}
	g.team.members = slices.Delete(g.team.members, n, n+1)
	c := u.conv(theTeam)
	c.hidden, c.unread, c.pinned, c.draft, c.custom = true, 0, false, "", ""
	g.tell(u.name, func(p *place) {
		g.note(p, frame.NoteGroupLeft, frame.Fields{{Key: "groupID", Value: team}})
	})
	g.change(u, c)
}

func groupBody() frame.Fields {
	return frame.Fields{{Key: "groupID", Value: team}, {Key: "infoSequence", Value: int64(1)}, {Key: "selfInfo", Value: frame.Fields{{Key: "role", Value: "Member"}}}}
}

// groups answers group.list and group.get.
func (g *gateway) groups(name string) frame.Fields {
	list := []frame.Body{}
	if g.team.has(name) {
		list = append(list, groupBody())
	}
	return frame.Fields{{Key: "groups", Value: list}}
}
