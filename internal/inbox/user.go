package inbox

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// user is a user who has at least one session on this gateway. Once their last
// session has ended, a user who comes again is another one.
type user struct {
	in *Inbox
	place.User

	refreshing sync.Mutex // one refresh at a time

	mu       sync.Mutex // guards what follows
	sessions map[*Session]struct{}
	peers    peers               // of the classes before loaded, and what the follower has brought
	loaded   uint32              // classes once all of peers is there; then the follower keeps it current
	first    uint64              // where the follower stood before peers was read
	rev      uint64              // position in TIM_CONV up to which peers is complete
	texts    int                 // bytes of peers' drafts and custom data
	untold   map[string]struct{} // conversations whose settings no session was told of yet
	told     uint64              // while untold: the position up to which all was told
	stale    map[string]struct{} // those of untold that are refreshed in the background
	changing map[string]int      // conversations that sessions here change just now, and tell of
	telling  bool                // a goroutine refreshes what is stale
	seen     map[string]uint64   // position of the newest record of a conversation that came by
	lives    []came              // the newest online-only messages, at most keptLive

	acked   positions    // highest acknowledged
	stored  storedCursor // what is known to be stored of it
	writing bool         // store is at work
	flush   Timer
}

// Session is one attached instance of a user. Calls are served one at a time:
// the order of calls is the order of messages.
type Session struct {
	in       *Inbox
	user     *user
	instance string
	push     Push // called with user.mu held

	calls sync.Mutex // one Call, or one goOn, at a time

	watches map[place.User]struct{} // guarded by in.mu; nil once the session is closed

	// The rest is guarded by user.mu.
	closed  bool
	live    bool        // synced: records go out as they come
	syncing *catchingUp // set with calls held, too
	pos     positions   // while live, up to where records were pushed
	rev     uint64      // and up to where it was told of settings
}

// Push queues a notification for the client and returns at once; false when
// the socket is gone. It is called with locks held and must not call the
// Session.
type Push func(method string, params json.RawMessage) bool

// Attach begins a session. Nothing is pushed before the client's
// session.sync. instance tells the user's instances apart; it is stored with
// what they send.
func (in *Inbox) Attach(u place.User, instance string, push Push) *Session {
	if len(instance) > 16 {
		instance = instance[:16]
	}
	s := &Session{in: in, instance: instance, push: push, watches: map[place.User]struct{}{}}
	if s.enter(u) {
		in.moved(u)
	}
	return s
}

// enter makes the session one of its user's; not once the inbox is closed.
func (s *Session) enter(u place.User) bool {
	in := s.in
	in.mu.Lock()
	defer in.mu.Unlock()
	s.user = in.users[u]
	if s.user == nil {
		s.user = &user{in: in, User: u, sessions: map[*Session]struct{}{}, peers: peers{}, untold: map[string]struct{}{}, stale: map[string]struct{}{}, changing: map[string]int{}, seen: map[string]uint64{}}
	}
	if in.closed {
		s.closed, s.watches = true, nil
		return false
	}
	in.users[u] = s.user
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	s.user.sessions[s] = struct{}{}
	return true
}

// moved: a session has begun or ended, which alone tells who is online where
// there is no Presence.
func (in *Inbox) moved(u place.User) {
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
	s.endSync()
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
		s.in.work.goes(u.store)
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

// maxSeen bounds user.seen: what is forgotten can at worst be told of once more.
const maxSeen = 5000

// deliver brings a record to the user's sessions; the user's worker calls it, so
// records come in order.
func (u *user) deliver(r *record, side int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.seen) >= maxSeen {
		clear(u.seen)
	}
	u.seen[r.pair.users[r.pair.other(side)]] = r.pos
	var out outgoing
	for s := range u.sessions {
		switch {
		case s.syncing != nil:
			up := s.syncing
			if up.over = up.over || len(up.queue) >= syncQueue; up.over {
				up.queue = nil
			} else {
				up.queue = append(up.queue, r.pos)
			}
		case s.live && !s.pos.covers(r.pos):
			s.send(r, side, &out)
		}
	}
}

// send pushes what a record means to a session. The frame is composed once
// for all of a user's sessions.
func (s *Session) send(r *record, side int, out *outgoing) {
	at := s.user.at(upTo(r.pos))
	method, params := out.frame(s, r, side, s.in.text(at))
	s.pushed(params == nil || s.push(method, params), at)
}

// pushed notes where a live session stands after a push; ok reports whether it
// was accepted. u.mu is held.
func (s *Session) pushed(ok bool, at cursor) {
	if !ok {
		s.stall()
		return
	}
	s.pos, s.rev = s.pos.union(at.pos), max(s.rev, at.rev)
}

// stall: a push was refused. Either the socket is gone and the session will be
// closed, or the gateway may not deliver for a moment: then the session goes
// on from where it stands. u.mu is held.
func (s *Session) stall() {
	if s.closed || !s.live {
		return
	}
	s.live = false
	s.in.work.later(stallFor, s.goOn)
}

const stallFor = 500 * time.Millisecond

// goOn catches up after a stall, without the client's asking.
func (s *Session) goOn() {
	s.calls.Lock()
	defer s.calls.Unlock()
	s.user.mu.Lock()
	stands, done := cursor{s.pos, s.rev}, s.closed || s.live || s.syncing != nil
	s.user.mu.Unlock()
	if done {
		return
	}
	ctx, cancel := context.WithTimeout(counted(s.in.work.ctx), storeTimeout)
	defer cancel()
	if err := s.catchUpNow(ctx, stands); err == nil {
		return
	}
	s.user.mu.Lock()
	s.endSync()
	again := !s.closed
	s.user.mu.Unlock()
	if again {
		s.in.work.later(stallFor, s.goOn)
	}
}

// catchUpNow is a sync whose parts nobody has to ask for.
func (s *Session) catchUpNow(ctx context.Context, from cursor) error {
	up, err := s.begin(ctx, from, true)
	for err == nil {
		var r any
		if r, err = s.part(ctx, up); err != nil || !r.(syncResult).More {
			break
		}
		if err = s.in.work.pause(ctx, stallFor/5); err != nil { // the client reads meanwhile
			break
		}
		s.user.mu.Lock()
		if up = s.syncing; up == nil {
			err = fault.New(fault.ServerTimeout) // given up for others
		}
		s.asked(up)
		s.user.mu.Unlock()
	}
	return err
}

// tell pushes something that is not a record to every live session.
func (u *user) tell(method string, v any) {
	params := encode(v)
	u.mu.Lock()
	defer u.mu.Unlock()
	for s := range u.sessions {
		if s.live && !s.push(method, params) {
			s.stall()
		}
	}
}
