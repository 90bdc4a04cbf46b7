package mailbox

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// keep puts messages on a pile that an event takes.
func (m *Machine) keep(list []frame.Body, pile Pile) {
	for rest := list; len(rest) > 0; {
		n := sameReader(rest)
		k := m.read(Keep{Messages: rest[:n], Pile: pile})
		if k.Notices = pile == PileReceived && rest[0].Text("conversationID") == system; k.Notices {
			m.wait(PileNotices)
		}
		m.do(k)
		rest = rest[n:]
	}
	m.foreseen(list)
	m.wait(pile)
}

// sameReader returns how many messages at the head of a list are of one group, are
// notices, or are neither.
func sameReader(list []frame.Body) int {
	of := func(b frame.Body) string {
		if id := b.Text("conversationID"); isGroup(id) || id == system {
			return id
		}
		return ""
	}
	first, n := of(list[0]), 1
	for n < len(list) && of(list[n]) == first {
		n++
	}
	return n
}

// read adds whose messages of a group they are, and how far those were read.
func (m *Machine) read(k Keep) Keep {
	if id := k.Messages[0].Text("conversationID"); isGroup(id) {
		k.Reader, k.ReadUpTo = m.user, m.ReadUpTo(id)
	}
	return k
}

// wait has the next flush fire the event of a pile.
func (m *Machine) wait(pile Pile) {
	for n, e := range pileEvents {
		m.waits[n] = m.waits[n] || e.pile == pile
	}
}

// emit fires an event, unless the session is about to end.
func (m *Machine) emit(e Emit) {
	if m.state != Ending {
		m.do(e)
	}
}

// current reports whether the page may be told what has changed: not while more
// is coming, and not once the session is about to end, because what the page is
// given then could not be acknowledged.
func (m *Machine) current() bool {
	return m.state == Live || m.state == Lost && !m.running
}

// flush tells the page what has come.
func (m *Machine) flush() {
	if !m.current() {
		return
	}
	m.shown = m.cursor
	if m.waits[0] {
		m.ack() // before the events: a listener may log out, and the page gets them nevertheless
	}
	if m.groups.changed {
		m.groups.changed = false
		m.emit(Emit{Name: frame.EventGroupListUpdated, Groups: m.groupKeys()})
	}
	switch {
	case m.listChanged:
		if m.moved {
			m.do(Arrange{Order: keys(m.list)})
		}
		m.emit(Emit{Name: frame.EventConversationListUpdated, List: true})
	case m.profiled:
		m.emit(Emit{Name: frame.EventConversationListUpdated, List: true, Pile: PileProfiles})
	}
	m.tellGroups()
	if total := m.Total(); total != m.toldTotal && len(m.coming) == 0 { // otherwise parts of the list are missing
		m.toldTotal = total
		m.emit(Emit{Name: frame.EventTotalUnreadMessageCountUpdated, Data: total})
	}
	m.tellPiles()
	if len(m.pins) > 0 {
		m.do(EmitPins{Pins: m.pins})
		m.pins = nil
	}
	m.tellTopics()
	m.listChanged, m.moved, m.profiled = false, false, false
}

// tellPiles fires the events of piles that have got messages.
func (m *Machine) tellPiles() {
	for n, e := range pileEvents {
		if m.waits[n] {
			m.emit(Emit{Name: e.event, Pile: e.pile})
			m.waits[n] = false
		}
	}
}

// ack acknowledges to the gateway what the page is given, one call at a time. The
// gateway answers it a quarter of a second later: what the page is given meanwhile
// goes into one further call.
func (m *Machine) ack() {
	if m.acking {
		m.ackAgain = true
		return
	}
	if m.shown == "" || m.shown == m.acked {
		return
	}
	m.acking, m.acked = true, m.shown
	m.ask(frame.MessageAck, text("cursor", m.shown), 0, func(_ frame.Body, err *fault.Error) {
		m.acking = false
		if m.unheard = err != nil; m.unheard {
			m.acked = ""
		}
		if m.ackAgain {
			m.ackAgain = false
			m.ack()
		}
	})
}

// Unacknowledged returns how far the page has been given messages that are yet to be
// acknowledged: once the call that is out is answered, or because one has failed. It is
// "" if there are none.
func (m *Machine) Unacknowledged() string {
	if !m.ackAgain && !m.unheard || m.shown == m.acked {
		return ""
	}
	return m.shown
}
