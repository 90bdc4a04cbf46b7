package sim

import (
	"strings"

	"github.com/tim-wasm/tim/internal/frame"
)

// cut returns the position of a cursor, and whether the text is a cursor.
func cut(cursor string) (at int64, ok bool) {
	text, ok := strings.CutPrefix(cursor, "2.0.")
	return parseInt(text), ok
}

// partOf is how many conversations go into one part of a list.
const partOf = 2

// sync begins to bring an instance up to date: a new one from its user's cursor
// on and with the whole list, any other from its own cursor on.
func (g *gateway) sync(p *place, u *user, cursor string) frame.Fields {
	at, known := cut(cursor)
	if p.live || p.parts == 0 { // else the parts that have gone out do not know what came since
		p.upTo = g.at()
	}
	p.live, p.parts, p.from = false, 0, at
	if !known {
		p.from = -1
	}
	return g.more(p, u)
}

// more continues a sync. The answer to the last part says how far the instance is
// then.
func (g *gateway) more(p *place, u *user) frame.Fields {
	p.parts++
	since := p.from
	if p.from < 0 {
		since = p.upTo // what has changed since the first part
		var list []frame.Body
		for _, peer := range u.peers {
			if c := u.convs[peer]; c.last != 0 && !c.hidden {
				list = append(list, g.body(c))
			}
		}
		done := p.parts * partOf
		if done < len(list) {
			g.note(p, frame.NoteConversations, frame.Fields{{Key: "all", Value: true}, {Key: "more", Value: true},
				{Key: "conversations", Value: list[done-partOf : done]}})
			return frame.Fields{{Key: "more", Value: true}}
		}
		g.note(p, frame.NoteConversations, frame.Fields{{Key: "all", Value: true}, {Key: "conversations", Value: list}})
	}
	var list []frame.Body
	var removed []string
	for _, peer := range u.peers {
		switch c := u.convs[peer]; {
		case c.changedAt <= since || c.last == 0:
		case c.hidden:
			removed = append(removed, c.id())
		default:
			list = append(list, g.body(c))
		}
	}
	if len(list)+len(removed) > 0 {
		g.note(p, frame.NoteConversations, frame.Fields{{Key: "conversations", Value: list}, {Key: "removed", Value: removed}})
	}
	g.missed(p, u)
	p.live = true
	return frame.Fields{g.cursor(p), {Key: "resumed", Value: p.from >= 0}}
}

// missed sends the messages and revocations that an instance has missed. If the
// link breaks meanwhile, the instance continues after the messages that came, but
// before any revocation that is still to come.
func (g *gateway) missed(p *place, u *user) {
	from := p.from
	if from < 0 {
		from = u.cursor
		g.w.begins(p, from)
	}
	stands := g.at()
	for _, r := range g.log[min(from, g.at()):] {
		if r.revokes != 0 && p.from >= 0 {
			stands = min(stands, r.pos-1)
		}
	}
	for _, r := range g.log[min(from, g.at()):] {
		if r.id != "" && r.by != p.instance && g.concerns(r, u) {
			g.note(p, frame.NoteMessages, frame.Fields{{Key: "messages", Value: []frame.Body{g.message(r, u.name)}},
				{Key: "missed", Value: true}, cursor(min(stands, r.pos))})
		}
	}
	if p.from < 0 {
		return
	}
	for _, r := range g.log[min(from, g.at()):] {
		if r.revokes != 0 && g.concerns(r, u) {
			g.tellRevoked(p, r, false)
		}
	}
}

// concerns reports whether a user is to be told of a message or a revocation.
func (g *gateway) concerns(r *record, u *user) bool {
	if r.to == theTeam {
		return g.team.has(u.name) && r.pos > u.conv(theTeam).floor
	}
	return r.from == u.name || r.to == u.name
}

// list returns a page of a conversation's history, of at most two messages.
func (g *gateway) list(name string, c *conv, id string, before, count int64) frame.Fields {
	if before == 0 {
		before = g.at() + 1
	}
	peer, floor := id[min(len(c2c), len(id)):], int64(0)
	if c != nil {
		floor = c.floor
	}
	var list []frame.Body
	for at := before - 1; at > floor; at-- {
		r := g.log[at-1]
		if r.id == "" || id != theTeam && (r.from != name || r.to != peer) && (r.from != peer || r.to != name) || (id == theTeam) != (r.to == theTeam) {
			continue
		}
		if int64(len(list)) == min(count, 2) {
			return frame.Fields{{Key: "messages", Value: list}, {Key: "next", Value: at + 1}}
		}
		list = append([]frame.Body{g.message(r, name)}, list...)
	}
	return frame.Fields{{Key: "messages", Value: list}, {Key: "next", Value: int64(0)}, {Key: "isCompleted", Value: true}}
}
