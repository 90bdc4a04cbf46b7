package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

const (
	maxPending      = frame.Burst // requests of one socket that wait for their turn
	maxPendingBytes = 1 << 20
	maxBad          = 5 // malformed frames after which the socket is closed
)

// inbound is the queue of a socket's frames. Another goroutine than the one that reads
// decodes and handles them, one after the other, because that one reads for all sockets,
// and notices pongs and closes meanwhile. The socket's lock guards the queue.
type inbound struct {
	queue   [][]byte
	bytes   int
	bad     uint8
	working bool
	leaving bool // a logout was received and has not been handled yet
}

func (in *inbound) clear() { in.queue, in.bytes = nil, 0 }

// received handles a message; who reads calls it.
func (s *socket) received(op opcode, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.heardLocked(len(text)):
	case op != opText:
		s.endLocked(frame.CloseBadFrame, "only text frames are read")
	case isPing(text):
		// A ping overtakes waiting requests, so that a slow request does not look
		// like a dead connection.
		if !s.pongLocked(text) {
			s.enqueueLocked(text)
		}
	default:
		s.in.leaving = s.in.leaving || isLogout(text)
		s.enqueueLocked(text)
	}
}

// isLogout reports whether a frame is a logout, which counts even if the socket is
// closed before its turn comes.
func isLogout(text []byte) bool {
	if len(text) > 200 || !bytes.Contains(text, []byte(`"logout"`)) {
		return false
	}
	r, refused, _ := jsonframe.DecodeRequest(text)
	return refused == nil && r.Method == frame.Logout
}

// survive is deferred where a frame is handled after it was read. If the handling
// panics, it ends the socket instead of timd.
func (s *socket) survive() {
	if p := recover(); p != nil {
		s.unreadable(p)
	}
}

// enqueueLocked queues a frame to be handled in its turn.
func (s *socket) enqueueLocked(text []byte) {
	switch {
	case s.stage == ended:
	case len(s.in.queue) >= maxPending || s.in.bytes > maxPendingBytes:
		s.endLocked(frame.CloseFlood, "too many requests wait")
	default:
		s.in.queue = append(s.in.queue, text)
		s.in.bytes += len(text)
		if !s.in.working {
			s.in.working = true
			s.g.hands.take(s)
		}
	}
}

// isPing reports whether a frame looks like a ping as JSON.stringify writes it. A
// ping that is written differently is answered in its turn.
func isPing(text []byte) bool {
	return len(text) < 100 && bytes.Contains(text, []byte(`"method":"ping"`))
}

func (s *socket) pong(r jsonframe.Request) { s.answer(r, s.g.pingResult(), nil) }

func (g *Gateway) pingResult() json.RawMessage {
	w := make(jsonframe.Writer, 0, 40)
	w.Object()
	w.Int("serverTime", g.o.Now().UnixMilli())
	w.End()
	return json.RawMessage(w)
}

// pongLocked queues the answer to a frame that looks like a ping, and returns false if it
// is none. Whoever reads does that, and sends it when all is read that has come: pings are
// all that an idle client sends, and a goroutine for each would cost more than the rest.
func (s *socket) pongLocked(text []byte) bool {
	r, refused, _ := jsonframe.DecodeRequest(text)
	if refused != nil || r.Method != frame.Ping || !r.Call {
		return false
	}
	if s.takesLocked() {
		s.out.push(outFrame{opcode: opText, text: s.g.compose(r, s.g.pingResult(), nil)})
		s.pongs = true
	}
	return true
}

// sendPongs sends the answers to pings that pongLocked has queued.
func (s *socket) sendPongs() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pongs = false
	if s.out.writing || !s.writtenLocked() {
		s.flushLocked()
	}
}

// take parses one frame and carries it out.
func (s *socket) take(text []byte) {
	defer s.survive()
	r, refused, err := jsonframe.DecodeRequest(text)
	switch {
	case refused != nil:
		s.refuse(r, refused, err)
	case r.Method == frame.Ping:
		s.pong(r)
	default:
		s.handle(r)
	}
}

