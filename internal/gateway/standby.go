package gateway

import "github.com/tim-wasm/tim/internal/frame"

// How many sockets may stand by at once, of one network and in all. Many users
// may share an address, and all of them do when a proxy is not named as
// trusted, so the oldest is closed instead of refusing the newest. A client
// that logs in at once leaves this count before it can be closed, and one
// whose early socket was closed dials again when it logs in.
const (
	maxStandBy    = 1000
	maxStandByAll = 10_000
)

// standsBy counts a socket as standing by, and closes the one that has to make
// room for it.
func (g *Gateway) standsBy(s *socket) {
	if over, full := g.standby.Join(s, s.addr); full {
		over.mu.Lock()
		if over.stage == standBy {
			over.endLocked(frame.CloseStandBy, "too many connections wait without a login")
		}
		over.mu.Unlock()
	}
	s.mu.Lock()
	gone := s.stage == ended
	s.mu.Unlock()
	if gone {
		g.standby.Leave(s)
	}
}
