package live

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"runtime"
	"time"

	"golang.org/x/time/rate"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// classes is the number of classes into which the rooms of all apps are divided.
// The subjects of the bus depend on it: all gateways must agree.
const classes = 256

// idle is how long a gateway listens to a class after its last member has left.
const idle = time.Minute

// flushTime bounds the wait until the bus knows that this gateway listens.
const flushTime = 5 * time.Second

// class is a class of rooms. Rooms.mu guards it.
type class struct {
	stop func()    // nil: this gateway does not listen to it
	used time.Time // when a room of it was last joined or left by its last member
	// rooms is how many rooms of the class have members here.
	rooms int
}

// signal is what gateways tell each other about a room.
type signal struct {
	App  uint32 `json:"a"`
	Room string `json:"r"`
	Said *said  `json:"s,omitempty"`
	Ask  *ask   `json:"q,omitempty"`
}

type said struct {
	ID       string          `json:"d"`
	Priority Priority        `json:"p"`
	From     string          `json:"f,omitempty"`
	Instance string          `json:"i,omitempty"`
	NoSync   bool            `json:"n,omitempty"`
	Body     json.RawMessage `json:"m"`
}

// notTo reports whether a session does not get the message.
func (m said) notTo(s *Session) bool {
	return m.From == s.user.UserID && (m.NoSync || m.Instance != "" && m.Instance == s.instance)
}

func subjectOf(class int) string { return fmt.Sprintf("%s%02x", bus.SubjectRooms, class) }

func (r *Rooms) signal(k Key, s signal) error {
	data, err := jsonframe.Marshal(s)
	if err != nil {
		return err
	}
	return r.bus.Publish(subjectOf(k.class()), data)
}

// listen returns once this gateway hears what is said in the rooms of a class.
func (r *Rooms) listen(ctx context.Context, c int) error {
	done, err := r.turns.Take(ctx, c)
	if err != nil {
		return fault.New(fault.ServerTimeout)
	}
	defer done()
	r.mu.Lock()
	r.classes[c].used = r.o.Now() // so that no sweep ends it before the room is entered
	listening := r.classes[c].stop != nil || r.closed
	r.mu.Unlock()
	if listening {
		return nil
	}
	stop, err := r.bus.Subscribe(subjectOf(c), r.heard)
	if err == nil {
		if err = r.bus.Flush(flushTime); err != nil {
			stop()
		}
	}
	if err != nil {
		return bus.Fault(err)
	}
	r.mu.Lock()
	if r.closed {
		defer stop()
	} else {
		r.classes[c].stop = stop
	}
	r.mu.Unlock()
	return nil
}

// heard takes a signal of any gateway, this one included.
func (r *Rooms) heard(data []byte) {
	var s signal
	if err := json.Unmarshal(data, &s); err != nil {
		r.o.Report(fmt.Errorf("live: a signal: %w", err))
		return
	}
	k := Key{s.App, s.Room}
	if s.Ask != nil {
		r.answer(k, *s.Ask)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.rooms[k]; m != nil && s.Said != nil && !r.closed {
		r.stats.messages.Add(1)
		r.push(m, *s.Said)
	}
}

// Farewell is what those hear who are taken out of a room.
type Farewell struct {
	By     string          // who has removed them or dismissed the room; "": unknown
	Notice json.RawMessage // the notice of it, a Message; nil: none
}

// left is the notification groupLeft.
type left struct {
	GroupID    string `json:"groupID"`
	Reason     string `json:"reason"`
	OperatorID string `json:"operatorID,omitempty"`
}

// Reasons of groupLeft.
const (
	leftQuit      = "quit"
	leftKicked    = "kicked"
	leftDismissed = "dismissed"
)

// parting returns the frames for a member who is out of a room: a groupLeft and, if
// there is one, the notice.
func parting(why left, notice json.RawMessage) [][]byte {
	params, _ := jsonframe.Marshal(why) // three strings: it never fails
	frames := [][]byte{jsonframe.Notification(frame.NoteGroupLeft, params)}
	if notice != nil {
		frames = append(frames, noteOf([]json.RawMessage{notice}))
	}
	return frames
}

// Remove takes a user out of a room here, and tells them that they were removed.
func (r *Rooms) Remove(k Key, userID string, f Farewell) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.rooms[k]
	if m.find(userID) == nil {
		return
	}
	gone := r.members(m, func(s *Session) bool { return s.user.UserID == userID })
	for _, s := range gone {
		r.leave(s, Kicked, f.By)
	}
	r.tell(gone, left{k.ID, leftKicked, f.By}, f.Notice)
}

