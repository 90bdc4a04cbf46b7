// Package client carries out what the session and the mailbox want: it holds
// the queues of their inputs, settles the calls of the app and tells the host
// and the page what to do.
//
// A Client is not safe for concurrent use. In wasm everything runs on the
// page's one thread; package native serialises the calls in Go.
//
//	host.go      what a place where it runs has to give
//	queue.go     the queue of a machine's inputs
//	client.go    the Client: its calls
//	mail.go      the same for a mailbox
//	farewell.go  logouts that had no network
//	local.go     whether a gateway is on this machine
package client

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/session"
)

// Done is told once how a call ended: err or a result, which may be nil.
type Done func(result frame.Body, err *fault.Error)

// Options of a new Client.
type Options struct {
	SDKAppID uint32   // 0: the gateway takes it from the UserSig
	Platform string   // frame of login: "Web" in pages and mini programs
	Early    bool     // open a socket at once, so that login costs one round trip
	Provider Provider // of UserSigs; nil for none
	Page     Page     // of the mailbox; with nil there is no mailbox, and its notifications are dropped
}

// Provider asks the app for a UserSig of a user and says why: session.Ask….
// done is called once, then or later, with the UserSig or with what failed.
type Provider func(userID, reason string, done func(userSig, failed string))

// Page carries out what a mailbox wants done to the objects of a page, and
// emits its events. It also receives Wake and Log, and Settle once the caller
// has been told.
type Page interface {
	Carry(d mailbox.Deed)
}

// Client is one instance of the SDK.
type Client struct {
	host      Host
	provider  Provider
	machine   *session.Machine
	queue     queue[session.Input]
	done      map[session.Call]Done
	calls     session.Call
	farewells farewells
	mail      *Mail // nil without a page
}

// New returns a Client; its host must be ready to be called.
func New(opt Options, host Host) *Client {
	c := &Client{host: host, provider: opt.Provider, done: map[session.Call]Done{}}
	if opt.Page != nil {
		c.mail = NewMail(&mailHost{c, opt.Page})
	}
	c.machine = session.New(session.Config{
		SDKAppID: opt.SDKAppID,
		Platform: opt.Platform,
		URL:      host.URL(),
		Local:    onThisMachine(host.URL()),
		Online:   host.Online(),
		Provider: opt.Provider != nil,
		Doc:      func() string { return c.hex(16) },
		Secret:   func() string { return c.hex(16) },
		Jitter:   c.jitter,
	})
	c.post(session.Create{Early: opt.Early})
	return c
}

// Login asks the gateway to log in; done gets loginResult's fields.
func (c *Client) Login(userID, userSig string, done Done) {
	stored := ""
	if !c.Ready() { // otherwise it ends at once, one way or the other
		c.OnNetwork(c.host.Online())
		stored = c.host.Load()
	}
	c.post(session.Login{Call: c.call(done), UserID: userID, UserSig: userSig, Stored: stored})
}

// Logout ends the session; it works without a network, too.
func (c *Client) Logout(done Done) {
	c.acknowledge()
	c.post(session.Logout{Call: c.call(done)})
}

// Destroy ends the instance; when done has run nothing more will happen.
func (c *Client) Destroy(done Done) {
	c.acknowledge()
	c.post(session.Destroy{Call: c.call(done)})
}

// Renew passes a new UserSig to the running session.
func (c *Client) Renew(userSig string, done Done) {
	c.post(session.Renew{Call: c.call(done), UserSig: userSig})
}

// Send makes a request of the session; within is in ms, 0 for the default. Without a
// login, group.join and group.quit are about a live room that the page listens to.
func (c *Client) Send(method string, params frame.Body, within int64, done Done) {
	c.post(session.Send{Call: c.call(done), Method: method, Params: params, Within: within})
}

// Mail returns the loop of the mailbox, nil if there is none.
func (c *Client) Mail() *Mail { return c.mail }

// Status returns one of loggedOut, loggingIn, ready, reconnecting, loggingOut,
// and for loggedOut and reconnecting the reason if there is one.
func (c *Client) Status() (status, reason string) { return c.machine.Status() }

// Ready reports whether the session is between SDK_READY and SDK_NOT_READY,
// which includes reconnecting.
func (c *Client) Ready() bool { return c.machine.IsReady() }

// Refusal returns why a call that needs a login is refused now; nil if it is not.
func (c *Client) Refusal() *fault.Error { return c.machine.Refusal() }

// User returns the userID that is logged in, or "".
func (c *Client) User() string { return c.machine.UserID() }

// ServerTime returns the gateway's clock in ms, 0 before the first login.
func (c *Client) ServerTime() int64 { return c.machine.ServerTime(c.host.Now()) }

// Pending counts the calls that have not settled yet.
func (c *Client) Pending() int { return len(c.done) }

// The host calls these methods. Each call may come at any time, even from
// within a call of the Client to the host.

// OnOpen reports that the connection gen is open.
func (c *Client) OnOpen(gen session.Gen) {
	if c.machine.Current(gen) {
		c.farewells.say(c.host, gen)
	}
	c.post(session.Opened{Gen: gen})
}

