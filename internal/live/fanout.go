package live

import (
	"encoding/json"
	"runtime"
	"time"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// window is the least time between two frames of messages to the members of a room.
const window = 250 * time.Millisecond

// maxWaiting is the most bytes that wait for the next frame, which has to fit into
// frame.MaxFrame.
const maxWaiting = 48 << 10

// How many bytes may wait for a member who gets all messages, and for one who gets
// those of priority High; a member for whom more wait gets none.
const (
	keepsUp = 64 << 10
	lags    = 192 << 10
	noLimit = 1 << 30
)

// together is the number of members who get a frame before other work has its turn.
const together = 64

// push queues a message for the members. It needs mu.
func (r *Rooms) push(m *audience, s said) {
	if m.bytes+len(s.Body) > maxWaiting || !allows(m.allowance, s.Priority, len(s.Body), r.o.Now()) {
		r.stats.thinned.Add(1)
		return
	}
	if m.again(s.ID) {
		return
	}
	m.waiting, m.bytes = append(m.waiting, s), m.bytes+len(s.Body)+1
	if !m.sending {
		m.sending = true
		r.running.Go(func() { r.send(m) })
	}
}

// send sends what waits, at once and then after each window, until nothing waits.
func (r *Rooms) send(m *audience) {
	t := time.NewTimer(window)
	defer t.Stop()
	for {
		r.mu.Lock()
		batch, to := m.waiting, m.list()
		m.waiting, m.bytes = nil, 0
		m.sending = len(batch) > 0
		r.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		r.fanOut(batch, to)
		select {
		case <-t.C:
			t.Reset(window)
		case <-r.ctx.Done():
			return
		}
	}
}

func (r *Rooms) fanOut(batch []said, to []*Session) {
	all, senders := framesOf(batch), map[string]struct{}{}
	for _, m := range batch {
		senders[m.From] = struct{}{}
	}
	for i, s := range to {
		f := all
		if _, said := senders[s.user.UserID]; said && !s.visits() {
			f = framesOf(without(batch, s))
		}
		r.offer(s, f)
		if i%together == together-1 {
			runtime.Gosched()
		}
	}
}

// offer gives a member as much as they can take.
func (r *Rooms) offer(s *Session, f frames) {
	switch {
	case f.messages == 0:
	case s.offer(f.full, keepsUp):
		r.stats.frames.Add(1)
	case f.highs > 0 && s.offer(f.high, lags):
		r.stats.frames.Add(1)
		r.stats.missed.Add(int64(f.messages - f.highs))
	default:
		r.stats.missed.Add(int64(f.messages))
	}
}

// frames are one batch as members get it: all messages, or those of priority High.
type frames struct {
	full, high      []byte
	messages, highs int
}

func framesOf(batch []said) (f frames) {
	var all, high []json.RawMessage
	for _, m := range batch {
		all = append(all, m.Body)
		if m.Priority == High {
			high = append(high, m.Body)
		}
	}
	f.messages, f.highs = len(all), len(high)
	f.full = noteOf(all)
	if f.high = f.full; f.highs < f.messages {
		f.high = noteOf(high)
	}
	return f
}

func noteOf(messages []json.RawMessage) []byte {
	if len(messages) == 0 {
		return nil
	}
	params, err := jsonframe.Marshal(struct {
		Messages []json.RawMessage `json:"messages"`
	}{messages})
	if err != nil { // each of them came as part of a JSON text, so never
		return nil
	}
	return jsonframe.Notification(frame.NoteMessages, params)
}

// without returns those of a batch that a session gets.
func without(batch []said, s *Session) (out []said) {
	for _, m := range batch {
		if !m.notTo(s) {
			out = append(out, m)
		}
	}
	return out
}
