package session

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// received handles a frame of the current link.
func (m *Machine) received(f frame.Message) {
	m.link.seenAt = m.now
	if m.link.ping != 0 && f.ID == m.link.ping && f.Err == nil {
		m.checkClock(body(f.Body).Number("serverTime"))
	}
	if m.link.ping != 0 {
		m.link.ping = 0
		m.link.askedAgain = false
		m.stop(TimerPong)
	}
	if f.Method != "" {
		m.notified(f)
		return
	}
	m.response(f)
}

// response handles how a request on the current link has ended.
func (m *Machine) response(f frame.Message) {
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
	case f.Err == nil && f.Body == nil:
		m.outage.detail = "the gateway's answer to login holds no result"
		m.dropLink(closeUnwanted, "")
		m.lost(0)
	case f.Err == nil:
		m.admitted(f.Body)
	case m.acc.group != "" && (!m.acc.admitted || f.Err.Code != fault.TooFrequent && f.Err.Code != fault.ServerTimeout && f.Err.Code != fault.Internal):
		m.visitOver(f.Err) // a gateway that is only busy is asked again, by whom it has let in before
	case f.Err.Code == frame.CodeDuplicate:
		// Another page lives as this instance: this page was copied from it. A
		// gateway that says so of every fresh instance is broken.
		if m.link.duplicates++; m.link.duplicates > maxDuplicates {
			m.outage.detail = f.Err.Message
			m.dropLink(closeUnwanted, "")
			m.lost(0)
			return
		}
		m.renewInstance()
		m.authenticate()
	case !m.acc.admitted:
		m.acc.asking = f.Err.Code == fault.ServerTimeout // it does not know what its store has done
		m.end(ReasonLoginFailed, f.Err, closeUnwanted)
	default:
		again, why := retryFault(f.Err.Code)
		invalid := why == ReasonUserSigExpired || f.Err.Code == fault.TooManyFailures
		if sig := m.renewal(); invalid && sig != "" && sig != m.acc.userSig {
			// The gateway's clock was ahead of our estimate; the next attempt
			// uses the new UserSig.
			m.useRenewal(sig)
			again = true
		}
		if !again && m.provides(why) {
			m.refetch()
			return
		}
		if !again {
			m.tellNet(netConnected) // the last news of this link
			m.kicked(why)
			return
		}
		m.outage.detail = f.Err.Message
		m.dropLink(closeUnwanted, "")
		m.lost(closeOf(f.Err.Code))
	}
}

// evictedBefore has a login go on whose instance is that of the login before, which was
// admitted after all and then evicted. This one is new.
func (m *Machine) evictedBefore() {
	m.renewInstance()
	m.dropLink(closeUnwanted, "")
	m.connect()
}

// renewInstance has a login go on as another instance.
func (m *Machine) renewInstance() {
	m.acc.instance, m.acc.again, m.acc.asking, m.acc.unheard = m.cfg.Secret(), false, false, false
	m.do(Store{Text: storeText(m.acc.userID, m.acc.instance)})
}

// closeOf returns the close code that follows a refusal which is not final:
// the frame with it comes first, and the link is not waited for.
func closeOf(code fault.Code) int {
	if code == fault.TooManyFailures || code == fault.LoginTooFrequent || code == fault.TooFrequent {
		return frame.CloseTryLater
	}
	return 0
}

