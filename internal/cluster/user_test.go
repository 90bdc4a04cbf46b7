package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tim-wasm/tim/internal/client"
	"github.com/tim-wasm/tim/internal/client/native"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/session"
)

// ledger records what became of each instance as its client saw it, by the
// hash that the registry knows it by.
type ledger struct {
	mu    sync.Mutex
	fates map[string]*fate
	wrong []string

	// prompt says that calls have to settle when the SDK promises it, which they can
	// only where nothing else takes the cores: in the long forms of tests.
	prompt bool
}

type fate struct {
	in     *instance
	left   bool      // it logged out, or its login was rejected: nobody has to tell it anything
	kicked time.Time // of KICKED_OUT
	typ    string
}

func (l *ledger) violation(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, time.Now().Format("05.000 ")+fmt.Sprintf(format, args...))
}

// violations returns all found so far; running clients may add more.
func (l *ledger) violations() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.wrong)
}

func (l *ledger) of(hash string) *fate {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fates[hash]
}

// instance is one client of a user.
type instance struct {
	*native.Client
	user    string
	n       int
	ledger  *ledger
	storage native.Storage
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)

	mu     sync.Mutex
	hash   string // since its login
	conn   net.Conn
	ready  bool
	out    bool // only a login may change that
	events []string
	kicks  []string
	states []state  // each change of its status
	sent   []string // texts whose sending was acknowledged
	wake   chan struct{}
	login  time.Duration // how long the last login took
}

type state struct {
	at     time.Time
	status string
}

func newInstance(b *Balancer, l *ledger, user string, n int, platform string) *instance {
	i := &instance{user: user, n: n, ledger: l, dial: b.Dial, wake: make(chan struct{}, 1)}
	i.Client = native.New(native.Options{
		URL: b.URL(), SDKAppID: App, Platform: platform, Storage: &i.storage, OnEvent: i.on,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			i.mu.Lock()
			dial := i.dial
			i.mu.Unlock()
			c, err := dial(ctx, network, addr)
			if err == nil {
				i.mu.Lock()
				i.conn = c
				i.mu.Unlock()
			}
			return c, err
		},
	})
	return i
}

// through sets its way to the gateways from now on; nil means that there is
// none.
func (i *instance) through(b *Balancer) {
	if b == nil {
		b = &Balancer{}
	}
	i.mu.Lock()
	i.dial = b.Dial
	i.mu.Unlock()
}

func (i *instance) String() string { return fmt.Sprintf("%s/%d", i.user, i.n) }

func (i *instance) note(format string, args ...any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.events = append(i.events, time.Now().Format("05.000 ")+fmt.Sprintf(format, args...))
}

func (i *instance) on(name string, data frame.Body) {
	text := name
	i.mu.Lock()
	hash := i.hash
	switch name {
	case frame.EventSDKReady:
		if i.ready || i.out {
			defer i.ledger.violation("%s: SDK_READY twice, or without a login", i)
		}
		i.ready = true
	case frame.EventSDKNotReady:
		i.ready, i.out = false, true
	case frame.EventKickedOut:
		text += " " + data.Text("type")
		i.out = true
		i.kicks = append(i.kicks, data.Text("type"))
	case frame.EventLoginStatusChange:
		text += " " + data.Text("status")
		i.states = append(i.states, state{time.Now(), data.Text("status")})
	}
	i.events = append(i.events, time.Now().Format("05.000 ")+text)
	i.mu.Unlock()
	if name == frame.EventKickedOut {
		if f := i.ledger.of(hash); f != nil {
			i.ledger.mu.Lock()
			f.kicked, f.typ = time.Now(), data.Text("type")
			i.ledger.mu.Unlock()
		}
	}
	select {
	case i.wake <- struct{}{}:
	default:
	}
}

// register records the hash by which the registry knows it now.
func (i *instance) register() {
	text := i.storage.Load()
	if len(text) < 32 {
		return
	}
	sum := sha256.Sum256([]byte(text[:32]))
	hash := hex.EncodeToString(sum[:])
	i.mu.Lock()
	i.hash = hash
	i.mu.Unlock()
	i.ledger.mu.Lock()
	if i.ledger.fates[hash] == nil {
		i.ledger.fates[hash] = &fate{in: i}
	}
	i.ledger.mu.Unlock()
}

func (i *instance) leave() {
	i.mu.Lock()
	hash := i.hash
	i.mu.Unlock()
	if f := i.ledger.of(hash); f != nil {
		i.ledger.mu.Lock()
		f.left = true
		i.ledger.mu.Unlock()
	}
}

// mayReject are the codes a login may be rejected with while the network, the
// gateways and NATS are in trouble.
var mayReject = []fault.Code{fault.LoginBusy, fault.Timeout, fault.Offline, fault.LoggedOut, fault.KickedMultipleAccount, fault.ServerTimeout}

