package sim

import (
	"fmt"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/session"
)

const (
	room    = "room"
	theRoom = "GROUP" + room
)

// visit lets a link listen to the live room, once.
func (g *gateway) visit(l *link, r frame.Request) {
	switch {
	case l.session != nil || l.room:
		g.w.fail("%s: a visit on a link that has logged in or visits already", l.h.p.name)
	case r.Params.Text("groupID") != room:
		g.answer(l, r, nil, fault.New(fault.NoSuchGroup))
	case g.ailing && g.w.roll(2) == 0:
		g.answer(l, r, nil, fault.New(fault.ServerTimeout))
	default:
		l.room = true
		g.answer(l, r, nil, nil)
	}
}

// say tells the visitors something. It is stored nowhere, and has no position.
func (g *gateway) say() {
	g.said++
	for _, l := range g.visitors() {
		l.toClient(frame.Message{Method: frame.NoteMessages, Body: frame.Fields{{Key: "messages", Value: []frame.Body{
			frame.Fields{{Key: "ID", Value: fmt.Sprint("said ", g.said)}, {Key: "conversationID", Value: theRoom}, {Key: "from", Value: "host"}},
		}}}})
	}
}

// dismiss ends the visits; the room is there again at once.
func (g *gateway) dismiss() {
	for _, l := range g.visitors() {
		l.room = false
		l.shut(frame.CloseRoomOver, "dismissed")
	}
}

func (g *gateway) visitors() (all []*link) {
	for _, p := range g.w.pages {
		if l := p.h.link; l != nil && !l.dead && l.room {
			all = append(all, l)
		}
	}
	return all
}

// visit joins the live room, most of the time when nobody is logged in.
func (p *page) visit() {
	if status, _ := p.h.c.Status(); status == session.StatusReady && p.w.roll(4) > 0 {
		p.logout(p.join)
		return
	}
	p.join()
}

// join asks for the room as an app does that has not logged in.
func (p *page) join() {
	end := p.began("visit")
	p.h.c.Send(frame.GroupJoin, frame.Fields{{Key: "groupID", Value: room}, {Key: "type", Value: "AVChatRoom"}}, 0, func(_ frame.Body, err *fault.Error) {
		end(err)
		p.visits = err == nil && p.loggedOut()
	})
}

// unvisit leaves the room again.
func (p *page) unvisit() {
	end := p.began("unvisit")
	p.h.c.Send(frame.GroupQuit, frame.Fields{{Key: "groupID", Value: room}}, 0, func(_ frame.Body, err *fault.Error) {
		end(err)
		p.visits = p.visits && err != nil
	})
}

// overhears checks that a page may be told what is said in the room.
func (p *page) overhears(id string) {
	if !p.loggedOut() || !p.visits {
		p.w.fail("%s: hears %s, and does not visit the room", p.name, id)
	}
	p.heard = id
}

func (p *page) loggedOut() bool {
	status, _ := p.h.c.Status()
	return status == session.StatusLoggedOut
}

// checkRoom checks that who visits the room hears what is said there.
func (w *world) checkRoom() {
	w.gateway.say()
	w.pass(10_000)
	for _, p := range w.pages {
		if want := fmt.Sprint("said ", w.gateway.said); p.visits && p.heard != want {
			w.fail("%s visits the room, and has heard %q, not %q", p.name, p.heard, want)
		}
	}
}
