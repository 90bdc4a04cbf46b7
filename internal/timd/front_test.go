package timd

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const handshake = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://localhost\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: tim.v1\r\n\r\n"

// Whether or not net/http reads an opening handshake, the answer is the same: it reads
// those that have a header twice.
func TestAHandshakeIsAnsweredInOneWay(t *testing.T) {
	s := openStage(t, func(o *options) { o.dev = true })
	defer s.end()
	ask := func(text string) *http.Response {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, c.SetDeadline(time.Now().Add(within)))
		_, err = io.WriteString(c, text)
		require.NoError(t, err)
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, io.LimitReader(r.Body, max(0, r.ContentLength)))
		require.NoError(t, err)
		r.Header.Del("Date")
		return r
	}
	for _, c := range []struct {
		was, is string
		status  int
	}{
		{"", "", http.StatusSwitchingProtocols},
		{"/ws", "/ws?a=b", http.StatusSwitchingProtocols},
		{"Host: localhost", "Host: evil.example", http.StatusMisdirectedRequest},
		{"http://localhost", "https://evil.example", http.StatusForbidden},
		{"tim.v1", "tim.v2", http.StatusBadRequest},
		{"Version: 13", "Version: 12", http.StatusUpgradeRequired},
		{"Upgrade: websocket\r\n", "", http.StatusUpgradeRequired},
		{"/ws", "/wss", http.StatusNotFound},
		{"/ws", "//ws", http.StatusTemporaryRedirect},
	} {
		text := strings.Replace(handshake, c.was, c.is, 1)
		one, other := ask(text), ask(strings.Replace(text, "Connection:", "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\nConnection:", 1))
		require.Equal(t, c.status, one.StatusCode, c.is)
		require.Equal(t, one.StatusCode, other.StatusCode, c.is)
		require.Equal(t, one.Header, other.Header, c.is)
	}
	// Once it drains, net/http says so.
	require.NoError(t, s.gateway.Drain(t.Context()))
	require.Equal(t, http.StatusServiceUnavailable, ask(handshake).StatusCode)
}

// A handshake of before timd is ready is none for the gateway, which is not there yet.
func TestAHandshakeBeforeTheStart(t *testing.T) {
	s := newServer(options{}, apps{}, slog.New(slog.DiscardHandler))
	require.False(t, s.accepts(httptest.NewRequest(http.MethodGet, socketPath, nil)))
}
