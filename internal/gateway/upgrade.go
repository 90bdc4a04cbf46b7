package gateway

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/lxzan/gws"

	"github.com/tim-wasm/tim/internal/frame"
)

// readBuffer is small because most sockets are idle; larger frames are read
// into a buffer of their own.
const readBuffer = 1 << 10

func newUpgrader(g *Gateway) *gws.Upgrader {
	return gws.NewUpgrader(events{g}, &gws.ServerOption{
		ParallelGolimit:     1,
		ReadBufferSize:      readBuffer,
		ReadMaxPayloadSize:  frame.MaxFrame,
		WriteMaxPayloadSize: 1 << 20,
		CheckUtf8Enabled:    true,
		SubProtocols:        []string{frame.Subprotocol},
		NewSession:          func() gws.SessionStorage { return new(slot) },
		Logger:              quiet{},
	})
}

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
// gateway does. The library checks less, and refuses without a status.
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
		g.tellOrigin(r.Header.Get("Origin"))
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
		if no.name != "" {
			w.Header().Set(no.name, no.value)
		}
		http.Error(w, no.text, no.status)
		return
	}
	addr := g.o.ClientAddr(r)
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
	raw := newRawConn(netConn, &g.times)
	if n := rw.Reader.Buffered(); n > 0 {
		early, _ := rw.Reader.Peek(n)
		raw.early = append(raw.early, early...)
	}
	conn, err := g.upgrader.UpgradeFromConn(raw, bufio.NewReaderSize(raw, readBuffer), r)
	if err != nil {
		raw.end()
		return
	}
	s := newSocket(g, conn, raw, addr)
	raw.refuse = s.refuseBytes
	conn.Session().Store("", s)
	g.stats.sockets.Add(1)
	g.standsBy(s) // before it can log in, which takes it out again
	g.mu.Lock()
	draining := g.draining
	if !draining {
		g.sockets[s] = struct{}{}
		// In a goroutine of its own, so that net/http's buffers can be freed.
		g.work.Go(func() { g.serve(s) })
	}
	g.mu.Unlock()
	if draining {
		// Drain may be waiting already, so this one does not count as work.
		s.finish(drainFrame, frame.CloseDrain, drainReason)
		g.serve(s)
	}
}

func (g *Gateway) isDraining() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.draining
}

// serve reads a socket to its end. Nothing that a client sends may end timd,
// so the library is not trusted to survive every input.
func (g *Gateway) serve(s *socket) {
	code := 1006
	defer func() {
		if p := recover(); p != nil {
			// As the library did at a length that a client had made negative.
			s.unreadable(p)
			// Until the close frame is written and the client has read it: ending
			// the connection now would discard it.
			_ = s.raw.discard(make([]byte, readBuffer))
		}
		g.closed(s, code)
		s.raw.end()
	}()
	s.conn.ReadLoop()
	code = s.peerCode
}

// unreadable ends the socket after a panic at one of its frames.
func (s *socket) unreadable(cause any) {
	s.g.o.Log.Warn("a frame could not be read; its socket is closed", "client", s.addr, "cause", fmt.Sprint(cause))
	s.finish(nil, frame.CloseBadFrame, "the frame cannot be read")
}

// closed is the end of every socket, whoever ended it.
func (g *Gateway) closed(s *socket, code int) {
	sess, leaving := s.gone(clean(code))
	g.standby.Leave(s)
	s.endVisit()
	g.mu.Lock()
	delete(g.sockets, s)
	g.mu.Unlock()
	g.stats.sockets.Add(-1)
	g.o.Observer.Closed(s.closeCode(code))
	switch {
	case sess == nil || !g.take(sess):
	case leaving:
		g.release(sess.place)
	default:
		g.detach(sess.place, clean(code))
	}
}

// clean reports whether a page has closed its socket itself, so that it will
// not be back.
func clean(code int) bool { return code == 1000 || code == 1001 || code == 1005 }

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

func peerAddr(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// events passes the library's callbacks on to the socket.
type events struct{ g *Gateway }

func (events) OnOpen(*gws.Conn) {}

func (events) OnClose(c *gws.Conn, err error) {
	if s := socketOf(c); s != nil {
		if ce, ok := err.(*gws.CloseError); ok {
			s.peerCode = int(ce.Code)
			if ce.Code == 0 {
				s.peerCode = 1005
			}
		}
	}
}

func (events) OnPing(c *gws.Conn, payload []byte) {
	if s := socketOf(c); s != nil {
		s.pinged(payload)
	}
}

func (events) OnPong(c *gws.Conn, _ []byte) {
	if s := socketOf(c); s != nil {
		s.ponged()
	}
}

func (events) OnMessage(c *gws.Conn, m *gws.Message) {
	// The library reuses the buffer.
	text := append([]byte(nil), m.Bytes()...)
	opcode := m.Opcode
	_ = m.Close()
	if s := socketOf(c); s != nil {
		s.received(opcode, text)
	}
}

// slot holds a connection's socket, in place of the library's map.
type slot struct{ s any }

func (*slot) Len() int                         { return 1 }
func (l *slot) Load(string) (any, bool)        { return l.s, l.s != nil }
func (*slot) Delete(string)                    {}
func (l *slot) Store(_ string, v any)          { l.s = v }
func (l *slot) Range(f func(string, any) bool) { f("", l.s) }

func socketOf(c *gws.Conn) *socket {
	v, _ := c.Session().Load("")
	s, _ := v.(*socket)
	return s
}

type quiet struct{}

func (quiet) Error(...any) {}
