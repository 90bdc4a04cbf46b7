package client

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
)

// letters is a MailHost whose gateway is the test itself.
type letters struct {
	mail  *Mail
	ready bool
	asked []mailbox.Ask
	done  []Done
	seen  []string
	on    func(name string)
}

// newLetters returns a mailbox to which messages come.
func newLetters() *letters {
	h := &letters{ready: true}
	h.mail = NewMail(h)
	h.mail.Post(mailbox.Began{User: "alice"})
	h.done[0](frame.Fields{{Key: "cursor", Value: "1.1"}}, nil)
	h.seen = nil
	return h
}

func (h *letters) Now() int64  { return 1 }
func (h *letters) Ready() bool { return h.ready }
func (h *letters) Ask(a mailbox.Ask, done Done) {
	h.asked, h.done = append(h.asked, a), append(h.done, done)
}

func (h *letters) Carry(d mailbox.Deed) {
	if e, ok := d.(mailbox.Emit); ok {
		h.seen = append(h.seen, e.Name)
		if h.on != nil {
			h.on(e.Name)
		}
	}
}

func (h *letters) message(position int64) {
	h.mail.Post(mailbox.Noticed{Method: frame.NoteMessages, Body: frame.Fields{
		{Key: "messages", Value: []frame.Body{frame.Fields{{Key: "ID", Value: "x"}, {Key: "position", Value: position}}}},
		{Key: "conversations", Value: []frame.Body{frame.Fields{{Key: "conversationID", Value: "C2Cbob"}, {Key: "userProfile", Value: frame.Fields{}}}}},
	}})
}

// A listener that ends the session between two events gets no more of it, and
// what it has asked meanwhile is settled all the same.
func TestAListenerThatEndsTheSession(t *testing.T) {
	h := newLetters()
	h.message(2)
	require.Equal(t, []string{frame.EventConversationListUpdated, frame.EventMessageReceived}, h.seen)
	h.seen = nil
	var settled []fault.Code
	h.on = func(string) {
		h.mail.Post(mailbox.Pin{Call: h.mail.Call(func(s mailbox.Settle) { settled = append(settled, s.Err.Code) }), Conversation: "C2Cbob"})
		h.ready = false
		h.mail.Over()
		h.mail.Post(mailbox.Ended{})
	}
	h.message(3)
	require.Equal(t, []string{frame.EventConversationListUpdated}, h.seen)
	require.Equal(t, []fault.Code{fault.LoggedOut}, settled)
	require.Zero(t, h.mail.Total())
	require.False(t, slices.ContainsFunc(h.asked, func(a mailbox.Ask) bool { return a.Method == frame.ConversationPin }), "nobody's call goes out")
}

// Once the session is about to end, answers settle calls and tell nothing.
func TestNothingIsToldOnceTheSessionIsAboutToEnd(t *testing.T) {
	h := newLetters()
	opened := 0
	h.mail.Post(mailbox.OpenConversation{Call: h.mail.Call(func(mailbox.Settle) { opened++ }), Conversation: "C2Ceve"})
	h.ready = false
	h.done[len(h.done)-1](frame.Fields{{Key: "profiles", Value: []frame.Body{frame.Fields{{Key: "userID", Value: "eve"}}}}}, nil)
	require.Equal(t, 1, opened)
	require.Empty(t, h.seen)
}

// A panic of a listener goes up when everything else is done.
func TestAPanicOfAListenerTakesNothingWithIt(t *testing.T) {
	h := newLetters()
	h.on = func(name string) {
		if name == frame.EventConversationListUpdated {
			panic("a listener")
		}
	}
	require.PanicsWithValue(t, "a listener", func() { h.message(2) })
	require.Equal(t, []string{frame.EventConversationListUpdated, frame.EventMessageReceived}, h.seen)
	require.Panics(t, func() { h.message(3) }, "the loop goes on")
}

