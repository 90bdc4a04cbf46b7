package front

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const usual = "GET /ws HTTP/1.1\r\nHost: chat.example.com:8080\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
	"Origin: https://chat.example.com\r\nUser-Agent: Mozilla/5.0 (X11; \"quoted\")\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: tim.v1\r\n" +
	"Sec-WebSocket-Extensions: permessage-deflate\r\nX-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n\r\n"

// heads are heads made from the usual one, and what Front makes of them.
var heads = []struct {
	name, was, is string
	want          verdict
}{
	{"usual", "", "", complete},
	{"a query", "/ws ", "/ws?sdkappid=1&v=1.2.3 ", complete},
	{"an empty query", "/ws ", "/ws? ", complete},
	{"names in capitals", "Sec-WebSocket-Key", "SEC-WEBSOCKET-KEY", complete},
	{"names in small letters", "Host:", "host:", complete},
	{"space around a value", "Upgrade: websocket", "Upgrade:\t websocket \t", complete},
	{"no space", "Upgrade: websocket", "Upgrade:websocket", complete},
	{"an empty value", "Origin: https://chat.example.com", "Origin:", complete},
	{"an address of IPv6", "chat.example.com:8080", "[::1]:8080", complete},
	{"no upgrade", "Upgrade: websocket\r\n", "", complete}, // Accepts judges that
	{"no key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", complete},

	{"another method", "GET", "POST", unusual},
	{"a method in small letters", "GET", "get", unusual},
	{"another path", "/ws", "/w", unusual},
	{"a longer path", "/ws ", "/wss ", unusual},
	{"a path below", "/ws ", "/ws/ ", unusual},
	{"an escaped path", "/ws", "/%77s", unusual},
	{"an absolute target", "/ws", "http://chat.example.com/ws", unusual},
	{"a fragment", "/ws ", "/ws?a#b ", unusual},
	{"a query with a space", "/ws ", "/ws?a b ", unusual},
	{"a query with a control character", "/ws ", "/ws?a\x01 ", unusual},
	{"two spaces", "/ws HTTP", "/ws  HTTP", unusual},
	{"a space at the end of the line", "HTTP/1.1", "HTTP/1.1 ", unusual},
	{"HTTP/1.0", "HTTP/1.1", "HTTP/1.0", unusual},
	{"HTTP/2", usual, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", unusual},
	{"no version", " HTTP/1.1", "", unusual},
	{"an empty line first", "GET", "\r\nGET", unusual},
	{"a line feed alone", "HTTP/1.1\r\n", "HTTP/1.1\n", unusual},
	{"a line feed alone later", "websocket\r\n", "websocket\n", unusual},
	{"line feeds alone at the end", "\r\n\r\n", "\r\n\n", unusual},
	{"a return within a value", "websocket", "web\rsocket", unusual},
	{"a line that goes on", "websocket\r\n", "websocket\r\n\tx\r\n", unusual},
	{"a first line that goes on", "Host:", " Host:", unusual},
	{"a line without a colon", "Upgrade: websocket", "Upgrade", unusual},
	{"a line without a name", "Upgrade:", ":", unusual},
	{"a space before the colon", "Upgrade:", "Upgrade :", unusual},
	{"a name with a quote", "User-Agent", "User\"Agent", unusual},
	{"a NUL", "websocket", "websocket\x00", unusual},
	{"a DEL", "websocket", "websocket\x7f", unusual},
	{"a value that is not ASCII", "websocket", "websöcket", unusual},
	{"no Host", "Host: chat.example.com:8080\r\n", "", unusual},
	{"an empty Host", "Host: chat.example.com:8080", "Host:", unusual},
	{"two Hosts", "Host:", "Host: other\r\nHost:", unusual},
	{"a Host with a path", "chat.example.com:8080", "chat.example.com/x", unusual},
	{"a Host with a user", "chat.example.com:8080", "a@chat.example.com", unusual},
	{"two keys", "Sec-WebSocket-Key:", "Sec-WebSocket-Key: x\r\nSec-WebSocket-Key:", unusual},
	{"two Origins", "Origin:", "Origin: null\r\norigin:", unusual},
	{"two Upgrades", "Upgrade:", "Upgrade: h2c\r\nUpgrade:", unusual},
	{"two lists of proxies", "X-Forwarded-For:", "X-Forwarded-For: 10.0.0.3\r\nX-Forwarded-For:", unusual},
	{"a length", "Origin:", "Content-Length: 0\r\nOrigin:", unusual},
	{"chunks", "Origin:", "transfer-encoding: chunked\r\nOrigin:", unusual},
	{"a trailer", "Origin:", "Trailer: X\r\nOrigin:", unusual},
	{"an expectation", "Origin:", "Expect: 100-continue\r\nOrigin:", unusual},
}

func TestWhichHeadsAreUsual(t *testing.T) {
	for _, c := range heads {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, usual, c.was)
			text := strings.Replace(usual, c.was, c.is, 1) + "\x81\x00more"
			var whole head
			require.Equal(t, c.want, whole.read([]byte(text), "/ws"))
			if c.want == complete {
				asNetHTTP(t, []byte(text), &whole)
			}
			// In however many pieces it comes: split anywhere, or byte by byte.
			for i := range text {
				var h head
				if h.read([]byte(text[:i]), "/ws") == incomplete {
					require.Equal(t, c.want, h.read([]byte(text), "/ws"), "split at %d", i)
				}
				require.True(t, c.want == unusual || h == whole || i > whole.next, "split at %d", i)
			}
			var h head
			v := incomplete
			for i := 0; v == incomplete; i++ {
				v = h.read([]byte(text[:i]), "/ws")
			}
			require.Equal(t, c.want, v)
		})
	}
}

