package session

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// How long a call may take, in ms, reconnects included.
const (
	callWithin  = 15_000
	renewWithin = 15_000
	maxCalls    = 1_000 // that wait at the same time

	// The pace of calls stays below what frame lets a client send, because
	// logins, pings and the like count there, too.
	callEvery = 25  // ms, sustained
	callBurst = 150 // at once
)

// pending is a call that waits for the gateway's answer. It is sent again on
// the next connection, in the order of the calls.
type pending struct {
	call   Call
	id     int64 // of the frame on the current link, 0 when it is not out
	method string
	params frame.Body
	by     int64 // ms, when it rejects
}

func (m *Machine) send(in Send) {
	if err := m.gate(); err != nil {
		m.outside(in, err)
		return
	}
	within := in.Within
	if within <= 0 {
		within = callWithin
	}
	m.request(pending{call: in.Call, method: in.Method, params: in.Params, by: m.now + within})
}

// request keeps a call and sends it if the session is connected.
func (m *Machine) request(p pending) {
	if len(m.calls) >= maxCalls {
		m.fail(p.call, fault.New(fault.TooFrequent))
		m.renewalFailed(p, "too many calls wait")
		return
	}
	m.calls = append(m.calls, p)
	m.sendAll()
	m.startCallTimer()
}

func (m *Machine) connected() bool { return m.state == Ready || m.state == Syncing }

// sendAll sends what is not out on this link yet, in order and no faster than
// the gateway allows: it would close a connection that floods it, and
// everything that was out would be sent again on the next one. Renewals go
// first, because they must not be late.
func (m *Machine) sendAll() {
	if !m.connected() {
		return
	}
	room := frame.Window
	for i := range m.calls {
		if p := &m.calls[i]; p.method == frame.Renew {
			if p.id == 0 && !m.put(p) {
				return
			}
		} else if p.id != 0 {
			room--
		}
	}
	for i := range m.calls {
		if p := &m.calls[i]; p.id == 0 && p.method != frame.Renew {
			if room == 0 || !m.put(p) {
				return // an answer makes room, or the timer
			}
			room--
		}
	}
}

// put sends one call, unless it has to wait.
func (m *Machine) put(p *pending) bool {
	if wait := m.link.pace(m.now); wait > 0 {
		m.start(TimerPace, wait)
		return false
	}
	p.id = m.write(p.method, p.params)
	return true
}

// pace counts one call and returns 0, or the ms until there is room for it.
func (l *link) pace(now int64) int64 {
	next := max(l.paced, now) + callEvery
	if wait := next - now - callBurst*callEvery; wait > 0 {
		return wait
	}
	l.paced = next
	return 0
}

// unsend marks everything as not sent: the link is gone, so nobody will
// answer.
func (m *Machine) unsend() {
	for i := range m.calls {
		m.calls[i].id = 0
	}
}

func (m *Machine) answered(f frame.Message) {
	for i, p := range m.calls {
		if p.id != f.ID {
			continue
		}
		m.drop(i)
		switch {
		case f.Err != nil:
			m.fail(p.call, f.Err)
			m.renewalFailed(p, f.Err.Message)
		case p.method == frame.Renew:
			m.renewed(p, body(f.Body))
			m.settle(p.call, f.Body)
		default:
			m.settle(p.call, f.Body)
		}
		m.sendAll()
		return
	}
}

// drop removes a call; the one timer is left to find nothing due.
func (m *Machine) drop(i int) {
	copy(m.calls[i:], m.calls[i+1:])
	m.calls[len(m.calls)-1] = pending{}
	m.calls = m.calls[:len(m.calls)-1]
}

func (m *Machine) callsTimedOut() {
	if m.state == LoggingOut && m.now >= m.link.logoutBy {
		m.loggedOut(false)
		return
	}
	for i := 0; i < len(m.calls); {
		p := m.calls[i]
		if p.by > m.now {
			i++
			continue
		}
		m.drop(i)
		m.fail(p.call, fault.With(fault.Timeout, m.cfg.URL))
		m.renewalFailed(p, "the gateway has not answered")
	}
	m.sendAll()
	m.startCallTimer()
}

// startCallTimer sets the one timer for the earliest deadline, including that
// of a logout.
func (m *Machine) startCallTimer() {
	by := m.link.logoutBy
	for _, p := range m.calls {
		if by == 0 || p.by < by {
			by = p.by
		}
	}
	if by == 0 {
		return
	}
	m.start(TimerCalls, max(by-m.now, 1))
}

// failUnsent rejects what is not out when a logout begins. What is out,
// perhaps a read mark that the page has just set, is answered before the
// logout is. A renewal is rejected as well, because it would keep the session
// going.
func (m *Machine) failUnsent(err *fault.Error) {
	m.failThose(err, func(p pending) bool { return p.id == 0 || p.method == frame.Renew })
}

func (m *Machine) failCalls(err *fault.Error) {
	m.failThose(err, func(pending) bool { return true })
}

// failThose removes calls and rejects them.
func (m *Machine) failThose(err *fault.Error, are func(pending) bool) {
	calls := m.calls
	m.calls = nil
	var failed []pending
	for _, p := range calls {
		if are(p) {
			failed = append(failed, p)
		} else {
			m.calls = append(m.calls, p)
		}
	}
	for _, p := range failed {
		m.fail(p.call, err)
	}
}