// refuse answers a frame that is not a request.
func (s *socket) refuse(r jsonframe.Request, refused *fault.Error, err error) {
	text := jsonframe.Failure(r, refused)
	if refused.Code != frame.CodeBadParams {
		s.mu.Lock()
		s.in.bad++
		over := s.in.bad > maxBad
		s.mu.Unlock()
		if over || jsonframe.Fatal(err) {
			s.finish(text, frame.CloseBadFrame, err.Error())
			return
		}
	}
	s.send(text)
}

// work handles frames until none is left. After each it yields to other sockets
// that wait for a processor, so that a flood holds it for one frame, not for the
// 10 ms that a goroutine may run.
func (s *socket) work() {
	for {
		s.mu.Lock()
		if len(s.in.queue) == 0 {
			s.in.queue, s.in.working = nil, false
			s.mu.Unlock()
			return
		}
		text := s.in.queue[0]
		s.in.queue = s.in.queue[1:]
		s.in.bytes -= len(text)
		more := len(s.in.queue) > 0
		s.mu.Unlock()
		s.take(text)
		if more {
			runtime.Gosched()
		}
	}
}

func (s *socket) handle(r jsonframe.Request) {
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			s.g.o.Log.Error("a handler panicked", "method", r.Method, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			s.answer(r, nil, fault.New(fault.Internal))
		}
	}()
	var result any
	var err error
	switch r.Method {
	case frame.Login:
		s.login(r)
		return
	case frame.Logout:
		err = s.logout(r)
		s.mu.Lock()
		s.in.leaving = false
		s.mu.Unlock()
		s.g.o.Observer.Handled(frame.Logout, codeOf(err), time.Since(began))
		return
	case frame.Farewell:
		result, err = s.farewell(r)
	case frame.RoomVisit:
		err = s.visit(r)
	default:
		// A client that is not logged in learns nothing more, not even which
		// methods there are.
		sess := s.current()
		switch {
		case sess == nil:
			err = fault.New(fault.NotLoggedIn)
		case r.Method == frame.Renew:
			result, err = s.renew(r, sess)
		default:
			result, err = s.call(r, sess)
		}
	}
	s.answer(r, result, err)
	s.g.o.Observer.Handled(s.g.known(r.Method), codeOf(err), time.Since(began))
}

// call passes any other method to the handler registered for it.
func (s *socket) call(r jsonframe.Request, sess *Session) (any, error) {
	h, ok := s.g.handlers[r.Method]
	if !ok {
		return nil, &fault.Error{Code: frame.CodeNoMethod, Message: "There is no such method: check it against the version of the gateway."}
	}
	if err := s.g.registry.Await(sess.ctx); err != nil {
		return nil, err
	}
	return h(sess.ctx, sess, r.Params)
}

// answer sends the result of a call or its error; a notification gets none.
func (s *socket) answer(r jsonframe.Request, result any, err error) {
	if !r.Call {
		return
	}
	if late, ok := result.(Unhurried); ok && err == nil {
		s.sendLater(s.g.compose(r, late.Result, nil))
		return
	}
	s.send(s.g.compose(r, result, err))
}

// compose returns the frame that answers a call.
func (g *Gateway) compose(r jsonframe.Request, result any, err error) []byte {
	if err == nil {
		text, failed := jsonframe.Result(r.ID, result)
		switch {
		case failed != nil:
			err = failed
		case len(text) > frame.MaxFrame:
			err = fmt.Errorf("a result of %d bytes does not fit into a frame", len(text))
		default:
			return text
		}
	}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		if !errors.Is(err, context.Canceled) {
			g.o.Log.Error("a request failed", "method", g.known(r.Method), "error", err)
		}
		f = fault.New(fault.Internal)
	}
	return jsonframe.Failure(r, f)
}

// known replaces method names that a client made up, for logs and counters.
func (g *Gateway) known(method string) string {
	if _, ok := g.handlers[method]; ok {
		return method
	}
	switch method {
	case frame.Login, frame.Logout, frame.Farewell, frame.Renew, frame.RoomVisit:
		return strings.Clone(method)
	}
	return "unknown"
}

func codeOf(err error) fault.Code {
	if err == nil {
		return 0
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return fault.Internal
}
