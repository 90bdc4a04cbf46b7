package front

import (
	"bufio"
	"container/list"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fair"
)

// crowded is a stage with as much room as room says, and who was let in, in order.
func crowded(t *testing.T) (s *stage, room *atomic.Int32, opened chan string) {
	room, opened = new(atomic.Int32), make(chan string, 100)
	return serve(t, nil, func(_ *stage, o *Options) {
		open := o.Open
		o.Room = func() int { return int(room.Load()) }
		o.Open = func(c net.Conn, early []byte, r *http.Request) {
			opened <- r.URL.RawQuery
			open(c, early, r)
		}
	}), room, opened
}

// waits has a client come into the line with a name.
func (s *stage) waits(name string) *net.TCPConn {
	s.t.Helper()
	was := s.inLine()
	c := s.dial()
	_, err := io.WriteString(c, strings.Replace(usual, "/ws", "/ws?"+name, 1)+"early")
	require.NoError(s.t, err)
	require.Eventually(s.t, func() bool { return s.inLine() == was+1 }, within, time.Millisecond)
	return c
}

func (s *stage) inLine() int {
	s.front.line.mu.Lock()
	defer s.front.line.mu.Unlock()
	return s.front.line.waiting.Len()
}

// While there is no room WebSockets wait, and other requests do not. Then they are let in
// as they came, those who have hung up left out, and with all that they have sent.
func TestLine(t *testing.T) {
	s, room, opened := crowded(t)
	first, second, gone, third := s.waits("first"), s.waits("second"), s.waits("gone"), s.waits("third")
	come := []string{"first", "second", "third"}
	if runtime.GOOS == "windows" { // where nobody notices
		come = slices.Insert(come, 2, "gone")
	}
	require.NoError(t, gone.Close())
	c := s.dial()
	_, err := io.WriteString(c, closing("GET /"))
	require.NoError(t, err)
	require.Contains(t, rest(t, c), "net/http: ")
	require.Empty(t, opened)
	require.Eventually(t, func() bool { // net/http counts a connection for a moment after its end
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.state) == 0
	}, within, time.Millisecond, "those who wait count as requests")

	room.Store(1)
	for _, name := range come {
		require.Equal(t, name, <-opened)
	}
	for _, c := range []*net.TCPConn{first, second, third} {
		said := rest(t, c)
		require.Contains(t, said, "Who: front")
		require.Contains(t, said, `"early"`)
	}
	c = s.dial()
	_, err = io.WriteString(c, usual)
	require.NoError(t, err)
	require.Contains(t, rest(t, c), "Who: front")
}

// Whoever comes while others wait waits behind them, though there is room by now.
func TestNobodyOvertakesTheLine(t *testing.T) {
	s, room, opened := crowded(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	s.front.o.Room = func() int { // nobody has come yet
		if room.Load() == 0 {
			return 0
		}
		entered <- struct{}{}
		<-leave
		return 1
	}
	s.waits("first")
	room.Store(1)
	<-entered
	s.waits("second")
	close(leave)
	go func() {
		for range entered {
		}
	}()
	defer close(entered)
	require.Equal(t, "first", <-opened)
	require.Equal(t, "second", <-opened)
	s.pending(0)
	require.Eventually(t, func() bool {
		s.front.line.mu.Lock()
		defer s.front.line.mu.Unlock()
		return !s.front.line.served
	}, within, time.Millisecond)
}

// Where many wait for longer than clients do, whoever came last is let in first.
func TestLineOfTheLate(t *testing.T) {
	s, room, opened := crowded(t)
	for i := range 4 {
		s.waits(fmt.Sprint(i))
	}
	l := &s.front.line
	l.mu.Lock()
	for e, n := l.waiting.Front(), 0; n < 2; e, n = e.Next(), n+1 {
		h := e.Value.(held)
		h.since = h.since.Add(-2 * inOrder)
		e.Value = h
	}
	l.mu.Unlock()
	room.Store(1)
	for _, name := range []string{"3", "2", "1", "0"} {
		require.Equal(t, name, <-opened)
	}
}

// Those who have hung up make room in the line before their turn, and if there are too
// many the one that came first has to go.
func TestLeavingTheLine(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nobody notices there")
	}
	s, room, opened := crowded(t)
	for range 5 {
		require.NoError(t, s.waits("gone").Close())
		require.Eventually(t, func() bool { return s.inLine() == 0 }, within, time.Millisecond)
	}
	s.pending(0)
	s.front.line.mu.Lock()
	s.front.line.most = fair.New[*list.Element](2, 2)
	s.front.line.mu.Unlock()
	first := s.waits("first")
	s.waits("second")
	c := s.dial()
	_, err := io.WriteString(c, strings.Replace(usual, "/ws", "/ws?third", 1))
	require.NoError(t, err)
	_, err = bufio.NewReader(first).ReadByte()
	require.Error(t, err)
	room.Store(1)
	require.Equal(t, "second", <-opened)
	require.Equal(t, "third", <-opened)
}

// A client of TLS says that it hangs up, which stands before the end that is looked for.
func TestLeavingTheLineOverTLS(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nobody notices there")
	}
	certificates := httptest.NewUnstartedServer(nil)
	certificates.StartTLS()
	defer certificates.Close()
	s := serve(t, nil, func(_ *stage, o *Options) {
		o.TLS = &tls.Config{Certificates: certificates.TLS.Certificates}
		o.Room = func() int { return 0 }
	})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := tls.Client(s.dial(), &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
		_, err := io.WriteString(c, usual)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return s.inLine() == 1 }, within, time.Millisecond)
		require.NoError(t, c.Close())
		require.Eventually(t, func() bool { return s.inLine() == 0 }, within, time.Millisecond)
	}
}

// Where the line is full, whoever brings most of it loses their own, and not the others
// who came before.
func TestNobodyFillsTheLine(t *testing.T) {
	s, room, opened := crowded(t)
	s.front.line.mu.Lock()
	s.front.line.most = fair.New[*list.Element](3, 3)
	s.front.line.mu.Unlock()
	from := func(ip, name string) *net.TCPConn {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
		c, err := d.Dial("tcp", s.addr)
		if err != nil {
			t.Skip("this machine has one address only: ", err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_, err = io.WriteString(c, strings.Replace(usual, "/ws", "/ws?"+name, 1))
		require.NoError(t, err)
		return c.(*net.TCPConn)
	}
	ends := func(c net.Conn) {
		t.Helper()
		require.NoError(t, c.SetReadDeadline(time.Now().Add(within)))
		_, err := c.Read(make([]byte, 1))
		require.Error(t, err)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	}
	from("127.0.0.2", "honest")
	require.Eventually(t, func() bool { return s.inLine() == 1 }, within, time.Millisecond)
	many := []net.Conn{s.waits("0"), s.waits("1")}
	for i := 2; i < 6; i++ {
		many = append(many, from("127.0.0.1", fmt.Sprint(i)))
		ends(many[i-2])
	}
	require.Equal(t, 3, s.inLine())
	room.Store(1)
	for _, name := range []string{"honest", "4", "5"} {
		require.Equal(t, name, <-opened)
	}
}

// What nobody is let in for any more is closed with the rest.
func TestCloseWithALine(t *testing.T) {
	s, _, opened := crowded(t)
	c := s.waits("first")
	require.NoError(t, s.srv.Shutdown(t.Context()))
	s.pending(0)
	_, err := io.Copy(io.Discard, c)
	if err != nil {
		require.NotContains(t, err.Error(), "timeout")
	}
	require.Empty(t, opened)
}
