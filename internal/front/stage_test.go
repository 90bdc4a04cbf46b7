package front

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/testlog"
)

const within = 30 * time.Second // for what should happen at once

// stage is an http.Server behind a Front.
type stage struct {
	t     testing.TB
	front *Front
	srv   *http.Server
	addr  string
	log   *testlog.Buffer
	ended chan error // what Serve returned

	mu    sync.Mutex
	state map[net.Conn][]http.ConnState
}

// serve begins a stage, whose Open and handler both answer with says. change may change
// the options; l is nil for a listener of its own.
func serve(t testing.TB, l net.Listener, change func(*stage, *Options)) *stage {
	t.Helper()
	s := &stage{t: t, log: new(testlog.Buffer), ended: make(chan error, 1), state: map[net.Conn][]http.ConnState{}}
	if l == nil {
		var err error
		l, err = net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
	}
	s.addr = l.Addr().String()
	o := Options{
		Path: "/ws", HeaderTimeout: within, ConnState: s.moved, ErrorLog: log.New(s.log, "", 0),
		Accepts: accepts,
		Open: func(conn net.Conn, early []byte, r *http.Request) {
			_, _ = io.WriteString(conn, says("front", r, early))
			_ = conn.Close()
		},
	}
	if change != nil {
		change(s, &o)
	}
	s.srv = &http.Server{
		ReadHeaderTimeout: o.HeaderTimeout, ReadTimeout: 2 * within, ConnState: s.moved, ErrorLog: o.ErrorLog,
		Handler: http.HandlerFunc(handler),
	}
	if o.TLS != nil {
		s.srv.TLSConfig = o.TLS.Clone()
	}
	s.front = New(l, o)
	go func() { s.ended <- s.srv.Serve(s.front) }()
	t.Cleanup(func() {
		_ = s.srv.Close()
		s.pending(0)
		// Every connection is hijacked or closed; net/http does not wait for its own.
		require.Eventually(t, func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.state) == 0
		}, within, time.Millisecond)
	})
	return s
}

func accepts(r *http.Request) bool {
	return r.Header.Get("Upgrade") == "websocket" && r.Header.Get("Sec-WebSocket-Version") == "13"
}

// handler answers as Open does, for net/http.
func handler(w http.ResponseWriter, r *http.Request) {
	if !accepts(r) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "net/http: %s %s %s %v %v", r.Proto, r.Method, body, r.TLS != nil, err)
		return
	}
	conn, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	early, _ := rw.Peek(rw.Reader.Buffered())
	_, _ = io.WriteString(conn, says("net/http", r, early))
	_ = conn.Close()
}

// says is an answer that shows what has become of a request.
func says(who string, r *http.Request, early []byte) string {
	return fmt.Sprintf("HTTP/1.1 101 Switching Protocols\r\nWho: %s\r\nSaw: %s %q %q %q\r\n\r\n",
		who, r.RequestURI, r.Host, r.Header.Get("Sec-WebSocket-Key"), early)
}

// moved follows a connection until it is hijacked or closed.
func (s *stage) moved(c net.Conn, to http.ConnState) {
	for over, ok := c.(interface{ NetConn() net.Conn }); ok; over, ok = c.(interface{ NetConn() net.Conn }) {
		c = over.NetConn()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if to == http.StateHijacked || to == http.StateClosed {
		delete(s.state, c)
	} else {
		s.state[c] = append(s.state[c], to)
	}
}

// pending waits until so many connections have no owner.
func (s *stage) pending(n int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		s.front.mu.Lock()
		defer s.front.mu.Unlock()
		return len(s.front.pending) == n
	}, within, time.Millisecond)
}

func (s *stage) dial() *net.TCPConn { return dial(s.t, s.addr) }

func dial(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(within)))
	return c.(*net.TCPConn)
}

// rest reads to the end of the stream.
func rest(t testing.TB, c io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(c)
	require.NoError(t, err)
	return string(text)
}

// closing is a head that net/http answers, and closes after that.
func closing(line string) string {
	return line + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
}
