package timd

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Connections that send no request push out each other: the next request is answered,
// and a WebSocket stays.
func TestSilentConnectionsPushOutEachOther(t *testing.T) {
	oldTimes, oldMost := httpTimes, maxConnections
	httpTimes.header, httpTimes.read, maxConnections = 2*within, 2*within, 5
	s := openStage(t, nil)
	httpTimes, maxConnections = oldTimes, oldMost
	defer s.end()
	m := s.online("alice")
	var silent []net.Conn
	for range 12 {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		require.NoError(t, err)
		defer c.Close()
		silent = append(silent, c)
	}
	require.NoError(t, silent[0].SetReadDeadline(time.Now().Add(within)))
	_, err := io.Copy(io.Discard, silent[0])
	require.NoError(t, err, "the server closes the oldest before our deadline")
	last := silent[len(silent)-1]
	_, err = io.WriteString(last, "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	require.NoError(t, last.SetReadDeadline(time.Now().Add(within)))
	answer, err := io.ReadAll(last)
	require.NoError(t, err)
	require.Contains(t, string(answer), "200 OK")
	require.True(t, m.State().Ready)
	require.Contains(t, body(t, s.url+"/metrics"), "tim_reconnects_total 0\n")
}

// somewhere is a connection from addr.
type somewhere struct {
	net.Conn
	addr   string
	closed bool
}

func (s *somewhere) RemoteAddr() net.Addr {
	a, _ := net.ResolveTCPAddr("tcp", s.addr) // the tests pass only valid addresses
	return a
}

func (s *somewhere) Close() error { s.closed = true; return nil }

// A network that opens too many connections pushes out its own, even if the oldest is
// from another network.
func TestConnectionsOfOneNetwork(t *testing.T) {
	l := newConnLimit(3, 3)
	from := func(addr string) *somewhere {
		c := &somewhere{addr: addr}
		l.moved(c, http.StateNew)
		return c
	}
	slow := from("1.1.1.1:1")
	flood := []*somewhere{from("[2001:db8::1]:1"), from("[2001:db8::2]:1"), from("[2001:db8::3]:1"), from("[2001:db8::4]:1")}
	require.Equal(t, []bool{true, true, false, false}, []bool{flood[0].closed, flood[1].closed, flood[2].closed, flood[3].closed})
	l.moved(flood[2], http.StateHijacked)
	from("1.1.1.1:2")
	require.False(t, slow.closed, "a WebSocket does not count")
	from("1.1.1.1:3")
	require.True(t, slow.closed)
}

// around is a connection around another one, as TLS is.
type around struct{ net.Conn }

func (a around) NetConn() net.Conn { return a.Conn }

// A connection counts once, whoever has it.
func TestAConnectionCountsOnce(t *testing.T) {
	l := newConnLimit(2, 2)
	first, second := &somewhere{addr: "1.1.1.1:1"}, &somewhere{addr: "1.1.1.1:2"}
	l.moved(first, http.StateNew)
	l.moved(second, http.StateNew)
	l.moved(around{around{first}}, http.StateNew)
	require.False(t, first.closed || second.closed)
	l.moved(around{first}, http.StateClosed)
	l.moved(&somewhere{addr: "1.1.1.1:3"}, http.StateNew)
	require.False(t, second.closed)
	l.moved(around{&somewhere{addr: "1.1.1.1:4"}}, http.StateNew)
	require.True(t, second.closed, "and the one below is closed")
}
