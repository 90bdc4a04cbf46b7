package signalling

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// The events, by their names in TSignaling.
const (
	EventInvited   = "newInvitationReceived"
	EventAccepted  = "ts_invitee_accepted"
	EventRejected  = "ts_invitee_rejected"
	EventCancelled = "ts_invitation_cancelled"
	EventTimeout   = "ts_invitation_timeout"
	EventModified  = "ts_invitation_modified"
)

// IsEvent reports whether a name is that of an event of this package. No other
// event of an instance has their prefix.
func IsEvent(name string) bool {
	return name == EventInvited || len(name) > 3 && name[:3] == "ts_"
}

// ends holds the event for each action that ends an invitation.
var ends = [...]string{Cancel: EventCancelled, Accept: EventAccepted, Reject: EventRejected, Timeout: EventTimeout}

const (
	// patience is the time, in ms, by which the inviter's clients end an invitation
	// later than the invitee's.
	patience = 5_000
	// Recent is the time, in ms, within which the inviter still gets an event for an
	// invitation that timed out while none of their clients was running. An older one
	// ends without an event.
	Recent = 600_000
	// most is the number of invitations that are remembered. Beyond that the oldest
	// one with the same peer is forgotten, or the oldest of all if there is none: a
	// peer who sends many invites mostly displaces their own.
	most = 200
	// mostLate is the most Timeouts that this client sends in a minute for
	// invitations of others. Each is a message of this user, and a peer may let any
	// number of invitations time out; the inviter's clients notice that by
	// themselves.
	mostLate = 20
	minute   = 60_000
)

// Event is one event for the page.
type Event struct {
	_       [0]func() // no ==, which tim.wasm would contain
	Name    string
	Signal  *Signal // what happened; for EventTimeout, the signal of the timeout
	Own     bool    // this client has noticed the timeout
	Sends   bool    // and has to send Signal
	invitee string
}

// Data returns the fields that a listener gets.
func (e *Event) Data() frame.Fields {
	var f fields
	e.Signal.common(&f, []string{e.invitee})
	f.text("invitee", e.invitee)
	return append(f.list, frame.Field{Key: "isSelfTimeout", Value: e.Own})
}

// Table holds the invitations of a user who is logged in.
type Table struct {
	user string
	all  []*invitation // in the order in which they became known

	late     int   // the invitations of others that timed out since lateFrom
	lateFrom int64 // when the current minute began
}

type state int

const (
	open state = iota
	opening
	answering
	ended
)

type invitation struct {
	_       [0]func() // as in Event
	*Signal           // the newest form of the invite; its end, if that was seen first
	invitee string
	state   state
	fresh   bool // the page has not been told of it
}

// New returns the table of a user.
func New(user string) *Table { return &Table{user: user} }

// Open enters an invitation that this user is sending. The caller reports the
// outcome by Seen or Failed.
func (t *Table) Open(s *Signal) { t.add(s, s.Peer).state = opening }

// Begin begins to answer or to cancel an invitation, or to modify it with an Invite.
// It returns the signal to send. Except for an Invite, the caller reports the outcome
// by Seen or Failed.
func (t *Table) Begin(now int64, inviteID string, action int64) (*Signal, *fault.Error) {
	v := t.find(inviteID)
	switch {
	case v == nil || v.state != open || t.due(v) <= now:
		return nil, fault.New(fault.NoInvitation)
	case (action < Accept) != (v.Inviter == t.user):
		return nil, fault.New(fault.NotYourInvitation)
	case action != Invite:
		v.state = answering
	}
	return t.signal(v, action), nil
}

// signal returns a signal of this user about an invitation.
func (t *Table) signal(v *invitation, action int64) *Signal {
	s := *v.Signal
	if s.Action, s.From = action, t.user; action != Invite {
		s.Timeout = 0
	}
	return &s
}

// Failed notes that a signal of Open or Begin was not sent.
func (t *Table) Failed(inviteID string) {
	for k, v := range t.all {
		switch {
		case v.InviteID != inviteID:
		case v.state == opening:
			t.drop(k)
			return
		case v.state == answering:
			v.state = open
		}
	}
}

