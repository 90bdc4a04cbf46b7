package gateway

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tim-wasm/tim/internal/frame"
)

// rawConn is the network connection below a WebSocket. Every write has a
// deadline. Close ends only the writing half and lets the peer read what was
// written: closing at once while bytes of the peer are unread would reset the
// connection, and a reset discards the last frame.
type rawConn struct {
	net.Conn                 // never changed
	times    *times          // never changed
	fd       syscall.RawConn // of Conn if it is parked; set before, under the socket's lock
	at       int32           // its descriptor
	limit    atomic.Uint32   // bytes of one message
	ended    atomic.Bool     // the socket takes no more frames
	closing  atomic.Bool     // the close frame was written, or the connection closed
	hurry    atomic.Bool     // do not wait long for this client any more
	failed   atomic.Bool     // a frame may have been cut off: nothing can follow it
	within   time.Duration   // after began: the deadline of writes, unless noWait has set another; used by who writes
}

// writeBuffer is what the kernel may hold for a client that does not read;
// Linux doubles it. By default it grows to some MB for each client, besides
// what the outbox holds.
const writeBuffer = 128 << 10

func (c *rawConn) use(conn net.Conn, t *times) {
	tcp := conn
	if over, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS, for one
		tcp = over.NetConn()
	}
	if tcp, ok := tcp.(interface{ SetWriteBuffer(int) error }); ok {
		_ = tcp.SetWriteBuffer(writeBuffer)
	}
	c.Conn, c.times = conn, t
	c.limit.Store(frame.MaxEarlyFrame)
}

// mostDiscarded is how much is read from a client whose socket has ended.
const mostDiscarded = 1 << 20

// longestHead is how many bytes stand before a frame's payload at most.
const longestHead = 10

// heldMost is how many bytes of frames go out with one write.
const heldMost = 16 << 10

var heldBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// writeFrames writes frames, with one write if they are small, and gives up those
// that are left once the client is not to be waited for. One goroutine at a time
// writes.
func (c *rawConn) writeFrames(frames []outFrame) (err error) {
	held := heldBuffers.Get().(*[]byte)
	b := (*held)[:0]
	defer func() {
		*held = b[:0]
		heldBuffers.Put(held)
	}()
	for i := range frames {
		if c.hurry.Load() {
			break
		}
		f := &frames[i]
		size := f.size()
		if len(b) > 0 && len(b)+longestHead+size > heldMost {
			if err := c.write(b, nil); err != nil {
				return err
			}
			b = b[:0]
		}
		if size <= heldMost {
			b = f.appendFrame(b, size)
			continue
		}
		b = appendHead(b, f.opcode, size)
		if err := c.write(b, f.appendText(nil)); err != nil {
			return err
		}
		b = b[:0]
	}
	if len(b) == 0 {
		return nil
	}
	return c.write(b, nil)
}

// write writes b and what follows it, in one system call where the connection can do
// that.
func (c *rawConn) write(b, then []byte) error {
	if c.failed.Load() {
		return net.ErrClosed
	}
	if err := c.keepDeadline(time.Now()); err != nil {
		return err
	}
	if c.hurry.Load() {
		// Checked last: noWait may have come in between, and its deadline
		// counts.
		c.noWait()
	}
	var err error
	if len(then) == 0 {
		_, err = c.Conn.Write(b)
	} else {
		all := net.Buffers{b, then}
		_, err = all.WriteTo(c.Conn)
	}
	if err != nil {
		c.failed.Store(true)
	}
	return err
}

// keepDeadline leaves the next write at least three quarters of its time. Another
// deadline for each write of a busy connection would cost a timer each.
func (c *rawConn) keepDeadline(now time.Time) error {
	if c.within-now.Sub(began) >= c.times.write*3/4 {
		return nil
	}
	until := now.Add(c.times.write)
	c.within = until.Sub(began)
	return c.SetWriteDeadline(until)
}

// began is a moment to count from: a time takes three times the memory of a duration.
var began = time.Now()

// noWait gives up on a client that does not read: the present write has one
// more second, and so has each later one.
func (c *rawConn) noWait() {
	c.hurry.Store(true)
	_ = c.SetWriteDeadline(time.Now().Add(min(c.times.write, time.Second)))
}

// writeClose writes a close frame, the last one, and has the client read it. code
// 0 means none.
func (c *rawConn) writeClose(code int, reason string) error {
	var payload []byte
	if code != 0 {
		payload = append([]byte{byte(code >> 8), byte(code)}, reason...)
		payload = payload[:min(len(payload), maxControl)]
	}
	err := c.write(append(appendHead(nil, opClose, len(payload)), payload...), nil)
	c.closing.Store(true)
	_ = c.SetReadDeadline(time.Now().Add(c.times.linger))
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && err == nil {
		err = half.CloseWrite()
	}
	return err
}

// end reads on until the peer has closed or the linger time is over, then
// closes.
func (c *rawConn) end() {
	if c.closing.Load() {
		_, _ = io.CopyN(io.Discard, c.Conn, mostDiscarded)
	}
	_ = c.Conn.Close()
}
