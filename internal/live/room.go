package live

import (
	"container/list"
	"slices"
	"time"

	"golang.org/x/time/rate"
)

// audience is what is kept of a room that has members here. Rooms.mu guards it.
type audience struct {
	key      Key
	sessions map[*Session]struct{}
	all      []*Session // those of sessions; nil: not up to date. It is replaced, never changed
	visitors int        // how many of sessions are visitors
	users    map[string]*list.Element
	order    *list.List // of *member, in the order in which they came

	allowance *rate.Limiter
	waiting   []said // to be sent to the members, bytes in all
	bytes     int
	sending   bool // a flush is under way, or will be

	recent [recentIDs]string // of the newest messages, in a ring
	next   int
}

// recentIDs is how many messages of a room are recognised when they come again: a
// client repeats a send whose answer it has missed.
const recentIDs = 64

// again reports whether a message has come before, and remembers it.
func (m *audience) again(id string) bool {
	if slices.Contains(m.recent[:], id) {
		return true
	}
	m.recent[m.next] = id
	m.next = (m.next + 1) % recentIDs
	return false
}

// member is a user who is in a room with some sessions.
type member struct {
	userID   string
	since    time.Time
	sessions int
	says     *rate.Limiter
}

// Member is a member as other packages see them.
type Member struct {
	UserID string
	Since  time.Time
}

func newAudience(k Key) *audience {
	return &audience{
		key: k, sessions: map[*Session]struct{}{}, users: map[string]*list.Element{}, order: list.New(), allowance: newAllowance(),
	}
}

// enter reports whether the session's user is here only now.
func (m *audience) enter(s *Session, now time.Time) (came bool) {
	m.sessions[s], m.all = struct{}{}, nil
	if one := m.find(s.user.UserID); one != nil {
		one.sessions++
		return false
	}
	m.users[s.user.UserID] = m.order.PushBack(&member{
		userID: s.user.UserID, since: now, sessions: 1, says: rate.NewLimiter(memberRate, memberBurst),
	})
	return true
}

// exit reports whether the session's user is here no longer.
func (m *audience) exit(s *Session) (left bool) {
	delete(m.sessions, s)
	m.all = nil
	e := m.users[s.user.UserID]
	one := e.Value.(*member)
	if one.sessions--; one.sessions > 0 {
		return false
	}
	delete(m.users, s.user.UserID)
	m.order.Remove(e)
	return true
}

// find returns a member; nil if they are not here. It may be called with m == nil.
func (m *audience) find(userID string) *member {
	if m == nil || m.users[userID] == nil {
		return nil
	}
	return m.users[userID].Value.(*member)
}

// peopled reports whether somebody is here who is no visitor. It may be called with
// m == nil.
func (m *audience) peopled() bool { return m != nil && len(m.users) > 0 }

// list returns the sessions; the caller must not change it.
func (m *audience) list() []*Session {
	if m.all == nil {
		m.all = make([]*Session, 0, len(m.sessions))
		for s := range m.sessions {
			m.all = append(m.all, s)
		}
	}
	return m.all
}

// drop forgets what waits: nobody is here any more.
func (m *audience) drop() { m.waiting, m.bytes = nil, 0 }
