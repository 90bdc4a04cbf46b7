package front

import (
	"crypto/tls"
	"io"
	"net"
	"time"
)

// again returns a connection that begins with what has been read from conn. net/http
// finds everything else there that it looks for: the state of TLS, CloseWrite, ReadFrom.
func again(conn net.Conn, e early) net.Conn {
	if secure, ok := conn.(*tls.Conn); ok {
		return &secureAgain{secure, e}
	}
	return &tcpAgain{conn.(*net.TCPConn), e}
}

// early is what was read before. Only the reader uses it.
type early struct {
	buffer *[longest]byte // nil: all of it has been read again
	unread []byte

	// net/http begins to count when it gets the connection, so the deadlines of the
	// first request have to be earlier by what was spent here.
	spent   time.Duration
	earlier int // how many more deadlines are of that request
}

// ofOneRequest is how many deadlines net/http sets for reading a request: one for its
// head and one for all of it.
const ofOneRequest = 2

func (e *early) read(p []byte, conn net.Conn) (int, error) {
	if e.buffer == nil {
		return conn.Read(p)
	}
	n := copy(p, e.unread)
	if e.unread = e.unread[n:]; len(e.unread) == 0 {
		buffers.Put(e.buffer)
		e.buffer = nil
	}
	return n, nil
}

func (e *early) deadline(t time.Time) time.Time {
	if e.earlier == 0 {
		return t
	}
	e.earlier--
	if t.IsZero() {
		return t
	}
	return t.Add(-e.spent)
}

type secureAgain struct {
	*tls.Conn
	early
}

func (c *secureAgain) Read(p []byte) (int, error) { return c.read(p, c.Conn) }
func (c *secureAgain) SetReadDeadline(t time.Time) error {
	return c.Conn.SetReadDeadline(c.deadline(t))
}

type tcpAgain struct {
	*net.TCPConn
	early
}

func (c *tcpAgain) Read(p []byte) (int, error) { return c.read(p, c.TCPConn) }
func (c *tcpAgain) SetReadDeadline(t time.Time) error {
	return c.TCPConn.SetReadDeadline(c.deadline(t))
}

// NetConn is the method that tls.Conn has.
func (c *tcpAgain) NetConn() net.Conn { return c.TCPConn }

// Bare returns the connection below once all that is early has been read again: who has
// it from net/http by then needs nothing of this one.
func (c *tcpAgain) Bare() net.Conn {
	if c.buffer != nil {
		return c
	}
	return c.TCPConn
}

// WriteTo is TCPConn's, which would leave out what is early.
func (c *tcpAgain) WriteTo(w io.Writer) (int64, error) {
	if c.buffer == nil {
		return c.TCPConn.WriteTo(w)
	}
	n, err := w.Write(c.unread)
	if c.unread = c.unread[n:]; err != nil {
		return int64(n), err
	}
	buffers.Put(c.buffer)
	c.buffer = nil
	m, err := c.TCPConn.WriteTo(w)
	return int64(n) + m, err
}
