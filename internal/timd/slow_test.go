package timd

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
)

// A client that stalls at any point of a request does not keep its connection for ever.
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
		require.NoError(t, err, "%s: the server closes before our deadline", what)
		c.Close()
	}
	// A client that sends request after request and reads no answer.
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetWriteDeadline(time.Now().Add(within)))
	for err == nil {
		_, err = io.WriteString(c, strings.Repeat("GET /console/users.css HTTP/1.1\r\nHost: a\r\n\r\n", 100))
	}
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server gives up before our deadline")
	// A WebSocket may live longer than a request.
	m := s.online("alice")
	time.Sleep(700 * time.Millisecond)
	require.True(t, m.State().Ready)
	require.Contains(t, body(t, s.url+"/metrics"), "tim_reconnects_total 0\n")
}

// A client that stops in the middle of a TLS handshake, or does not speak TLS, does not
// keep its connection for ever and is in nobody's way.
func TestSlowTLS(t *testing.T) {
	certFile, keyFile := certificateFiles(t)
	old := httpTimes
	httpTimes.header, httpTimes.read = 2*time.Second, 2*time.Second
	s := openStage(t, func(o *options) { o.tlsCert, o.tlsKey = certFile, keyFile })
	httpTimes = old
	defer s.end()
	addr := strings.TrimPrefix(s.url, "https://")
	hello := "\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03" // of 16 KB, the most of one record
	var slow []net.Conn
	for _, text := range []string{"", "\x16", hello, hello + strings.Repeat("x", 8<<10), "GET / HTTP/1.1\r\nHost: a\r\n\r\n", strings.Repeat("\x00", 1000), "handshake"} {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer c.Close()
		slow = append(slow, c)
		if text == "handshake" {
			// The error is ignored: on a slow machine this one may be cut off, too.
			_ = tls.Client(c, &tls.Config{InsecureSkipVerify: true}).Handshake()
			continue
		}
		_, err = io.WriteString(c, text)
		require.NoError(t, err)
	}
	m, err := dial(t, s.url, nil)
	for end := time.Now().Add(within); err != nil && time.Now().Before(end); {
		m, err = dial(t, s.url, nil)
	}
	require.NoError(t, err)
	require.Nil(t, m.login("alice", sign("alice"), someInstance, frame.IntentNew).Err)
	for i, c := range slow {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(within)))
		_, err := io.Copy(io.Discard, c)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "connection %d is still there", i)
	}
}
