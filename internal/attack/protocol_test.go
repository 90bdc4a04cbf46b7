package attack

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tim-wasm/tim/internal/frame"
)

// badBytes are byte streams that follow a handshake, and the close codes that may
// answer them: RFC 6455, sections 5 and 7.
var badBytes = []struct {
	name  string
	bytes []byte
	codes []int
}{
	{"too large", Frame(OpText, make([]byte, frame.MaxFrame+1)), badFrame},
	{"2^63-1 bytes announced", []byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, badFrame},
	{"2^64-1 bytes announced", []byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, badFrame},
	{"2^63 bytes announced", []byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, badFrame},
	{"in pieces without an end", slices.Concat(Frame(0x01, make([]byte, 60<<10)), Frame(0x00, make([]byte, 60<<10)), Frame(0x00, make([]byte, 60<<10))), badFrame},
	{"binary", Frame(OpBinary, []byte("{}")), badFrame},
	{"too deep", Frame(OpText, []byte(strings.Repeat("[", 100)+strings.Repeat("]", 100))), badFrame},
	{"bad UTF-8", Frame(OpText, []byte("\xc0\xaf\xff")), []int{1007}},
	{"cut UTF-8", Frame(OpText, []byte("\"\xe2\x82")), []int{1007}},
	{"not masked", []byte{0x81, 0x02, '{', '}'}, protocolError},
	{"RSV1", Frame(0xc1, []byte("{}")), protocolError},
	{"RSV2", Frame(0xa1, []byte("{}")), protocolError},
	{"RSV3", Frame(0x91, []byte("{}")), protocolError},
	{"opcode 3", Frame(0x83, nil), protocolError},
	{"opcode 7", Frame(0x87, nil), protocolError},
	{"opcode 11", Frame(0x8b, nil), protocolError},
	{"opcode 15", Frame(0x8f, nil), protocolError},
	{"continues nothing", Frame(0x80, []byte("{}")), protocolError},
	{"a text within a text", slices.Concat(Frame(0x01, []byte("{")), Frame(0x81, []byte("}"))), protocolError},
	{"ping of 126 bytes", Frame(OpPing, make([]byte, 126)), protocolError},
	{"ping in pieces", Frame(0x09, nil), protocolError},
	{"close in pieces", Frame(0x08, nil), protocolError},
	{"close of 126 bytes", Frame(OpClose, append([]byte{3, 232}, make([]byte, 124)...)), protocolError},
	{"close with half a code", Frame(OpClose, []byte{3}), protocolError},
	{"close with 999", Frame(OpClose, []byte{3, 231}), closing},
	{"close with 1005", Frame(OpClose, []byte{3, 237}), closing},
	{"close with 65535", Frame(OpClose, []byte{255, 255}), closing},
	{"close with bad UTF-8", Frame(OpClose, []byte{3, 232, 0xff}), []int{0, 1000, 1002, 1007}},
	{"close without a code", Frame(OpClose, nil), closing},
	{"not a WebSocket", []byte("GET / HTTP/1.1\r\n\r\n" + strings.Repeat("x", 4000)), protocolError},
}

var (
	badFrame      = []int{frame.CloseBadFrame}
	protocolError = []int{1002}
	closing       = []int{0, 1000, 1002, 1005}
)

// protocol breaks RFC 6455 in each way, before and after a login. The gateway
// must not read what follows a close.
func (x *attacker) protocol() {
	for _, in := range []bool{false, true} {
		for _, c := range badBytes {
			conn, err := Dial(x.addr)
			if in {
				conn, _, err = NewPage(account(x.name("rude"))).Login(x.addr)
			}
			if err != nil {
				x.failed("a socket for bad bytes: %v", err)
				return
			}
			late := Frame(OpText, Request(99, "no.method", nil)) // a ping would overtake
			if _, err := conn.Write(slices.Concat(c.bytes, late)); err != nil {
				x.failed("%s: %v", c.name, err)
			}
			for {
				a, err := conn.Read()
				if err == nil && a.ID == 99 {
					x.failed("%s: what came after it was answered", c.name)
				}
				if err == nil {
					continue
				}
				x.note("bytes against RFC 6455", came(Answer{}, err))
				if !slices.Contains(c.codes, CloseCode(err)) {
					x.failed("%s, logged in %v: %v, not one of %v", c.name, in, err, c.codes)
				}
				break
			}
			conn.Close()
		}
	}
}

