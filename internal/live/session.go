package live

import (
	"context"
	"encoding/json"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// Offer queues a whole frame for a client if no more than most bytes wait for them
// already, and reports whether it has. It never blocks. The frame is shared with
// other sessions and must not be changed.
type Offer func(frame []byte, most int) bool

// Session is a session of a user on this gateway. It is in one room at most.
type Session struct {
	r        *Rooms
	user     place.User
	instance string
	offer    Offer
	over     func() // of a visitor, whose room is no more; nil: a member's session

	// Guarded by Rooms.mu.
	closed bool
	room   *audience
	epoch  int64 // of the room that the session was let into; 0: not yet
}

// Attach returns a session of a user, whose caller closes it.
func (r *Rooms) Attach(u place.User, instance string, offer Offer) *Session {
	return &Session{r: r, user: u, instance: instance, offer: offer}
}

// Close ends the session, which leaves its room.
func (s *Session) Close() {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.closed = true
	s.r.leave(s, Lost, "")
}

// Join brings the session into a room, and out of the one that it was in, of which it
// is told. came is false if it was there already. Errors are *fault.Error.
func (s *Session) Join(ctx context.Context, k Key) (came bool, err error) {
	if err := s.r.listen(ctx, k.class()); err != nil {
		return false, err
	}
	was, came, err := s.enter(k)
	if was != "" {
		s.hasQuit(was)
	}
	return came, err
}

// enter is Join once this gateway listens; was is the room that the session has left.
func (s *Session) enter(k Key) (was string, came bool, err error) {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case s.closed || r.closed:
		return "", false, fault.New(fault.NotLoggedIn)
	case s.room != nil && s.room.key == k:
		return "", false, nil
	}
	m := r.rooms[k]
	if s.visits() && m != nil && m.visitors >= maxVisitors {
		return "", false, tooManyVisitors()
	}
	if s.room != nil {
		was = s.room.key.ID
	}
	r.leave(s, Quit, "")
	if m = r.rooms[k]; m == nil {
		m = newAudience(k)
		r.rooms[k] = m
		r.classes[k.class()].rooms++
	}
	switch {
	case s.visits():
		m.admit(s)
	case m.enter(s, r.o.Now()):
		if len(m.users) == 1 {
			r.reportSoon(k)
		}
		r.moved(k, Move{UserID: s.user.UserID, Came: true})
		who := speaker{k, s.user.UserID}
		if says := r.spoken[who]; says != nil { // an allowance does not begin anew
			m.find(who.userID).says = says
			delete(r.spoken, who)
		}
	}
	s.room, s.epoch = m, 0
	return was, true, nil
}

// hasQuit tells the session that it is out of a room by its own doing, before its call
// is answered.
func (s *Session) hasQuit(room string) {
	if !s.visits() {
		s.part(left{room, leftQuit, s.user.UserID}, nil)
	}
}

// TellRemoved tells the session that it may not come back into a room, from which its
// user was removed while it was away.
func (s *Session) TellRemoved(k Key, f Farewell) { s.part(left{k.ID, leftKicked, f.By}, f.Notice) }

// TellGone tells the session that a room was dismissed while it was away.
func (s *Session) TellGone(k Key, f Farewell) { s.part(left{k.ID, leftDismissed, f.By}, f.Notice) }

func (s *Session) part(why left, notice json.RawMessage) {
	for _, text := range parting(why, notice) {
		s.offer(text, noLimit)
	}
}

// In reports whether the session is in a room.
func (s *Session) In(k Key) bool {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	return s.room != nil && s.room.key == k
}

// LetIn notes that the session may be in the room that it has joined, and whose epoch
// sets it apart from an earlier room with the same ID. It reports whether the session
// is still there.
func (s *Session) LetIn(k Key, epoch int64) bool {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	if s.room == nil || s.room.key != k {
		return false
	}
	s.epoch = epoch
	return true
}

// Leave takes the session out of a room, of which it is told, and reports whether it
// was there.
func (s *Session) Leave(k Key) bool {
	s.r.mu.Lock()
	there := s.room != nil && s.room.key == k
	if there {
		s.r.leave(s, Quit, "")
	}
	s.r.mu.Unlock()
	if there {
		s.hasQuit(k.ID)
	}
	return there
}

// leave needs mu.
func (r *Rooms) leave(s *Session, why Cause, by string) {
	m := s.room
	if m == nil {
		return
	}
	s.room = nil
	one := m.find(s.user.UserID)
	switch {
	case s.visits():
		m.dismiss(s)
	case m.exit(s):
		if !whole(one.says, r.o.Now()) {
			r.spoken[speaker{m.key, one.userID}] = one.says
		}
		r.moved(m.key, Move{UserID: s.user.UserID, Cause: why, By: by})
	}
	if len(m.sessions) == 0 {
		delete(r.rooms, m.key)
		m.drop()
		c := &r.classes[m.key.class()]
		c.rooms--
		c.used = r.o.Now()
	}
}
