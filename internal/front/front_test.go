package front

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A usual head that is accepted is answered without net/http; anything else is answered
// by net/http as if there were no Front.
func TestWhoAnswers(t *testing.T) {
	s := serve(t, nil, nil)
	plain := httptest.NewServer(http.HandlerFunc(handler))
	defer plain.Close()
	ask := func(addr, text string) string {
		c := dial(t, addr)
		_, err := io.WriteString(c, text)
		require.NoError(t, err)
		require.NoError(t, c.CloseWrite())
		var said []string
		for line := range strings.SplitSeq(rest(t, c), "\r\n") {
			if !strings.HasPrefix(line, "Date:") {
				said = append(said, line)
			}
		}
		return strings.Join(said, "\n")
	}
	for _, c := range append(heads,
		[]struct {
			name, was, is string
			want          verdict
		}{
			{"refused", "Version: 13", "Version: 8", unusual},
			{"long", "User-Agent:", "User-Agent: " + strings.Repeat("x", longest), unusual},
			{"too long", "User-Agent:", "User-Agent: " + strings.Repeat("x", http.DefaultMaxHeaderBytes+8<<10), unusual},
			{"long, and does not end", "\r\n\r\n", strings.Repeat("x", longest), unusual},
			{"half", "\r\n\r\n", "\r\n", unusual},
			{"half a line", "\r\n\r\n", "", unusual},
			{"with a body", "Origin:", "Content-Length: 5\r\nOrigin:", unusual},
		}...) {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(usual, c.was, c.is, 1) + "early"
			got := ask(s.addr, text)
			by := "net/http"
			if c.want == complete && strings.Contains(got, "101 Switching") {
				by = "front"
			}
			require.Equal(t, strings.Replace(ask(strings.TrimPrefix(plain.URL, "http://"), text), "Who: net/http", "Who: "+by, 1), got)
			require.Equal(t, by == "front", strings.Contains(got, "Who: front"))
		})
	}
	for _, text := range []string{closing("GET /"), closing("GET /ws"), closing("HEAD /ws"), "\r\n", "", "\x16\x03\x01"} {
		require.Equal(t, ask(strings.TrimPrefix(plain.URL, "http://"), text), ask(s.addr, text), "%q", text)
	}
}

// What follows the head is not lost, and no byte has to come with another one.
func TestOneByteAtATime(t *testing.T) {
	s := serve(t, nil, nil)
	for text, want := range map[string]string{
		usual:                   "Who: front",
		usual + "\x81\x05hello": "Who: front",
		strings.Replace(usual, "Upgrade: ", "X : y\r\nUpgrade: ", 1): "400 Bad Request",
		closing("GET /ws"): "net/http: HTTP/1.1 GET  false <nil>",
		"POST /ws HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody": "net/http: HTTP/1.1 POST body false <nil>",
	} {
		c := s.dial()
		for i := range text {
			if _, err := c.Write([]byte{text[i]}); err != nil {
				break // answered before its end
			}
		}
		in := bufio.NewReader(c)
		said := ""
		for !strings.Contains(said, want) {
			line, err := in.ReadString('\n')
			said += line
			if err != nil {
				break
			}
		}
		require.Contains(t, said, want)
	}
	c := s.dial()
	_, err := io.WriteString(c, usual+"\x81\x05hello")
	require.NoError(t, err)
	require.Contains(t, rest(t, c), `"\x81\x05hello"`)
}

// Requests that follow on the same connection are net/http's too.
func TestKeepAlive(t *testing.T) {
	s := serve(t, nil, nil)
	c := s.dial()
	in := bufio.NewReader(c)
	for range 3 {
		_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		require.NoError(t, err)
		r, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		require.Contains(t, rest(t, r.Body), "net/http")
	}
	_, err := io.WriteString(c, usual+"early")
	require.NoError(t, err)
	said := rest(t, in)
	require.Contains(t, said, "Who: net/http")
	require.Contains(t, said, `"early"`)
}

