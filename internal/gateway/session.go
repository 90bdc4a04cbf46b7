package gateway

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/place"
)

// Session is a logged-in client on this gateway. Its methods may be called
// from any goroutine.
type Session struct {
	// Never changed, except ends and kept, which the socket's lock guards.
	s        *socket
	place    place.Place
	platform place.Platform
	addr     string
	ctx      context.Context
	cancel   context.CancelFunc
	ends     time.Time // the first moment at which the UserSig is expired
	kept     [MostKept]any
}

// MostKept is for how many rooms a session keeps something.
const MostKept = 3

func newSession(s *socket, c place.Claim, p place.Place) *Session {
	sess := &Session{s: s, place: p, platform: c.Platform, addr: c.Addr, ends: endOf(c.ExpiresAt)}
	sess.ctx, sess.cancel = context.WithCancel(context.Background())
	return sess
}

// endOf returns when a UserSig has expired: it is valid throughout its last
// second.
func endOf(expiresAt int64) time.Time { return time.Unix(expiresAt+1, 0) }

func (sess *Session) endsLocked() time.Time { return sess.ends }

// User returns the user who is logged in.
func (sess *Session) User() place.User { return sess.place.User }

// Place returns the attachment; it does not change during a Session's life.
func (sess *Session) Place() place.Place { return sess.place }

// Platform returns the kind of device that the client says it is on.
func (sess *Session) Platform() place.Platform { return sess.platform }

// Addr returns the client's address.
func (sess *Session) Addr() string { return sess.addr }

// Context ends with the session: logout, eviction, or the loss of the socket.
func (sess *Session) Context() context.Context { return sess.ctx }

// Keep keeps what a room has for the session, in the room's place among MostKept.
func (sess *Session) Keep(room int, part any) {
	sess.s.mu.Lock()
	defer sess.s.mu.Unlock()
	sess.kept[room] = part
}

// Kept returns what Keep has kept, nil if there is nothing.
func (sess *Session) Kept(room int) any {
	sess.s.mu.Lock()
	defer sess.s.mu.Unlock()
	return sess.kept[room]
}

// Forget is Kept, and keeps it no longer.
func (sess *Session) Forget(room int) any {
	sess.s.mu.Lock()
	defer sess.s.mu.Unlock()
	part := sess.kept[room]
	sess.kept[room] = nil
	return part
}

// Notify sends a notification; params is one JSON object, which must not be changed
// afterwards. It never blocks. It returns false when the session has ended, or while the
// registry is not live, because another gateway may have taken over by then. True does
// not mean that the client has received it.
func (sess *Session) Notify(method string, params json.RawMessage) bool {
	if sess.ctx.Err() != nil || !sess.s.g.registry.Live() {
		return false
	}
	return sess.s.notify(method, params)
}

// Offer queues a frame, which may be shared with other sessions, if no more than most
// bytes wait for the client already. It never blocks, and returns false where it has
// queued nothing: then, and where Notify would return false.
func (sess *Session) Offer(text []byte, most int) bool {
	if sess.ctx.Err() != nil || !sess.s.g.registry.Live() {
		return false
	}
	s := sess.s
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.offerLocked(text, most)
}

// renewed sets a new end and returns how long it is until then.
func (sess *Session) renewed(expiresAt int64) time.Duration {
	s := sess.s
	s.mu.Lock()
	defer s.mu.Unlock()
	sess.ends = endOf(expiresAt)
	now := s.g.o.Now()
	if s.stage == loggedIn {
		s.wakeLocked(now)
	}
	return sess.ends.Sub(now)
}

// Handler answers one method of logged-in clients. params is one JSON object,
// or nil; result is marshalled, nil becomes {}. An error that is a
// *fault.Error goes to the client as it is, any other becomes 70500 and is
// logged. The requests of one session are handled one after the other; ctx is
// the session's. A request may be repeated after a lost connection, so a
// Handler must recognise a repetition by its params.
type Handler func(ctx context.Context, s *Session, params json.RawMessage) (result any, err error)

// Unhurried is the result of a Handler whose caller does not wait for it. The answer
// goes out 250 ms later, behind whatever is sent meanwhile, and before the socket's end.
// A client that has one such call out at a time makes four a second at most.
type Unhurried struct{ Result any }

// Handle registers a method named noun.verb. All are registered before the
// first request.
func (g *Gateway) Handle(method string, h Handler) {
	if !strings.Contains(method, ".") || g.handlers[method] != nil {
		panic("gateway: " + method + " is no noun.verb or is registered already")
	}
	g.handlers[method] = h
}

// OnLogin registers f for each login, after its answer and before the
// session's next request. resumed reports whether the place was there already.
// The session may end at any time, so that a function registered with OnEnd
// may run before f or at the same time: f should check Context at its end.
func (g *Gateway) OnLogin(f func(s *Session, resumed bool)) { g.onLogin = append(g.onLogin, f) }

// OnEnd registers f for each session's end on this gateway. It must not block.
func (g *Gateway) OnEnd(f func(*Session)) { g.onEnd = append(g.onEnd, f) }
