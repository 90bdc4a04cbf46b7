package gateway

import (
	"container/list"
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/place"
)

const (
	// gateWide is how many logins ask the registry at once. Half of it keeps a store
	// on this machine busy, the rest one that is far away.
	gateWide = 128
	// gateUser is how many logins of one user ask or wait at once. They change the same
	// record, so many of them hinder each other, and would everybody else.
	gateUser = 32
	// gateWait is how long others wait at most, as far as can be said: less than a
	// client waits for an answer.
	gateWait = 2 * time.Second
	// gateBooks is how far off a turn may be: what a close code can say.
	gateBooks = 24 * time.Second
	// gateHaste is how many times faster than at the pace so far those who were sent away
	// come back. While a crowd connects, that alone takes most of the machine and the
	// pace is too slow; whoever comes too early costs little more than the way here.
	gateHaste = 4
	// gateFirst is taken for a login's share of the time until it is known.
	gateFirst = 400 * time.Microsecond
	// gateSlow is the slowest pace that there is: as many as ask at once have their
	// answers, or have given up, within 10 s. What has hung for a while may look slower;
	// then nobody would wait again, from whom another pace could be learned.
	gateSlow = 10 * time.Second / gateWide
	// gateMemory is over how many logins the share is averaged.
	gateMemory = 64
)

// gate keeps a crowd of logins, such as all clients of a gateway that has crashed, from
// asking the store for more than it can do in time: then every answer would come too
// late, be asked for again, and nothing would get done. Some logins ask, a few wait, and
// each of the others is told when its turn would come, at the pace at which the gate has
// let logins through.
type gate struct {
	now func() time.Time

	mu      sync.Mutex // guards what follows
	busy    int
	waiting list.List          // of *waiter, in the order in which they came
	users   map[place.User]int // how many each has of both
	share   time.Duration      // the time between two logins that come through while others wait
	known   int                // how many of those share is the average of, at most gateMemory
	last    time.Time          // when the last one did; zero: nobody has waited since
	booked  time.Time          // the turn of the last one that was sent away
}

// waiter is a login that waits for its turn. Both are set before turn is closed.
type waiter struct {
	turn  chan struct{}
	later time.Duration // it is not let in, but sent away
}

func newGate(now func() time.Time) *gate {
	return &gate{now: now, share: gateFirst, users: map[place.User]int{}}
}

// enter returns when a login of a user may ask; leave has to follow. If ok is false, it
// is to come back after later, or its context has ended.
func (g *gate) enter(ctx context.Context, u place.User) (later time.Duration, ok bool) {
	g.mu.Lock()
	switch {
	case g.users[u] >= gateUser: // they take no turn from others, who are sent away
		g.mu.Unlock()
		return gateWait + rand.N(gateWait), false
	case g.busy < gateWide:
		g.users[u]++
		g.busy++
		g.mu.Unlock()
		return 0, true
	case g.tooMany(g.waiting.Len() + 1):
		defer g.mu.Unlock()
		return g.book(), false
	}
	g.users[u]++
	w := &waiter{turn: make(chan struct{})}
	at := g.waiting.PushBack(w)
	g.mu.Unlock()
	select {
	case <-w.turn:
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-w.turn:
		if w.later == 0 && ctx.Err() == nil {
			return 0, true
		}
		if w.later == 0 { // its turn came too late, and goes to the next one
			g.pass()
		}
	default:
		g.waiting.Remove(at)
	}
	g.forget(u)
	return w.later, false
}

// forget counts one login of a user less; mu is held.
func (g *gate) forget(u place.User) {
	if g.users[u]--; g.users[u] == 0 {
		delete(g.users, u)
	}
}

// tooMany reports whether the last of so many would wait too long; mu is held.
func (g *gate) tooMany(waiting int) bool { return time.Duration(waiting)*g.share > gateWait }

// line returns how many wait.
func (g *gate) line() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting.Len()
}

// book gives a turn to one that is sent away, and returns how far off it is; mu is held.
func (g *gate) book() time.Duration {
	now := g.now()
	if first := now.Add(gateWait); g.booked.Before(first) {
		g.booked = first
	}
	if g.booked.Sub(now) >= gateBooks { // a turn that cannot be told cannot be kept free
		return gateBooks - rand.N(gateBooks/2)
	}
	g.booked = g.booked.Add(g.share / gateHaste)
	return g.booked.Sub(now)
}

// leave ends what enter began. asked says whether the registry was asked, which alone
// says something about the pace.
func (g *gate) leave(u place.User, asked bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(u)
	if asked && g.waiting.Len() > 0 {
		g.learn()
	}
	g.pass()
}

// learn takes note of one that came through. If that goes more slowly than was thought,
// the last ones would wait in vain; mu is held.
func (g *gate) learn() {
	now := g.now()
	if !g.last.IsZero() {
		g.known = min(g.known+1, gateMemory)
		g.share = min(gateSlow, g.share+(now.Sub(g.last)-g.share)/time.Duration(g.known))
	}
	g.last = now
	for g.waiting.Len() > 1 && g.tooMany(g.waiting.Len()/2) {
		last := g.waiting.Back()
		g.waiting.Remove(last)
		w := last.Value.(*waiter)
		w.later = g.book()
		close(w.turn)
	}
}

// pass lets the next one ask; mu is held.
func (g *gate) pass() {
	next := g.waiting.Front()
	if next == nil {
		g.busy--
		g.last = time.Time{}
		return
	}
	g.waiting.Remove(next)
	close(next.Value.(*waiter).turn)
}