// logIn must settle once and in time; nil means that it is logged in.
func (i *instance) logIn() *fault.Error {
	i.note("- login")
	start := time.Now()
	err := i.settles("login", 12*time.Second, func(c *client.Client, done client.Done) {
		i.mu.Lock()
		i.out = false
		i.mu.Unlock()
		c.Login(i.user, Sign(i.user), func(body frame.Body, err *fault.Error) {
			i.register() // after a duplicate it has another hash
			if err != nil && err.Code != fault.LoginBusy {
				i.leave()
			}
			done(body, err)
		})
		i.register()
	})
	i.mu.Lock()
	i.login = time.Since(start)
	i.mu.Unlock()
	if err != nil && !slices.Contains(mayReject, err.Code) {
		i.ledger.violation("%s: login rejected with %d %s", i, err.Code, err.Message)
	}
	return err
}

func (i *instance) logOut() {
	i.note("- logout")
	i.leave()
	err := i.settles("logout", 5*time.Second, func(c *client.Client, done client.Done) { c.Logout(done) })
	if err != nil && err.Code != fault.NotLoggedIn {
		i.ledger.violation("%s: logout rejected with %d %s", i, err.Code, err.Message)
	}
}

// settles starts a call and waits for its end.
func (i *instance) settles(name string, limit time.Duration, begin func(*client.Client, client.Done)) *fault.Error {
	slack := 30 * time.Second
	if i.ledger.prompt {
		slack = 0
	}
	start := time.Now()
	done := make(chan *fault.Error, 1)
	settled := 0
	i.Start(func(c *client.Client) {
		begin(c, func(_ frame.Body, err *fault.Error) {
			if settled++; settled > 1 {
				i.ledger.violation("%s: %s settled %d times", i, name, settled)
				return
			}
			done <- err
		})
	})
	select {
	case err := <-done:
		if took := time.Since(start); took > limit+slack {
			i.ledger.violation("%s: %s took %v", i, name, took)
		}
		if err != nil {
			i.note("= %s %d", name, err.Code)
		} else {
			i.note("= %s ok", name)
		}
		return err
	case <-time.After(limit + slack + 10*time.Second):
		i.ledger.violation("%s: %s never settled", i, name)
		return fault.New(fault.Timeout)
	}
}

// cut resets its connection.
func (i *instance) cut() {
	i.mu.Lock()
	c := i.conn
	i.conn = nil
	i.mu.Unlock()
	if c == nil {
		return
	}
	i.note("- cut")
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// send sends a text; it counts as sent once acknowledged.
func (i *instance) send(to, text string) {
	body, err := textMessage(i.user, to, text)
	if err != nil {
		i.ledger.violation("%v", err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if _, err := i.Send(ctx, "message.send", body); err == nil {
		i.mu.Lock()
		i.sent = append(i.sent, text)
		i.mu.Unlock()
	} else if ctx.Err() != nil {
		i.ledger.violation("%s: message.send never settled", i)
	}
}

// textMessage returns what message.send takes; the text gives the message its ID.
func textMessage(from, to, text string) (frame.Body, error) {
	sum := sha256.Sum256([]byte(text))
	raw, err := json.Marshal(map[string]any{
		"id": frame.NewMessageID(from, time.Now().UnixMilli(), [frame.MessageIDRandom]byte(sum[:frame.MessageIDRandom])),
		"to": to, "type": "TIMTextElem", "payload": map[string]string{"text": text},
	})
	if err != nil {
		return nil, err
	}
	return jsonframe.NewObject(raw)
}

// online waits for SDK_READY after a login.
func (i *instance) online(t testing.TB) {
	t.Helper()
	i.wait(t, frame.EventSDKReady, 10*time.Second, func() bool {
		i.mu.Lock()
		defer i.mu.Unlock()
		return i.ready
	})
}

// wait waits for something that becomes visible with an event of the instance.
func (i *instance) wait(t testing.TB, what string, within time.Duration, holds func() bool) {
	t.Helper()
	late := time.After(within)
	for !holds() {
		select {
		case <-i.wake:
		case <-time.After(20 * time.Millisecond): // a state without an event
		case <-late:
			t.Fatalf("%s: %s did not come within %v: %v", i, what, within, i.story())
		}
	}
}

// openAt reports whether it had a connection, as far as it knew, and when that
// connection closed.
func (i *instance) openAt(at time.Time) (open bool, closed time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, s := range i.states {
		switch {
		case !s.at.After(at):
			open = s.status == session.StatusReady
		case open:
			return true, s.at
		}
	}
	return open, closed
}

func (i *instance) kickedAs() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.kicks) == 0 {
		return ""
	}
	return i.kicks[len(i.kicks)-1]
}

func (i *instance) story() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.events[max(len(i.events)-30, 0):])
}

// alive reports whether a ping comes back.
func (i *instance) alive() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := i.Send(ctx, "ping", nil)
	return err == nil
}

func pause(r *rand.Rand, upTo time.Duration) { time.Sleep(time.Duration(r.Int64N(int64(upTo)))) }
