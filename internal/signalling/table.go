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
	// one of the same sender is forgotten, or the oldest of all if there is none: who
	// sends many invites mostly displaces their own. This user displaces others'.
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
	_        [0]func() // no ==, which tim.wasm would contain
	Name     string
	Signal   *Signal  // what happened; for EventTimeout, the signal of the timeout
	Own      bool     // this client has noticed the timeout
	Sends    bool     // and has to send Signal
	invitees []string // whom it concerns
}

// Data returns the fields that a listener gets.
func (e *Event) Data() frame.Fields {
	var f fields
	e.Signal.common(&f, e.invitees)
	invitee := ""
	if len(e.invitees) == 1 {
		invitee = e.invitees[0]
	}
	f.text("invitee", invitee)
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
	unheard // somebody in a group has answered, but the invite was not seen yet
	ended
)

type invitation struct {
	_        [0]func() // as in Event
	*Signal            // the newest form of the invite; another signal, if that was seen first
	answered []string  // those who have answered, or whose time is up
	state    state
	fresh    bool // the page has not been told of it
}

// New returns the table of a user.
func New(user string) *Table { return &Table{user: user} }

// Open enters an invitation that this user is sending. The caller reports the
// outcome by Seen or Failed.
func (t *Table) Open(s *Signal) {
	s.From = t.user
	t.add(s).state = opening
}

// Begin begins to answer or to cancel an invitation, or to modify it with an Invite.
// It returns the signal to send. Except for an Invite, the caller reports the outcome
// by Seen or Failed.
func (t *Table) Begin(now int64, inviteID string, action int64) (*Signal, *fault.Error) {
	v := t.find(inviteID)
	switch {
	case v == nil || v.state != open || t.due(v) <= now || has(v.answered, t.user):
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
	if s.Action, s.From = action, t.user; action == Invite {
		return &s
	}
	s.Timeout = 0
	if s.Invitees = t.left(v); v.Inviter != t.user {
		s.Invitees = []string{t.user}
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
		v := t.find(s.InviteID)
		if v != nil && (v.state == ended || v.Peer != s.Peer || v.GroupID != s.GroupID || v.Inviter != s.Inviter) || !t.believe(s, v) {
			continue
		}
		known := v != nil && v.state != unheard
		if v == nil {
			v = t.add(s)
		}
		e := &Event{Name: ends[s.Action], Signal: s, invitees: t.invitees(s)}
		// Who has answered is not told that the others cannot any more.
		concerned := s.Action >= Accept || !has(v.answered, t.user)
		switch {
		case s.Action != Invite:
			if !known && s.GroupID != "" {
				v.Signal, v.state = s, unheard
			}
			e.invitees = t.answer(v, s.From)
		case !known: // announced after the batch, if it is still open then
			v.Signal, v.state = s, open
			due := t.due(v)
			if len(t.left(v)) == 0 || due <= now && (v.Inviter != t.user || due <= now-Recent) {
				v.end()
			} else {
				v.fresh = v.Inviter != t.user
			}
			continue
		default:
			if e.Name = EventModified; v.Data == s.Data {
				e.Name = ""
			}
			if v.Signal = s; v.state == opening {
				v.state = open
			}
		}
		if e.Name != "" && concerned && !silent && !v.fresh {
			events = append(events, e)
		}
	}
	for _, v := range t.all {
		if v.fresh && v.state == open && !has(v.answered, t.user) {
			events = append(events, &Event{Name: EventInvited, Signal: v.Signal, invitees: t.invitees(v.Signal)})
		}
		v.fresh = false
	}
	return events
}

// answer takes the end of an invitation, or in a group of one invitee's part in it,
// and returns whom that concerns.
func (t *Table) answer(v *invitation, from string) (invitees []string) {
	if from == v.Inviter {
		invitees = t.left(v)
		v.end()
		return invitees
	}
	v.answered = append(v.answered, from)
	switch {
	case v.state == unheard:
	case len(t.left(v)) == 0:
		v.end()
	case from == t.user:
		v.state = open // for the others
	}
	return []string{from}
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

// Late ends the invitations whose time is up, and returns their events. In a group
// only the inviter's clients send a Timeout, for all who have not answered: those of
// many invitees would send as many messages to all members at once.
func (t *Table) Late(now int64) (events []*Event) {
	for _, v := range t.all {
		if due := t.due(v); v.state == open && due <= now {
			if has(v.answered, t.user) {
				v.end()
				continue
			}
			s := t.signal(v, Timeout)
			s.Sent = due
			t.answer(v, t.user)
			events = append(events, &Event{Name: EventTimeout, Signal: s, invitees: s.Invitees, Own: true, Sends: v.Inviter == t.user || v.GroupID == "" && t.mayTell(now)})
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

// due returns the time at which this user's clients end an invitation. Those of an
// invitee who has answered in a group wait for the inviter's Timeout.
func (t *Table) due(v *invitation) int64 {
	at := v.Sent + 1000*v.Timeout
	switch {
	case v.Timeout == 0:
		return never
	case v.Inviter == t.user:
		return at + patience
	case has(v.answered, t.user):
		return at + 2*patience
	}
	return at
}

// believe reports whether the sender of a signal may send it about an invitation,
// which is nil if it is not known, and whether it is this user's business.
func (t *Table) believe(s *Signal, v *invitation) bool {
	switch {
	case s.GroupID != "":
		return s.GroupID == s.Peer && t.believeInGroup(s, v)
	case s.Inviter != t.user && s.Inviter != s.Peer:
		return false
	}
	invitee := t.invitees(s)[0]
	return (s.Action != Invite || len(s.Invitees) == 1 && s.Invitees[0] == invitee) &&
		(s.From == s.Inviter || s.From == invitee) &&
		(s.Action == Timeout || (s.Action < Accept) == (s.From == s.Inviter))
}

// believeInGroup is believe for a group. Of invitations of others to others this
// user's table holds nothing. Anybody may send an answer to an invite that was not
// seen yet, which may still come from the history.
func (t *Table) believeInGroup(s *Signal, v *invitation) bool {
	switch {
	case s.From == s.Inviter:
		return (s.Action < Accept || s.Action == Timeout) &&
			(s.Inviter == t.user || has(s.Invitees, t.user) || s.Action != Invite && v != nil)
	case s.Action < Accept:
		return false
	case v == nil:
		return s.Inviter == t.user || s.From == t.user
	case has(v.answered, s.From):
		return false
	case v.state == unheard:
		return len(v.answered) < most
	}
	return has(v.Invitees, s.From)
}

// invitees returns those whom a signal's invitation invites.
func (t *Table) invitees(s *Signal) []string {
	switch {
	case s.GroupID != "":
		return s.Invitees
	case s.Inviter == t.user:
		return []string{s.Peer}
	}
	return []string{t.user}
}

// left returns those of an invitation's invitees who have not answered.
func (t *Table) left(v *invitation) (left []string) {
	for _, one := range t.invitees(v.Signal) {
		if !has(v.answered, one) {
			left = append(left, one)
		}
	}
	return left
}

func has(list []string, one string) bool {
	for _, s := range list {
		if s == one {
			return true
		}
	}
	return false
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
func (t *Table) add(s *Signal) *invitation {
	if len(t.all) >= most {
		oldest := 0
		for k, v := range t.all {
			if v.From == s.From && s.From != t.user || v.From != t.user && s.From == t.user {
				oldest = k
				break
			}
		}
		t.drop(oldest)
	}
	v := &invitation{Signal: s}
	t.all = append(t.all, v)
	return v
}

func (t *Table) drop(k int) { t.all = append(t.all[:k:k], t.all[k+1:]...) }
