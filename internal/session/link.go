package session

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Close codes that a client may send.
const (
	closeNormal   = 1000
	closeUnwanted = 3000 // the attempt is given up
	closeSilent   = 3001 // no answer to a ping

	keepLink = 0 // nothing is closed

	earlyBeat = 1_000 // ms that a ping may come early: the last pong came a moment after its ping
)

type phase int

const (
	linkNone phase = iota
	linkDialing
	linkOpen
)

// link is the one connection that counts.
type link struct {
	gen        Gen
	phase      phase
	since      int64 // when the dial began, then when it opened
	despite    bool  // dialled although the host reports offline
	login      int64 // id of the login frame on this link, 0 before
	logout     int64
	logoutBy   int64 // when the answer to it is given up, 0 before
	admittedAt int64
	beat       int64 // ms of silence before a ping
	seenAt     int64 // the last frame
	ping       int64 // id of the ping that waits for an answer
	pingAt     int64
	pongBy     int64
	askedAgain bool  // because the pong's timer came late
	duplicates int   // answers that found this instance in another page
	paced      int64 // when the calls that went out would have, at an even pace
}

func (m *Machine) dial() {
	m.link = link{gen: m.link.gen + 1, phase: linkDialing, since: m.now, despite: !m.online}
	m.do(Dial{Gen: m.link.gen})
}

// dropLink closes the connection, if there is one, and forgets it.
func (m *Machine) dropLink(code int, reason string) {
	if m.link.phase != linkNone {
		m.do(Close{Gen: m.link.gen, Code: code, Reason: reason})
	}
	m.link = link{gen: m.link.gen}
}

// write sends a request on the current link and returns its id.
func (m *Machine) write(method string, params frame.Body) int64 {
	m.ids++
	m.do(Write{Gen: m.link.gen, Request: frame.Request{ID: m.ids, Method: method, Params: params}})
	return m.ids
}

// connect begins an attempt of the session.
func (m *Machine) connect() {
	m.state = Connecting
	m.stop(TimerRetry)
	m.start(TimerAttempt, m.outage.attemptWithin(m.acc.admitted))
	m.dial()
}

func (m *Machine) opened() {
	m.link.phase = linkOpen
	m.link.since = m.now
	m.proven = m.link.despite
	if m.state == Connecting {
		m.authenticate()
	}
}

// gone handles a connection that failed to open or has closed.
func (m *Machine) gone(code int, detail string) {
	m.link = link{gen: m.link.gen, admittedAt: m.link.admittedAt}
	if m.state == Connecting && !m.acc.admitted {
		m.proven = false // one failed dial is enough for a login
	}
	switch m.state {
	case LoggedOut, Fetching:
		// It was an early socket: login will dial again.
		return
	case LoggingOut:
		m.loggedOut(code == frame.CloseLoggedOut)
		return
	case Connecting, Authenticating, Syncing, Ready, Visiting, Waiting:
	}
	m.outage.detail = closeText(code, detail)
	again, why := retry(code, detail)
	switch {
	case m.acc.group != "" && frame.FinalClose(code):
		m.visitOver(fault.New(fault.NoSuchGroup))
	case again:
		m.lost(code)
	case m.provides(why):
		m.refetch()
	case m.state == Authenticating && m.acc.again && code == frame.CloseEvicted: // its frame did not arrive
		m.evictedBefore()
	case m.acc.admitted || code == frame.CloseEvicted:
		m.kicked(why)
	default:
		m.acc.asking = false // the gateway has spoken
		m.end(ReasonLoginFailed, fault.With(fault.NetworkError, m.cfg.URL+": "+m.outage.detail), closeUnwanted)
	}
}

// lost handles a session without a connection: it waits for the next attempt.
func (m *Machine) lost(closeCode int) {
	if m.state == Authenticating && m.acc.asking {
		// From here on an eviction may be of what that link was about.
		m.acc.again, m.acc.asking, m.acc.unheard = false, false, true
	}
	m.stopSessionTimersButExpiry()
	m.stop(TimerAttempt)
	m.unsend()
	m.outage.lost(m.now, m.link.admittedAt, closeCode)
	m.link.admittedAt = 0
	m.state = Waiting
	if m.offline() {
		m.stop(TimerRetry)
		switch {
		case !m.acc.admitted:
			m.end(ReasonLoginFailed, fault.New(fault.Offline), closeUnwanted)
			return
		case m.cfg.Local:
			m.start(TimerRetry, lateCap)
		}
		m.tellNet(netDisconnected)
		return
	}
	if m.acc.admitted {
		m.tellNet(netConnecting)
	}
	m.start(TimerRetry, m.outage.delay(m.now, m.cfg.Jitter))
}

// offline reports whether there is no network, as far as is known. A host
// whose only network is its own reports offline for ever, and still reaches a
// gateway there: a link that opened counts more than what the host says.
func (m *Machine) offline() bool { return !m.online && !m.proven }

