package gateway

import (
	"container/list"
	"net/netip"
	"sync"

	"github.com/tim-wasm/tim/internal/frame"
)

// maxStandBy is how many sockets of one address may stand by at once. Many
// users may share an address, and all of them when a proxy is not said to be
// trusted: so it is the oldest that goes and not the newest that is refused. A
// client that logs in at once is out of this count before it can be hit, and
// one whose early socket is closed dials anew when it logs in.
const maxStandBy = 1000

// crowd knows the sockets that stand by, of each address the oldest first. Its
// lock is taken last.
type crowd struct {
	most int

	mu sync.Mutex
	by map[string]*list.List // of *socket
	at map[*socket]*list.Element
}

// networkOf is the address, or the network that a host of IPv6 chooses its
// addresses from.
func networkOf(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil || ip.Unmap().Is4() {
		return addr
	}
	network, _ := ip.WithZone("").Prefix(64) // fits an address of IPv6
	return network.String()
}

// join enters a socket that stands by and gives the one that has to go, if any.
func (c *crowd) join(s *socket) (over *socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at[s] != nil {
		return nil
	}
	if c.by == nil {
		c.by, c.at = map[string]*list.List{}, map[*socket]*list.Element{}
	}
	key := networkOf(s.addr)
	l := c.by[key]
	if l == nil {
		l = list.New()
		c.by[key] = l
	}
	if l.Len() >= c.most {
		over, _ = l.Front().Value.(*socket)
		c.leaveLocked(over)
		c.by[key] = l // it may have been the last one
	}
	c.at[s] = l.PushBack(s)
	return over
}

func (c *crowd) leave(s *socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaveLocked(s)
}

func (c *crowd) leaveLocked(s *socket) {
	e := c.at[s]
	if e == nil {
		return
	}
	delete(c.at, s)
	key := networkOf(s.addr)
	if l := c.by[key]; l != nil {
		l.Remove(e)
		if l.Len() == 0 {
			delete(c.by, key)
		}
	}
}

func (c *crowd) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.at)
}

// standsBy counts a socket as one that stands by, and closes the oldest of its
// address when there are too many.
func (g *Gateway) standsBy(s *socket) {
	if over := g.crowd.join(s); over != nil {
		over.mu.Lock()
		if over.stage == standBy {
			over.endLocked(frame.CloseStandBy, "too many connections of this address wait without a login")
		}
		over.mu.Unlock()
	}
	s.mu.Lock()
	gone := s.stage == ended
	s.mu.Unlock()
	if gone {
		g.crowd.leave(s)
	}
}
