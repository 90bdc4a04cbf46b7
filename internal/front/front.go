// Package front stands between a listener and an http.Server, and opens WebSockets
// without net/http. That reads a request in a goroutine that reads ahead in another one,
// into 12 KB of buffers, all of which a handler sets aside to have the connection for
// itself. Clients begin with a WebSocket, thousands of them at once after a restart, so
// this was a good part of what a login costs.
//
//	front.go  the listener: accepts, reads a head, decides who gets the connection
//	head.go   which heads it takes
//	line.go   where they wait if there is no room
//	conn.go   a connection that net/http gets although something was read from it
//	hungup_unix.go, hungup_linux.go, hungup_peek.go, hungup_other.go  whether the client is still there
//
// Front takes a request only if nothing about it is unusual and the gateway would accept
// it. Everything else, every refusal too, is left to net/http, which gets the connection
// as if nothing had been read from it. So there is one thing to get wrong: to take what
// net/http would refuse or read differently. A fuzz target compares the two.
//
// Each connection has a goroutine until it is decided who gets it, or it waits in the
// line, which has one for all. Front.mu guards the set of those connections; nothing is
// called while it is held. line.mu is held alone, but for that of its fair.Limit.
package front

import (
	"container/list"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/fair"
)

// Options of a Front. All but TLS and Room are required.
type Options struct {
	// Path of the WebSocket.
	Path string
	// TLS is nil if clients do not speak it. It offers the protocols of the server.
	TLS *tls.Config
	// HeaderTimeout is the server's ReadHeaderTimeout. It also limits the TLS handshake.
	HeaderTimeout time.Duration
	// ConnState is the server's. A connection that net/http gets becomes new a second
	// time; its NetConn method returns the one that was new before.
	ConnState func(net.Conn, http.ConnState)
	// ErrorLog is the server's.
	ErrorLog *log.Logger
	// Room returns how many requests for WebSockets may go on; while it is none they
	// wait. nil: there is always room.
	Room func() int
	// Accepts reports whether Open may have this request. If not, the server's handler
	// gets it, and says why.
	Accepts func(*http.Request) bool
	// Open answers a request that was accepted. From then on it owns conn; early, what
	// followed the request, and the request itself it may use until it returns, and
	// keep no more than the texts in it.
	Open func(conn net.Conn, early []byte, r *http.Request)
}

// Front is the listener of an http.Server.
type Front struct {
	net.Listener
	o      Options
	others chan accepted // for net/http
	done   chan struct{} // closed by Close
	work   sync.WaitGroup
	line   line

	mu      sync.Mutex // guards these
	closed  bool
	pending map[*net.TCPConn]struct{} // of which nobody is the owner yet
}

// accepted is what Accept returns.
type accepted struct {
	conn net.Conn
	err  error
}

// New returns a Front that accepts the connections of l; Close closes l, too.
func New(l net.Listener, o Options) *Front {
	f := &Front{
		Listener: l, o: o,
		others: make(chan accepted), done: make(chan struct{}),
		pending: map[*net.TCPConn]struct{}{},
		line:    line{most: fair.New[*list.Element](mostOfOne, mostHeld)},
	}
	f.work.Go(f.accept)
	return f
}

// Accept returns the next connection that is not a WebSocket's.
func (f *Front) Accept() (net.Conn, error) {
	select {
	case a := <-f.others:
		return a.conn, a.err
	case <-f.done:
		return nil, net.ErrClosed
	}
}

// Close closes the listener and the connections that nobody owns yet, and waits for
// their goroutines.
func (f *Front) Close() error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return net.ErrClosed
	}
	f.closed = true
	for conn := range f.pending {
		_ = conn.Close()
	}
	f.mu.Unlock()
	close(f.done)
	err := f.Listener.Close()
	f.work.Wait()
	return err
}

// accept accepts until the listener is closed. Errors go to net/http, which waits for
// longer after each one; until it comes back, the next error waits here.
func (f *Front) accept() {
	for {
		conn, err := f.Listener.Accept()
		tcp, ok := conn.(*net.TCPConn)
		switch {
		case err != nil, !ok:
			if f.give(accepted{conn, err}) {
				continue
			}
			if conn != nil {
				_ = conn.Close()
			}
			return
		case !f.add(tcp):
			_ = tcp.Close()
			return
		default:
			f.o.ConnState(tcp, http.StateNew)
			f.work.Go(func() { f.serve(tcp) })
		}
	}
}

