package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/attack"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/testlog"
)

// rawDial does the handshake by hand, so that a test can send what no WebSocket
// library would.
func (w *world) rawDial(fields ...string) net.Conn {
	w.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "ws://"))
	require.NoError(w.t, err)
	w.t.Cleanup(func() { c.Close() })
	_, err = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: x, tim.v1\r\n"+strings.Join(fields, "")+"\r\n")
	require.NoError(w.t, err)
	// Read byte by byte, so that nothing after the handshake is swallowed.
	var head strings.Builder
	for !strings.HasSuffix(head.String(), "\r\n\r\n") {
		b := make([]byte, 1)
		_, err := io.ReadFull(c, b)
		require.NoError(w.t, err)
		head.Write(b)
	}
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head.String())), nil)
	require.NoError(w.t, err)
	res.Body.Close()
	require.Equal(w.t, http.StatusSwitchingProtocols, res.StatusCode)
	return c
}

// masked returns a client's frame with a mask of zeros.
func masked(first byte, payload []byte) []byte {
	return attack.Frame(first, payload)
}

// lastClose reads up to the close frame and returns its code, or 0 if the
// connection ends without one.
func lastClose(t *testing.T, c net.Conn) int {
	t.Helper()
	defer c.Close()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(within)))
	r := bufio.NewReader(c)
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(r, head); err != nil {
			return 0
		}
		n := int64(head[1])
		switch n {
		case 126:
			var b [2]byte
			_, _ = io.ReadFull(r, b[:])
			n = int64(binary.BigEndian.Uint16(b[:]))
		case 127:
			var b [8]byte
			_, _ = io.ReadFull(r, b[:])
			n = int64(binary.BigEndian.Uint64(b[:]))
		}
		payload := make([]byte, n)
		if _, err := io.ReadFull(r, payload); err != nil {
			return 0
		}
		if head[0] == 0x88 && n >= 2 {
			return int(binary.BigEndian.Uint16(payload))
		}
	}
}

