package client

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
)

// heard is a page that collects what it is told.
type heard struct{ deeds []mailbox.Deed }

func (h *heard) Carry(d mailbox.Deed) { h.deeds = append(h.deeds, d) }

var liveRoom = frame.Fields{{Key: "groupID", Value: "r"}, {Key: "type", Value: "AVChatRoom"}}

// A page without a login is given what is said in the live room that it joins, until a
// login begins, which goes over the same link. A login that cannot begin leaves it alone.
func TestVisitEndsWithALogin(t *testing.T) {
	p, page := &place{}, &heard{}
	c := New(Options{SDKAppID: 1400000000, Platform: "Web", Page: page}, p)
	var visit, login result
	c.Send(frame.GroupJoin, liveRoom, 0, visit.done)
	gen := p.gen
	c.OnOpen(gen)
	require.Equal(t, frame.RoomVisit, p.last().Method)
	c.OnFrame(gen, frame.Message{ID: p.last().ID, Body: frame.Fields{}})
	require.Equal(t, result{times: 1}, visit)
	say := func() {
		c.OnFrame(gen, frame.Message{Method: frame.NoteMessages, Body: frame.Fields{{Key: "messages", Value: []frame.Body{frame.Fields{{Key: "ID", Value: "a"}}}}}})
	}
	say()
	require.Len(t, page.deeds, 2)
	require.Equal(t, frame.EventMessageReceived, page.deeds[1].(mailbox.Emit).Name)

	c.Login("", "alicesig", login.done)
	require.Equal(t, fault.NoUserID, login.err.Code)
	say()
	require.Len(t, page.deeds, 4)
	c.Login("alice", "alicesig", login.done)
	require.Equal(t, frame.Login, p.last().Method)
	require.Equal(t, gen, p.gen)
	say()
	require.Len(t, page.deeds, 4)
	p.answer(c)
	require.Equal(t, 2, login.times)
	require.Zero(t, c.Pending())
}

// A visit that is not answered yet ends with quitting, a login, destroy or another one,
// which settle its call.
func TestVisitIsSettled(t *testing.T) {
	done := func(frame.Body, *fault.Error) {}
	for name, end := range map[string]func(c *Client){
		"quit":    func(c *Client) { c.Send(frame.GroupQuit, liveRoom, 0, done) },
		"login":   func(c *Client) { c.Login("alice", "alicesig", done) },
		"destroy": func(c *Client) { c.Destroy(done) },
		"another": func(c *Client) { c.Send(frame.GroupJoin, liveRoom, 0, done) },
	} {
		for _, opened := range []bool{false, true} {
			p := &place{}
			c := New(Options{SDKAppID: 1400000000, Platform: "Web"}, p)
			var visit result
			c.Send(frame.GroupJoin, liveRoom, 0, visit.done)
			if opened {
				c.OnOpen(p.gen)
			}
			end(c)
			require.Equal(t, 1, visit.times, "%s %v", name, opened)
			require.NotNil(t, visit.err, "%s %v", name, opened)
		}
	}
}