// badHands are handshakes that have to be refused.
var badHands = map[string][]string{
	"no upgrade":         {"GET /ws HTTP/1.1", "Host: localhost"},
	"no connection":      {"GET /ws HTTP/1.1", "Host: localhost", "Upgrade: websocket", version, key, protocol},
	"another upgrade":    {"GET /ws HTTP/1.1", "Host: localhost", "Connection: Upgrade", "Upgrade: h2c", version, key, protocol},
	"no key":             {"GET /ws HTTP/1.1", "Host: localhost", connection, upgrade, version, protocol},
	"no protocol":        {"GET /ws HTTP/1.1", "Host: localhost", connection, upgrade, version, key},
	"another protocol":   {"GET /ws HTTP/1.1", "Host: localhost", connection, upgrade, version, key, "Sec-WebSocket-Protocol: mqtt"},
	"version 12":         {"GET /ws HTTP/1.1", "Host: localhost", connection, upgrade, "Sec-WebSocket-Version: 12", key, protocol},
	"no version":         {"GET /ws HTTP/1.1", "Host: localhost", connection, upgrade, key, protocol},
	"POST":               {"POST /ws HTTP/1.1", "Host: localhost", "Content-Length: 0", connection, upgrade, version, key, protocol},
	"another origin":     {"GET /ws HTTP/1.1", "Host: localhost", "Origin: https://evil.example", connection, upgrade, version, key, protocol},
	"origin null":        {"GET /ws HTTP/1.1", "Host: localhost", "Origin: null", connection, upgrade, version, key, protocol},
	"origin of our name": {"GET /ws HTTP/1.1", "Host: localhost", "Origin: https://localhost.evil.example", connection, upgrade, version, key, protocol},
	"no host":            {"GET /ws HTTP/1.1", connection, upgrade, version, key, protocol},
	"two hosts":          {"GET /ws HTTP/1.1", "Host: a", "Host: b", connection, upgrade, version, key, protocol},
	"another path":       {"GET /ws/../wss HTTP/1.1", "Host: localhost", connection, upgrade, version, key, protocol},
	"a head of 100 KB":   {"GET /ws HTTP/1.1", "Host: localhost", "X: " + strings.Repeat("x", 100<<10), connection, upgrade, version, key, protocol},
}

const (
	connection = "Connection: Upgrade"
	upgrade    = "Upgrade: websocket"
	version    = "Sec-WebSocket-Version: 13"
	key        = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
	protocol   = "Sec-WebSocket-Protocol: " + frame.Subprotocol
)

// handshakes sends each of them, and expects a refusal.
func (x *attacker) handshakes() {
	for name, lines := range badHands {
		conn, err := Connect(x.addr)
		if err != nil {
			x.failed("connect: %v", err)
			return
		}
		status, err := conn.Ask(Lines(lines...))
		conn.Close()
		if err != nil { // an end without an answer is a refusal, too
			x.note("handshakes", "end")
			continue
		}
		x.note("handshakes", fmt.Sprint("HTTP ", status))
		if status == http.StatusSwitchingProtocols || status >= 500 {
			x.failed("the handshake with %s was answered with %d", name, status)
		}
	}
}

// requests are the HTTP requests from which mutants are made.
var requests = []string{
	Handshake,
	Lines("GET / HTTP/1.1", "Host: localhost"),
	Lines("GET /healthz HTTP/1.1", "Host: localhost"),
	Lines("GET /sdk/tim.wasm HTTP/1.1", "Host: localhost", "Range: bytes=0-99", "Accept-Encoding: br"),
	Lines("POST /dev/usersig HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Content-Length: 16") + `{"userID":"bob"}`,
	Lines("POST /v4/timd_config/get?sdkappid=1400000001&identifier=administrator&usersig=x&random=1&contenttype=json HTTP/1.1", "Host: localhost", "Content-Length: 2") + "{}",
	Lines("POST /v4/openim/sendmsg HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked") + "2\r\n{}\r\n0\r\n\r\n",
}

var pieces = []string{
	"\r\n", "\x00", "%2f", "../", "%00", "Content-Length: 99\r\n", "Transfer-Encoding: chunked\r\n", "Host: x\r\n", " ", ":", "\xff", "HTTP/1.0", "Expect: 100-continue\r\n", "Upgrade: websocket\r\n",
}

// mutants sends requests with a few changed bytes to both addresses. None may
// cause an error of the server's.
func (x *attacker) mutants() {
	for n := range 300 {
		request := []byte(requests[x.rand.IntN(len(requests))])
		for range 1 + x.rand.IntN(3) {
			at := x.rand.IntN(len(request))
			switch x.rand.IntN(4) {
			case 0:
				request[at] = byte(x.rand.IntN(256))
			case 1:
				request = slices.Delete(request, at, min(len(request), at+1+x.rand.IntN(10)))
			case 2:
				request = slices.Insert(request, at, []byte(pieces[x.rand.IntN(len(pieces))])...)
			case 3:
				request = slices.Insert(request, at, request[at:min(len(request), at+x.rand.IntN(40))]...)
			}
		}
		conn, err := Connect([]string{x.addr, x.ops}[n%2])
		if err != nil {
			x.failed("connect: %v", err)
			return
		}
		_, _ = conn.Write(request)
		_ = conn.CloseWrite() // so that the server does not wait for more
		status, err := conn.Status()
		conn.Close()
		if err != nil {
			x.note("mutated HTTP", "end")
			continue
		}
		x.note("mutated HTTP", fmt.Sprint("HTTP ", status))
		if status >= 500 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported {
			x.failed("%q was answered with %d", request, status)
		}
	}
}
