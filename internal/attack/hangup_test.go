package attack

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/cluster"
	"github.com/tim-wasm/tim/internal/frame"
)

const (
	hangUps  = 2000 // rounds in make test
	onTwo    = 240  // rounds with two gateways
	quitters = 60   // accounts that hang up; each login rewrites its account's record
	hands    = 12   // how many of them hang up at the same time
)

// TestHangUps ends connections in the middle of every method of the wire:
// within a frame, right after it, while it is being handled, while its answer
// comes. It ends them by a reset, a FIN, a close frame, a logout, a newer socket
// of the same instance, or a newer instance of the same user. Nothing may be left
// of them, and the race detector must find nothing.
func TestHangUps(t *testing.T) {
	a := openArena(t, "--login-rate", "1000000", "--message-rate", "100000")
	base := a.baseline()
	a.hangUps(hangUps, quitters, a.Addr)
	a.unhurt(base)
}

// TestHangUpsOnTwoGateways ends connections by way of another gateway: by a newer
// socket of the same instance, a newer instance, or a farewell. Neither gateway
// may keep anything.
func TestHangUpsOnTwoGateways(t *testing.T) {
	nats := cluster.StartNATS(t, 1)
	flags := []string{"--nats", nats.URL(), "--login-rate", "1000000", "--message-rate", "100000", "--grace", "1s"}
	a := openArena(t, append(flags, "--node", "a")...)
	other := &arena{t: t, Gateway: cluster.StartGateway(t, append(flags, "--node", "b")...)}
	base := a.baseline()
	there, err := metrics(other.Ops)
	require.NoError(t, err)
	a.hangUps(onTwo, hands, other.Addr)
	other.settle(there)
	other.calm()
	a.unhurt(base)
}

// hangUps runs rounds with some accounts, half of the rounds begun on each
// gateway.
func (a *arena) hangUps(rounds, accounts int, other string) {
	a.t.Helper()
	callers := make([]*Caller, accounts)
	for i := range callers {
		var err error
		callers[i], err = newCaller(a.Addr, fmt.Sprint("quitter", i), uint64(i))
		require.NoError(a.t, err)
	}
	stop := a.meanwhile()
	began := time.Now()
	var done atomic.Int64
	var wg sync.WaitGroup
	for hand := range hands {
		wg.Go(func() {
			for turn := hand; !a.t.Failed(); turn += hands {
				n := int(done.Add(1)) - 1
				if n >= rounds {
					return
				}
				method := Methods()[n%len(Methods())]
				here, there := a.Addr, other
				if n/len(Methods())%2 == 1 {
					here, there = other, a.Addr
				}
				c := callers[turn%accounts] // no other worker has this account
				if err := c.hangUp(here, there, method); err != nil {
					a.t.Errorf("round %d, %s: %v", n, method, err)
				}
			}
		})
	}
	wg.Wait()
	a.t.Logf("%d hang-ups in %d methods took %v", rounds, len(Methods()), time.Since(began).Round(time.Millisecond))
	stop()
}

// hangUp runs one round; the connection may be ended by way of the other gateway.
// It returns an error only for what has to work, which is to log in.
func (c *Caller) hangUp(addr, other, method string) error {
	page := NewPage(c.Account)
	switch method {
	case frame.Login:
		return c.hangUpEarly(addr, other, page, method, page.Params(frame.IntentNew))
	case frame.RoomVisit:
		params, _ := c.Params(method)
		return c.hangUpEarly(addr, other, page, method, params)
	}
	conn, token, err := page.Login(addr)
	if CloseCode(err) >= 0 {
		return nil // it was evicted: another instance of the user was quicker
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	c.Token = token
	if c.Rand.IntN(2) == 0 || method == frame.SessionMore {
		if _, err := conn.Send(frame.SessionSync, object{"cursor": "0.0", "watch": c.some(10)}); err != nil {
			return nil // evicted
		}
	}
	// Many calls of one method in one write, so that the end hits one of them.
	calls := 1 + c.Rand.IntN(12)
	var burst []byte
	for n := range calls {
		params, _ := c.Params(method)
		_, f := conn.frame(method, params)
		if n == calls-1 && c.Rand.IntN(2) == 0 {
			f = f[:c.Rand.IntN(len(f))]
			calls--
		}
		burst = append(burst, f...)
	}
	if _, err := conn.Write(burst); err != nil {
		return nil
	}
	c.pause(conn, calls)
	c.end(conn, page, other)
	return nil
}

// hangUpEarly ends a connection in the middle of its first call, before which nobody
// is logged in.
func (c *Caller) hangUpEarly(addr, other string, page Page, method string, params any) error {
	conn, err := Dial(addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, f := conn.frame(method, params)
	calls := c.Rand.IntN(4)
	if calls == 0 {
		f = f[:c.Rand.IntN(len(f))]
	}
	calls = min(calls, 1)
	if _, err := conn.Write(f); err != nil {
		return nil
	}
	c.pause(conn, calls)
	c.end(conn, page, other)
	return nil
}

// pause lets the gateway begin: for no time, for a while, or until one of the
// calls is answered.
func (c *Caller) pause(conn *Conn, calls int) {
	switch c.Rand.IntN(4) {
	case 0:
	case 1:
		time.Sleep(time.Duration(c.Rand.IntN(5000)) * time.Microsecond)
	default:
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		for range c.Rand.IntN(min(calls, 12) + 1) {
			if _, _, err := conn.Next(); err != nil {
				return
			}
		}
	}
}

// end ends a connection in one of several ways.
func (c *Caller) end(conn *Conn, page Page, addr string) {
	switch c.Rand.IntN(8) {
	case 0:
		_ = conn.CloseWrite()
	case 1:
		_, _ = conn.Write(Frame(OpClose, []byte{1000 >> 8, 1000 & 0xff}))
	case 2:
		_, _ = conn.Send(frame.Logout, object{})
		conn.Reset()
	case 3: // the same instance comes on another socket, and both end
		if other, err := Dial(addr); err == nil {
			_, _ = other.Send(frame.Login, page.Params(frame.IntentResume))
			c.pause(other, 1)
			other.Reset()
		}
	case 4: // another instance of the user comes, and leaves as well
		if other, _, err := NewPage(c.Account).Login(addr); err == nil {
			other.Reset()
		}
	case 5: // somebody else says farewell for it
		if other, err := Dial(addr); err == nil {
			_, _ = other.Send(frame.Farewell, object{"token": c.Token})
			c.pause(other, 1)
			other.Reset()
		}
	default:
		conn.Reset()
	}
}