// Seen takes the signals of messages, oldest first, and returns the events. silent
// says that the messages come from the history or from this instance itself: they
// cause no events, with one exception. An invitation in the history that is still
// open is announced, since a page that was reloaded does not know it.
func (t *Table) Seen(now int64, batch []*Signal, silent bool) (events []*Event) {
	for _, s := range batch {
		invitee := t.believe(s)
		if invitee == "" {
			continue
		}
		v := t.find(s.InviteID)
		known := v != nil
		if !known {
			v = t.add(s, invitee)
		} else if v.state == ended || v.Peer != s.Peer || v.Inviter != s.Inviter {
			continue
		}
		name := ends[s.Action]
		switch {
		case s.Action != Invite:
			v.end()
		case !known: // announced after the batch, if it is still open then
			if due := t.due(v); due <= now && (v.Inviter != t.user || due <= now-Recent) {
				v.end()
			} else {
				v.fresh = v.Inviter != t.user
			}
			continue
		default:
			if name = EventModified; v.Data == s.Data {
				name = ""
			}
			if v.Signal = s; v.state == opening {
				v.state = open
			}
		}
		if name != "" && !silent && !v.fresh {
			events = append(events, &Event{Name: name, Signal: s, invitee: invitee})
		}
	}
	for _, v := range t.all {
		if v.fresh && v.state == open {
			events = append(events, &Event{Name: EventInvited, Signal: v.Signal, invitee: v.invitee})
		}
		v.fresh = false
	}
	return events
}

// end ends an invitation and drops its reference to the page's message.
func (v *invitation) end() { v.state, v.Message = ended, nil }

// Next returns the time at which Late has something to do, or 0 for never.
func (t *Table) Next() (at int64) {
	for _, v := range t.all {
		if due := t.due(v); v.state == open && due != never && (at == 0 || due < at) {
			at = due
		}
	}
	return at
}

// Late ends the invitations whose time is up, and returns their events.
func (t *Table) Late(now int64) (events []*Event) {
	for _, v := range t.all {
		if due := t.due(v); v.state == open && due <= now {
			v.end()
			s := t.signal(v, Timeout)
			s.Sent = due
			events = append(events, &Event{Name: EventTimeout, Signal: s, invitee: v.invitee, Own: true, Sends: v.Inviter == t.user || t.mayTell(now)})
		}
	}
	return events
}

// mayTell counts an invitation of others that has timed out, and reports whether this
// client sends the Timeout.
func (t *Table) mayTell(now int64) bool {
	if now-t.lateFrom >= minute {
		t.late, t.lateFrom = 0, now
	}
	t.late++
	return t.late <= mostLate
}

const never = 1<<63 - 1

// due returns the time at which this user's clients end an invitation.
func (t *Table) due(v *invitation) int64 {
	at := v.Sent + 1000*v.Timeout
	switch {
	case v.Timeout == 0:
		return never
	case v.Inviter == t.user:
		return at + patience
	}
	return at
}

// believe returns the invitee of a signal's invitation, or "" if its sender may not
// send it.
func (t *Table) believe(s *Signal) (invitee string) {
	invitee = t.user
	if s.Inviter == t.user {
		invitee = s.Peer
	} else if s.Inviter != s.Peer {
		return ""
	}
	switch {
	case s.GroupID != "",
		s.Action == Invite && (len(s.Invitees) != 1 || s.Invitees[0] != invitee),
		s.From != s.Inviter && s.From != invitee,
		s.Action != Timeout && (s.Action < Accept) != (s.From == s.Inviter):
		return ""
	}
	return invitee
}

func (t *Table) find(inviteID string) *invitation {
	for _, v := range t.all {
		if v.InviteID == inviteID {
			return v
		}
	}
	return nil
}

// add enters an invitation, and forgets another one if there are too many.
func (t *Table) add(s *Signal, invitee string) *invitation {
	if len(t.all) >= most {
		oldest := 0
		for k, v := range t.all {
			if v.Peer == s.Peer {
				oldest = k
				break
			}
		}
		t.drop(oldest)
	}
	v := &invitation{Signal: s, invitee: invitee}
	t.all = append(t.all, v)
	return v
}

func (t *Table) drop(k int) { t.all = append(t.all[:k:k], t.all[k+1:]...) }
