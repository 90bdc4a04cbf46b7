// Package native runs the client outside a browser: in tests, in the load
// generator, in Go programs that log in as a user. It is the same session,
// mailbox and loops that run in tim.wasm, over real sockets and timers.
//
//	native.go  the Client, safe for several goroutines
//	host.go    timers, storage and the queue of what happens
//	page.go    the objects of a mailbox
//	socket.go  a WebSocket over gws
//	wire.go    its connection, which is never waited for
package native

import (
	"context"
	"net"
	"sync"

	"github.com/tim-wasm/tim/internal/client"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/mailbox/objects"
)

// Options of a new Client.
type Options struct {
	URL      string // ws://host:port/ws
	SDKAppID uint32 // 0: the gateway takes it from the UserSig
	Platform string // "" means Web
	Early    bool   // open a socket at once
	Origin   string // sent as a browser would; "" sends none

	// Storage stands in for a page's sessionStorage: to simulate a reload,
	// share one between two Clients, one after the other. nil means none.
	Storage *Storage
	// OnEvent is told of each event of the session, and OnMail of each event of
	// the mailbox, with what package objects makes of its data. Without OnMail
	// there is no mailbox. Both are called by goroutines of the client, one at a
	// time; they may start calls but must not wait for them.
	OnEvent func(name string, data frame.Body)
	OnMail  func(name string, data any)
	// Provider is asked for UserSigs, on a goroutine of its own: by a Login
	// with "", and for a session whose UserSig is about to end or has. reason
	// is one of session.Ask…. nil means none.
	Provider func(userID, reason string) (userSig string, err error)
	// Dial replaces the TCP dial.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Storage keeps what a page would keep over a reload.
type Storage struct {
	mu   sync.Mutex
	text string
}

// Load returns what is kept, or "".
func (s *Storage) Load() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text
}

// Store replaces what is kept.
func (s *Storage) Store(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = text
}

// Client is one instance. It is safe for concurrent use.
type Client struct {
	host *host
	c    *client.Client // of the host's queue
	page *page          // of the host's queue; nil without OnMail
}

// New makes a Client; Destroy ends it.
func New(o Options) *Client {
	if o.Platform == "" {
		o.Platform = "Web"
	}
	h := newHost(o)
	c := &Client{host: h}
	h.call(func() {
		opt := client.Options{SDKAppID: o.SDKAppID, Platform: o.Platform, Early: o.Early}
		if o.OnMail != nil {
			c.page = &page{host: h, objects: objects.New(o.OnMail)}
			opt.Page = c.page
		}
		if o.Provider != nil {
			opt.Provider = h.provide
		}
		c.c = client.New(opt, h)
		h.client = c.c
	})
	return c
}

// Login logs in and waits for the gateway's answer, not for SDK_READY.
func (c *Client) Login(ctx context.Context, userID, userSig string) (frame.Body, error) {
	return await(ctx, c.host, func(done func(frame.Body, *fault.Error)) { c.c.Login(userID, userSig, done) })
}

// Logout logs out and waits until it is done.
func (c *Client) Logout(ctx context.Context) error {
	_, err := await(ctx, c.host, func(done func(frame.Body, *fault.Error)) { c.c.Logout(done) })
	return err
}

// Renew passes a new UserSig to the running session.
func (c *Client) Renew(ctx context.Context, userSig string) error {
	_, err := await(ctx, c.host, func(done func(frame.Body, *fault.Error)) { c.c.Renew(userSig, done) })
	return err
}

// Send makes a request of the session and waits for its answer.
func (c *Client) Send(ctx context.Context, method string, params frame.Body) (frame.Body, error) {
	return await(ctx, c.host, func(done func(frame.Body, *fault.Error)) { c.c.Send(method, params, 0, done) })
}

// Settled is how a call of the mailbox ended, with the messages that it has
// brought.
type Settled struct {
	mailbox.Settle
	Messages []objects.Object
}

// Call makes a call of the mailbox and waits for its end.
func (c *Client) Call(ctx context.Context, in func(mailbox.Call) mailbox.Input) (Settled, error) {
	return await(ctx, c.host, func(done func(Settled, *fault.Error)) {
		m := c.c.Mail()
		m.Post(in(m.Call(func(s mailbox.Settle) {
			done(Settled{s, c.page.objects.Take(mailbox.Pile(s.Call))}, s.Err)
		})))
	})
}

// Start begins calls without waiting: f runs soon, as OnEvent does.
func (c *Client) Start(f func(*client.Client)) { c.host.post(func() { f(c.c) }) }

// Destroy ends the instance. Calls that are pending reject.
func (c *Client) Destroy() {
	c.host.post(func() { c.c.Destroy(func(frame.Body, *fault.Error) { c.host.stop() }) })
	<-c.host.dead
}

// State is a snapshot of what the getters of the JS API return.
type State struct {
	Status, Reason string
	Ready          bool
	User           string
	ServerTime     int64 // ms
	Pending        int   // calls that have not settled
}

// State waits for what the client does at the moment; not for use in OnEvent.
func (c *Client) State() (s State) {
	c.host.call(func() {
		s.Status, s.Reason = c.c.Status()
		s.Ready, s.User, s.ServerTime, s.Pending = c.c.Ready(), c.c.User(), c.c.ServerTime(), c.c.Pending()
	})
	return s
}

// SetOnline stands in for a browser's online and offline events.
func (c *Client) SetOnline(online bool) {
	c.host.post(func() {
		c.host.online = online
		c.c.OnNetwork(online)
	})
}

// Shown stands in for a page that became visible again.
func (c *Client) Shown() { c.host.post(func() { c.c.OnShown() }) }

// await starts a call and waits until it or the context ends; in
// the latter case the call goes on.
func await[T any](ctx context.Context, h *host, start func(done func(T, *fault.Error))) (result T, err error) {
	type end struct {
		result T
		err    *fault.Error
	}
	ended := make(chan end, 1)
	h.post(func() { start(func(result T, err *fault.Error) { ended <- end{result, err} }) })
	select {
	case e := <-ended:
		if e.err != nil {
			return result, e.err
		}
		return e.result, nil
	case <-ctx.Done():
		return result, ctx.Err()
	case <-h.dead:
		return result, fault.New(fault.Destroyed)
	}
}