// notified handles a notification of the gateway.
func (m *Machine) notified(f frame.Message) {
	method := f.Method
	if m.acc.group != "" {
		if method != frame.NoteMessages {
			return
		}
		method = frame.RoomVisit // these belong to no conversation
	}
	switch method {
	case frame.Evicted:
		if m.state == Authenticating && m.acc.again {
			m.evictedBefore()
			return
		}
		switch m.state {
		case Authenticating, Syncing, Ready, LoggingOut:
			if m.acc.admitted {
				m.tellNet(netConnected) // the last news of this link
			}
			m.kicked(kickReason(body(f.Body).Text("type")))
		case LoggedOut, Fetching, Connecting, Waiting, Visiting:
		}
	case frame.Drain:
		// The close follows; until then the gateway still answers.
	default:
		// Nothing is delivered to a session that is not there yet, or no
		// longer.
		if m.acc.admitted && m.state != LoggingOut {
			m.do(Notify{Method: method, Body: body(f.Body)})
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
	warnAgain   = 5_000                          // after a renewal that is valid for less
	expireGrace = 10_000                         // a connected session leaves the end to the gateway's clock
	forever     = 100 * 365 * 24 * 3_600 * 1_000 // no UserSig is signed for that long
	endOfTime   = 8_640_000_000_000_000          // the last ms of JavaScript's calendar
)

func (m *Machine) setClock(serverTime int64) {
	if serverTime > 0 && serverTime <= endOfTime {
		m.clock.known, m.clock.offset = true, serverTime-m.now
	}
}

// checkClock compares our estimate of the gateway's clock with its answer to a
// ping. The estimate drifts over days, stands still while a machine sleeps,
// and jumps where a host has no monotonic clock. A difference that the
// answer's travel time explains is ignored. The end of the UserSig is a time
// of the gateway's clock.
func (m *Machine) checkClock(serverTime int64) {
	if serverTime <= 0 || !m.clock.known {
		return
	}
	was := m.ServerTime(m.now)
	m.setClock(min(max(was, serverTime), serverTime+m.now-m.link.pingAt))
	if gone := m.ServerTime(m.now) - was; gone != 0 && m.timers&(1<<TimerExpire) != 0 {
		m.setExpiry(max(m.acc.expiresAt-gone-m.now, 1))
	}
}

// setExpiry starts the timers for the end of the UserSig. It uses how much
// time the gateway says is left, so a wrong clock on this side does no harm.
// Impossible values are left to the gateway to end.
func (m *Machine) setExpiry(left int64) {
	m.acc.warnDue = false
	if left <= 0 || left > forever {
		m.stop(TimerWarn)
		m.stop(TimerExpire)
		return
	}
	m.acc.expiresAt = m.now + left
	due := max(left-warnBefore, 0)
	switch {
	case m.cfg.Provider:
		// Not at once again and again where UserSigs are as short as this.
		due = max(left-askBefore, min(left/2, askBefore), warnAgain)
	case due == 0 && m.acc.renewed:
		// An app that answers the warning with a UserSig as short as this
		// would be warned again at once, and so on.
		due = min(left/2, warnAgain)
	}
	if m.acc.warned {
		m.stop(TimerWarn)
	} else {
		m.start(TimerWarn, due)
	}
	m.start(TimerExpire, left)
}

func (m *Machine) warn() {
	if !m.acc.admitted || m.state == LoggingOut {
		return
	}
	if m.cfg.Provider {
		m.askExpiring()
		return
	}
	if left := m.acc.expiresAt - warnBefore - m.now; left > 0 {
		m.start(TimerWarn, left)
		return
	}
	m.acc.warnDue = !m.announced
	if m.announced {
		m.acc.warned = true
		m.emit(frame.EventUserSigWillExpire, frame.Fields{{Key: "expireAt", Value: m.acc.expiresAt + m.clock.offset}})
	}
}

// expired handles the end of the UserSig. Without a connection the session
// ends by its own estimate; with one the gateway decides, and is overruled
// only if it forgot.
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
		m.useRenewal(sig)
		return
	}
	if m.cfg.Provider && !m.connected() {
		return // the reconnect is refused, and the provider asked
	}
	m.kicked(ReasonUserSigExpired)
}

func (m *Machine) renew(in Renew) {
	switch {
	case in.UserSig == "":
		m.fail(in.Call, fault.New(fault.NoUserSig))
	case len(in.UserSig) > maxUserSig:
		m.fail(in.Call, fault.With(fault.SigMalformed, "it is too long"))
	case m.acc.userID == "" || !m.acc.admitted:
		m.fail(in.Call, m.gate())
	case m.state == LoggingOut:
		m.fail(in.Call, fault.New(fault.LoggedOut))
	default:
		m.request(pending{call: in.Call, method: frame.Renew, params: frame.Fields{{Key: "userSig", Value: in.UserSig}}, by: m.now + renewWithin})
		if m.state == Fetching && in.UserSig != m.acc.userSig {
			m.renewedHere(in.UserSig)
		}
	}
}

// renewed handles the gateway's approval of a renewal.
func (m *Machine) renewed(p pending, b frame.Body) {
	m.useRenewal(p.params.Text("userSig"))
	m.setExpiry(b.Number("expiresIn"))
}

// useRenewal makes a UserSig the one that logs in from now on.
func (m *Machine) useRenewal(sig string) {
	if sig != m.acc.userSig {
		m.acc.userSig, m.acc.warned, m.acc.renewed = sig, false, true
		m.acc.asked.fails = 0
		if m.acc.asked.open == 0 {
			m.stop(TimerAsk) // the next question, after a failure
		}
	}
}

// renewal returns the newest UserSig that waits for the gateway's answer.
func (m *Machine) renewal() string {
	for i := len(m.calls) - 1; i >= 0; i-- {
		if m.calls[i].method == frame.Renew {
			return m.calls[i].params.Text("userSig")
		}
	}
	return ""
}
