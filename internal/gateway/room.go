package gateway

import (
	"runtime"
	"sync"
	"time"
)

const (
	// roomGate is how many logins may wait at the gate while more sockets are opened.
	roomGate = gateWide
	// roomSilent is how many sockets a processor opens at most within roomTime that do not
	// log in. A client far away needs that long for its login frame, and those that never
	// send one must not keep others out for longer.
	roomSilent = 200
	roomTime   = 200 * time.Millisecond
)

// room has a crowd come in as fast as it can be logged in. Logins that have begun come
// first: if all began at once, all would get on equally slowly and give up together.
type room struct {
	mu    sync.Mutex // guards the rest
	least int        // how few sockets have stood by since then
	since time.Time
}

// Room returns how many sockets more may be opened now.
func (g *Gateway) Room() int {
	if g.gate.line() > roomGate {
		return 0
	}
	return g.room.left(g.standby.Len(), time.Now())
}

// left returns how many sockets more may be opened while so many stand by.
func (r *room) left(standing int, now time.Time) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	over := now.Sub(r.since) >= roomTime
	if over {
		r.since = now
	}
	if over || standing < r.least {
		r.least = standing
	}
	return max(0, r.least+roomSilent*runtime.GOMAXPROCS(0)-standing)
}
