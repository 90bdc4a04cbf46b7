package gateway

import (
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/frame"
)

const (
	maxFailures   = 20          // of one user from one address in a window
	failureWindow = time.Minute // and as long they are refused then
	maxGuarded    = 1 << 16     // bounds the memory that failures can take
)

// guard counts failed logins by address and user.
type guard struct {
	now func() time.Time

	mu    sync.Mutex
	known map[string]failures
}

type failures struct {
	count int
	since time.Time
}

func guardKey(addr, userID string) string { return addr + "\n" + userID }

func (g *guard) blocked(addr, userID string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	f, ok := g.known[guardKey(addr, userID)]
	return ok && f.count >= maxFailures && g.now().Sub(f.since) < failureWindow
}

func (g *guard) failed(addr, userID string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, key := g.now(), guardKey(addr, userID)
	f, ok := g.known[key]
	if !ok || now.Sub(f.since) >= failureWindow {
		f = failures{since: now}
	}
	if f.count++; f.count == maxFailures {
		f.since = now // the minute counts from here
	}
	if g.known == nil || (!ok && len(g.known) >= maxGuarded) {
		g.sweep(now)
	}
	g.known[key] = f
}

func (g *guard) passed(addr, userID string) {
	g.mu.Lock()
	delete(g.known, guardKey(addr, userID))
	g.mu.Unlock()
}

// sweep forgets what is over; if that is not enough, everything.
func (g *guard) sweep(now time.Time) {
	for key, f := range g.known {
		if now.Sub(f.since) >= failureWindow {
			delete(g.known, key)
		}
	}
	if g.known == nil || len(g.known) >= maxGuarded {
		g.known = map[string]failures{}
	}
}

// bucket holds how many frames a client may still send at once.
type bucket struct {
	left float64
	at   time.Time
}

func (b *bucket) fill(now time.Time) { b.left, b.at = frame.Burst, now }

func (b *bucket) take(now time.Time) bool {
	b.left = min(frame.Burst, b.left+max(0, now.Sub(b.at).Seconds())*frame.Rate)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
