package timd

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Clients that dawdle, over whatever it is, do not keep a connection for ever.
func TestSlowClients(t *testing.T) {
	old := httpTimes
	httpTimes.header, httpTimes.read, httpTimes.write, httpTimes.idle = 300*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond
	s := openStage(t, nil)
	httpTimes = old
	defer s.end()
	for what, text := range map[string]string{
		"nothing":          "",
		"half a head":      "GET / HTTP/1.1\r\nHost: a\r\n",
		"no body":          "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n",
		"an endless body":  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
		"no other request": "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		require.NoError(t, err)
		_, err = io.WriteString(c, text)
		require.NoError(t, err)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(within)))
		_, err = io.Copy(io.Discard, c)
		require.NoError(t, err, "%s: closed, and not by our own deadline", what)
		c.Close()
	}
	// One that asks again and again and reads nothing.
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetWriteDeadline(time.Now().Add(within)))
	for err == nil {
		_, err = io.WriteString(c, strings.Repeat("GET /console/users.css HTTP/1.1\r\nHost: a\r\n\r\n", 100))
	}
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "it was given up, and not by us")
	// Sockets live longer than a request may take.
	m := s.online("alice")
	time.Sleep(700 * time.Millisecond)
	require.True(t, m.State().Ready)
	require.Contains(t, body(t, s.url+"/metrics"), "tim_reconnects_total 0\n")
}
