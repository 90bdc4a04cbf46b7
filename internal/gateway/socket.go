package gateway

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tim-wasm/tim/internal/coarse"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// stage is how far a socket has come.
type stage uint8

const (
	standBy   stage = iota // no login yet, or one that failed
	visiting               // the same, and listens to a live room
	loggingIn              // the login frame is being decided on
	loggedIn
	ended // a close is under way: nothing is accepted or sent any more
)

// socket is one WebSocket: at most one session in its life.
type socket struct {
	// Never changed.
	g    *Gateway
	addr string

	raw    rawConn
	parked atomic.Bool // the poller waits for its bytes, no goroutine does

	reading sync.Mutex // is held while bytes are read; it guards these and is taken first
	frames  reader
	bye     bye
	late    uint32 // bytes that came after the socket's end
	deaf    bool   // what comes is not looked at any more
	over    bool   // nothing more is read
	pongs   bool   // answers to pings go out when all is read that has come

	mu      sync.Mutex // guards these, what is in out and in, and Session.ends
	stage   stage
	closed  bool   // by its page, cleanly
	code    uint16 // that we close with
	sess    *Session
	visitor *Visitor
	out     outbox
	in      inbound
	calls   bucket
	bytes   bucket
	since   time.Time // of the stage
	seen    time.Time // the last frame of the client
	asked   time.Time // a ping that has no pong yet
	waiters []chan struct{}
	timer   *time.Timer
}

// ticksEvery is the time between the moments at which idle sockets look at their clocks.
const ticksEvery = 250 * time.Millisecond

const drainReason = "restart: connect again"

var drainFrame = jsonframe.Notification(frame.Drain, nil)

func newSocket(g *Gateway, conn net.Conn, addr string) *socket {
	now := g.o.Now()
	s := &socket{g: g, addr: addr, since: now, seen: now, bye: bye{code: closeNone}}
	s.raw.use(conn, &g.times)
	s.calls, s.bytes = fullBucket(earlyRate, now), fullBucket(byteRate, now)
	s.mu.Lock()
	s.timer = time.AfterFunc(g.times.standBy, s.tick)
	s.mu.Unlock()
	return s
}

func (s *socket) session() *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sess
}

// deserted reports whether the socket has ended without a logout that has yet
// to be carried out.
func (s *socket) deserted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stage == ended && !s.in.leaving
}

// enter moves to a stage, unless the socket has ended.
func (s *socket) enter(st stage) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.enterLocked(st)
}

func (s *socket) enterLocked(st stage) bool {
	if s.stage == ended {
		return false
	}
	s.stage = st
	s.since = s.g.o.Now()
	if st == loggedIn {
		s.calls = fullBucket(frameRate, s.since)
		s.raw.limit.Store(frame.MaxFrame)
	}
	s.wakeLocked(s.since)
	return true
}

// nextLocked returns how long nothing is due.
func (s *socket) nextLocked(now time.Time) time.Duration {
	t := &s.g.times
	switch s.stage {
	case standBy:
		return max(0, t.standBy-now.Sub(s.since))
	case loggingIn:
		return max(0, t.login-now.Sub(s.since))
	case visiting, loggedIn:
		next := t.ask - now.Sub(s.seen)
		if !s.asked.IsZero() {
			next = t.silence - now.Sub(s.asked)
		}
		if s.stage == loggedIn {
			next = min(next, s.sess.endsLocked().Sub(now))
		}
		return max(0, next)
	default:
		return max(0, t.write-now.Sub(s.since))
	}
}

// wakeLocked has tick called when something is due.
func (s *socket) wakeLocked(now time.Time) {
	next := s.nextLocked(now)
	if next >= time.Second { // then it may be a little late
		next = coarse.Wait(now, next, ticksEvery)
	}
	s.timer.Reset(next)
}

