package session

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Ask numbers the questions to the app's provider of UserSigs; an answer to an
// older one is dropped.
type Ask int32

// Why the provider is asked: the second argument of userSigProvider.
const (
	AskLogin    = "login"    // login was called without a UserSig
	AskExpiring = "expiring" // the session's UserSig is about to end
	AskExpired  = "expired"  // a reconnect was refused because it has ended
)

// Times of asking, in ms.
const (
	askBefore = 60_000 // the end of the UserSig; of a shorter one, half of its time
	askWithin = 10_000 // an answer that takes longer counts as a failure
	askAgain  = 1_000  // after the first failure, then twice as long each time
	askCap    = 30_000
)

// asked is what a session knows of its questions.
type asked struct {
	open  Ask    // waits for its answer, 0 for none
	old   string // the UserSig that its answer replaces
	fails int    // in a row
	// untried means that the UserSig came from the provider and the gateway
	// has not accepted it yet: if it is refused, asking again would go on for
	// ever.
	untried bool
}

// fetch waits for a UserSig before anything else: of a login, or of a session
// whose UserSig has ended. A question that is open already is for that, too.
func (m *Machine) fetch(why string) {
	m.state = Fetching
	if m.acc.asked.open == 0 {
		m.ask(why)
		return
	}
	m.acc.asked.old = m.acc.userSig
}

// ask puts one question. TimerAsk bounds it; without one, the timer is for the
// next.
func (m *Machine) ask(why string) {
	m.asks++
	m.acc.asked.open, m.acc.asked.old = m.asks, m.acc.userSig
	m.start(TimerAsk, askWithin)
	m.do(AskSig{Ask: m.asks, UserID: m.acc.userID, Reason: why})
}

// provided handles the provider's answer.
func (m *Machine) provided(in Provided) {
	if in.Ask == 0 || in.Ask != m.acc.asked.open {
		return
	}
	m.acc.asked.open = 0
	m.stop(TimerAsk)
	switch {
	case m.superseded():
	case in.Failed != "":
		m.askFailed(in.Failed)
	case in.UserSig == "":
		m.askFailed("it gave none")
	case len(in.UserSig) > maxUserSig:
		m.askFailed("it is too long")
	case m.state == Fetching && m.acc.admitted && in.UserSig == m.acc.userSig:
		m.askFailed("it gave the one that has ended")
	case m.state == Fetching:
		m.acc.userSig, m.acc.asked.untried = in.UserSig, true
		m.fetched()
	case in.UserSig == m.acc.userSig:
		m.askFailed("it gave the one that is about to end")
	default:
		m.request(pending{method: frame.Renew, params: frame.Fields{{Key: "userSig", Value: in.UserSig}}, by: m.now + renewWithin})
	}
}

// superseded reports whether nobody needs the answer any more: the session is
// being left, or the app has renewed the UserSig meanwhile.
func (m *Machine) superseded() bool {
	return m.state == LoggingOut || m.acc.asked.old != m.acc.userSig
}

// renewedHere goes on with a UserSig that the app has renewed by itself while
// its provider was asked for one.
func (m *Machine) renewedHere(sig string) {
	m.acc.asked.open = 0
	m.useRenewal(sig) // which stops TimerAsk
	m.fetched()
}

// fetched goes on with the login or the reconnect that waited for a UserSig.
func (m *Machine) fetched() {
	switch {
	case !m.acc.admitted:
		m.begin()
	case m.mayDial():
		m.acc.warned, m.acc.renewed = false, true
		m.connect()
	default:
		m.lost(0)
	}
}

// askFailed handles a provider that gave nothing of use. A login ends with it;
// a session asks again after a while.
func (m *Machine) askFailed(detail string) {
	err := &fault.Error{Code: fault.NoUserSig, Message: "userSigProvider gave no UserSig that can be used: look at what it does and at the server that it asks (" + detail + ")."}
	if !m.acc.admitted {
		m.end(ReasonLoginFailed, err, closeUnwanted)
		return
	}
	m.emitError(err)
	span := int64(askAgain)
	for i := 0; i < m.acc.asked.fails && span < askCap; i++ {
		span *= 2
	}
	span = min(span, askCap)
	m.acc.asked.fails++
	m.start(TimerAsk, span/2+m.cfg.Jitter(span/2)+1)
}

// askDue handles TimerAsk: a question is not answered in time, or the next one
// is due.
func (m *Machine) askDue() {
	switch {
	case m.acc.asked.open != 0:
		m.acc.asked.open = 0
		if !m.superseded() {
			m.askFailed("it has not answered")
		}
	case m.state == Fetching:
		m.ask(AskExpired)
	default:
		m.askExpiring()
	}
}

// askExpiring asks because the UserSig is about to end, but never because of
// the network: without a connection it waits for the next one, on which the
// UserSig is accepted or refused.
func (m *Machine) askExpiring() {
	m.acc.warnDue = m.state != Ready
	if m.state == Ready && m.acc.asked.open == 0 && m.timers&(1<<TimerAsk) == 0 && m.renewal() == "" {
		m.ask(AskExpiring)
	}
}

// renewalFailed handles a renewal of the provider's UserSig that was refused
// or not answered.
func (m *Machine) renewalFailed(p pending, detail string) {
	if p.method == frame.Renew && p.call == 0 && m.acc.asked.open == 0 {
		m.askFailed(detail)
	}
}

// provides reports whether the end of the UserSig, which a reconnect was
// refused for, can be mended by asking.
func (m *Machine) provides(why Reason) bool {
	return why == ReasonUserSigExpired && m.cfg.Provider && m.acc.admitted && !m.acc.asked.untried
}

// refetch leaves a connection that refused the UserSig, and asks for another.
func (m *Machine) refetch() {
	m.dropLink(closeUnwanted, "")
	m.stopSessionTimersButExpiry()
	m.stop(TimerAttempt)
	m.stop(TimerWarn)
	m.stop(TimerExpire)
	m.unsend()
	m.tellNet(netConnecting)
	m.fetch(AskExpired)
}
