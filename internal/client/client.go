// Package client carries out what the session machine wants: it holds the
// queue of inputs, settles the calls of the app and tells the host what to do.
//
// A Client is not safe for concurrent use. In wasm everything runs on the
// page's one thread; package native serialises the calls in Go.
package client

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/session"
)

// Done is told once how a call ended: err or a result, which may be nil.
type Done func(result frame.Body, err *fault.Error)

// Options of a new Client.
type Options struct {
	SDKAppID uint32 // 0: the gateway takes it from the UserSig
	Platform string // frame of login: "Web" in pages and mini programs
	Early    bool   // open a socket at once, so that login costs one round trip
}

// API of a Client as its hosts use it; the methods are in this package.
type API interface {
	Login(userID, userSig string, done Done)
	Logout(done Done)
	Destroy(done Done)
	Renew(userSig string, done Done)
	Send(method string, params frame.Body, within int64, done Done)

	Status() (status, reason string) // loggedOut, loggingIn, ready, reconnecting, loggingOut
	Ready() bool
	User() string
	ServerTime() int64 // ms, 0 before the first login

	OnOpen(gen session.Gen)
	OnDialFailed(gen session.Gen, detail string)
	OnFrame(gen session.Gen, m frame.Message)
	OnClose(gen session.Gen, code int, reason string)
	OnTimer(t session.Timer)
	OnTask()
	OnNetwork(online bool)
	OnShown()
}