// tick does whatever is due: one timer serves all the deadlines of a socket.
func (s *socket) tick() {
	s.mu.Lock()
	now := s.g.o.Now()
	due := s.nextLocked(now) <= 0
	st, sess := s.stage, s.sess
	switch {
	case !due:
		s.wakeLocked(now)
		s.mu.Unlock()
	case st == ended:
		s.mu.Unlock()
		// The close frame cannot get through.
		s.abort()
	case st == standBy:
		s.mu.Unlock()
		s.finish(nil, frame.CloseStandBy, "no login arrived in time")
	case st == loggingIn:
		s.mu.Unlock()
		s.finish(nil, frame.CloseLoginTimeout, "the login took too long")
	case st == loggedIn && !sess.endsLocked().After(now):
		// Counted while the socket still is, because Drain waits until the
		// registry has been told.
		s.g.work.Go(func() { s.g.expire(sess) })
		s.mu.Unlock()
	case s.asked.IsZero():
		s.asked = now
		s.pushLocked(outFrame{opcode: opPing})
		s.wakeLocked(now)
		s.mu.Unlock()
	default:
		s.mu.Unlock()
		// Nobody is left to read a close frame.
		s.abort()
	}
}

// heardLocked charges a frame of any kind, which also shows that the client is
// alive, and reports whether it is to be handled. It costs its reading, which
// nobody else is charged for when it turns out not to be a call.
func (s *socket) heardLocked(bytes int) bool {
	now := s.g.o.Now()
	s.seen, s.asked = now, time.Time{}
	r := frameRate
	if s.stage < loggedIn {
		r = earlyRate
	}
	switch {
	case s.stage == ended:
		return false
	case !s.calls.take(r, now, 1):
		s.endLocked(frame.CloseFlood, "too many frames")
		return false
	case !s.bytes.take(byteRate, now, bytes):
		s.endLocked(frame.CloseFlood, "too many bytes")
		return false
	}
	return true
}

func (s *socket) ponged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.heardLocked(0) {
		return
	}
	for _, w := range s.waiters {
		close(w)
	}
	s.waiters = nil
}

// probe pings at once; the pong closes the channel.
func (s *socket) probe() <-chan struct{} {
	w := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiters = append(s.waiters, w)
	if s.stage != ended {
		if s.asked.IsZero() {
			s.asked = s.g.o.Now()
			s.wakeLocked(s.asked)
		}
		s.pushLocked(outFrame{opcode: opPing})
	}
	return w
}

// pinged answers a WebSocket ping.
func (s *socket) pinged(payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heardLocked(len(payload)) {
		s.pushLocked(outFrame{opcode: opPong, text: payload})
	}
}

// finish ends the socket: it sends what is queued, then final, then the close
// frame. Once it has returned nothing else is sent. Only the first end counts.
func (s *socket) finish(final []byte, code int, reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stage == ended {
		return false
	}
	if s.out.late = 0; final != nil {
		s.out.push(outFrame{opcode: opText, text: final})
	}
	s.endLocked(code, reason)
	return true
}

func (s *socket) endLocked(code int, reason string) {
	s.stage = ended
	s.since = s.g.o.Now()
	s.code = uint16(code)
	s.raw.ended.Store(true)
	s.wakeLocked(s.since)
	s.in.clear()
	s.out.close(code, reason)
	s.flushLocked()
}

// gone is called when nothing more is read. It returns the session that was on
// the socket, and whether its client has logged out. A login that is still being
// decided on finds in closed whether its page will be back.
func (s *socket) gone(b bye) (sess *Session, leaving bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = clean(int(b.code))
	if s.stage != ended && b.replies {
		s.out.close(int(b.reply), "")
	}
	s.stage = ended
	s.raw.ended.Store(true)
	s.timer.Stop()
	s.in.clear()
	s.out.drop()
	s.flushLocked()
	s.waiters = nil
	return s.sess, s.in.leaving
}

// abort closes the connection at once, whether or not everything was delivered.
func (s *socket) abort() {
	s.raw.closing.Store(true)
	_ = s.raw.Conn.Close()
	s.unpark()
}

// closeCode returns what the counters show: our code if we closed.
func (s *socket) closeCode(peer int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.code != 0 {
		return int(s.code)
	}
	return peer
}
