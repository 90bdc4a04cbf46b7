package inbox

import (
	"maps"
	"sync"

	"github.com/tim-wasm/tim/internal/place"
)

// recent remembers the conversations of the newest records that the follower has
// brought. A session that comes back after a short while has missed nothing in
// any other conversation, so their newest records need not be read.
type recent struct {
	mu      sync.Mutex // guards what follows
	entries []entry    // a ring: the record of number n is at n % len
	n       uint64     // number of the next record; numbers begin at 1
	last    map[place.User]uint64
	from    uint64 // each record behind this position is in entries
	upTo    uint64 // the newest one's position
}

// entry is one record: its conversation, and for each of the two users the
// number of the record that they got before.
type entry struct {
	pos    uint64
	pair   pair
	before [2]uint64
}

// recentRecords is how many records are remembered, at some 200 bytes each.
const recentRecords = 1 << 16

func newRecent(size int) *recent {
	return &recent{entries: make([]entry, size), n: 1, last: map[place.User]uint64{}}
}

// add is called with each record, in order.
func (r *recent) add(pos uint64, p pair) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := &r.entries[r.n%uint64(len(r.entries))]
	switch {
	case r.n == 1:
		r.from = pos - 1
	case e.pos != 0:
		r.from = e.pos
		for side := range 2 {
			if u := e.pair.user(side); r.last[u] == r.n-uint64(len(r.entries)) {
				delete(r.last, u)
			}
		}
	}
	*e = entry{pos: pos, pair: p}
	for side := range 2 {
		u := p.user(side)
		if e.before[side] = r.last[u]; e.before[side] == r.n { // with oneself
			e.before[side] = e.before[0]
		}
		r.last[u] = r.n
	}
	r.n++
	r.upTo = pos
}

// since returns the peers of a user's conversations that have records beyond
// after, up to upTo; groups are the names of the user's groups. ok is false if it does
// not remember that far.
func (r *recent) since(u place.User, groups map[string]struct{}, after, upTo uint64) (others map[string]bool, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == 1 || after < r.from || upTo > r.upTo {
		return nil, upTo <= after
	}
	others = map[string]bool{}
	for n := r.last[u]; n != 0 && n+uint64(len(r.entries)) >= r.n; {
		e := &r.entries[n%uint64(len(r.entries))]
		if e.pos <= after {
			break
		}
		side := e.pair.side(u.UserID)
		others[e.pair.users[e.pair.other(side)]] = true
		n = e.before[side]
	}
	for name := range groups {
		n := r.last[place.User{SDKAppID: u.SDKAppID, UserID: name}]
		if n != 0 && r.entries[n%uint64(len(r.entries))].pos > after {
			others[name] = true
		}
	}
	return others, true
}

// recents holds one recent for each partition.
type recents []*recent

func newRecents(partitions int) (all recents) {
	for range partitions {
		all = append(all, newRecent(recentRecords/partitions))
	}
	return all
}

func (r recents) add(pos uint64, p pair) { r[partitionOf(pos)].add(sequenceOf(pos), p) }

func (r recents) since(u place.User, groups map[string]struct{}, after, upTo positions) (others map[string]bool, ok bool) {
	others = map[string]bool{}
	for n, one := range r {
		some, ok := one.since(u, groups, after[n], upTo[n])
		if !ok {
			return nil, false
		}
		maps.Copy(others, some)
	}
	return others, true
}
