package session

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// State is the stage of a session. An early socket that stands by is not a
// state of its own: it is a link while LoggedOut. Connecting, Authenticating and
// Waiting are also those of a visit, during which nobody is logged in.
type State int

// The states.
const (
	LoggedOut      State = iota // nobody; Reason says why
	Fetching                    // the app's provider is asked for a UserSig
	Connecting                  // a dial for the session is under way
	Authenticating              // the login frame is out
	Syncing                     // admitted, SDK_READY not yet fired
	Ready                       // admitted and connected
	Waiting                     // for the next attempt or for the network
	LoggingOut                  // the logout frame is out
	Visiting                    // nobody is logged in, and the page listens to a live room
)

// String names a state for transcripts.
func (s State) String() string {
	switch s {
	case LoggedOut:
		return "LoggedOut"
	case Fetching:
		return "Fetching"
	case Connecting:
		return "Connecting"
	case Authenticating:
		return "Authenticating"
	case Syncing:
		return "Syncing"
	case Ready:
		return "Ready"
	case Waiting:
		return "Waiting"
	case LoggingOut:
		return "LoggingOut"
	case Visiting:
		return "Visiting"
	}
	return "?"
}

// Reason is why nobody is logged in.
type Reason string

// The reasons. The kicks have the values of KICKED_OUT's data.type.
const (
	ReasonNone            Reason = ""
	ReasonLoginFailed     Reason = "loginFailed"
	ReasonLoggedOut       Reason = "loggedOut"
	ReasonDestroyed       Reason = "destroyed"
	ReasonMultipleAccount Reason = frame.KickMultipleAccount
	ReasonMultipleDevice  Reason = frame.KickMultipleDevice
	ReasonUserSigExpired  Reason = frame.KickUserSigExpired
	ReasonRESTAPI         Reason = frame.KickRESTAPI
)

// code returns what calls that need a login are refused with.
func (r Reason) code() fault.Code {
	switch r {
	case ReasonNone:
		return fault.NotLoggedIn
	case ReasonLoginFailed:
		return fault.LoginFailed
	case ReasonLoggedOut:
		return fault.LoggedOut
	case ReasonDestroyed:
		return fault.Destroyed
	case ReasonMultipleAccount:
		return fault.KickedMultipleAccount
	case ReasonMultipleDevice:
		return fault.KickedMultipleDevice
	case ReasonUserSigExpired:
		return fault.KickedUserSigExpired
	case ReasonRESTAPI:
		return fault.KickedByServerAPI
	}
	return fault.NotLoggedIn
}

// Status values of getLoginStatus and LOGIN_STATUS_CHANGE.
const (
	StatusLoggedOut    = "loggedOut"
	StatusLoggingIn    = "loggingIn"
	StatusReady        = "ready"
	StatusReconnecting = "reconnecting"
	StatusLoggingOut   = "loggingOut"
)

// Net values of NET_STATE_CHANGE.
const (
	netConnected    = "connected"
	netConnecting   = "connecting"
	netDisconnected = "disconnected"
)

// Status returns what a page wants to show.
func (m *Machine) Status() (status, reason string) {
	switch {
	case m.state == LoggedOut || m.acc.group != "":
		return StatusLoggedOut, string(m.reason)
	case m.state == LoggingOut:
		return StatusLoggingOut, ""
	case m.state == Ready:
		return StatusReady, ""
	case !m.announced:
		return StatusLoggingIn, ""
	case m.offline():
		return StatusReconnecting, "offline"
	}
	return StatusReconnecting, ""
}

// IsReady reports whether calls that need a login are accepted: from SDK_READY
// to SDK_NOT_READY, also while reconnecting, but not during a logout.
func (m *Machine) IsReady() bool { return m.announced && m.state != LoggingOut }

// UserID returns the user who is logged in, or "".
func (m *Machine) UserID() string {
	if !m.acc.admitted || m.state == LoggingOut {
		return ""
	}
	return m.acc.userID
}

// ServerTime returns the gateway's clock in ms as of now, 0 before the first
// login.
func (m *Machine) ServerTime(now int64) int64 {
	if !m.clock.known {
		return 0
	}
	return now + m.clock.offset
}

// State returns the state, for tests and logs.
func (m *Machine) State() State { return m.state }

// Refusal returns why a call that needs a login is refused now; nil if it is not.
func (m *Machine) Refusal() *fault.Error { return m.gate() }

// gate returns nil for a call that needs a login and may proceed, else its
// error.
func (m *Machine) gate() *fault.Error {
	switch {
	case m.state == LoggedOut || m.acc.group != "":
		return fault.New(m.reason.code())
	case m.state == LoggingOut:
		return fault.New(fault.LoggedOut)
	case m.announced:
		return nil
	case m.acc.admitted:
		return fault.New(fault.NotReady)
	}
	return fault.New(fault.LoginPending)
}

// retry is the one place that decides whether a closed connection of a running
// session is dialled again; otherwise reason is how the session ended.
func retry(closeCode int, text string) (again bool, reason Reason) {
	if !frame.FinalClose(closeCode) || closeCode == frame.CloseRoomOver { // which was of the visit before a login
		return true, ReasonNone
	}
	switch closeCode {
	case frame.CloseLoggedOut:
		return false, ReasonLoggedOut
	case frame.CloseRejected:
		return false, ReasonUserSigExpired
	default:
		return false, kickReason(text)
	}
}

// retryFault is the same for a login frame that a reconnect sent and the
// gateway refused.
func retryFault(code fault.Code) (again bool, reason Reason) {
	switch code {
	case fault.SigExpired, fault.SigEmpty, fault.SigMalformed, fault.SigWrongKey, fault.SigOtherUser,
		fault.SigOtherApp, fault.SigNoKey, fault.NoSuchApp, fault.Blocklisted, fault.NoSuchAccount:
		// The UserSig is no longer accepted; only a new one will be.
		return false, ReasonUserSigExpired
	case fault.SigRevoked:
		return false, ReasonRESTAPI
	default:
		return true, ReasonNone
	}
}

// kickReason parses the type of an eviction. An unknown one counts as the most
// frequent, because the instance has lost its place whatever the reason.
func kickReason(text string) Reason {
	switch r := Reason(text); r {
	case ReasonMultipleDevice, ReasonUserSigExpired, ReasonRESTAPI:
		return r
	default:
		return ReasonMultipleAccount
	}
}
