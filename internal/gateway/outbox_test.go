package gateway_test

import (
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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

// TestFramesThatWaitTogether: what is queued while a write is under way goes out with
// one write.
func TestFramesThatWaitTogether(t *testing.T) {
	w := begin(t, setup{})
	srv := httptest.NewUnstartedServer(w.g)
	l := gatedListener{srv.Listener, make(chan *gatedConn, 16)}
	srv.Listener = l
	srv.Start()
	t.Cleanup(srv.Close)
	w.url = "ws" + strings.TrimPrefix(srv.URL, "http")
	p, _ := w.login(page("alice"))
	p.expectOpen() // what the login has written is out
	conn := <-l.accepted
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
