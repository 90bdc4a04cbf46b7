package gateway_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/place"
)

// gatedConn is a server's connection whose writes a test counts and holds up.
type gatedConn struct {
	net.Conn
	waits chan struct{} // a write waits at the gate

	mu     sync.Mutex // guards what follows
	gate   chan struct{}
	writes int
}

func (c *gatedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.writes++
	gate := c.gate
	c.mu.Unlock()
	if gate != nil {
		c.waits <- struct{}{}
		<-gate
	}
	return c.Conn.Write(p)
}

// shut holds up the next write until open.
func (c *gatedConn) shut() (open func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	gate := make(chan struct{})
	c.gate = gate
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.gate = nil
		close(gate)
	}
}

func (c *gatedConn) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes
}

type gatedListener struct {
	net.Listener
	accepted chan *gatedConn
}

func (l gatedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &gatedConn{Conn: conn, waits: make(chan struct{}, 1)}
	l.accepted <- c
	return c, nil
}

// gated is a world with a peer that is logged in, whose connection is a gatedConn.
func gated(t *testing.T, s setup) (*world, *peer, *gatedConn) {
	w := begin(t, s)
	srv := httptest.NewUnstartedServer(w.g)
	l := gatedListener{srv.Listener, make(chan *gatedConn, 16)}
	srv.Listener = l
	srv.Start()
	t.Cleanup(srv.Close)
	w.url = "ws" + strings.TrimPrefix(srv.URL, "http")
	p, _ := w.login(page("alice"))
	p.expectOpen() // what the login has written is out
	return w, p, <-l.accepted
}

// TestFramesThatWaitTogether: what is queued while a write is under way goes out with
// one write.
func TestFramesThatWaitTogether(t *testing.T) {
	w, p, conn := gated(t, setup{})
	sess := w.g.Sessions(place.User{SDKAppID: app, UserID: "alice"})[0]

	open := conn.shut()
	require.True(t, sess.Notify("x.y", nil))
	select {
	case <-conn.waits:
	case <-time.After(within):
		open()
		t.Fatal("nothing was written")
	}
	const waiting = 5
	for range waiting {
		require.True(t, sess.Notify("x.z", nil))
	}
	before := conn.count()
	open()
	require.Equal(t, "x.y", p.read().Method)
	for range waiting {
		require.Equal(t, "x.z", p.read().Method)
	}
	require.Equal(t, before+1, conn.count())
}

func unhurried(context.Context, *gateway.Session, json.RawMessage) (any, error) {
	return gateway.Unhurried{Result: map[string]string{"is": "late"}}, nil
}

// TestUnhurriedAnswersWait: what is sent meanwhile goes out without them, and an error
// does not wait. Then they go out together, in one write.
func TestUnhurriedAnswersWait(t *testing.T) {
	_, p, conn := gated(t, setup{times: gateway.Times{Hold: time.Hour}, before: func(g *gateway.Gateway) {
		g.Handle("echo.back", echo)
		g.Handle("echo.late", unhurried)
		g.Handle("echo.failed", func(context.Context, *gateway.Session, json.RawMessage) (any, error) {
			return gateway.Unhurried{}, fault.New(fault.BadParameters)
		})
	}})
	late := p.send("echo.late", nil)
	later := p.send("echo.late", nil)
	prompt := p.send("echo.back", nil)
	require.Equal(t, prompt, p.read().ID)
	failed := p.send("echo.failed", nil)
	m := p.read()
	require.Equal(t, failed, m.ID)
	require.Equal(t, fault.BadParameters, m.Err.Code)
	before := conn.count()
	out := p.send(frame.Logout, nil)
	m = p.read()
	require.Equal(t, late, m.ID)
	require.Equal(t, "late", m.Body.Text("is"))
	require.Equal(t, later, p.read().ID)
	require.Equal(t, out, p.read().ID)
	p.expectClose(frame.CloseLoggedOut)
	require.Equal(t, before+2, conn.count(), "the frames and the close frame")
}

// TestUnhurriedAnswersComeByThemselves: while nothing else is sent, one after the other.
func TestUnhurriedAnswersComeByThemselves(t *testing.T) {
	_, p, _ := gated(t, setup{times: gateway.Times{Hold: time.Millisecond}, before: func(g *gateway.Gateway) { g.Handle("echo.late", unhurried) }})
	for range 3 {
		require.Nil(t, p.call("echo.late", nil).Err)
	}
}

// TestUnhurriedAnswersComeBeforeTheEnd: nor does an eviction leave them behind.
func TestUnhurriedAnswersComeBeforeTheEnd(t *testing.T) {
	w, p, _ := gated(t, setup{times: gateway.Times{Hold: time.Hour}, before: func(g *gateway.Gateway) {
		g.Handle("echo.back", echo)
		g.Handle("echo.late", unhurried)
	}})
	late := p.send("echo.late", nil)
	p.call("echo.back", nil)
	w.g.Kick(w.g.Sessions(place.User{SDKAppID: app, UserID: "alice"})[0].Place(), frame.KickRESTAPI)
	require.Equal(t, late, p.read().ID)
	require.Equal(t, frame.Evicted, p.read().Method)
	p.expectClose(frame.CloseEvicted)
}
