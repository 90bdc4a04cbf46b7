package gateway

import (
	"container/list"
	"net/netip"
	"sync"

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

// networkOf returns the network from which the owner of an address can choose
// addresses: a whole /64 for IPv6, the address itself for IPv4.
func networkOf(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil || ip.Unmap().Is4() {
		return addr
	}
	network, _ := ip.WithZone("").Prefix(64) // fits an address of IPv6
	return network.String()
}

// standbyLimit keeps the sockets that stand by, those that have not logged in
// yet. When one network has too many, its oldest is closed; when there are too
// many in all, the oldest of the network with the most, so that an attacker
// who fills the gateway from one place pushes out their own. Every operation
// takes the same time however many there are.
type standbyLimit struct {
	most, mostOfAll int // set before serving

	mu       sync.Mutex // guards the rest; taken last
	networks map[string]*network
	sockets  map[*socket]*list.Element // in their network's list
	bySize   []*list.List              // of *network: those with this many sockets, the longest there first
}

type network struct {
	name    string
	sockets *list.List // of *socket, the oldest first
	rank    *list.Element
}

func newStandbyLimit(most, mostOfAll int) *standbyLimit {
	return &standbyLimit{
		most: most, mostOfAll: mostOfAll,
		networks: map[string]*network{}, sockets: map[*socket]*list.Element{},
	}
}

// join adds a socket that stands by and returns the one that has to be closed,
// or nil.
func (l *standbyLimit) join(s *socket) (over *socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sockets[s] != nil {
		return nil
	}
	name := networkOf(s.addr)
	n := l.networks[name]
	switch {
	case n != nil && n.sockets.Len() >= l.most:
		over = n.oldest()
	case len(l.sockets) >= l.mostOfAll:
		over = l.bySize[len(l.bySize)-1].Front().Value.(*network).oldest()
	}
	if over != nil {
		l.leaveLocked(over)
	}
	if n = l.networks[name]; n == nil { // its only one may just have left
		n = &network{name: name, sockets: list.New()}
		l.networks[name] = n
	}
	l.unrank(n)
	l.sockets[s] = n.sockets.PushBack(s)
	l.rank(n)
	return over
}

func (n *network) oldest() *socket { return n.sockets.Front().Value.(*socket) }

func (l *standbyLimit) leave(s *socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leaveLocked(s)
}

func (l *standbyLimit) leaveLocked(s *socket) {
	e := l.sockets[s]
	if e == nil {
		return
	}
	n := l.networks[networkOf(s.addr)]
	l.unrank(n)
	delete(l.sockets, s)
	n.sockets.Remove(e)
	if n.sockets.Len() == 0 {
		delete(l.networks, n.name)
	}
	l.rank(n)
}

// rank lists a network by its size, unless it is empty.
func (l *standbyLimit) rank(n *network) {
	size := n.sockets.Len()
	if size > 0 {
		for len(l.bySize) <= size {
			l.bySize = append(l.bySize, list.New())
		}
		n.rank = l.bySize[size].PushBack(n)
	}
	// The last list holds the largest networks.
	for last := len(l.bySize) - 1; last >= 0 && l.bySize[last].Len() == 0; last-- {
		l.bySize = l.bySize[:last]
	}
}

func (l *standbyLimit) unrank(n *network) {
	if n.rank != nil {
		l.bySize[n.sockets.Len()].Remove(n.rank)
		n.rank = nil
	}
}

func (l *standbyLimit) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sockets)
}

// standsBy counts a socket as standing by, and closes the one that has to make
// room for it.
func (g *Gateway) standsBy(s *socket) {
	if over := g.standby.join(s); over != nil {
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
		g.standby.leave(s)
	}
}