// give returns false after Close, otherwise when net/http has taken a.
func (f *Front) give(a accepted) bool {
	select {
	case f.others <- a:
		return true
	case <-f.done:
		return false
	}
}

// add returns false after Close.
func (f *Front) add(conn *net.TCPConn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.pending[conn] = struct{}{}
	}
	return !f.closed
}

func (f *Front) remove(conn *net.TCPConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.pending, conn)
}

// survive is deferred: a panic ends the connection only, as in net/http.
func (f *Front) survive(tcp *net.TCPConn) {
	if p := recover(); p != nil {
		f.o.ErrorLog.Printf("http: panic serving %v: %v\n%s", tcp.RemoteAddr(), p, debug.Stack())
		f.drop(tcp)
	}
}

// serve decides who gets a connection.
func (f *Front) serve(tcp *net.TCPConn) {
	defer f.survive(tcp)
	conn := net.Conn(tcp)
	if f.o.TLS != nil {
		secure := tls.Server(tcp, f.o.TLS)
		if !f.speaksHTTP1(secure) {
			// Its handshake is over, well or not, and net/http finds it so.
			f.handOver(tcp, secure)
			return
		}
		conn = secure
	}
	began := time.Now()
	if conn.SetReadDeadline(began.Add(f.o.HeaderTimeout)) != nil {
		f.drop(tcp)
		return
	}
	f.read(tcp, conn, began)
}

// speaksHTTP1 does the TLS handshake and reports whether HTTP/1.1 follows.
func (f *Front) speaksHTTP1(conn *tls.Conn) bool {
	until := time.Now().Add(f.o.HeaderTimeout)
	if conn.SetDeadline(until) != nil || conn.Handshake() != nil {
		return false
	}
	proto := conn.ConnectionState().NegotiatedProtocol
	return (proto == "" || proto == "http/1.1") && conn.SetDeadline(time.Time{}) == nil
}

// longest is how long a head may be to be taken. Those of browsers have less than 1 KB.
const longest = 4 << 10

var buffers = sync.Pool{New: func() any { return new([longest]byte) }}

// read reads the head until it is complete, or unusual.
func (f *Front) read(tcp *net.TCPConn, conn net.Conn, began time.Time) {
	b := buffers.Get().(*[longest]byte)
	var h head
	for n := 0; ; {
		m, err := conn.Read(b[n:])
		n += m
		what := h.read(b[:n], f.o.Path)
		if what == incomplete && err == nil && n < longest {
			continue
		}
		if n == 0 { // to less than a head net/http may have an answer, to nothing it has none
			buffers.Put(b)
			f.drop(tcp)
			return
		}
		spent := time.Since(began)
		switch {
		case what != complete:
			f.handOver(tcp, again(conn, early{buffer: b, unread: b[:n], spent: spent, earlier: ofOneRequest}))
		case f.hold(held{tcp: tcp, conn: conn, text: b[:n], spent: spent}):
			buffers.Put(b)
		default:
			f.decide(tcp, conn, b, n, &h, spent)
		}
		return
	}
}

// decide gives a connection away whose head is complete; n bytes of b were read.
func (f *Front) decide(tcp *net.TCPConn, conn net.Conn, b *[longest]byte, n int, h *head, spent time.Duration) {
	r := h.request(b[:n], tcp.RemoteAddr().String())
	defer requests.Put(r)
	if f.o.Accepts(&r.Request) {
		f.open(tcp, conn, b[h.next:n], &r.Request)
		buffers.Put(b)
		return
	}
	f.handOver(tcp, again(conn, early{buffer: b, unread: b[:n], spent: spent, earlier: ofOneRequest}))
}

// open leaves a connection as net/http leaves one that is hijacked.
func (f *Front) open(tcp *net.TCPConn, conn net.Conn, early []byte, r *http.Request) {
	f.remove(tcp)
	f.o.ConnState(tcp, http.StateHijacked)
	_ = conn.SetReadDeadline(time.Time{})
	f.o.Open(conn, early, r)
}

// handOver gives a connection to net/http.
func (f *Front) handOver(tcp *net.TCPConn, conn net.Conn) {
	f.remove(tcp)
	if !f.give(accepted{conn: conn}) {
		f.drop(tcp)
	}
}

// drop closes a connection that nobody gets.
func (f *Front) drop(tcp *net.TCPConn) {
	f.remove(tcp)
	_ = tcp.Close()
	f.o.ConnState(tcp, http.StateClosed)
}