// What cannot become a WebSocket's request does not have to be read to its end.
func TestOthersAreToldEarly(t *testing.T) {
	for text, want := range map[string]verdict{
		"": incomplete, "G": incomplete, "GET ": incomplete, "GET /ws": incomplete, "GET /ws HTTP/1.1\r\nHo": incomplete,
		"P": unusual, "GET /c": unusual, "GET  ": unusual, "\n": unusual, "\x16\x03\x01": unusual,
		"GET /ws HTTP/1.1\n": unusual, "GET /wsx HTTP/1.1\r\n": unusual, "GET /ws HTTP/1.1\r\nContent-Length: 1\r\n": unusual,
	} {
		require.Equal(t, want, new(head).read([]byte(text), "/ws"), "%q", text)
	}
}

// asNetHTTP compares a head that is complete with what net/http makes of it.
func asNetHTTP(t *testing.T, b []byte, h *head) {
	in := bufio.NewReader(bytes.NewReader(b))
	want, err := http.ReadRequest(in)
	require.NoError(t, err, "%q", b)
	rest, err := io.ReadAll(in)
	require.NoError(t, err)
	require.Equal(t, rest, b[h.next:], "%q", b)
	got := h.request(b, "10.1.1.1:99")
	defer requests.Put(got) // the next one may not find anything of it
	require.Equal(t, "10.1.1.1:99", got.RemoteAddr)
	require.Equal(t, want.Method, got.Method)
	require.Equal(t, want.RequestURI, got.RequestURI)
	require.Equal(t, want.URL, got.URL)
	require.Equal(t, want.Proto, got.Proto)
	require.Equal(t, want.ProtoMajor, got.ProtoMajor)
	require.Equal(t, want.ProtoMinor, got.ProtoMinor)
	require.Equal(t, want.Host, got.Host)
	require.Zero(t, want.ContentLength, "%q", b)
	require.Empty(t, want.TransferEncoding)
	require.Empty(t, want.Trailer)
	for _, name := range kept {
		require.Equal(t, want.Header.Values(name), got.Header.Values(name), name)
	}
	require.Empty(t, want.Header.Get("Expect"))
	require.NoError(t, got.Context().Err())
}

// FuzzHead has net/http read whatever Front takes. It may not be more, nor anything else.
func FuzzHead(f *testing.F) {
	for _, c := range heads {
		f.Add([]byte(strings.Replace(usual, c.was, c.is, 1)), 7)
	}
	f.Fuzz(func(t *testing.T, b []byte, split int) {
		var h head
		v := h.read(b, "/ws")
		if v == complete {
			asNetHTTP(t, b, &h)
		}
		if split < 0 || split > len(b) {
			return
		}
		var pieces head
		if first := pieces.read(b[:split], "/ws"); first != incomplete {
			require.True(t, v == first, "%q", b)
		} else {
			require.Equal(t, v, pieces.read(b, "/ws"), "%q", b)
		}
	})
}
