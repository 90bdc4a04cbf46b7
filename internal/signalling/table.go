package signalling

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// The events, as TSignaling names them.
const (
	EventInvited   = "newInvitationReceived"
	EventAccepted  = "ts_invitee_accepted"
	EventRejected  = "ts_invitee_rejected"
	EventCancelled = "ts_invitation_cancelled"
	EventTimeout   = "ts_invitation_timeout"
	EventModified  = "ts_invitation_modified"
)

// IsEvent reports whether a name is that of an event: no other event of an
// instance begins as theirs do.
func IsEvent(name string) bool {
	return name == EventInvited || len(name) > 3 && name[:3] == "ts_"
}

// ends are the events of the actions that end an invitation.
var ends = [...]string{Cancel: EventCancelled, Accept: EventAccepted, Reject: EventRejected, Timeout: EventTimeout}

const (
	// patience is how much later than the invitee the inviter notices that the
	// time is up, in ms.
	patience = 5_000
	// Recent is how old an invitation may be that ran out while nobody was there
	// to say so, in ms. An older one is over without an event.
	Recent = 600_000
	// most is how many invitations are remembered. Beyond that the oldest with the
	// same peer gives way, or else the oldest of all: who sends invites without end
	// pushes out their own.
	most = 200
	// mostLate is how many invitations of others this client says in a minute to
	// have run out, as each costs this user a message: a peer may let any number
	// run out. The inviter's clients notice that by themselves.
	mostLate = 20
	minute   = 60_000
)

// Event is one event for the page.
type Event struct {
	_       [0]func() // no ==, which tim.wasm would contain
	Name    string
	Signal  *Signal // what it reports; of EventTimeout what its message says
	Own     bool    // this client has noticed that the time is up
	Sends   bool    // and has to send Signal
	invitee string
}

// Data are the fields that a listener gets.
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

	late     int   // how many of others were said to have run out since lateFrom
	lateFrom int64 // begins again once a minute is over
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
	*Signal           // the invite in its newest form, or else the end that was seen first
	invitee string
	state   state
	fresh   bool // the page has not heard of it
}

// New returns the table of a user.
func New(user string) *Table { return &Table{user: user} }

// Open enters an invitation that this user is sending. It has to be Seen, or to
// have Failed.
func (t *Table) Open(s *Signal) { t.add(s, s.Peer).state = opening }

// Begin begins to answer, to cancel or, as an Invite, to modify an invitation. It
// returns a signal to send: but for an Invite it has to be Seen or to have
// Failed.
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

// signal returns one of this user about an invitation.
func (t *Table) signal(v *invitation, action int64) *Signal {
	s := *v.Signal
	if s.Action, s.From = action, t.user; action != Invite {
		s.Timeout = 0
	}
	return &s
}

// Failed says that a signal of Open or Begin was not sent.
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

// Seen takes the signals of messages that have come, oldest first. Silent ones
// are of a page of the history, or of this instance itself: they have no events,
// but an invitation in the history that is still open is new to a page that was
// reloaded.
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
		case !known: // it is the page's once the batch is through
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

// end ends an invitation, and lets go of the page's message.
func (v *invitation) end() { v.state, v.Message = ended, nil }

// Next returns when Late has something to do, 0 for never.
func (t *Table) Next() (at int64) {
	for _, v := range t.all {
		if due := t.due(v); v.state == open && due != never && (at == 0 || due < at) {
			at = due
		}
	}
	return at
}

// Late ends the invitations whose time is up.
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

// mayTell counts one more invitation of others that has run out, and reports
// whether this client says so.
func (t *Table) mayTell(now int64) bool {
	if now-t.lateFrom >= minute {
		t.late, t.lateFrom = 0, now
	}
	t.late++
	return t.late <= mostLate
}

const never = 1<<63 - 1

// due returns when this user's clients end an invitation.
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

// believe returns who is invited by the invitation of a signal, or "" if its
// sender may not send it.
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

// add enters an invitation, and forgets another if there are too many.
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