// A head that does not end in time ends as it does in net/http.
func TestSlowHeads(t *testing.T) {
	const soon = 50 * time.Millisecond
	s := serve(t, nil, func(_ *stage, o *Options) { o.HeaderTimeout = soon })
	plain := httptest.NewUnstartedServer(http.HandlerFunc(handler))
	plain.Config.ReadHeaderTimeout = soon
	plain.Start()
	defer plain.Close()
	for _, text := range []string{
		"", "G", "GET /ws", "GET /ws HTTP/1.1\r\n", usual[:100], usual[:len(usual)-2], "POST /", "POST / HTTP/1.1\r\nHo",
		strings.Replace(usual[:200], "Upgrade:", "X-Odd!:", 1),
	} {
		one, other := s.dial(), dial(t, plain.Listener.Addr().String())
		for _, c := range []net.Conn{one, other} {
			_, err := io.WriteString(c, text)
			require.NoError(t, err)
		}
		require.Equal(t, rest(t, other), rest(t, one), "%q", text)
	}
}

// A client that hangs up anywhere leaves nothing behind.
func TestHangUps(t *testing.T) {
	s := serve(t, nil, nil)
	for i := 0; i <= len(usual); i += 7 {
		for _, reset := range []bool{false, true} {
			c := s.dial()
			_, err := io.WriteString(c, usual[:i])
			require.NoError(t, err)
			if reset {
				require.NoError(t, c.SetLinger(0))
			}
			require.NoError(t, c.Close())
		}
	}
	s.pending(0)
	require.NotContains(t, s.log.String(), "panic")
}

// Close ends what has no owner yet, and nothing is waited for.
func TestClose(t *testing.T) {
	s := serve(t, nil, nil)
	silent, half := s.dial(), s.dial()
	_, err := io.WriteString(half, usual[:50])
	require.NoError(t, err)
	s.pending(2)
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	require.NoError(t, s.srv.Shutdown(ctx))
	require.ErrorIs(t, <-s.ended, http.ErrServerClosed)
	s.pending(0)
	for _, c := range []net.Conn{silent, half} {
		n, err := c.Read(make([]byte, 1))
		require.Zero(t, n)
		require.Error(t, err)
		require.False(t, errors.Is(err, context.DeadlineExceeded))
	}
	require.ErrorIs(t, s.front.Close(), net.ErrClosed)
	_, err = s.front.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}

// A panic ends the connection at which it happens and is logged as net/http logs one.
func TestPanic(t *testing.T) {
	s := serve(t, nil, func(_ *stage, o *Options) {
		open := o.Open
		o.Open = func(c net.Conn, early []byte, r *http.Request) {
			if len(early) > 0 {
				panic("oh")
			}
			open(c, early, r)
		}
	})
	c := s.dial()
	_, err := io.WriteString(c, usual+"!")
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, c) // its end, or a reset
	require.Contains(t, s.log.String(), "http: panic serving 127.0.0.1")
	c = s.dial()
	_, err = io.WriteString(c, usual)
	require.NoError(t, err)
	require.Contains(t, rest(t, c), "Who: front")
}

// failing is a listener that fails a few times before it accepts.
type failing struct {
	net.Listener
	mu   sync.Mutex
	errs []error
}

func (f *failing) Accept() (net.Conn, error) {
	f.mu.Lock()
	if len(f.errs) > 0 {
		err := f.errs[0]
		f.errs = f.errs[1:]
		f.mu.Unlock()
		return nil, err
	}
	f.mu.Unlock()
	return f.Listener.Accept()
}

// temporary is an error as of too many open files.
type temporary struct{}

func (temporary) Error() string   { return "too many open files" }
func (temporary) Timeout() bool   { return false }
func (temporary) Temporary() bool { return true }

// When nothing can be accepted net/http waits for longer each time, and says so; an
// error that stays ends it.
func TestAcceptErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := serve(t, &failing{Listener: l, errs: []error{temporary{}, temporary{}, temporary{}}}, nil)
	c := s.dial()
	_, err = io.WriteString(c, usual)
	require.NoError(t, err)
	require.Contains(t, rest(t, c), "Who: front")
	for _, wait := range []string{"5ms", "10ms"} {
		require.Eventually(t, func() bool {
			return strings.Contains(s.log.String(), "http: Accept error: too many open files; retrying in "+wait)
		}, within, time.Millisecond)
	}

	l, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	broken := errors.New("broken")
	s = serve(t, &failing{Listener: l, errs: []error{broken}}, nil)
	require.ErrorIs(t, <-s.ended, broken)
}
