package gateway

import (
	"runtime"
	"time"

	"github.com/lxzan/gws"

	"github.com/tim-wasm/tim/internal/frame"
)

// How much may wait for one client before the client counts as not reading.
const (
	maxQueued      = 512
	maxQueuedBytes = 512 << 10
)

// outbox is what waits to be written to a socket, under the socket's lock.
// One goroutine writes, and only while there is something to write.
type outbox struct {
	frames  []outFrame
	bytes   int
	due     bool // some of frames are to go out at once
	waking  bool // a timer will make them due
	writing bool
	closing bool
	code    uint16
	reason  string
}

type outFrame struct {
	opcode gws.Opcode
	text   []byte
}

// push queues a frame that is due.
func (o *outbox) push(opcode gws.Opcode, text []byte) {
	o.keep(opcode, text)
	o.due = true
}

// keep queues a frame that goes out together with one that is due.
func (o *outbox) keep(opcode gws.Opcode, text []byte) {
	o.frames = append(o.frames, outFrame{opcode, text})
	o.bytes += len(text)
}

func (o *outbox) full() bool { return len(o.frames) >= maxQueued || o.bytes >= maxQueuedBytes }

func (o *outbox) close(code int, reason string) {
	if !o.closing {
		o.closing, o.code, o.reason = true, uint16(code), reason
	}
}

func (o *outbox) drop() { o.frames, o.bytes, o.due = nil, 0, false }

// send queues a text frame; it returns false when the socket has ended.
func (s *socket) send(text []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pushLocked(gws.OpcodeText, text)
}

// sendLater queues a text frame that nobody waits for: it goes out together with the
// next one, or after times.hold by itself.
func (s *socket) sendLater(text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.takesLocked() {
		return
	}
	s.out.keep(gws.OpcodeText, text)
	if s.out.waking {
		return
	}
	s.out.waking = true
	time.AfterFunc(s.g.times.hold, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.out.waking, s.out.due = false, len(s.out.frames) > 0
		s.flushLocked()
	})
}

func (s *socket) pushLocked(opcode gws.Opcode, text []byte) bool {
	if !s.takesLocked() {
		return false
	}
	s.out.push(opcode, text)
	s.flushLocked()
	return true
}

// offerLocked queues a text frame if no more than most bytes wait already.
func (s *socket) offerLocked(text []byte, most int) bool {
	return s.out.bytes <= most && len(s.out.frames) < maxQueued/2 && s.pushLocked(gws.OpcodeText, text)
}

// takesLocked reports whether another frame may be queued. It ends the socket of a
// client that does not read.
func (s *socket) takesLocked() bool {
	if s.stage == ended {
		return false
	}
	if s.out.full() {
		// What was waiting is dropped: the client will resume and ask for it.
		s.out.drop()
		s.raw.noWait()
		s.endLocked(frame.CloseSlow, "the client does not read")
		return false
	}
	return true
}

func (s *socket) flushLocked() {
	if s.out.writing || (!s.out.due && !s.out.closing) {
		return
	}
	s.out.writing = true
	go s.flush()
}

// flush writes until nothing is due. A failed write has already ended the
// connection below; the read loop will notice.
func (s *socket) flush() {
	// Whoever is about to queue another frame for this socket does it first: the answer
	// to a send and what its sender is told of the conversation are composed by two
	// goroutines at the same time, and go out with one write.
	runtime.Gosched()
	for {
		s.mu.Lock()
		if !s.out.due && !s.out.closing {
			s.out.writing = false
			s.mu.Unlock()
			return
		}
		batch, closing, code, reason := s.out.frames, s.out.closing, s.out.code, s.out.reason
		s.out.drop()
		s.mu.Unlock()
		if err := s.write(batch); err != nil {
			s.broken()
			return
		}
		if closing {
			// Nothing can have been queued after it.
			if err := s.conn.WriteClose(code, []byte(reason)); err != nil {
				s.broken()
			}
			return
		}
	}
}

// write writes frames, and gives up those that are left once the client is not to be
// waited for. What several sessions or calls have queued costs one write together.
func (s *socket) write(batch []outFrame) error {
	if len(batch) > 1 {
		s.raw.hold()
	}
	for _, f := range batch {
		if s.raw.hurry.Load() {
			break
		}
		if err := s.conn.WriteMessage(f.opcode, f.text); err != nil {
			return err
		}
	}
	if len(batch) > 1 {
		return s.raw.release()
	}
	return nil
}

// broken handles a failed write, or a connection that the library closed first
// and whose peer has yet to read that.
func (s *socket) broken() {
	if s.raw.failed.Load() || !s.raw.closing.Load() {
		s.raw.abort()
	}
}
