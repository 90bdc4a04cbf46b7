// Package fair bounds how many of something there are, such as connections, so that
// whoever brings too many from one network loses their own.
package fair

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
)

// WithoutPort returns the address in one that may have a port.
func WithoutPort(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}

// Network returns the network from which the owner of an address can choose
// addresses: a whole /64 for IPv6, the address itself for IPv4.
func Network(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil || ip.Unmap().Is4() {
		return addr
	}
	network, _ := ip.WithZone("").Prefix(64) // fits an address of IPv6
	return network.String()
}

// Limit bounds how many of something there are, from one network and in all. If
// one network has too many, its oldest goes; if there are too many in all, the
// oldest of the network that has most goes, so that an attacker who fills the
// gateway from one place loses their own. Every operation takes the same time,
// however many there are.
type Limit[K comparable] struct {
	most, mostOfAll int // set before serving

	mu       sync.Mutex // guards the rest; taken last
	networks map[string]*network[K]
	at       map[K]*list.Element // in their network's list
	bySize   []*list.List        // of *network: those with this many, the longest there first
}

type network[K comparable] struct {
	name    string
	members *list.List // of *member, the oldest first
	rank    *list.Element
}

type member[K comparable] struct {
	key K
	of  *network[K]
}

// New returns a Limit that allows most from one network and mostOfAll in
// all.
func New[K comparable](most, mostOfAll int) *Limit[K] {
	return &Limit[K]{
		most: most, mostOfAll: mostOfAll,
		networks: map[string]*network[K]{}, at: map[K]*list.Element{},
	}
}

// Join adds a key that comes from an address, and returns the one that has left
// to make room for it, if any had to.
func (f *Limit[K]) Join(key K, addr string) (over K, full bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at[key] != nil {
		return over, false
	}
	name := Network(addr)
	n := f.networks[name]
	switch {
	case n != nil && n.members.Len() >= f.most:
		over, full = n.oldest(), true
	case len(f.at) >= f.mostOfAll:
		over, full = f.bySize[len(f.bySize)-1].Front().Value.(*network[K]).oldest(), true
	}
	if full {
		f.leave(over)
	}
	if n = f.networks[name]; n == nil { // its only one may just have left
		n = &network[K]{name: name, members: list.New()}
		f.networks[name] = n
	}
	f.unrank(n)
	f.at[key] = n.members.PushBack(member[K]{key, n})
	f.rank(n)
	return over, full
}

func (n *network[K]) oldest() K { return n.members.Front().Value.(member[K]).key }

// Leave removes a key, if it is there.
func (f *Limit[K]) Leave(key K) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leave(key)
}

// leave removes a member; mu is held.
func (f *Limit[K]) leave(key K) {
	e := f.at[key]
	if e == nil {
		return
	}
	n := e.Value.(member[K]).of
	f.unrank(n)
	delete(f.at, key)
	n.members.Remove(e)
	if n.members.Len() == 0 {
		delete(f.networks, n.name)
	}
	f.rank(n)
}

// rank lists a network by its size, unless it is empty.
func (f *Limit[K]) rank(n *network[K]) {
	size := n.members.Len()
	if size > 0 {
		for len(f.bySize) <= size {
			f.bySize = append(f.bySize, list.New())
		}
		n.rank = f.bySize[size].PushBack(n)
	}
	// The last list holds the largest networks.
	for last := len(f.bySize) - 1; last >= 0 && f.bySize[last].Len() == 0; last-- {
		f.bySize = f.bySize[:last]
	}
}

func (f *Limit[K]) unrank(n *network[K]) {
	if n.rank != nil {
		f.bySize[n.members.Len()].Remove(n.rank)
		n.rank = nil
	}
}

// Full reports whether an address's network has as many as it may have.
func (f *Limit[K]) Full(addr string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.networks[Network(addr)]
	return n != nil && n.members.Len() >= f.most
}

// Len returns how many there are.
func (f *Limit[K]) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.at)
}
