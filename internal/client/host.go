package client

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/session"
)

// Host is what the client needs from the place where it runs: a page, a mini
// program, a Go process. The client calls it from the loop only, one call at a
// time, and never expects an answer before the call returns: results are
// reported through the Client's On… methods, later or at once.
type Host interface {
	// Now is a monotonic clock in ms.
	Now() int64
	// Dial opens a WebSocket with the subprotocol frame.Subprotocol. OnOpen or
	// OnDialFailed follows, then OnFrame, and OnClose exactly once after
	// OnOpen.
	Dial(gen session.Gen)
	// Write sends a frame, or loses it with the connection. OnUnwritten says that it
	// cannot be sent: NoJSON or TooLarge.
	Write(gen session.Gen, r frame.Request)
	// Close closes or aborts; events of gen that come later are ignored.
	Close(gen session.Gen, code int, reason string)
	// StartTimer calls OnTimer after that many ms; a running timer is
	// replaced.
	StartTimer(t session.Timer, after int64)
	StopTimer(t session.Timer)
	// NextTask calls OnTask in a later task.
	NextTask()
	// Emit calls the app's listeners. A listener may call the Client.
	Emit(name string, data frame.Body)
	// Load and Store keep the instance's secret across a reload. Where there
	// is no storage, Load returns "" and Store does nothing.
	Load() string
	Store(text string)
	// Online returns what the host says of the network now; true where it
	// cannot tell.
	Online() bool
	// URL returns what Dial dials, for error messages.
	URL() string
	// Rand fills b with random bytes, or panics: an instance's secret must not
	// be guessable.
	Rand(b []byte)
}

// NoJSON is why a request is not written whose parameters cannot be made JSON.
func NoJSON(why string) *fault.Error {
	return fault.With(fault.InvalidOperation, "its arguments cannot be made JSON: "+why)
}

// TooLarge is why a request is not written that no frame holds: a gateway would
// close the connection, and the next one after a repetition.
func TooLarge() *fault.Error {
	return fault.With(fault.BadParameters, "they take more than 64 KB as JSON")
}
