package gateway

import (
	"runtime"
	"slices"
	"time"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// How much may wait for one client before the client counts as not reading.
const (
	maxQueued      = 512
	maxQueuedBytes = 512 << 10
)

// outbox is what waits to be written to a socket, under the socket's lock.
// One goroutine writes, and only while there is something to write; answers to pings are
// written by whoever reads, as far as the kernel takes them at once.
type outbox struct {
	frames  []outFrame
	bytes   int
	late    uint16 // how many at the end of frames are answers that nobody waits for; a timer makes it 0
	writing bool
	closing bool
	over    bool   // the close frame was written, or cannot be
	code    uint16 // 0: the close frame has none
	reason  string
	waiter  chan struct{} // is closed then; nil: nobody waits
}

// outFrame is a frame, or the params of a notification: what stands around those is
// written where they go out.
type outFrame struct {
	opcode opcode
	method string // of a notification whose params text is, an object; "": text is the frame
	text   []byte
}

// size returns how long the frame's payload is.
func (f *outFrame) size() int {
	if f.method != "" {
		return jsonframe.NotificationSize(f.method, f.text)
	}
	return len(f.text)
}

// appendFrame appends the whole frame. It is not inlined, nor is appendText: what they
// need of the stack would lie beneath the write, and the goroutine that is begun for each
// write would have to grow its stack of 2 KB.
//
//go:noinline
func (f *outFrame) appendFrame(b []byte, size int) []byte {
	return f.appendText(appendHead(b, f.opcode, size))
}

// appendText appends the frame's payload. Where nothing is before it, the result may be
// the frame's own.
//
//go:noinline
func (f *outFrame) appendText(b []byte) []byte {
	switch {
	case f.method != "":
		return jsonframe.AppendNotification(b, f.method, f.text)
	case len(b) == 0:
		return f.text
	}
	return append(b, f.text...)
}

func (o *outbox) push(f outFrame) {
	o.frames = slices.Insert(o.frames, o.due(), f)
	o.bytes += f.size()
}

// due returns how many of the frames are to go out.
func (o *outbox) due() int { return len(o.frames) - int(o.late) }

// take returns the frames that are to go out, and keeps the others.
func (o *outbox) take() []outFrame {
	batch, late := o.frames[:o.due()], o.frames[o.due():]
	o.frames, o.bytes = nil, 0
	for _, f := range late {
		o.frames = append(o.frames, f)
		o.bytes += f.size()
	}
	return batch
}

func (o *outbox) full() bool { return len(o.frames) >= maxQueued || o.bytes >= maxQueuedBytes }

func (o *outbox) close(code int, reason string) {
	if !o.closing {
		o.late = 0
		o.closing, o.code, o.reason = true, uint16(code), reason
	}
}

func (o *outbox) drop() { o.frames, o.bytes, o.late = nil, 0, 0 }

// send queues a text frame; it returns false when the socket has ended.
func (s *socket) send(text []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pushLocked(outFrame{opcode: opText, text: text})
}

// notify queues a notification; it returns false when the socket has ended.
func (s *socket) notify(method string, params []byte) bool {
	if len(params) == 0 {
		return s.send(jsonframe.Notification(method, nil))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pushLocked(outFrame{opText, method, params})
}

// sendLater queues a text frame that nobody waits for. It goes out after times.hold,
// or before the end.
func (s *socket) sendLater(text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.takesLocked() {
		return
	}
	s.out.frames = append(s.out.frames, outFrame{opcode: opText, text: text})
	s.out.bytes += len(text)
	if s.out.late++; s.out.late > 1 {
		return // the timer runs
	}
	time.AfterFunc(s.g.times.hold, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.out.late = 0
		s.flushLocked()
	})
}

func (s *socket) pushLocked(f outFrame) bool {
	if !s.takesLocked() {
		return false
	}
	s.out.push(f)
	s.flushLocked()
	return true
}

// offerLocked queues a text frame if no more than most bytes wait already.
func (s *socket) offerLocked(text []byte, most int) bool {
	return s.out.bytes <= most && len(s.out.frames) < maxQueued/2 && s.pushLocked(outFrame{opcode: opText, text: text})
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
	if s.out.writing || s.out.due() == 0 && !s.out.closing {
		return
	}
	s.out.writing = true
	go s.flush()
}

// writtenLocked writes the frames that are to go out if the kernel takes them at once, so
// that no goroutine is needed for them, and returns false if one is. Nothing is being
// written.
func (s *socket) writtenLocked() bool {
	due := s.out.frames[:s.out.due()]
	if len(due) == 0 || s.out.closing || s.raw.hurry.Load() {
		return false
	}
	held := heldBuffers.Get().(*[]byte)
	b := (*held)[:0]
	defer func() {
		*held = b[:0]
		heldBuffers.Put(held)
	}()
	for _, f := range due {
		size := f.size()
		if len(b)+longestHead+size > heldMost {
			return false
		}
		b = f.appendFrame(b, size)
	}
	n := s.raw.writeSome(b)
	if n == 0 {
		return false // it is full or has ended, as the next write will find out
	}
	s.out.take()
	if n < len(b) {
		s.out.writing = true
		go s.flushRest(slices.Clone(b[n:]))
	}
	return true
}

// flush writes until nothing is left. A failed write has already ended the
// connection below; whoever reads will notice.
func (s *socket) flush() {
	// Whoever is about to queue another frame for this socket does it first: the answer
	// to a send and what its sender is told of the conversation are composed by two
	// goroutines at the same time, and go out with one write.
	runtime.Gosched()
	for {
		s.mu.Lock()
		if s.out.due() == 0 && !s.out.closing {
			s.out.writing = false
			s.mu.Unlock()
			return
		}
		batch, closing, code, reason := s.out.take(), s.out.closing, s.out.code, s.out.reason
		s.mu.Unlock()
		// What several sessions or calls have queued costs one write together.
		err := s.raw.writeFrames(batch)
		if err == nil && closing { // nothing can have been queued after it
			err = s.raw.writeClose(int(code), reason)
			s.unpark() // for its client's close frame a goroutine waits, which has a deadline
		}
		if err != nil {
			s.abort()
		}
		if err != nil || closing {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.over = true
	if s.out.waiter != nil {
		close(s.out.waiter)
	}
}

// flushRest writes what is left of a frame, and then what flush does.
func (s *socket) flushRest(rest []byte) {
	if s.raw.write(rest, nil) != nil {
		s.abort()
	}
	s.flush()
}

// written waits until the close frame has been written, or cannot be, if there is
// to be one.
func (s *socket) written() {
	s.mu.Lock()
	if !s.out.closing || s.out.over {
		s.mu.Unlock()
		return
	}
	w := make(chan struct{})
	s.out.waiter = w
	s.mu.Unlock()
	<-w
}
