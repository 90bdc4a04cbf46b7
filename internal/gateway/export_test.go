package gateway

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/tim-wasm/tim/internal/fair"
	"github.com/tim-wasm/tim/internal/place"
)

// Times are the deadlines that a test shortens.
type Times struct{ StandBy, Login, Ask, Silence, Write, Linger, Hold time.Duration }

// Shorten sets the deadlines of t that are not zero. It must be called before the
// first socket.
func (g *Gateway) Shorten(t Times) {
	for _, d := range []struct{ to, from *time.Duration }{
		{&g.times.standBy, &t.StandBy}, {&g.times.login, &t.Login}, {&g.times.ask, &t.Ask},
		{&g.times.silence, &t.Silence}, {&g.times.write, &t.Write}, {&g.times.linger, &t.Linger},
		{&g.times.hold, &t.Hold},
	} {
		if *d.from != 0 {
			*d.to = *d.from
		}
	}
}

// LimitStandBy sets how many sockets of one network, and of all, may stand by.
func (g *Gateway) LimitStandBy(most, mostOfAll int) { g.standby = fair.New[*socket](most, mostOfAll) }

// LimitVisitors sets how many sockets of one network, and of all, may visit.
func (g *Gateway) LimitVisitors(most, mostOfAll int) { g.visitors = fair.New[*socket](most, mostOfAll) }

// LimitVisits sets how many visits of one network, and of all, may begin in a burst.
func (g *Gateway) LimitVisits(network, all float64) {
	g.visits, g.allVisit = newLimiter[string](rate{network, 0}, g.o.Now), newLimiter[struct{}](rate{all, 0}, g.o.Now)
}

// StandingBy returns how many sockets stand by.
func (g *Gateway) StandingBy() int { return g.standby.Len() }

// Held returns how much is kept of sockets and sessions, including those that
// are logging in.
func (g *Gateway) Held() int {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return len(g.sockets) + len(g.users) + len(g.claims) + g.standby.Len() + g.visitors.Len()
}

// Queued returns how many bytes wait to be written to a session's client.
func (sess *Session) Queued() int {
	sess.s.mu.Lock()
	defer sess.s.mu.Unlock()
	return sess.s.out.bytes
}

// Writing reports whether something is being written to a session's client.
func (sess *Session) Writing() bool {
	sess.s.mu.Lock()
	defer sess.s.mu.Unlock()
	return sess.s.out.writing
}

// Sessions returns the local sessions of a user.
func (g *Gateway) Sessions(user place.User) []*Session {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return append([]*Session(nil), g.users[user]...)
}

// Deliver notifies the local sessions of a user and returns how many accepted
// it.
func (g *Gateway) Deliver(user place.User, method string, params json.RawMessage) int {
	n := 0
	for _, sess := range g.Sessions(user) {
		if sess.Notify(method, params) {
			n++
		}
	}
	return n
}

// NewSealKey returns a key for Options.SealKey.
func NewSealKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key
}

// GateWide, GateUser, GateWait and GateHaste are those of the gate.
const (
	GateWide  = gateWide
	GateUser  = gateUser
	GateWait  = gateWait
	GateHaste = gateHaste
)

// Pace has the gate think that logins come through with so much time between them.
func (g *Gateway) Pace(share time.Duration) { g.gate.share = share }

// Waiting returns how many logins wait at the gate.
func (g *Gateway) Waiting() int {
	return g.gate.line()
}
