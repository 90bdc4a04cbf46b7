package gateway

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/tim-wasm/tim/internal/frame"
)

// readBuffer is small because most sockets are idle; what is left of a larger
// frame is read in parts.
const readBuffer = 1 << 10

// open answers an opening handshake that was judged to be right, and makes its
// connection a socket. early came right behind the request; open keeps none of
// it. It returns at once, but at a gateway that drains when the socket has ended.
func (g *Gateway) open(conn net.Conn, early []byte, key, addr string) {
	if err := answerHandshake(conn, key, time.Now().Add(g.times.write)); err != nil {
		_ = conn.Close()
		return
	}
	s := newSocket(g, conn, addr)
	g.stats.sockets.Add(1)
	g.standsBy(s) // before it can log in, which takes it out again
	g.mu.Lock()
	draining := g.draining
	if !draining {
		g.sockets[s] = struct{}{}
		g.work.Add(1)
	}
	g.mu.Unlock()
	if draining {
		// Drain may be waiting already, so this one does not count as work.
		s.finish(drainFrame, frame.CloseDrain, drainReason)
		g.serve(s)
		return
	}
	s.reading.Lock()
	if len(early) > 0 {
		s.over = s.hear(early)
	}
	over := s.over
	s.reading.Unlock()
	if over || !s.park() {
		go g.serveCounted(s)
	}
}

// answerHandshake has the client know that its connection is a WebSocket now.
func answerHandshake(conn net.Conn, key string, deadline time.Time) error {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455, section 4.2.2
	hash := sha1.Sum([]byte(key + guid))
	b := make([]byte, 0, 192)
	b = append(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	b = base64.StdEncoding.AppendEncode(b, hash[:])
	b = append(b, "\r\nSec-WebSocket-Protocol: "+frame.Subprotocol+"\r\n\r\n"...)
	if err := conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	_, err := conn.Write(b)
	return err
}

// bye is how a client has ended its socket.
type bye struct {
	code    uint16 // of its close frame
	reply   uint16 // of the one that answers it
	replies bool   // there is one
}

func (g *Gateway) serveCounted(s *socket) {
	defer g.work.Done()
	g.serve(s)
}

// serve reads a socket to its end, in a goroutine.
func (g *Gateway) serve(s *socket) {
	s.reading.Lock()
	defer s.reading.Unlock()
	for b := make([]byte, readBuffer); !s.over; {
		n, err := s.raw.Read(b)
		s.over = s.hear(b[:n]) || err != nil
		if errors.Is(err, io.EOF) && !s.bye.replies {
			// It may have ended only its half.
			s.bye.replies, s.bye.reply = true, closeNormal
		}
	}
	g.closed(s)
	s.written()
	s.raw.end()
}

// hear takes apart what has come and has it handled. It returns true when nothing
// more is to be read. reading is held. Nothing that a client sends may end timd,
// so no input is trusted to be survived.
func (s *socket) hear(b []byte) (over bool) {
	defer func() {
		if p := recover(); p != nil {
			s.unreadable(p)
			s.deaf = true
		}
		if s.pongs {
			s.sendPongs()
		}
	}()
	if s.raw.ended.Load() {
		// The peer's close frame is awaited; what comes before it is taken apart
		// for nothing, and nobody charges for it any more.
		if s.late += uint32(len(b)); s.late > mostDiscarded {
			s.abort()
			return true
		}
	}
	for len(b) > 0 && !s.deaf {
		m, rest, ok, bad := s.frames.next(b, int(s.raw.limit.Load()))
		b = rest
		switch {
		case bad != nil:
			s.refuseBytes(bad)
		case !ok:
		case m.opcode == opPing:
			s.pinged(m.payload)
		case m.opcode == opPong:
			s.ponged()
		case m.opcode == opClose:
			code, reply, bad := closing(m.payload)
			switch {
			case bad != nil:
				s.refuseBytes(bad)
				continue
			case !s.raw.ended.Load(): // else it answers ours
				s.bye = bye{uint16(code), uint16(reply), true}
			}
			return true
		default:
			s.received(m.opcode, m.payload)
		}
	}
	return false
}

// refuseBytes closes a socket because of bytes that must not be read. What follows
// is read nevertheless, and not looked at, because unread bytes would discard the
// close frame.
func (s *socket) refuseBytes(v *violation) {
	s.finish(nil, v.code, v.why)
	s.deaf = true
}

// unreadable ends the socket after a panic at one of its frames.
func (s *socket) unreadable(cause any) {
	s.g.o.Log.Warn("a frame could not be read; its socket is closed", "client", s.addr, "cause", fmt.Sprint(cause))
	s.finish(nil, frame.CloseBadFrame, "the frame cannot be read")
}

// closed is the end of every socket, whoever ended it.
func (g *Gateway) closed(s *socket) {
	sess, leaving := s.gone(s.bye)
	g.standby.Leave(s)
	s.endVisit()
	g.mu.Lock()
	delete(g.sockets, s)
	g.mu.Unlock()
	g.stats.sockets.Add(-1)
	g.o.Observer.Closed(s.closeCode(int(s.bye.code)))
	switch {
	case sess == nil || !g.take(sess):
	case leaving:
		g.release(sess.place)
	default:
		g.detach(sess.place, clean(int(s.bye.code)))
	}
}

// clean reports whether a page has closed its socket itself, so that it will
// not be back.
func clean(code int) bool { return code == closeNormal || code == 1001 || code == closeNoCode }
