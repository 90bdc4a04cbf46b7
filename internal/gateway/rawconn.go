package gateway

import (
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/tim-wasm/tim/internal/frame"
)

// rawConn is the network connection as the WebSocket library sees it. Every
// write has a deadline. Close ends the writing half only and lets the peer
// read what was written: closing outright while bytes of the peer are unread
// would reset the connection, and a reset throws the last frame away.
type rawConn struct {
	net.Conn
	early   []byte // came together with the upgrade request
	spent   int    // bytes read since the last whole message; the read loop's own
	endless func() // called when these are more than any message can have
	write   time.Duration
	linger  time.Duration
	closing atomic.Bool
	hurry   atomic.Bool // do not wait long for this client any more
	failed  atomic.Bool // a frame may be cut off: nothing can follow it
}

// mostBytes may come before a message is whole: a frame of the largest size in
// pieces, with pongs in between. More is a message without an end, for
// example one of empty pieces, which no limit on its size would ever stop.
const mostBytes = 4 * frame.MaxFrame

func (c *rawConn) Read(p []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		c.early = c.early[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p)
	if c.spent += n; c.spent > mostBytes && c.endless != nil {
		c.spent = 0
		c.endless()
	}
	return n, err
}

func (c *rawConn) Write(p []byte) (int, error) {
	if c.failed.Load() {
		return 0, net.ErrClosed
	}
	within := c.write
	if c.hurry.Load() {
		within = min(within, time.Second)
	}
	if err := c.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(closeCode(p))
	if err != nil {
		c.failed.Store(true)
	}
	return n, err
}

// noWait gives up on a client that does not read: what is being written now
// has a second left, and so has each write to come.
func (c *rawConn) noWait() {
	c.hurry.Store(true)
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
}

// closeCode turns the library's own close frame for a message over the limit,
// 1009, into the protocol's.
func closeCode(p []byte) []byte {
	const tooBig = 1009
	if len(p) < 4 || p[0] != 0x88 || p[2] != tooBig>>8 || p[3] != tooBig&0xff {
		return p
	}
	q := append([]byte(nil), p...)
	q[2], q[3] = frame.CloseBadFrame>>8, frame.CloseBadFrame&0xff
	return q
}

// Close implements net.Conn for the library; end is what really closes.
func (c *rawConn) Close() error {
	if c.closing.Swap(true) {
		return nil
	}
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
		_, _ = io.CopyN(io.Discard, c.Conn, 1<<20)
	}
	_ = c.Conn.Close()
}

// abort closes at once, whatever was not delivered.
func (c *rawConn) abort() {
	c.closing.Store(true)
	_ = c.Conn.Close()
}
