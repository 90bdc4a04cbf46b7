// Package session is the client's session as a pure state machine: inputs in,
// effects out; no goroutine, lock, clock, channel or randomness of its own.
//
//	            Login              Opened                  result, TaskCame
//	LoggedOut ---------> Connecting -----> Authenticating --------> Syncing -> Ready
//	    ^                    ^                    |                              |
//	    |                    | TimerRetry         | closed, no answer            | closed, no pong
//	    |                    +--------- Waiting <-+------------------------------+
//	    |  evicted, expired, refused for good, logout's answer
//	    +---------------------------------------------------------- LoggingOut
//
// A page without a login may listen to a live room: visit.go.
//
// Payloads pass through it unread as a frame.Body. It runs the same in a page,
// in a mini program, in the load generator and in tests.
//
//	input.go    what can happen to a session, and what it wants done
//	state.go    where it stands, and what it remembers
//	machine.go  Step: from an input to its effects
//	login.go    from login to SDK_READY, kicks, logout, destroy
//	link.go     connections: dialled, lost, dialled again
//	answer.go   frames that have arrived
//	calls.go    calls of the app: sent, sent again, settled
//	provider.go UserSigs that the app's provider is asked for
//	backoff.go  how long to wait before the next attempt
//	visit.go    a live room that a page without a login listens to
package session

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Config is the fixed configuration of a machine.
type Config struct {
	SDKAppID uint32 // 0: the gateway takes it from the UserSig
	Platform string
	URL      string // what is dialled, for messages
	Local    bool   // and that is on this machine, which needs no network
	Online   bool   // what the host says of the network at the start
	Provider bool   // AskSig is answered: a login needs no UserSig

	Doc    func() string       // nonce of this page's memory, hex; called once
	Secret func() string       // a fresh instance secret: 128 random bits, hex
	Jitter func(n int64) int64 // uniform in [0, n)
}

// Machine is one session. It changes only through Step.
type Machine struct {
	cfg Config
	now int64    // of the running step, monotonic ms
	out []Effect // of the running step

	state     State
	reason    Reason // of LoggedOut
	announced bool   // SDK_READY was fired, SDK_NOT_READY not yet
	destroyed bool

	doc    string // since the first login
	online bool   // what the host says
	proven bool   // the gateway was reached although it says offline
	net    string // the last NET_STATE_CHANGE
	clock  struct {
		known  bool
		offset int64 // the gateway's clock minus ours
	}
	told struct{ status, reason string } // the last LOGIN_STATUS_CHANGE

	acc    account
	tried  tried
	link   link
	calls  []pending
	quits  []Call // logouts that wait for the gateway
	outage outage
	ids    int64 // the last request id
	asks   Ask   // the last question to the provider
	tasks  int   // NextTask effects whose TaskCame is still to come
	timers uint  // bits of the timers that are set
}

// account is everything that belongs to the user. It is zeroed when the
// session ends; tried may remain of it.
type account struct {
	userID, userSig string
	group           string // the live room that is listened to without a login; then all else is the visit's
	instance        string // secret
	again           bool   // it is that of a login before, and has not been on a link since
	asking          bool   // on this link, a login frame of it has had no answer, or one that is not the gateway's last word
	unheard         bool   // on a link before, a login frame of it had no answer
	farewell        string
	login           Call // waits for the gateway's answer
	admitted        bool // the gateway has accepted the login once
	tasked          bool // TaskCame since then
	expiresAt       int64
	warnDue         bool // USERSIG_WILL_EXPIRE, or a question to the provider, became due before SDK_READY
	warned          bool // it was fired for this UserSig
	renewed         bool // this UserSig came from a renewal
	asked           asked
}

// tried is the instance of a login that has failed without the gateway's word. It may be
// admitted yet, by a gateway that is slow; that would end the place of another instance
// which the same user has logged in meanwhile. So their next login is the same instance, if
// it comes before until. A logout and destroy forget it.
type tried struct {
	userID, instance string
	until            int64
}

const triedFor = 60_000 // ms; a gateway gives a login up after 10 s

// New returns a machine; its first input is Create.
func New(cfg Config) *Machine {
	return &Machine{cfg: cfg, online: cfg.Online, net: netConnected, told: struct{ status, reason string }{StatusLoggedOut, ""}}
}

// Step handles one input at the time now and returns what is to be done, in
// order. The machine keeps no reference to the input, because a login has the
// UserSig in it.
func (m *Machine) Step(now int64, in Input) []Effect {
	m.now = max(m.now, now)
	if m.destroyed {
		m.afterDestroy(in)
	} else {
		m.take(in)
		m.tellStatus()
	}
	out := m.out
	m.out = nil
	return out
}