// mayDial reports whether to dial. Offline, only a gateway on this machine is
// dialled: once for a login, and now and then for a session.
func (m *Machine) mayDial() bool { return m.cfg.Local || !m.offline() }

func (m *Machine) retryNow() {
	if m.state == Waiting && m.mayDial() {
		m.connect()
	}
}

// attemptTimedOut ends an attempt that has taken too long. A first login has
// its own limit and keeps a slow attempt, but not a socket that stood by
// before it.
func (m *Machine) attemptTimedOut() {
	switch m.state {
	case Connecting, Authenticating:
		m.outage.detail = "no answer"
		m.dropLink(closeUnwanted, "no answer")
		m.lost(0)
	case LoggedOut, Fetching, Syncing, Ready, Visiting, Waiting, LoggingOut:
	}
}

// network handles the host's report of online or offline. For an open link
// that is only a hint, so the link is probed. A dial under way would find out
// much later what the host knows now, and a waiting session dials as soon as
// it can.
func (m *Machine) network(online bool) {
	if m.online == online {
		return
	}
	m.online, m.proven = online, false
	m.link.despite = false // an earlier dial says nothing about now
	switch m.state {
	case Waiting:
		switch {
		case online:
			if m.acc.admitted {
				m.tellNet(netConnecting)
			}
			m.connect()
		default:
			m.lost(0)
		}
	case Connecting:
		switch {
		case online:
			m.redial()
		default:
			m.dropLink(closeUnwanted, "offline")
			if m.cfg.Local {
				m.connect()
			} else {
				m.lost(0)
			}
		}
	case Authenticating:
		switch {
		case online:
			m.redial()
		default:
			m.start(TimerAttempt, frame.ProbeWithin)
		}
	case Ready, Syncing, Visiting:
		m.probe()
	case LoggedOut, Fetching, LoggingOut:
	}
}

// shown handles a page or mini program that was away: timers may have slept,
// and the link may be dead without having reported it.
func (m *Machine) shown() {
	switch m.state {
	case Waiting:
		m.retryNow()
	case Connecting, Authenticating:
		m.redial()
	case Ready, Syncing, Visiting:
		m.probe()
	case LoggedOut, Fetching, LoggingOut:
	}
}

// redial replaces an attempt of a running session that is older than a second.
func (m *Machine) redial() {
	const young = 1_000
	if m.acc.admitted && m.mayDial() && m.now-m.link.since > young {
		m.dropLink(closeUnwanted, "network changed")
		m.connect()
	}
}

func (m *Machine) startBeat() {
	m.link.seenAt = m.now
	m.start(TimerBeat, m.link.beat)
}

// beat pings when the link has been silent for the heartbeat's time. Frames
// that came meanwhile only postpone it here, so that none of them costs a
// timer.
func (m *Machine) beat() {
	if m.state != Ready && m.state != Syncing && m.state != Visiting {
		return
	}
	if left := m.link.seenAt + m.link.beat - m.now; left > earlyBeat {
		m.start(TimerBeat, left)
		return
	}
	m.ping(frame.PongWithin)
	m.start(TimerBeat, m.link.beat)
}

// probe checks at once whether the link is alive.
func (m *Machine) probe() { m.ping(frame.ProbeWithin) }

func (m *Machine) ping(within int64) {
	by := m.now + within
	if m.link.ping != 0 && m.link.pongBy <= by {
		return
	}
	m.link.ping = m.write(frame.Ping, nil)
	m.link.pingAt, m.link.pongBy = m.now, by
	m.start(TimerPong, within)
}

// pongMissing gives up a silent link. A timer that fires late has slept
// together with the page, and so has the answer: then the link is probed once
// more, but not for ever, because in a hidden tab every timer is late.
func (m *Machine) pongMissing() {
	const late = 1_000
	if m.link.ping == 0 || (m.state != Ready && m.state != Syncing && m.state != Visiting) {
		return
	}
	if m.now > m.link.pongBy+late && !m.link.askedAgain {
		m.link.ping = 0
		m.link.askedAgain = true
		m.probe()
		return
	}
	m.outage.detail = "no answer"
	m.dropSilent()
}

func (m *Machine) dropSilent() {
	at := m.link.admittedAt
	m.dropLink(closeSilent, "no answer")
	m.link.admittedAt = at
	m.lost(0)
}

// stopSessionTimersButExpiry stops what belongs to a connection.
func (m *Machine) stopSessionTimersButExpiry() {
	m.stop(TimerBeat)
	m.stop(TimerPong)
	m.stop(TimerPace)
}

// stopSessionTimers stops what belongs to a session.
func (m *Machine) stopSessionTimers() {
	m.stopSessionTimersButExpiry()
	m.stop(TimerWarn)
	m.stop(TimerExpire)
	m.stop(TimerCalls)
}

func closeText(code int, detail string) string {
	switch {
	case detail != "":
		return detail
	case code == 0:
		return "the connection could not be opened"
	default:
		return "the connection was closed"
	}
}
