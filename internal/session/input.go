package session

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Call names one call of the app that is waiting to be settled. Zero means no
// call.
type Call int32

// Gen numbers the connections of a machine; whatever comes from an older one
// is dropped.
type Gen int32

// Input is what can happen to a session. The set is closed.
type Input interface{ input() }

// The calls of the app.
type (
	// Create is the first input: the instance exists now. Early asks for the
	// early socket.
	Create struct{ Early bool }
	// Login asks to log in. Stored is what the host's storage kept from before
	// a reload, or "".
	Login struct {
		Call            Call
		UserID, UserSig string
		Stored          string
	}
	// Logout ends the session.
	Logout struct{ Call Call }
	// Destroy ends the instance.
	Destroy struct{ Call Call }
	// Renew replaces the UserSig of the running session.
	Renew struct {
		Call    Call
		UserSig string
	}
	// Provided is what the app's provider has answered: a UserSig, or why there
	// is none.
	Provided struct {
		Ask             Ask
		UserSig, Failed string
	}
	// Send is a request of a logged-in session. It is sent again on the next
	// connection if its answer was lost, so the gateway must recognise a
	// repetition by Params. Without a login, group.join and group.quit are about a
	// live room that the page listens to: visit.go.
	Send struct {
		Call   Call
		Method string
		Params frame.Body
		Within int64 // ms until it rejects with 2801; 0 means the default
	}
)

// What happened to the connection of generation Gen.
type (
	// Opened means that the WebSocket handshake is done.
	Opened struct{ Gen Gen }
	// DialFailed means that it never opened. Detail is for the error message.
	DialFailed struct {
		Gen    Gen
		Detail string
	}
	// Received means that a frame has arrived.
	Received struct {
		Gen   Gen
		Frame frame.Message
	}
	// Unwritten means that the request ID was not written on it and never can be,
	// and why.
	Unwritten struct {
		Gen Gen
		ID  int64
		Err *fault.Error
	}
	// Closed means that it was open and is not any more.
	Closed struct {
		Gen    Gen
		Code   int
		Reason string
	}
)

// What happened in the host.
type (
	// TimerFired means that a timer set by StartTimer is due.
	TimerFired struct{ Timer Timer }
	// TaskCame is the later task that a NextTask effect asked for.
	TaskCame struct{}
	// NetworkChanged means that the host reports online or offline.
	NetworkChanged struct{ Online bool }
	// Shown means that the page became visible, or came back from the
	// back/forward cache, from being frozen or from the background of a mini
	// program. The link may be dead without having reported it.
	Shown struct{}
)

func (Create) input()         {}
func (Login) input()          {}
func (Logout) input()         {}
func (Destroy) input()        {}
func (Renew) input()          {}
func (Send) input()           {}
func (Provided) input()       {}
func (Opened) input()         {}
func (DialFailed) input()     {}
func (Received) input()       {}
func (Unwritten) input()      {}
func (Closed) input()         {}
func (TimerFired) input()     {}
func (TaskCame) input()       {}
func (NetworkChanged) input() {}
func (Shown) input()          {}

// Timer names a timer; starting it again replaces it.
type Timer int32

// The timers of a machine.
const (
	TimerLogin   Timer = iota + 1 // the app's login must have settled
	TimerAttempt                  // one attempt to connect and authenticate
	TimerRetry                    // the next attempt
	TimerBeat                     // the next heartbeat
	TimerPong                     // its answer
	TimerWarn                     // USERSIG_WILL_EXPIRE
	TimerExpire                   // the UserSig has expired
	TimerCalls                    // the next deadline of logout, renew and sends
	TimerPace                     // the next call may go out
	TimerAsk                      // the provider's answer, or the next question
)

// Effect is something the machine wants done, in order. The set is closed.
type Effect interface{ effect() }

// What is to be done.
type (
	// Dial opens a connection of a new generation.
	Dial struct{ Gen Gen }
	// Write sends a frame.
	Write struct {
		Gen     Gen
		Request frame.Request
	}
	// Close closes a connection; nothing more is expected from it.
	Close struct {
		Gen    Gen
		Code   int
		Reason string
	}
	// StartTimer sets or replaces a timer. After may be longer than a host's
	// timers can hold; the host chains them.
	StartTimer struct {
		Timer Timer
		After int64 // ms
	}
	// StopTimer stops a timer; stopping one that is not set is fine.
	StopTimer struct{ Timer Timer }
	// NextTask asks for a TaskCame input in a later task of the host, after
	// all promise handlers that are due by now have run.
	NextTask struct{}
	// Settle ends a call with Err or a result. Result is what the gateway
	// sent, or our own Fields; nil means an empty object.
	Settle struct {
		Call   Call
		Result frame.Body
		Err    *fault.Error
	}
	// Emit fires an event to the app's listeners.
	Emit struct {
		Name string // EVENT… value of the JS API
		Data frame.Body
	}
	// Notify passes on a notification of the gateway that is not the session's
	// own. What is said in a live room that is visited has the method room.visit.
	Notify struct {
		Method string
		Body   frame.Body
	}
	// AskSig asks the app's provider for a UserSig of UserID. A Provided
	// follows, now or later.
	AskSig struct {
		Ask            Ask
		UserID, Reason string
	}
	// Store keeps the instance's secret for a reload of this page; "" deletes
	// it.
	Store struct{ Text string }
	// Leave keeps a farewell outside the machine; it goes out on the next
	// connection that is opened anyway.
	Leave struct{ Token string }
)

func (Dial) effect()       {}
func (Write) effect()      {}
func (Close) effect()      {}
func (StartTimer) effect() {}
func (StopTimer) effect()  {}
func (NextTask) effect()   {}
func (Settle) effect()     {}
func (Emit) effect()       {}
func (Notify) effect()     {}
func (AskSig) effect()     {}
func (Store) effect()      {}
func (Leave) effect()      {}
