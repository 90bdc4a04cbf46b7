package gateway_test

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/usersig"
)

// signedLogin is the login frame of a user.
func signedLogin(user, instance string) []byte {
	sig := usersig.Sign(app, key, user, time.Now(), time.Hour)
	return callText(1, frame.Login, map[string]any{
		"userID": user, "userSig": sig, "platform": "Web", "instance": instance, "doc": "ab", "intent": "new",
	})
}

// TestIdleSocketsHaveNoGoroutine: neither before their login nor after it, and each
// is read when its client says something.
func TestIdleSocketsHaveNoGoroutine(t *testing.T) {
	t.Run("opened by front", func(t *testing.T) { idleSocketsHaveNoGoroutine(t) })
	t.Run("opened by net/http", func(t *testing.T) {
		idleSocketsHaveNoGoroutine(t, "X-Forwarded-For: 1.1.1.1\r\n", "X-Forwarded-For: 2.2.2.2\r\n")
	})
}

func idleSocketsHaveNoGoroutine(t *testing.T, fields ...string) {
	const n = 200 // the logins may leave as many hands waiting as may wait, which are fewer than half
	w := begin(t, setup{})
	w.login(page("first")) // the goroutines that all share are there
	before := runtime.NumGoroutine()
	var conns []net.Conn
	for range n {
		conns = append(conns, w.rawDial(fields...))
	}
	eventually(t, "no goroutine waits for a login", func() bool { return runtime.NumGoroutine() < before+n/2 })
	for i, c := range conns {
		_, err := c.Write(signedLogin(fmt.Sprint("user", i), fmt.Sprintf("%032x", i)))
		require.NoError(t, err)
	}
	eventually(t, "all are logged in", func() bool { return w.g.Stats().Sessions == n+1 })
	eventually(t, "no goroutine waits for their calls", func() bool { return runtime.NumGoroutine() < before+n/2 })
	for _, c := range conns {
		require.NoError(t, c.Close())
	}
	eventually(t, "all ends are noticed", func() bool { return w.g.Stats().Sockets == 1 })
}

// TestFrameInParts: a socket is parked between any two bytes.
func TestFrameInParts(t *testing.T) {
	w := begin(t, setup{})
	c := w.rawDial()
	for _, b := range signedLogin("alice", fmt.Sprintf("%032x", 1)) {
		_, err := c.Write([]byte{b})
		require.NoError(t, err)
	}
	eventually(t, "login", func() bool { return len(w.g.Sessions(place.User{SDKAppID: app, UserID: "alice"})) == 1 })
}

// TestEndsOfParkedSockets: a parked socket is ended by its client, in each way that
// there is, and by the gateway, whether its client reads that or not.
func TestEndsOfParkedSockets(t *testing.T) {
	w := begin(t, setup{times: gateway.Times{
		Ask: 50 * time.Millisecond, Silence: 50 * time.Millisecond, Linger: 50 * time.Millisecond,
		Write: 2 * within, // by then the socket's timer ends it, whoever has it
	}})
	gone := func(how string) {
		eventually(t, how, func() bool { return w.g.Stats().Sockets == 0 && w.g.Held() == 0 })
	}
	c := w.rawDial()
	require.NoError(t, c.(*net.TCPConn).SetLinger(0))
	require.NoError(t, c.Close())
	gone("a reset")

	c = w.rawDial()
	require.NoError(t, c.(*net.TCPConn).CloseWrite())
	require.NoError(t, c.SetReadDeadline(time.Now().Add(within)))
	rest, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "\x88\x02\x03\xe8", string(rest), "its other half is still open")
	gone("half of it")

	c = w.rawDial()
	_, err = c.Write(masked(0x88, []byte{0x0f, 0xa0}))
	require.NoError(t, err)
	require.Equal(t, 4000, lastClose(t, c))
	gone("a close frame")

	c = w.rawDial()
	_, err = c.Write(signedLogin("alice", fmt.Sprintf("%032x", 1)))
	require.NoError(t, err)
	eventually(t, "login", func() bool { return w.g.Stats().Sessions == 1 })
	gone("silence")

	c = w.rawDial()
	_, err = c.Write(signedLogin("bob", fmt.Sprintf("%032x", 2)))
	require.NoError(t, err)
	bob := place.User{SDKAppID: app, UserID: "bob"}
	eventually(t, "login", func() bool { return len(w.g.Sessions(bob)) == 1 })
	w.g.Kick(w.g.Sessions(bob)[0].Place(), frame.KickRESTAPI)
	gone("a kick, which its client does not answer")
	require.Equal(t, frame.CloseEvicted, lastClose(t, c))
}

// TestWithoutPoller: when it fails, goroutines go on with the sockets that it had, and
// those that come have one from the beginning.
func TestWithoutPoller(t *testing.T) {
	w := begin(t, setup{})
	p, _ := w.login(page("alice"))
	p.expectOpen()
	w.g.BreakPoller()
	p.expectOpen()
	late, _ := w.login(page("bob"))
	late.expectOpen()
	p.expectOpen()
}