// OnDialFailed reports that the connection gen could not be opened.
func (c *Client) OnDialFailed(gen session.Gen, detail string) {
	c.post(session.DialFailed{Gen: gen, Detail: detail})
}

// OnFrame reports a frame on the connection gen.
func (c *Client) OnFrame(gen session.Gen, m frame.Message) {
	if m.ID != 0 && m.ID >= farewellID {
		c.farewells.heard(m.ID)
		return
	}
	c.post(session.Received{Gen: gen, Frame: m})
}

// OnUnwritten reports that a request was not written on the connection gen, as none
// would take it, and why.
func (c *Client) OnUnwritten(gen session.Gen, id int64, err *fault.Error) {
	c.post(session.Unwritten{Gen: gen, ID: id, Err: err})
}

// OnClose reports that the open connection gen has closed.
func (c *Client) OnClose(gen session.Gen, code int, reason string) {
	c.post(session.Closed{Gen: gen, Code: code, Reason: reason})
}

// OnTimer reports that a timer is due.
func (c *Client) OnTimer(t session.Timer) { c.post(session.TimerFired{Timer: t}) }

// OnTask reports that the later task has come.
func (c *Client) OnTask() { c.post(session.TaskCame{}) }

// OnNetwork reports what the host thinks of the network.
func (c *Client) OnNetwork(online bool) { c.post(session.NetworkChanged{Online: online}) }

// OnShown reports that the page was away and is back. It may have missed news
// of the network meanwhile.
func (c *Client) OnShown() {
	c.OnNetwork(c.host.Online())
	c.post(session.Shown{})
}

func (c *Client) call(done Done) session.Call {
	c.calls++
	c.done[c.calls] = done
	return c.calls
}

func (c *Client) post(in session.Input) { c.queue.post(in, c.step) }

func (c *Client) step(in session.Input) (panicked any) {
	defer func() {
		if p := recover(); p != nil {
			panicked = p
			c.abandon(in)
		}
	}()
	return each(c.machine.Step(c.host.Now(), in), c.carryOut)
}

// abandon settles the call of an input on which the machine failed.
func (c *Client) abandon(in session.Input) {
	var call session.Call
	switch in := in.(type) {
	case session.Login:
		call = in.Call
	case session.Logout:
		call = in.Call
	case session.Destroy:
		call = in.Call
	case session.Renew:
		call = in.Call
	case session.Send:
		call = in.Call
	case session.Create, session.Provided, session.Opened, session.DialFailed, session.Received, session.Unwritten,
		session.Closed, session.TimerFired, session.TaskCame, session.NetworkChanged, session.Shown:
	}
	if done := c.done[call]; done != nil {
		delete(c.done, call)
		done(nil, broken())
	}
}

func broken() *fault.Error {
	return &fault.Error{Code: fault.Destroyed, Message: "The SDK hit an internal error and keeps running: call again, and report this if it happens again."}
}

func (c *Client) carryOut(e session.Effect) (panicked any) {
	defer func() { panicked = recover() }()
	switch e := e.(type) {
	case session.Dial:
		c.host.Dial(e.Gen)
	case session.Write:
		c.host.Write(e.Gen, e.Request)
	case session.Close:
		c.host.Close(e.Gen, e.Code, e.Reason)
	case session.StartTimer:
		c.host.StartTimer(e.Timer, e.After)
	case session.StopTimer:
		c.host.StopTimer(e.Timer)
	case session.NextTask:
		c.host.NextTask()
	case session.Settle:
		done := c.done[e.Call]
		delete(c.done, e.Call)
		if done != nil {
			done(e.Result, e.Err)
		}
	case session.Emit:
		c.emit(e)
	case session.Notify:
		if c.mail != nil {
			c.mail.Post(mailbox.Noticed{Method: e.Method, Body: e.Body})
		}
	case session.AskSig:
		ask := e.Ask // all of e would keep the userID for as long as the app does not answer
		c.provider(e.UserID, e.Reason, func(userSig, failed string) {
			c.post(session.Provided{Ask: ask, UserSig: userSig, Failed: failed})
		})
	case session.Store:
		c.host.Store(e.Text)
	case session.Leave:
		c.farewells.leave(e.Token)
	}
	return nil
}

const hexDigits = "0123456789abcdef"

// hex returns n random bytes as hex digits.
func (c *Client) hex(n int) string {
	raw := make([]byte, n)
	c.host.Rand(raw)
	out := make([]byte, 0, 2*n)
	for _, b := range raw {
		out = append(out, hexDigits[b>>4], hexDigits[b&15])
	}
	return string(out)
}

// jitter returns a number in [0, n) that is uniform enough for a reconnect,
// which must happen even when the host has no randomness at the moment.
func (c *Client) jitter(n int64) (some int64) {
	defer func() {
		if recover() != nil {
			some = n / 2
		}
	}()
	var raw [7]byte
	c.host.Rand(raw[:])
	var v int64
	for _, b := range raw {
		v = v<<8 | int64(b)
	}
	return v % n
}
