package session

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// received takes a frame of the current link.
func (m *Machine) received(f frame.Message) {
	m.link.seenAt = m.now
	if m.link.ping != 0 {
		m.link.ping = 0
		m.stop(TimerPong)
	}
	if f.Method != "" {
		m.notified(f)
		return
	}
	switch {
	case f.ID == 0:
	case f.ID == m.link.login:
		m.loginAnswer(f)
	case f.ID == m.link.logout:
		if m.state == LoggingOut {
			m.loggedOut(true)
		}
	default:
		m.answered(f)
	}
}

func (m *Machine) loginAnswer(f frame.Message) {
	if m.state != Authenticating {
		return
	}
	switch {
	case f.Err == nil:
		m.admitted(body(f.Body))
	case f.Err.Code == frame.CodeDuplicate:
		// Another page lives as this instance: this one was copied from it.
		m.acc.instance = m.cfg.Secret()
		m.do(Store{Text: storeText(m.acc.userID, m.acc.instance)})
		m.authenticate()
	case !m.acc.admitted:
		m.end(ReasonLoginFailed, f.Err, closeUnwanted)
	default:
		again, why := retryFault(f.Err.Code)
		if !again {
			m.kicked(why)
			return
		}
		m.outage.detail = f.Err.Message
		m.dropLink(closeUnwanted, "")
		m.lost(0)
	}
}

// notified takes a notification of the gateway.
func (m *Machine) notified(f frame.Message) {
	switch f.Method {
	case frame.Evicted:
		switch m.state {
		case Authenticating, Syncing, Ready, LoggingOut:
			m.kicked(kickReason(body(f.Body).Text("type")))
		case LoggedOut, Connecting, Waiting:
		}
	case frame.Drain:
		// The close follows; until then the gateway still answers.
	default:
		// Nothing is delivered to a session that is not, or no longer, there.
		if m.acc.admitted && m.state != LoggingOut {
			m.do(Notify{Method: f.Method, Body: body(f.Body)})
		}
	}
}

func body(b frame.Body) frame.Body {
	if b == nil {
		return frame.Fields{}
	}
	return b
}

// Times around the end of a UserSig, in ms.
const (
	warnBefore  = 30_000
	expireGrace = 10_000 // a connected session leaves the end to the gateway's clock
)

func (m *Machine) setClock(serverTime int64) {
	if serverTime > 0 {
		m.clock.known, m.clock.offset = true, serverTime-m.now
	}
}

// setExpiry starts the timers for the end of the UserSig. What counts is how
// much the gateway says is left, so a wrong clock on this side does no harm.
func (m *Machine) setExpiry(left int64) {
	m.acc.expiresAt = m.now + left
	m.acc.warnDue = false
	m.start(TimerWarn, max(left-warnBefore, 0))
	m.start(TimerExpire, max(left, 0))
}

func (m *Machine) warn() {
	if !m.acc.admitted || m.state == LoggingOut {
		return
	}
	if left := m.acc.expiresAt - warnBefore - m.now; left > 0 {
		m.start(TimerWarn, left)
		return
	}
	m.acc.warnDue = !m.announced
	if m.announced {
		m.emit(EventUserSigWillExpire, frame.Fields{{Key: "expireAt", Value: m.acc.expiresAt + m.clock.offset}})
	}
}

// expired: without a connection the session ends by its own count; with one
// the gateway decides, and only a gateway that forgot is overruled.
func (m *Machine) expired() {
	if !m.acc.admitted || m.state == LoggingOut {
		return
	}
	end := m.acc.expiresAt
	if m.state == Ready || m.state == Syncing {
		end += expireGrace
	}
	if left := end - m.now; left > 0 {
		m.start(TimerExpire, left)
		return
	}
	if sig := m.renewal(); sig != "" {
		// A renewal is under way: the reconnect tries it.
		m.acc.userSig = sig
		return
	}
	m.kicked(ReasonUserSigExpired)
}

func (m *Machine) renew(in Renew) {
	switch {
	case in.UserSig == "":
		m.fail(in.Call, fault.New(fault.NoUserSig))
	case !m.acc.admitted:
		m.fail(in.Call, m.gate())
	case m.state == LoggingOut:
		m.fail(in.Call, fault.New(fault.LoggedOut))
	default:
		m.request(pending{call: in.Call, method: frame.Renew, params: frame.Fields{{Key: "userSig", Value: in.UserSig}}, by: m.now + renewWithin})
	}
}

// renewed takes the gateway's yes to a renewal.
func (m *Machine) renewed(p pending, b frame.Body) {
	m.acc.userSig = p.params.Text("userSig")
	m.setExpiry(b.Number("expiresIn"))
}

// renewal gives the newest UserSig that waits for the gateway's answer.
func (m *Machine) renewal() string {
	for i := len(m.calls) - 1; i >= 0; i-- {
		if m.calls[i].method == frame.Renew {
			return m.calls[i].params.Text("userSig")
		}
	}
	return ""
}
