package gateway

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tim-wasm/tim/internal/frame"
)

// rawConn is the network connection as the WebSocket library sees it. Every
// write has a deadline. Close ends only the writing half and lets the peer
// read what was written: closing at once while bytes of the peer are unread
// would reset the connection, and a reset discards the last frame.
type rawConn struct {
	// Set before the first Read.
	net.Conn
	write  time.Duration
	linger time.Duration
	refuse func(why string) // ends the socket

	// Used by the read loop only.
	early  []byte // came together with the upgrade request
	frames follower
	late   int // bytes that came after the socket's end

	// Used by any goroutine.
	limit   atomic.Uint64 // bytes of one message
	ended   atomic.Bool   // the socket takes no more frames
	closing atomic.Bool
	hurry   atomic.Bool // do not wait long for this client any more
	failed  atomic.Bool // a frame may have been cut off: nothing can follow it

	writing sync.Mutex // guards what follows, and keeps the order of what is written
	held    *[]byte    // frames that go out with one write; nil: each goes out at once
	within  time.Time  // the deadline of writes, unless noWait has set another
}

// writeBuffer is what the kernel may hold for a client that does not read;
// Linux doubles it. By default it grows to some MB for each client, besides
// what the outbox holds.
const writeBuffer = 128 << 10

func newRawConn(conn net.Conn, t *times) *rawConn {
	tcp := conn
	if t, ok := conn.(*tls.Conn); ok {
		tcp = t.NetConn()
	}
	if tcp, ok := tcp.(interface{ SetWriteBuffer(int) error }); ok {
		_ = tcp.SetWriteBuffer(writeBuffer)
	}
	c := &rawConn{Conn: conn, write: t.write, linger: t.linger}
	c.limit.Store(frame.MaxEarlyFrame)
	return c
}

func (c *rawConn) Read(p []byte) (n int, err error) {
	if len(c.early) > 0 {
		n = copy(p, c.early)
		c.early = c.early[n:]
	} else {
		n, err = c.Conn.Read(p)
	}
	if c.ended.Load() {
		// The peer's close frame is awaited; what comes before it is taken apart
		// for nothing, and nobody charges for it any more.
		if c.late += n; c.late > mostDiscarded {
			c.abort()
			return 0, net.ErrClosed
		}
	}
	if why := c.frames.follow(p[:n], c.limit.Load()); why != "" {
		c.refuse(why)
		return 0, c.discard(p)
	}
	return n, err
}

// discard reads what follows a refused frame and returns how that ended: the
// library must not see the frame, and unread bytes would discard the close
// frame.
func (c *rawConn) discard(p []byte) error {
	for left := mostDiscarded; left > 0; {
		n, err := c.Conn.Read(p)
		if err != nil {
			return err
		}
		left -= n
	}
	c.abort()
	return net.ErrClosed
}

// mostDiscarded is how much is read from a client whose socket has ended.
const mostDiscarded = 1 << 20

// heldMost is how many bytes of frames are held before they go out.
const heldMost = 16 << 10

var heldBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// hold has the frames that follow go out with one write, at the latest at release.
func (c *rawConn) hold() {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.held = heldBuffers.Get().(*[]byte)
}

// release ends a hold.
func (c *rawConn) release() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.held == nil { // closed meanwhile
		return net.ErrClosed
	}
	return c.endHold()
}

// endHold writes what is held, and holds nothing from here on; writing is held.
func (c *rawConn) endHold() error {
	err := c.writeHeld()
	heldBuffers.Put(c.held)
	c.held = nil
	return err
}

// writeHeld writes what is held; writing is held.
func (c *rawConn) writeHeld() error {
	if len(*c.held) == 0 {
		return nil
	}
	_, err := c.writeNow(*c.held)
	*c.held = (*c.held)[:0]
	return err
}

// Write writes a frame, or holds it.
func (c *rawConn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.held == nil {
		return c.writeNow(p)
	}
	if len(*c.held)+len(p) > heldMost {
		if err := c.writeHeld(); err != nil {
			return 0, err
		}
		if len(p) > heldMost {
			return c.writeNow(p)
		}
	}
	*c.held = append(*c.held, p...)
	return len(p), nil
}

// writeNow writes at once; writing is held.
func (c *rawConn) writeNow(p []byte) (int, error) {
	if c.failed.Load() {
		return 0, net.ErrClosed
	}
	if err := c.keepDeadline(time.Now()); err != nil {
		return 0, err
	}
	if c.hurry.Load() {
		// Checked last: noWait may have come in between, and its deadline
		// counts.
		c.noWait()
	}
	n, err := c.Conn.Write(p)
	if err != nil {
		c.failed.Store(true)
	}
	return n, err
}

// keepDeadline leaves the next write at least three quarters of its time. Another
// deadline for each write of a busy connection would cost a timer each; writing is held.
func (c *rawConn) keepDeadline(now time.Time) error {
	if c.within.Sub(now) >= c.write*3/4 {
		return nil
	}
	c.within = now.Add(c.write)
	return c.SetWriteDeadline(c.within)
}

// noWait gives up on a client that does not read: the present write has one
// more second, and so has each later one.
func (c *rawConn) noWait() {
	c.hurry.Store(true)
	_ = c.SetWriteDeadline(time.Now().Add(min(c.write, time.Second)))
}

// Close implements net.Conn for the library; end really closes.
func (c *rawConn) Close() error {
	if c.closing.Swap(true) {
		return nil
	}
	c.writing.Lock()
	if c.held != nil {
		_ = c.endHold() // the close frame is in it
	}
	c.writing.Unlock()
	_ = c.SetReadDeadline(time.Now().Add(c.linger))
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// end reads on until the peer has closed or the linger time is over, then
// closes.
func (c *rawConn) end() {
	if c.closing.Load() {
		_, _ = io.CopyN(io.Discard, c.Conn, mostDiscarded)
	}
	_ = c.Conn.Close()
}

// abort closes at once, whether or not everything was delivered.
func (c *rawConn) abort() {
	c.closing.Store(true)
	_ = c.Conn.Close()
}