// A call that a listener makes runs behind the events of the step.
func TestACallInAListenerWaits(t *testing.T) {
	h := newLetters()
	h.on = func(name string) {
		if name == frame.EventConversationListUpdated {
			h.mail.Post(mailbox.ListConversations{Call: h.mail.Call(func(s mailbox.Settle) { h.seen = append(h.seen, s.Conversations...) })})
		}
	}
	h.message(2)
	require.Equal(t, []string{frame.EventConversationListUpdated, frame.EventMessageReceived, "C2Cbob"}, h.seen)
}

// paper is a Page that looks at the deeds.
type paper func(d mailbox.Deed)

func (p paper) Carry(d mailbox.Deed) { p(d) }

// One acknowledgement is out at a time, but the session does not end without one for
// the newest message that the page was given: a later session would be given it again.
func TestALastAcknowledgement(t *testing.T) {
	leaves := map[string]func(c *Client){
		"logout":  func(c *Client) { c.Logout(func(frame.Body, *fault.Error) {}) },
		"destroy": func(c *Client) { c.Destroy(func(frame.Body, *fault.Error) {}) },
	}
	for name, leave := range leaves {
		t.Run(name, func(t *testing.T) {
			p := &place{}
			var c *Client
			received := 0
			c = readyWith(t, p, paper(func(d mailbox.Deed) {
				if e, ok := d.(mailbox.Emit); ok && e.Name == frame.EventMessageReceived {
					if received++; received == 3 {
						leave(c)
					}
				}
			}))
			require.Equal(t, frame.SessionSync, p.last().Method)
			c.OnFrame(p.gen, frame.Message{ID: p.last().ID, Body: frame.Fields{{Key: "cursor", Value: "1.1"}}})
			before := len(p.written)
			for position, cursor := range []string{"2.1", "3.1", "4.1"} {
				c.OnFrame(p.gen, frame.Message{Method: frame.NoteMessages, Body: frame.Fields{
					{Key: "messages", Value: []frame.Body{frame.Fields{{Key: "ID", Value: cursor}, {Key: "conversationID", Value: "C2Cbob"}, {Key: "position", Value: int64(position + 2)}}}},
					{Key: "cursor", Value: cursor},
				}})
			}
			require.Equal(t, 3, received)
			var got []string
			for _, r := range p.written[before:] {
				got = append(got, r.Method)
				if r.Params != nil {
					got = append(got, r.Params.Text("cursor"))
				}
			}
			require.Equal(t, []string{frame.MessageAck, "2.1", frame.MessageAck, "4.1", frame.Logout}, got)
		})
	}
}

// One that has failed, since the link was lost for longer than a call may take, is
// repeated in front of a logout, too.
func TestAnAcknowledgementThatFailed(t *testing.T) {
	p := &place{}
	c := readyWith(t, p, paper(func(mailbox.Deed) {}))
	c.OnFrame(p.gen, frame.Message{ID: p.last().ID, Body: frame.Fields{{Key: "cursor", Value: "1.1"}}})
	c.OnFrame(p.gen, frame.Message{Method: frame.NoteMessages, Body: frame.Fields{
		{Key: "messages", Value: []frame.Body{frame.Fields{{Key: "ID", Value: "m"}, {Key: "conversationID", Value: "C2Cbob"}, {Key: "position", Value: int64(2)}}}},
		{Key: "cursor", Value: "2.1"},
	}})
	require.Equal(t, frame.MessageAck, p.last().Method)
	c.OnFrame(p.gen, frame.Message{ID: p.last().ID, Err: fault.New(fault.ServerTimeout)})
	before := len(p.written)
	c.Logout(func(frame.Body, *fault.Error) {})
	require.Equal(t, frame.MessageAck, p.written[before].Method)
	require.Equal(t, "2.1", p.written[before].Params.Text("cursor"))
	require.Equal(t, frame.Logout, p.last().Method)
}
