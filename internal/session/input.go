package session

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Call names one call of the app that waits to be settled. Zero is no call.
type Call int64

// Gen numbers the connections of a machine; whatever comes from an older one
// is dropped.
type Gen int64

// Input is what can happen to a session. The set is closed.
type Input interface{ input() }

// The calls of the app.
type (
	// Create is the first input: the instance exists. Early asks for the early
	// socket.
	Create struct{ Early bool }
	// Login asks to log in. Stored is what the host's storage holds from
	// before a reload, "" for none.
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
	// Send is a request of a logged-in session. It is sent again on the next
	// connection when the answer was lost, so the gateway must recognise a
	// repetition by what Params hold.
	Send struct {
		Call   Call
		Method string
		Params frame.Body
		Within int64 // ms until it rejects with 2801; 0 means the default
	}
)

// What the connection of generation Gen has done.
type (
	// Opened: the WebSocket handshake is through.
	Opened struct{ Gen Gen }
	// DialFailed: it never opened. Detail is for the error's message.
	DialFailed struct {
		Gen    Gen
		Detail string
	}
	// Received: a frame has arrived.
	Received struct {
		Gen   Gen
		Frame frame.Message
	}
	// Closed: it was open and is no more.
	Closed struct {
		Gen    Gen
		Code   int
		Reason string
	}
)

// What the host has done.
type (
	// TimerFired: a timer that StartTimer set.
	TimerFired struct{ Timer Timer }
	// TaskCame: the later task that a NextTask effect asked for.
	TaskCame struct{}
	// NetworkChanged: the host says online or offline.
	NetworkChanged struct{ Online bool }
	// Shown: the page became visible, or came back from the back/forward
	// cache, from being frozen or from the background of a mini program. The
	// link may be dead without having said so.
	Shown struct{}
)

func (Create) input()         {}
func (Login) input()          {}
func (Logout) input()         {}
func (Destroy) input()        {}
func (Renew) input()          {}
func (Send) input()           {}
func (Opened) input()         {}
func (DialFailed) input()     {}
func (Received) input()       {}
func (Closed) input()         {}
func (TimerFired) input()     {}
func (TaskCame) input()       {}
func (NetworkChanged) input() {}
func (Shown) input()          {}

// Timer names a timer; starting it again replaces it.
type Timer int

// The timers of a machine.
const (
	TimerLogin   Timer = iota + 1 // the app's login must have settled
	TimerAttempt                  // one attempt to connect and authenticate
	TimerRetry                    // the next attempt
	TimerBeat                     // the next heartbeat
	TimerPong                     // its answer
	TimerWarn                     // USERSIG_WILL_EXPIRE
	TimerExpire                   // the UserSig has ended
	TimerCalls                    // the next deadline of logout, renew and sends
	TimerPace                     // the next call may go out
)

// Effect is what the machine wants done, in order. The set is closed.
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
	// Close closes a connection; nothing more is wanted of it.
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
	// Settle ends a call: Err or a result. Result is what the gateway sent or
	// Fields of our own; nil means an empty object.
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
	// Notify hands a notification of the gateway that is not the session's own
	// to whoever composes events from it.
	Notify struct {
		Method string
		Body   frame.Body
	}
	// Store keeps the instance secret for a reload of this page; "" forgets it.
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
func (Store) effect()      {}
func (Leave) effect()      {}
