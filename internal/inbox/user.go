package inbox

import (
	"context"
	"encoding/json"
	"sync"
	"time"
)

// user is a user who has at least one session on this gateway.
type user struct {
	in *Inbox
	User

	refreshing sync.Mutex // taken before mu

	mu       sync.Mutex
	sessions map[*Session]struct{}
	peers    peers // as of rev; nil until the first sync
	rev      uint64
	untold   int               // settings of rev that no session was told of yet
	seen     map[string]uint64 // position of the newest record of a conversation that came by
	lives    []came            // the newest online-only messages, at most keptLive

	acked   cursor // highest acknowledged
	stored  uint64 // of acked.pos, what is stored or being stored
	writing bool
	flush   *time.Timer
}

// ackDelay gathers acknowledgements: one write for many.
const ackDelay = 250 * time.Millisecond

// Session is one attached instance of a user. Calls are served one at a time:
// the order of calls is the order of messages.
type Session struct {
	in       *Inbox
	user     *user
	instance string
	push     Push
	calls    sync.Mutex // one Call at a time

	watches map[User]struct{} // guarded by in.mu; nil once the session is closed

	// The rest is guarded by user.mu.
	closed  bool
	live    bool        // synced: records go out as they come
	syncing *catchingUp // written by Call only
	pos     uint64
}

// Push queues a notification for the client and returns at once; false when
// the socket is gone. It is called with locks held and must not call the
// Session.
type Push func(method string, params json.RawMessage) bool

// Attach begins a session. Nothing is pushed before the client's
// session.sync. instance tells the user's instances apart; it is stored with
// what they send.
func (in *Inbox) Attach(u User, instance string, push Push) *Session {
	if len(instance) > 16 {
		instance = instance[:16]
	}
	s := &Session{in: in, instance: instance, push: push, watches: map[User]struct{}{}}
	in.mu.Lock()
	l := in.users[u]
	if l == nil {
		l = &user{in: in, User: u, sessions: map[*Session]struct{}{}, seen: map[string]uint64{}}
		in.users[u] = l
	}
	s.user = l
	l.mu.Lock()
	l.sessions[s] = struct{}{}
	l.mu.Unlock()
	in.mu.Unlock()
	in.moved(u)
	return s
}

// moved: a session has begun or ended, which alone tells who is online where
// there is no Presence.
func (in *Inbox) moved(u User) {
	if in.o.Presence == nil {
		in.StatusChanged(u)
	}
}

// Close ends a session: when it returns nothing is pushed any more. It does
// not block on the store.
func (s *Session) Close() {
	u := s.user
	s.in.mu.Lock()
	u.mu.Lock()
	was := s.closed
	s.closed, s.live = true, false
	delete(u.sessions, s)
	empty := len(u.sessions) == 0
	if empty && s.in.users[u.User] == u {
		delete(s.in.users, u.User)
	}
	u.mu.Unlock()
	for w := range s.watches {
		s.in.unwatch(s, w)
	}
	s.watches = nil
	s.in.mu.Unlock()
	if was {
		return
	}
	if empty {
		s.in.done.Add(1)
		go func() {
			defer s.in.done.Done()
			u.store()
		}()
	}
	s.in.moved(u.User)
}

func (u *user) sessionsNow() []*Session {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := make([]*Session, 0, len(u.sessions))
	for s := range u.sessions {
		out = append(out, s)
	}
	return out
}

// deliver brings a record to the user's sessions; the follower calls it, so
// records come in order.
func (u *user) deliver(r *record, side int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seen[r.pair.users[r.pair.other(side)]] = r.pos
	var out outgoing
	for s := range u.sessions {
		switch {
		case s.syncing != nil:
			up := s.syncing
			if up.over = up.over || len(up.queue) >= syncQueue; up.over {
				up.queue = nil
			} else {
				up.queue = append(up.queue, r)
			}
		case s.live && r.pos > s.pos:
			s.send(r, side, &out)
		}
	}
}

// send pushes what a record means to a session. The frame is composed once
// for all of a user's sessions.
func (s *Session) send(r *record, side int, out *outgoing) {
	method, params := out.frame(s, r, side)
	if params == nil || s.push(method, params) {
		s.pos = r.pos
		return
	}
	s.stall()
}

// stall: a push was refused. Either the socket is gone and the session will be
// closed, or the gateway may not deliver for a moment: then the session goes
// on from where it stands. u.mu is held.
func (s *Session) stall() {
	if s.closed || !s.live {
		return
	}
	s.live = false
	time.AfterFunc(stallFor, s.goOn)
}

const stallFor = 500 * time.Millisecond

// goOn catches up after a stall, without the client's asking.
func (s *Session) goOn() {
	s.calls.Lock()
	defer s.calls.Unlock()
	s.user.mu.Lock()
	// Settings may have been refused, too: no rev brings them all.
	stands, done := cursor{pos: s.pos}, s.closed || s.live || s.syncing != nil
	s.user.mu.Unlock()
	if done || s.in.stopped() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	err := s.begin(ctx, stands, true)
	for err == nil {
		var r any
		if r, err = s.more(ctx); err == nil && !r.(syncResult).More {
			return
		}
		if err == nil {
			err = pause(ctx, stallFor/5) // the client reads meanwhile
		}
	}
	s.user.mu.Lock()
	s.syncing = nil
	again := !s.closed
	s.user.mu.Unlock()
	if again {
		time.AfterFunc(stallFor, s.goOn)
	}
}

// tell pushes something that is not a record to every live session.
func (u *user) tell(method string, v any, except *Session) {
	params := encode(v)
	u.mu.Lock()
	defer u.mu.Unlock()
	for s := range u.sessions {
		if s.live && s != except && !s.push(method, params) {
			s.stall()
		}
	}
}

// ack notes that an instance has shown its user everything up to pos.
func (u *user) ack(pos uint64) {
	u.in.mu.Lock()
	u.mu.Lock()
	defer u.mu.Unlock()
	newer := pos > u.acked.pos
	if newer { // what was acknowledged before is stored, or waits for it already
		u.in.unsaved[u.User] = max(u.in.unsaved[u.User], pos)
	}
	u.in.mu.Unlock()
	if !newer {
		return
	}
	u.acked.pos = pos
	if u.flush == nil {
		u.flush = time.AfterFunc(ackDelay, u.store)
	}
}

// store writes the cursor of a user, which only ever grows.
func (u *user) store() {
	u.mu.Lock()
	if u.flush != nil {
		u.flush.Stop()
		u.flush = nil
	}
	pos := u.acked.pos
	if pos <= u.stored || u.writing {
		u.mu.Unlock()
		return
	}
	u.writing = true
	u.mu.Unlock()
	err := u.in.advance(u.User, pos)
	if err == nil {
		u.in.mu.Lock()
		if u.in.unsaved[u.User] <= pos {
			delete(u.in.unsaved, u.User)
		}
		u.in.mu.Unlock()
	}
	u.mu.Lock()
	u.writing = false
	if err == nil {
		u.stored = pos
	} else {
		u.in.o.Report(err)
	}
	if u.acked.pos > u.stored && u.flush == nil && !u.in.stopped() {
		u.flush = time.AfterFunc(ackDelay, u.store)
	}
	u.mu.Unlock()
}

type userCursor struct {
	Pos uint64 `json:"p"`
}

func (in *Inbox) advance(u User, pos uint64) error {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	_, _, err := update(ctx, in, u, docCursor, func(v *userCursor) (bool, error) {
		if v.Pos >= pos {
			return false, nil
		}
		v.Pos = pos
		return true, nil
	})
	return err
}