func TestHostileBytes(t *testing.T) {
	w := begin(t, setup{})
	huge := []byte{0x81, 0xff}
	for _, c := range []struct {
		name  string
		bytes []byte
		code  int
	}{
		{"too large", masked(0x81, make([]byte, frame.MaxEarlyFrame+1)), frame.CloseBadFrame},
		{"too large, and only its header sent", masked(0x81, make([]byte, frame.MaxEarlyFrame+1))[:8], frame.CloseBadFrame},
		{"too large in pieces", append(masked(0x01, make([]byte, frame.MaxEarlyFrame)), masked(0x80, []byte{0})...), frame.CloseBadFrame},
		{"16 bits of length for 2 bytes", []byte{0x81, 0x80 | 126, 0, 2, 0, 0, 0, 0, '{', '}'}, frame.CloseBadFrame},
		{"64 bits of length for 2 bytes", []byte{0x81, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, '{', '}'}, frame.CloseBadFrame},
		{"64 bits of length for a ping", []byte{0x89, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 'h', 'i'}, frame.CloseBadFrame},
		{"announced as huge", append(huge, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0), frame.CloseBadFrame},
		{"length below zero", append(huge, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0), frame.CloseBadFrame},
		{"too deep", masked(0x81, []byte(`{"a":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`}`)), frame.CloseBadFrame},
		{"binary", masked(0x82, []byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)), frame.CloseBadFrame},
		{"not UTF-8", masked(0x81, []byte("\xff\xfe")), 1007},
		{"not masked", []byte{0x81, 0x02, '{', '}'}, 1002},
		{"reserved bits", masked(0xf1, []byte("{}")), 1002},
		{"reserved opcode", masked(0x83, []byte("{}")), 1002},
		{"continuation of nothing", masked(0x80, []byte("{}")), 1002},
		{"long control frame", masked(0x89, make([]byte, 200)), 1002},
		{"close with half a code", masked(0x88, []byte{3}), 1002},
		{"not WebSocket", []byte("GET / HTTP/1.1\r\n\r\n" + strings.Repeat("x", 4000)), 1002},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := w.rawDial()
			_, err := conn.Write(c.bytes)
			require.NoError(t, err)
			require.Equal(t, c.code, lastClose(t, conn))
		})
	}
	p, _ := w.login(page("alice"))
	p.expectOpen()
}

// Before the login the largest frame that is accepted is smaller than after it.
func TestLargestFrame(t *testing.T) {
	w := begin(t, setup{before: func(g *gateway.Gateway) { g.Handle("echo.back", echo) }})
	padded := func(method string, params map[string]any, size int) []byte {
		text, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
		require.NoError(t, err)
		return append(text, bytes.Repeat([]byte(" "), size-len(text))...)
	}
	login := page("alice").frame()
	p := w.dial()
	p.write(string(padded(frame.Login, login, frame.MaxEarlyFrame)))
	require.Nil(t, p.read().Err)
	p.write(string(padded("echo.back", nil, frame.MaxFrame)))
	require.Nil(t, p.read().Err)

	p = w.dial()
	p.write(string(padded(frame.Login, login, frame.MaxEarlyFrame+1)))
	p.expectClose(frame.CloseBadFrame)

	for user, bytes := range map[string][]byte{
		"bob":   masked(0x81, padded("echo.back", nil, frame.MaxFrame+1)),
		"carol": append(masked(0x01, make([]byte, 60<<10)), masked(0x00, make([]byte, 5<<10))...),
	} {
		c := w.dialDeaf(page(user))
		eventually(t, "login", func() bool { return len(w.g.Sessions(place.User{SDKAppID: app, UserID: user})) == 1 })
		_, err := c.Write(bytes)
		require.NoError(t, err)
		require.Equal(t, frame.CloseBadFrame, lastClose(t, c), user)
	}
}

// A panic while a frame is read ends the socket that it came from, and nothing
// else.
func TestPanicWhileReading(t *testing.T) {
	for _, c := range []struct {
		name string
		text string
		at   int64 // which reading of the clock panics; the first is the read loop's
	}{
		{"in the read loop", `{"jsonrpc":"2.0","id":2,"method":"ping"}`, 1},
		{"at a ping", `{"jsonrpc":"2.0","id":2,"method":"ping"}`, 2},
		{"at a frame in its turn", `{"jsonrpc":"2.0","id":2, "method": "ping"}`, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			var left atomic.Int64
			log := new(testlog.Buffer)
			w := begin(t, setup{options: func(o *gateway.Options) {
				o.Log = slog.New(slog.NewTextHandler(log, nil))
				o.Now = func() time.Time {
					if left.Add(-1) == 0 {
						panic("a bug")
					}
					return time.Now()
				}
			}})
			other, _ := w.login(page("bob"))
			conn := w.dialDeaf(page("alice"))
			eventually(t, "login", func() bool { return len(w.g.Sessions(place.User{SDKAppID: app, UserID: "alice"})) == 1 })
			left.Store(c.at)
			_, err := conn.Write(masked(0x81, []byte(c.text)))
			require.NoError(t, err)
			require.Equal(t, frame.CloseBadFrame, lastClose(t, conn))
			require.Contains(t, log.String(), "could not be read")
			eventually(t, "its session has ended", func() bool { return w.g.Stats().Sessions == 1 })
			other.expectOpen()
		})
	}
}

// A message in endless empty pieces never grows, so only the limit on its pieces
// can end it.
func TestEndlessMessage(t *testing.T) {
	w := begin(t, setup{})
	c := w.rawDial()
	_, err := c.Write(masked(0x01, []byte("{")))
	require.NoError(t, err)
	code := make(chan int, 1)
	go func() { code <- lastClose(t, c) }()
	pieces := bytes.Repeat(masked(0x00, nil), 1000)
	// Far more pieces than allowed, but at 600 KB fewer bytes than mostDiscarded:
	// after those the socket would be cut off before its close frame is read.
	for range 100 {
		if _, err := c.Write(pieces); err != nil {
			break
		}
	}
	require.Equal(t, frame.CloseBadFrame, <-code)
}

// When the gateway has ended a socket whose client goes on sending, it reads
// little of that, however long the client may take to read the close frame.
func TestFloodAfterTheEnd(t *testing.T) {
	w := begin(t, setup{times: gateway.Times{Write: time.Minute, Linger: time.Minute}})
	c := w.rawDial()
	flood := bytes.Repeat(masked(0x89, nil), 100_000)
	const most = 64 << 20 // far more than the kernel buffers
	sent := 0
	for sent < most {
		n, err := c.Write(flood)
		if sent += n; err != nil {
			break
		}
	}
	require.Less(t, sent, most)
	eventually(t, "the socket is gone", func() bool { return w.g.Stats().Sockets == 0 })
}

func TestBadFrames(t *testing.T) {
	w := begin(t, setup{})
	p, _ := w.login(page("alice"))
	for _, text := range []string{"hello", "[]", `{"jsonrpc":"2.0","id":"x","method":"ping"}`, `{"id":3}`, ""} {
		p.write(text)
		m := p.read()
		require.NotNil(t, m.Err, text)
		require.Contains(t, []int{int(frame.CodeParse), int(frame.CodeInvalid)}, int(m.Err.Code))
		require.NotEmpty(t, m.Err.Message)
	}
	p.expectOpen() // a few bad frames do not end a session
	p.write("again")
	require.NotNil(t, p.read().Err)
	p.expectClose(frame.CloseBadFrame)
}

func TestFlood(t *testing.T) {
	w := begin(t, setup{})
	p, _ := w.login(page("alice"))
	for range 2 * frame.Burst {
		if p.conn.WriteString(`{"jsonrpc":"2.0","method":"ping"}`) != nil {
			break
		}
	}
	p.expectClose(frame.CloseFlood)

	p, _ = w.login(page("bob"))
	for range 2 * frame.Burst {
		if p.conn.WritePing(nil) != nil {
			break
		}
	}
	p.expectClose(frame.CloseFlood)

	p, _ = w.login(page("carol"))
	for range 2 * frame.Burst {
		if p.conn.WritePong(nil) != nil {
			break
		}
	}
	p.expectClose(frame.CloseFlood)

	// Before its login a socket may send far less.
	p = w.dial()
	for range 2 * frame.EarlyBurst {
		if p.conn.WriteString(`{"jsonrpc":"2.0","method":"ping"}`) != nil {
			break
		}
	}
	p.expectClose(frame.CloseFlood)
}

// A socket is charged for the bytes of its frames, even of those that call no
// method, so a few large frames can be a flood.
func TestFloodOfBytes(t *testing.T) {
	now := time.Now() // stands still, so that no charge is regained
	w := begin(t, setup{options: func(o *gateway.Options) { o.Now = func() time.Time { return now } }})
	p, _ := w.login(page("alice"))
	text := `{"jsonrpc":"2.0","id":1,"method":"no.such","params":{"list":[` + strings.Repeat(`[],`, 20_000) + `[]]}}`
	for range frame.ByteBurst / len(text) {
		p.write(text)
		require.EqualValues(t, frame.CodeNoMethod, p.read().Err.Code)
	}
	p.write(text)
	p.expectClose(frame.CloseFlood)
}

// A panic in a handler or hook neither ends timd nor leaves the client without an
// answer.
func TestPanics(t *testing.T) {
	log := new(testlog.Buffer)
	w := begin(t, setup{
		options: func(o *gateway.Options) { o.Log = slog.New(slog.NewTextHandler(log, nil)) },
		before: func(g *gateway.Gateway) {
			g.Handle("some.bug", func(context.Context, *gateway.Session, json.RawMessage) (any, error) { panic("a bug") })
			g.OnLogin(func(*gateway.Session, bool) { panic("another bug") })
			g.OnEnd(func(*gateway.Session) { panic("a third bug") })
		},
	})
	p, _ := w.login(page("alice"))
	require.Equal(t, fault.Internal, p.call("some.bug", nil).Err.Code)
	p.expectOpen()
	require.Nil(t, p.call(frame.Logout, nil).Err)
	p.expectClose(frame.CloseLoggedOut)
	require.Equal(t, 3, strings.Count(log.String(), "\n"), "one line for each panic")
}

// A request that arrives in one packet with the handshake is not lost.
func TestEarlyBytes(t *testing.T) {
	w := begin(t, setup{})
	c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "ws://"))
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write(append([]byte("GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: tim.v1\r\n\r\n"),
		masked(0x81, []byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))...))
	require.NoError(t, err)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(within)))
	var got strings.Builder
	buf := make([]byte, 512)
	for !strings.Contains(got.String(), "serverTime") {
		n, err := c.Read(buf)
		require.NoError(t, err, got.String())
		got.Write(buf[:n])
	}
}

// A close frame that arrives so is answered.
func TestEarlyClose(t *testing.T) {
	w := begin(t, setup{times: gateway.Times{StandBy: 2 * within}})
	c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "ws://"))
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write(append([]byte("GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: tim.v1\r\n\r\n"),
		masked(0x88, []byte{0x0f, 0xa0})...))
	require.NoError(t, err)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(within)))
	said, err := io.ReadAll(c)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(said), "\r\n\r\n\x88\x02\x0f\xa0"), "%q", said)
}

// FuzzSocket sends arbitrary bytes after a handshake. The gateway survives them,
// and ends a socket whose client has ended.
func FuzzSocket(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}`), true)
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"login","params":{"userID":"a","instance":"00"}}`), true)
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"farewell","params":{"token":"AAAA"}}`), true)
	f.Add([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, false)
	f.Add([]byte{0x01, 0x80, 0, 0, 0, 0, 0x00, 0x80, 0, 0, 0, 0}, false)
	f.Add(masked(0x88, []byte{3, 232, 0xff}), false)
	w := begin(f, setup{times: gateway.Times{Linger: 50 * time.Millisecond}})
	f.Fuzz(func(t *testing.T, input []byte, framed bool) {
		w.t = t
		c := w.rawDial()
		if framed {
			input = masked(0x81, input)
		}
		_, _ = c.Write(input)
		_ = c.(*net.TCPConn).CloseWrite()
		_ = c.SetReadDeadline(time.Now().Add(within))
		_, err := io.Copy(io.Discard, c)
		if ne, ok := err.(net.Error); ok {
			require.False(t, ne.Timeout(), "the gateway must end a socket that the client has ended")
		}
	})
}
