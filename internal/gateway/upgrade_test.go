package gateway_test

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/gateway"
)

func TestHandshakeIsRefused(t *testing.T) {
	w := begin(t, setup{options: func(o *gateway.Options) {
		o.AllowOrigin = func(r *http.Request) bool { return r.Header.Get("Origin") != "https://evil.example" }
	}})
	for range 3 {
		_, err := w.dialWith(http.Header{"Origin": {"https://evil.example"}})
		require.Error(t, err)
	}
	require.Equal(t, 1, strings.Count(w.log.String(), "https://evil.example"), "logged once: %s", w.log)
	_, err := w.dialWith(http.Header{"Origin": {"https://good.example"}})
	require.NoError(t, err)
	_, err = w.dialWith(http.Header{"Sec-Websocket-Protocol": {"chat"}})
	require.Error(t, err)
	res, err := http.Get("http" + strings.TrimPrefix(w.url, "ws"))
	require.NoError(t, err)
	res.Body.Close()
	require.Equal(t, http.StatusUpgradeRequired, res.StatusCode)
}

// The gateway refuses a handshake that is not what RFC 6455 requires.
func TestHandshakeIsMalformed(t *testing.T) {
	w := begin(t, setup{})
	const good = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: tim.v1\r\n\r\n"
	for _, c := range []struct {
		name, was, is string
		status        int
		header, value string
	}{
		{"good", "", "", http.StatusSwitchingProtocols, "Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
		{"version 8", "Version: 13", "Version: 8", http.StatusUpgradeRequired, "Sec-WebSocket-Version", "13"},
		{"no version", "Sec-WebSocket-Version: 13\r\n", "", http.StatusUpgradeRequired, "Sec-WebSocket-Version", "13"},
		{"HTTP/1.0", "HTTP/1.1", "HTTP/1.0", http.StatusHTTPVersionNotSupported, "", ""},
		{"POST", "GET", "POST", http.StatusMethodNotAllowed, "Allow", "GET"},
		{"no key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", http.StatusBadRequest, "", ""},
		{"key of 15 bytes", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j", http.StatusBadRequest, "", ""},
		{"key that is no base64", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZ???", http.StatusBadRequest, "", ""},
		{"no upgrade", "Upgrade: websocket", "Upgrade: h2c", http.StatusUpgradeRequired, "Upgrade", "websocket"},
		{"other subprotocol", "tim.v1", "tim.v2", http.StatusBadRequest, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "ws://"))
			require.NoError(t, err)
			defer conn.Close()
			_, err = conn.Write([]byte(strings.Replace(good, c.was, c.is, 1)))
			require.NoError(t, err)
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(within)))
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			res.Body.Close()
			require.Equal(t, c.status, res.StatusCode)
			if c.header != "" {
				require.Equal(t, c.value, res.Header.Get(c.header))
			}
		})
	}
}
