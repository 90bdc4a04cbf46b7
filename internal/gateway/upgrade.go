package gateway

import (
	"encoding/base64"
	"net"
	"net/http"
	"strings"

	"github.com/tim-wasm/tim/internal/fair"
	"github.com/tim-wasm/tim/internal/frame"
)

// tellOrigin logs a refused Origin, each one once: a browser hides the reason
// from the page, so its developer has nothing else to go by.
func (g *Gateway) tellOrigin(origin string) {
	const most, longest = 100, 200
	g.mu.Lock()
	_, told := g.refused[origin]
	if told || len(g.refused) >= most || len(origin) > longest {
		g.mu.Unlock()
		return
	}
	g.refused[origin] = struct{}{}
	g.mu.Unlock()
	g.o.Log.Warn("a page's origin was refused: allow it with --allowed-origin", "origin", origin)
}

// refusal is the answer to a request that cannot become a socket.
type refusal struct {
	status      int
	text        string
	name, value string // of a header
}

// judge checks an opening handshake: what RFC 6455 requires, and what this
// gateway does.
func (g *Gateway) judge(r *http.Request) *refusal {
	const version = "13"
	switch {
	case !offers(r.Header, "Connection", "upgrade") || !offers(r.Header, "Upgrade", "websocket"):
		return &refusal{http.StatusUpgradeRequired, "This is the WebSocket of the tim SDK: connect with ws:// or wss://.", "Upgrade", "websocket"}
	case !r.ProtoAtLeast(1, 1):
		return &refusal{http.StatusHTTPVersionNotSupported, "A WebSocket begins with HTTP/1.1: have the proxy in front speak it.", "Upgrade", "websocket"}
	case r.Method != http.MethodGet:
		return &refusal{http.StatusMethodNotAllowed, "A WebSocket begins with GET.", "Allow", http.MethodGet}
	case r.Header.Get("Sec-WebSocket-Version") != version:
		return &refusal{http.StatusUpgradeRequired, "Use version " + version + " of the WebSocket protocol.", "Sec-WebSocket-Version", version}
	case !validKey(r.Header.Get("Sec-WebSocket-Key")):
		return &refusal{status: http.StatusBadRequest, text: "Sec-WebSocket-Key must be 16 bytes in base64."}
	case g.o.AllowOrigin != nil && !g.o.AllowOrigin(r):
		return &refusal{status: http.StatusForbidden, text: "This Origin is not allowed: allow it with timd's --allowed-origin flag."}
	case !offers(r.Header, "Sec-WebSocket-Protocol", frame.Subprotocol):
		return &refusal{status: http.StatusBadRequest, text: "Offer the subprotocol " + frame.Subprotocol + "."}
	case g.isDraining():
		return &refusal{http.StatusServiceUnavailable, "This gateway is about to restart: try again.", "Retry-After", "1"}
	}
	return nil
}

func validKey(key string) bool {
	nonce, err := base64.StdEncoding.DecodeString(key)
	return err == nil && len(nonce) == 16
}

// ServeHTTP turns a request of /ws into a socket.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if no := g.judge(r); no != nil {
		if no.status == http.StatusForbidden {
			g.tellOrigin(r.Header.Get("Origin"))
		}
		if no.name != "" {
			w.Header().Set(no.name, no.value)
		}
		http.Error(w, no.text, no.status)
		return
	}
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		http.Error(w, "WebSockets need HTTP/1.1.", http.StatusHTTPVersionNotSupported)
		return
	}
	netConn, rw, err := hijacker.Hijack()
	if err != nil {
		http.Error(w, "WebSockets need HTTP/1.1.", http.StatusHTTPVersionNotSupported)
		return
	}
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	if over, ok := netConn.(interface{ Bare() net.Conn }); ok { // from package front
		netConn = over.Bare()
	}
	g.Open(netConn, early, r)
}

// Accepts reports whether Open may have a request; ServeHTTP says why if it may not.
func (g *Gateway) Accepts(r *http.Request) bool { return g.judge(r) == nil }

// Open turns the connection on which a request came into a socket. early is what came
// after it, which is the caller's again afterwards. The connection has no deadlines.
func (g *Gateway) Open(netConn net.Conn, early []byte, r *http.Request) {
	g.open(netConn, early, r.Header.Get("Sec-WebSocket-Key"), g.o.ClientAddr(r))
}

func (g *Gateway) isDraining() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.draining
}

// offers reports whether a comma-separated header contains a token.
func offers(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

func peerAddr(r *http.Request) string { return fair.WithoutPort(r.RemoteAddr) }
