package inbox

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/turns"
)

// user is a user who has at least one session on this gateway, or who is idle. There
// is one for everybody who is online, most of whom do nothing: the maps are made when
// something is put into them.
type user struct {
	in *Inbox
	place.User

	refreshing turns.One // one refresh at a time: what is told last has been read last

	mu       sync.Mutex // guards what follows
	sessions []*Session
	peers    peers               // documents of the classes before loaded, and those that the follower has brought
	loaded   uint32              // equals classes once all documents are loaded; then the follower keeps them current
	telling  bool                // a goroutine refreshes what is stale
	first    uint64              // where the follower stood before peers was read
	rev      uint64              // position in TIM_CONV up to which peers is complete
	overtook uint64              // the same, by documents that were read because the follower was late
	texts    int                 // bytes of peers' drafts and custom data
	untold   map[string]struct{} // conversations whose settings the sessions have yet to be told
	told     uint64              // while untold is not empty: the position up to which they were told everything
	stale    map[string]struct{} // those of untold that are refreshed in the background
	changing map[string]int      // conversations that sessions here are changing, and will push
	seen     map[string]uint64   // position of the newest record that came of a conversation
	groups   map[string]struct{} // those of peers that the user is a member of
	lives    []came              // the newest online-only messages, at most keptLive
	acks     *acks               // nil: nothing is known to be acknowledged
}

// put puts something into a map, which it makes if need be.
func put[M ~map[K]V, K comparable, V any](m *M, k K, v V) {
	if *m == nil {
		*m = M{}
	}
	(*m)[k] = v
}

// Session is one attached instance of a user. Calls are served one at a time:
// the order of calls is the order of messages.
type Session struct {
	in       *Inbox
	user     *user
	instance string
	push     Push // called with user.mu held

	calls turns.One // one Call, or one goOn, at a time

	watches map[place.User]struct{} // guarded by in.mu

	// The rest is guarded by user.mu.
	closed  bool                       // set with in.mu held, too
	live    bool                       // synced: records go out as they come
	syncing *catchingUp                // set in the turn of calls only
	owed    map[string]json.RawMessage // notifications that it is to get when it goes live, the newest of each kind
	pos     reached                    // while live, up to where records were pushed
	rev     uint64                     // and up to where it was told settings
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
	s := &Session{in: in, instance: instance, push: push}
	if s.enter(u) {
		in.sessionsChanged(u)
	}
	return s
}

// enter adds the session to its user's. Once the inbox is closed it returns
// false, and the session is closed.
func (s *Session) enter(u place.User) bool {
	in := s.in
	in.mu.Lock()
	defer in.mu.Unlock()
	s.user = in.users[u]
	if s.user == nil {
		s.user = in.idle.take(u)
	}
	if s.user == nil {
		s.user = &user{in: in, User: u}
	}
	if in.closed {
		s.closed = true
		return false
	}
	in.users[u] = s.user
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	if s.user.sessions = append(s.user.sessions, s); len(s.user.sessions) == 1 {
		s.user.enterGroups()
	}
	return true
}

// sessionsChanged is called when a session has begun or ended. Without a Presence
// that alone says who is online.
func (in *Inbox) sessionsChanged(u place.User) {
	if in.o.Presence == nil {
		in.StatusChanged(u)
	}
}

// Close ends a session; nothing is pushed after it has returned. It does not wait
// for the store.
func (s *Session) Close() {
	u := s.user
	s.in.mu.Lock()
	u.mu.Lock()
	was := s.closed
	s.closed, s.live = true, false
	s.endSync()
	u.sessions = slices.DeleteFunc(u.sessions, func(one *Session) bool { return one == s })
	empty := len(u.sessions) == 0
	if empty && s.in.users[u.User] == u {
		delete(s.in.users, u.User)
		s.in.crowds.remove(s.in.delivery.number(u.User), u)
		u.rest()
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
	s.in.sessionsChanged(u.User)
}

func (u *user) sessionsNow() []*Session {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.sessions)
}

