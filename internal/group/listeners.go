package group

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/live"
	"github.com/tim-wasm/tim/internal/place"
)

// listeners are the users of this gateway whose sessions have listed their
// groups, and the groups that they are in.
type listeners struct {
	mu     sync.Mutex // guards what follows, and all that it holds
	users  map[place.User]*listener
	groups map[key]*heard
	rooms  map[key]*heard // live rooms that have members here, while a pause goes on; without users
}

// listener is a user who is notified of their groups.
type listener struct {
	sessions map[*Session]struct{}
	groups   map[key]*own
	news     news
}

// own is the newest known version of a user's member document in a group.
type own struct {
	rev    uint64
	member member
	told   bool // they know that they are in the group

	// born and since are what the entry by which they were found to be in the group
	// names and its revision; 0 if there was none. An end of an earlier group with
	// this ID, or of an earlier membership, is not theirs.
	born  int64
	since uint64
}

// heard is the newest known version of a group that a listener is in.
type heard struct {
	users map[place.User]*own
	rev   uint64 // 0: nothing is known yet
	group group

	pauses   map[string]func() // by method: tells what waits for the end of the pause; nil: nothing does
	counters map[string]int64  // that have changed since they were last told
	idle     func()            // is called when no pause goes on any more; nil: nobody asks
}

func newHeard() *heard {
	return &heard{users: map[place.User]*own{}, pauses: map[string]func(){}, counters: map[string]int64{}}
}

func newListeners() listeners {
	return listeners{users: map[place.User]*listener{}, groups: map[key]*heard{}, rooms: map[key]*heard{}}
}

// Push queues a notification to a session; it never blocks, and reports whether
// it was taken.
type Push func(method string, params json.RawMessage) bool

// Session is a session of a user on this gateway.
type Session struct {
	r    *Room
	user place.User
	push Push

	instance string
	offer    live.Offer // nil: it cannot join live rooms

	// Guarded by listeners.mu.
	closed bool
	missed bool          // a notification was not taken; groupsReset follows in a moment
	live   *live.Session // see inRooms
}

// Attach returns a session of a user, whose caller closes it.
func (r *Room) Attach(u place.User, push Push) *Session {
	return &Session{r: r, user: u, push: push}
}

// Close ends the session: once it has returned, nothing is pushed any more.
func (s *Session) Close() {
	l := &s.r.listeners
	l.mu.Lock()
	s.closed = true
	rooms := s.live
	l.mu.Unlock()
	if rooms != nil {
		rooms.Close()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.users[s.user]
	if one == nil {
		return
	}
	if delete(one.sessions, s); len(one.sessions) > 0 {
		return
	}
	delete(l.users, s.user)
	for k := range one.groups {
		l.forget(k, s.user)
	}
}

// forget needs mu.
func (l *listeners) forget(k key, u place.User) {
	if h := l.groups[k]; h != nil {
		if delete(h.users, u); len(h.users) == 0 {
			delete(l.groups, k)
		}
	}
}

// listen enters a session, which is notified of its user's groups from now on. A
// session that has been closed meanwhile is not entered.
func (s *Session) listen() {
	l := &s.r.listeners
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.closed {
		return
	}
	one := l.users[s.user]
	if one == nil {
		one = &listener{sessions: map[*Session]struct{}{}, groups: map[key]*own{}, news: news{all: map[key]*ownNews{}}}
		l.users[s.user] = one
	}
	one.sessions[s] = struct{}{}
}

// expects enters groups that are about to be read for the session's user, so that
// no change after the read is missed.
func (s *Session) expects(groups []mine) {
	l := &s.r.listeners
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.users[s.user]
	if one == nil {
		return
	}
	for _, g := range groups {
		o := one.groups[g.key]
		if o == nil {
			o = l.enter(one, g.key, s.user)
		}
		o.born, o.since = max(o.born, g.Born), max(o.since, g.rev)
	}
}

// knows enters what was read of a user's group, unless a newer version is known
// already, and returns the newest. ok reports whether the user is in the group.
// What was read may be ahead of the follower, which will then bring nothing new:
// so knows notifies the other listeners, too.
func (s *Session) knows(found mine, profile, membership bus.Value) (g group, m member, ok bool, err error) {
	k, l := found.key, &s.r.listeners
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.users[s.user]
	if one == nil { // the session has been closed
		if g, err = decode[group](profile.Data); err == nil {
			m, err = decode[member](membership.Data)
		}
		return g, m, m.in(g), err
	}
	if one.groups[k] == nil { // they have left it, or it was dismissed
		return g, m, false, nil
	}
	if err := s.r.sawProfile(k, profile); err != nil || one.groups[k] == nil {
		return g, m, false, err
	}
	if err := s.r.sawMember(k, s.user, membership); err != nil || one.groups[k] == nil {
		return g, m, false, err
	}
	o, h := one.groups[k], l.groups[k]
	if !o.member.in(h.group) {
		delete(one.groups, k)
		l.forget(k, s.user)
		return g, m, false, nil
	}
	if !o.told && len(one.sessions) > 1 && s.r.now().UnixMilli()-found.At < 2*turnAge {
		one.news.of(k).joined = true // sessions that listed earlier may not know of it
		s.r.say(s.user, k)
	}
	o.told = true
	return h.group, o.member, true, nil
}

// enter needs mu.
func (l *listeners) enter(one *listener, k key, u place.User) *own {
	o := &own{}
	one.groups[k] = o
	h := l.groups[k]
	if h == nil {
		h = newHeard()
		l.groups[k] = h
	}
	h.users[u] = o
	return o
}

// tell pushes a notification to all listening sessions of a user. It needs mu.
func (l *listeners) tell(u place.User, method string, params []byte) {
	one := l.users[u]
	if one == nil {
		return
	}
	for s := range one.sessions {
		if s.missed || s.push(method, params) {
			continue
		}
		s.missed = true
		time.AfterFunc(resetAfter, s.reset)
	}
}

// resetAfter is how long to wait before a session whose notification was not taken
// is told groupsReset: its socket is gone, or its gateway cannot deliver for a
// moment.
const resetAfter = 500 * time.Millisecond

// reset tells a session that it may have missed notifications.
func (s *Session) reset() {
	l := &s.r.listeners
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case s.closed || s.r.ctx.Err() != nil:
	case s.push(frame.NoteGroupsReset, []byte("{}")):
		s.missed = false
	default:
		time.AfterFunc(resetAfter, s.reset)
	}
}

// Listeners returns the number of users who are notified of their groups on this
// gateway, and the number of those groups.
func (r *Room) Listeners() (users, groups int) {
	r.listeners.mu.Lock()
	defer r.listeners.mu.Unlock()
	return len(r.listeners.users), len(r.listeners.groups)
}
