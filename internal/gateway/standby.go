package gateway

import (
	"github.com/tim-wasm/tim/internal/fair"
	"github.com/tim-wasm/tim/internal/frame"
)

// How many sockets may stand by at once, of one network and in all. Many users
// may share an address, and all of them do when a proxy is not named as
// trusted, so the oldest is closed instead of refusing the newest. A client
// that logs in at once leaves this count before it can be closed, and one
// whose early socket was closed dials again when it logs in.
const (
	maxStandBy    = 1000
	maxStandByAll = 10_000
)

// standsBy counts a socket as standing by.
func (g *Gateway) standsBy(s *socket) {
	s.countedAmong(g.standby, standBy, frame.CloseStandBy, "too many connections wait without a login")
}

// countedAmong counts a socket among those of a stage, and closes the one that has to
// make room for it with a code, unless that one has left the stage since.
func (s *socket) countedAmong(all *fair.Limit[*socket], at stage, code int, reason string) {
	if over, full := all.Join(s, s.addr); full {
		over.mu.Lock()
		if over.stage == at {
			over.endLocked(code, reason)
		}
		over.mu.Unlock()
	}
	s.mu.Lock()
	gone := s.stage == ended
	s.mu.Unlock()
	if gone {
		all.Leave(s)
	}
}