// maxSeen bounds user.seen. A conversation that is forgotten there may be pushed
// once more than necessary.
const maxSeen = 5000

// deliver hands a record to the user's sessions. delivery calls it in the order of the
// record's partition.
func (u *user) deliver(r *record, side int, out outgoing) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.deliverLocked(r, side, out)
}

// tryDeliver is deliver unless somebody has the user's lock.
func (u *user) tryDeliver(r *record, side int) bool {
	if !u.mu.TryLock() {
		return false
	}
	defer u.mu.Unlock()
	u.deliverLocked(r, side, outgoing{})
	return true
}

func (u *user) deliverLocked(r *record, side int, out outgoing) {
	if len(u.seen) >= maxSeen {
		clear(u.seen)
	}
	put(&u.seen, r.pair.users[r.pair.other(side)], r.pos)
	for _, s := range u.sessions {
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

// hear is deliver for the record of a group.
func (u *user) hear(r *record, frames *groupFrames) {
	name := r.pair.users[0]
	if !r.Gone {
		u.deliver(r, 1, outgoing{group: frames})
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if r.Gone {
		put(&u.seen, name, r.pos)
	}
	// A dismissed group is told as removed. One that was deleted from the list has come
	// back with this message, which does not say what is the user's own.
	if (r.Gone || r.bringsBack(u.peers[name])) && u.changed(name) {
		u.stales(name, u.rev)
		u.tellStale()
	}
}

// bringsBack reports whether a conversation was not listed before this record.
func (r *record) bringsBack(kept peer) bool {
	return kept.Hidden != 0 && r.isMessage() && (len(r.Last) == 0 || r.Last[len(r.Last)-1] <= kept.Hidden)
}

// send pushes what a record means to a session. The frame is composed once
// for all of a user's sessions.
func (s *Session) send(r *record, side int, out *outgoing) {
	at := s.user.at(upTo(r.pos))
	method, params := out.frame(s, r, side, s.in.text(at))
	s.pushed(params == nil || s.push(method, params), at)
}

// pushed notes how far a live session is after a push, if that was accepted (ok).
// u.mu is held.
func (s *Session) pushed(ok bool, at cursor) {
	if !ok {
		s.stall()
		return
	}
	s.pos.raise(at.pos)
	s.rev = max(s.rev, at.rev)
}

// stall is called when a push was refused. Either the socket is gone and the
// session will be closed, or the gateway may not deliver for a moment, and the
// session continues from where it is. u.mu is held.
func (s *Session) stall() {
	if s.closed || !s.live {
		return
	}
	s.live = false
	s.in.work.later(stallFor, s.goOn)
}

const stallFor = 500 * time.Millisecond

// goOn catches up after a stall, without being asked by the client.
func (s *Session) goOn() {
	done, err := s.calls.Take(s.in.work.ctx)
	if err != nil {
		return // the inbox is closed
	}
	defer done()
	s.user.mu.Lock()
	stands, needless := cursor{s.pos.all(), s.rev}, s.closed || s.live || s.syncing != nil
	s.user.mu.Unlock()
	if needless {
		return
	}
	ctx, cancel := context.WithTimeout(counted(s.in.work.ctx), storeTimeout)
	defer cancel()
	if err = s.catchUpNow(ctx, stands); err == nil {
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

// catchUpNow carries out a whole sync, part after part.
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
			err = fault.New(fault.ServerTimeout) // it was given up to make room for others
		}
		s.asked(up)
		s.user.mu.Unlock()
	}
	return err
}

// tell pushes something that is not a record to every live session.
func (u *user) tell(method string, v any) { u.pass(method, encode(v)) }

// pass is tell with params that are composed already.
func (u *user) pass(method string, params json.RawMessage) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, s := range u.sessions {
		if s.live && !s.push(method, params) {
			s.stall()
		}
	}
}
