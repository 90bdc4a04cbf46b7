package native

import (
	"io"
	"net"
	"sync"
	"time"
)

// lingerWithin is how long what was written last may take after a close.
const lingerWithin = 2 * time.Second

// wire is a connection that is never waited for, as in a browser: what the network does
// not take at once follows by itself. Only gws writes, one frame at a time.
type wire struct {
	net.Conn
	direct *direct // nil: each write needs a goroutine

	mu      sync.Mutex // guards what follows
	rest    []byte     // still to be written
	writing bool       // a goroutine writes it
	closing bool       // nothing follows
	failed  error
}

func newWire(c net.Conn) *wire {
	w := &wire{Conn: c}
	if tcp, ok := c.(*net.TCPConn); ok { // others may do something of their own when written to
		w.direct = newDirect(tcp)
	}
	return w
}

// SetWriteDeadline does nothing, as no write waits: crypto/tls sets one that has passed
// when it closes, which would take with it what still has to be written.
func (*wire) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline is for reads, and for nothing once the wire is closed.
func (w *wire) SetDeadline(at time.Time) error { return w.SetReadDeadline(at) }

// SetReadDeadline does not move the end of a wire that is closed.
func (w *wire) SetReadDeadline(at time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closing {
		return net.ErrClosed
	}
	return w.Conn.SetReadDeadline(at)
}

// Write never fails because of what it writes: that shows as a close later.
func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.failed != nil:
		return 0, w.failed
	case w.closing:
		return 0, net.ErrClosed
	}
	n := 0
	if !w.writing {
		n = w.direct.write(b)
	}
	if n < len(b) {
		w.rest = append(w.rest, b[n:]...)
		if !w.writing {
			w.writing = true
			go w.follow()
		}
	}
	return len(b), nil
}

// follow writes what is left until nothing is.
func (w *wire) follow() {
	for {
		w.mu.Lock()
		b := w.rest
		w.rest = nil
		if len(b) == 0 {
			w.writing = false
			if w.closing {
				go w.linger()
			}
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
		if _, err := w.Conn.Write(b); err != nil {
			w.mu.Lock()
			w.failed, w.rest = err, nil
			w.mu.Unlock()
			_ = w.Conn.Close()
		}
	}
}

// Close lets the peer read what was written last: a close with unread input would reset
// the connection and discard that.
func (w *wire) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closing {
		return nil
	}
	w.closing = true
	if w.writing {
		_ = w.Conn.SetWriteDeadline(time.Now().Add(lingerWithin))
		return nil
	}
	go w.linger()
	return nil
}

func (w *wire) linger() {
	half, ok := w.Conn.(interface{ CloseWrite() error })
	if ok && half.CloseWrite() == nil {
		_ = w.Conn.SetReadDeadline(time.Now().Add(lingerWithin))
		_, _ = io.Copy(io.Discard, w.Conn)
	}
	_ = w.Conn.Close()
}
