package mailbox

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Times of a synchronisation, in ms.
const (
	syncWithin = 20_000
	syncRetry  = 1_000
	listWithin = 20_000 // how long a call waits for the list while synchronising fails
)

// waiting is a call that needs the list, and until when it waits.
type waiting struct {
	by  int64
	run func(err *fault.Error)
}

func (m *Machine) began(in Began) {
	m.ended() // in case an earlier session did not say that it had ended
	m.state, m.user = First, in.User
	m.synchronise()
}

// linkLost ends the attempt under way, since its other end is gone with the
// link. The session repeats the calls that were out; once the link is back a new
// attempt begins.
func (m *Machine) linkLost() {
	switch m.state {
	case Live:
		m.state = Lost
	case First, Lost:
	case Out, Ending:
		return
	}
	m.running, m.roomLost = false, true
	m.groups.again = m.groups.asking
	m.topics.noted = nil // what is asked again knows of all that was noted
}

func (m *Machine) linkBack() {
	if (m.state == First || m.state == Lost) && !m.running {
		m.synchronise()
	}
}

func (m *Machine) leaving() {
	if m.state != Out {
		m.state = Ending
	}
}

// synchronise asks for what this instance has not seen. The gateway pushes it
// before it answers, and from then on pushes what comes.
func (m *Machine) synchronise() {
	m.attempts++
	m.running = true
	m.brokeOff()
	params := text("cursor", m.cursor)
	if len(m.watched) > 0 {
		params = append(params, texts("watch", append([]string(nil), m.watched...))...)
	}
	m.catchUp(frame.SessionSync, params)
}

func (m *Machine) catchUp(method string, params frame.Fields) {
	attempt := m.attempts
	m.ask(method, params, syncWithin, func(result frame.Body, err *fault.Error) {
		switch {
		case attempt != m.attempts:
		case err != nil && err.Code != frame.CodeNoMethod: // a gateway without messages has no such method
			m.syncFailed(err)
		case err == nil && result.Bool("more"):
			m.catchUp(frame.SessionMore, frame.Fields{})
		default:
			m.stands(result)
			m.synchronised()
		}
	})
}

// syncFailed tries again for as long as the session lasts.
func (m *Machine) syncFailed(err *fault.Error) {
	if m.state == Ending {
		return
	}
	if m.running { // otherwise the link is lost, and the failure was to be expected
		m.do(Log{Level: 2, Text: "messages could not be synchronised: " + err.Message})
	}
	m.do(Wake{After: syncRetry, Attempt: m.attempts})
	all := m.waiting
	m.waiting = nil
	for _, w := range all {
		if w.by > m.now {
			m.waiting = append(m.waiting, w)
		} else {
			w.run(err)
		}
	}
}

// woke tries again, also while the link is lost, so that calls that wait for the
// list fail in time.
func (m *Machine) woke(in Woke) {
	if in.Attempt != m.attempts {
		return
	}
	if m.state == First || m.state == Lost {
		linked := m.running
		m.synchronise()
		m.running = linked
	}
	if m.state == Live {
		m.rejoin()
	}
	m.groupsIfLive()
}

// synchronised is called once everything up to now has come. After a login the
// page is told the whole list, even an empty one, and the total.
func (m *Machine) synchronised() {
	if m.state == First {
		m.listChanged, m.moved, m.toldTotal = true, true, -1
		m.convGroups.moved = nil // the list shows it
	}
	if m.state == Lost {
		m.contactsMissed()
	}
	m.running = false
	if m.state != Ending {
		m.rejoin()
		m.state = Live
	}
	waiting := m.waiting
	m.waiting = nil
	m.flush()
	m.refreshGroups()
	for _, w := range waiting {
		w.run(nil)
	}
}

// stands merges the cursor that a notification or an answer carries.
func (m *Machine) stands(b frame.Body) {
	if c := b.Text("cursor"); c != "" {
		m.cursor = merged(m.cursor, c)
	}
}

// whenListed runs f once the list is there, or fails the call.
func (m *Machine) whenListed(c Call, f func()) {
	switch m.state {
	case Out, Ending:
		m.refuse(c)
	case First:
		m.waiting = append(m.waiting, waiting{by: m.now + listWithin, run: func(err *fault.Error) {
			if err != nil {
				m.fail(c, err)
				return
			}
			f()
		}})
	case Live, Lost:
		f()
	}
}

// refuse ends a call that needs a session when there is none. It asks the session
// for anything at all, because the refusal has the reason.
func (m *Machine) refuse(c Call) {
	m.ask(frame.SessionMore, frame.Fields{}, 0, func(_ frame.Body, err *fault.Error) {
		if err == nil {
			err = fault.New(fault.NotReady)
		}
		m.fail(c, err)
	})
}
