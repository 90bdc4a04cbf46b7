package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
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
	const n = 600 // the logins may leave 256 hands waiting (maxIdle), which are fewer than half
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

// notReading is a session whose client reads nothing by itself.
func notReading(t *testing.T, w *world, user string) (net.Conn, *gateway.Session) {
	c := w.rawDial()
	_, err := c.Write(signedLogin(user, fmt.Sprintf("%032x", 1)))
	require.NoError(t, err)
	_, err = io.ReadAtLeast(c, make([]byte, 2048), 200)
	require.NoError(t, err)
	u := place.User{SDKAppID: app, UserID: user}
	eventually(t, "login", func() bool { return len(w.g.Sessions(u)) == 1 })
	require.NoError(t, c.SetDeadline(time.Now().Add(within)))
	return c, w.g.Sessions(u)[0]
}

var aPing = masked(0x81, []byte(`{"jsonrpc":"2.0","id":7,"method":"ping"}`))

// A ping of a client that does not read is answered behind what the kernel has taken.
func TestPingOfAClientThatDoesNotRead(t *testing.T) {
	w := begin(t, setup{})
	c, sess := notReading(t, w, "alice")
	n := sess.Fill()
	require.Positive(t, n)
	_, err := c.Write(aPing)
	require.NoError(t, err)
	_, err = io.CopyN(io.Discard, c, int64(n))
	require.NoError(t, err)
	got := make([]byte, 2+len(`{"jsonrpc":"2.0","id":7`))
	_, err = io.ReadFull(c, got)
	require.NoError(t, err)
	require.Equal(t, `{"jsonrpc":"2.0","id":7`, string(got[2:]))
	eventually(t, "nothing is being written", func() bool { return !sess.Writing() })
}

// A frame of which the kernel takes only the beginning is written to its end, and nothing
// comes between. If the connection ends meanwhile, so does the socket.
func TestFramesThatAreCut(t *testing.T) {
	w := begin(t, setup{})
	text := strings.Repeat("0123456789", 1600)
	for n, cut := 0, false; !cut; n++ {
		require.Less(t, n, 100, "no frame was cut")
		user := fmt.Sprint("user", n)
		c, sess := notReading(t, w, user)
		var want strings.Builder
		for more := false; !more; {
			frame := text[:len(text)-n] // of another length each time
			cut, more = sess.WriteNow(frame)
			fmt.Fprintf(&want, "\x81\x7e%c%c%s", 0, 0, frame)
		}
		if cut && n%2 == 0 {
			_, more := sess.WriteNow("the last one")
			require.True(t, more)
			want.WriteString("\x81\x0cthe last one")
		}
		got := make([]byte, want.Len())
		_, err := io.ReadFull(c, got)
		require.NoError(t, err)
		for at := 0; at+4 < len(got) && got[at+1] == 126; at += 4 + len(text) - n {
			require.Equal(t, len(text)-n, int(got[at+2])<<8|int(got[at+3]))
			got[at+2], got[at+3] = 0, 0
		}
		require.True(t, want.String() == string(got), "frames are not as they were sent")
		require.NoError(t, c.Close())
	}

	c, sess := notReading(t, w, "bob")
	for more := false; !more; {
		_, more = sess.WriteNow(text)
	}
	require.NoError(t, c.(*net.TCPConn).SetLinger(0))
	require.NoError(t, c.Close())
	eventually(t, "the write that waits ends with its connection", func() bool { return w.g.Held() == 0 })
}

// Pings that come at once are answered in their order.
func TestPingsThatComeTogether(t *testing.T) {
	w := begin(t, setup{})
	c, _ := notReading(t, w, "alice")
	var all, want []byte
	for n := range 50 {
		all = append(all, masked(0x81, fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"method":"ping"}`, 100+n))...)
		want = fmt.Appendf(want, "%d ", 100+n)
	}
	_, err := c.Write(all)
	require.NoError(t, err)
	var got []byte
	r := bufio.NewReader(c)
	for range 50 {
		head := make([]byte, 2)
		_, err := io.ReadFull(r, head)
		require.NoError(t, err)
		text := make([]byte, head[1])
		_, err = io.ReadFull(r, text)
		require.NoError(t, err)
		got = append(append(got, text[len(`{"jsonrpc":"2.0","id":`):][:3]...), ' ')
	}
	require.Equal(t, string(want), string(got))
}