// tell tells sessions that they are out of a room, in the background. A visitor gets the
// notice alone, and then their visit is over. It needs mu.
func (r *Rooms) tell(gone []*Session, why left, notice json.RawMessage) {
	if r.closed {
		return
	}
	frames := parting(why, notice)
	r.each(gone, func(s *Session) {
		mine := frames
		if s.visits() {
			mine = frames[1:]
			defer s.over()
		}
		for _, text := range mine {
			s.offer(text, noLimit)
		}
	})
}

// each calls f for sessions in the background. It needs mu, and that r is not closed.
func (r *Rooms) each(to []*Session, f func(s *Session)) {
	r.running.Go(func() {
		for i, s := range to {
			f(s)
			if i%together == together-1 {
				runtime.Gosched()
			}
		}
	})
}

// End takes everybody here out of a room that was dismissed and those whom it had let
// in: up to its epoch, or not yet. Members of a later room with the same ID stay.
func (r *Rooms) End(k Key, epoch int64, f Farewell) {
	r.takeOut(k, f, func(s *Session) bool { return s.epoch <= epoch })
}

// Renew takes those out who are still in an earlier room with the same ID: this
// gateway has not seen its end.
func (r *Rooms) Renew(k Key, epoch int64, f Farewell) {
	r.takeOut(k, f, func(s *Session) bool { return s.epoch != 0 && s.epoch < epoch })
}

func (r *Rooms) takeOut(k Key, f Farewell, is func(s *Session) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var gone []*Session
	if m := r.rooms[k]; m != nil {
		gone = r.members(m, is)
	}
	if len(gone) == 0 {
		return
	}
	for _, s := range gone {
		r.leave(s, ended, "")
	}
	r.tell(gone, left{k.ID, leftDismissed, f.By}, f.Notice)
}

// members returns the sessions in a room that are so. It needs mu.
func (r *Rooms) members(m *audience, is func(s *Session) bool) (out []*Session) {
	for _, s := range m.list() {
		if is(s) {
			out = append(out, s)
		}
	}
	return out
}

// Notify sends a notification to the members here of the room of this epoch, in the
// background. A member who lags far behind does not get it.
func (r *Rooms) Notify(k Key, epoch int64, method string, params []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.rooms[k]
	if m == nil || r.closed {
		return
	}
	text := jsonframe.Notification(method, params)
	r.each(r.members(m, func(s *Session) bool { return s.epoch == epoch && !s.visits() }), func(s *Session) { s.offer(text, lags) })
}

const sweepEvery = 10 * time.Second

// sweep ends what is not needed any more.
func (r *Rooms) sweep() {
	now := r.o.Now()
	var unused []int
	r.mu.Lock()
	maps.DeleteFunc(r.sources, func(_ Key, l *rate.Limiter) bool { return whole(l, now) })
	maps.DeleteFunc(r.spoken, func(_ speaker, l *rate.Limiter) bool { return whole(l, now) })
	r.forgetCounts(now)
	r.forgetListings(now)
	for c := range r.classes {
		if r.unused(c, now) {
			unused = append(unused, c)
		}
	}
	r.mu.Unlock()
	for _, c := range unused {
		r.unlisten(c, now)
	}
}

func whole(l *rate.Limiter, now time.Time) bool { return l.TokensAt(now) >= float64(l.Burst()) }

// unused needs mu.
func (r *Rooms) unused(c int, now time.Time) bool {
	one := &r.classes[c]
	return one.stop != nil && one.rooms == 0 && now.Sub(one.used) >= idle
}

func (r *Rooms) unlisten(c int, now time.Time) {
	done, err := r.turns.Take(r.ctx, c)
	if err != nil {
		return
	}
	defer done()
	var stop func()
	r.mu.Lock()
	if r.unused(c, now) {
		stop, r.classes[c].stop = r.classes[c].stop, nil
	}
	r.mu.Unlock()
	if stop != nil {
		stop()
	}
}