func (m *Machine) take(in Input) {
	switch in := in.(type) {
	case Create:
		if in.Early && m.mayDial() {
			m.dial()
		}
	case Login:
		m.login(in)
	case Logout:
		m.logout(in.Call)
	case Destroy:
		m.destroy(in.Call)
	case Renew:
		m.renew(in)
	case Send:
		m.send(in)
	case Provided:
		m.provided(in)
	case Opened:
		if m.current(in.Gen) {
			m.opened()
		}
	case DialFailed:
		if m.current(in.Gen) {
			m.gone(0, in.Detail)
		}
	case Received:
		if m.current(in.Gen) {
			m.received(in.Frame)
		}
	case Unwritten:
		if m.current(in.Gen) { // which says nothing of the link
			m.response(frame.Message{ID: in.ID, Err: in.Err})
		}
	case Closed:
		if m.current(in.Gen) {
			m.gone(in.Code, in.Reason)
		}
	case TimerFired:
		m.fired(in.Timer)
	case TaskCame:
		m.taskCame()
	case NetworkChanged:
		m.network(in.Online)
	case Shown:
		m.shown()
	}
}

// Current reports whether the connection gen is the one that counts.
func (m *Machine) Current(gen Gen) bool { return m.current(gen) }

// current filters out what a stale connection still reports: the one place for
// it.
func (m *Machine) current(g Gen) bool { return m.link.phase != linkNone && g == m.link.gen }

func (m *Machine) fired(t Timer) {
	if m.timers&(1<<t) == 0 {
		return // stopped meanwhile
	}
	m.timers &^= 1 << t
	switch t {
	case TimerLogin:
		m.loginTimedOut()
	case TimerAttempt:
		m.attemptTimedOut()
	case TimerRetry:
		m.retryNow()
	case TimerBeat:
		m.beat()
	case TimerPong:
		m.pongMissing()
	case TimerWarn:
		m.warn()
	case TimerExpire:
		m.expired()
	case TimerCalls:
		m.callsTimedOut()
	case TimerPace:
		m.sendAll()
	case TimerAsk:
		m.askDue()
	}
}

// afterDestroy answers calls on a dead instance; everything else is ignored.
func (m *Machine) afterDestroy(in Input) {
	switch in := in.(type) {
	case Login:
		m.fail(in.Call, fault.New(fault.Destroyed))
	case Logout:
		m.fail(in.Call, fault.New(fault.Destroyed))
	case Renew:
		m.fail(in.Call, fault.New(fault.Destroyed))
	case Send:
		m.fail(in.Call, fault.New(fault.Destroyed))
	case Destroy:
		m.settle(in.Call, nil)
	case Create, Provided, Opened, DialFailed, Received, Unwritten, Closed, TimerFired, TaskCame, NetworkChanged, Shown:
	}
}

func (m *Machine) do(e Effect) { m.out = append(m.out, e) }

func (m *Machine) start(t Timer, after int64) {
	m.timers |= 1 << t
	m.do(StartTimer{Timer: t, After: after})
}

func (m *Machine) stop(t Timer) {
	if m.timers&(1<<t) != 0 {
		m.timers &^= 1 << t
		m.do(StopTimer{Timer: t})
	}
}

func (m *Machine) settle(c Call, result frame.Body) {
	if c != 0 {
		m.do(Settle{Call: c, Result: result})
	}
}

func (m *Machine) fail(c Call, err *fault.Error) {
	if c != 0 {
		m.do(Settle{Call: c, Err: err})
	}
}

func (m *Machine) emit(name string, data frame.Fields) { m.do(Emit{Name: name, Data: data}) }

func (m *Machine) emitError(err *fault.Error) {
	m.emit(frame.EventError, frame.Fields{{Key: "code", Value: int64(err.Code)}, {Key: "message", Value: err.Message}})
}

// tellStatus fires LOGIN_STATUS_CHANGE when the step has changed the status.
func (m *Machine) tellStatus() {
	status, reason := m.Status()
	if status == m.told.status && reason == m.told.reason {
		return
	}
	m.told.status, m.told.reason = status, reason
	m.emit(frame.EventLoginStatusChange, frame.Fields{{Key: "status", Value: status}, {Key: "reason", Value: reason}})
}

// tellNet fires NET_STATE_CHANGE when the state of the session's network has
// changed; before the first change it counts as connected.
func (m *Machine) tellNet(state string) {
	if m.net == state {
		return
	}
	m.net = state
	m.emit(frame.EventNetStateChange, frame.Fields{{Key: "state", Value: state}})
}
