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

// failed counts a failure and reports whether there were too many before it.
func (g *guard) failed(addr, userID string) (tooMany bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, key := g.now(), guardKey(addr, userID)
	f, ok := g.known[key]
	if !ok || now.Sub(f.since) >= failureWindow {
		f = failures{since: now}
	}
	if f.count >= maxFailures {
		return true
	}
	if f.count++; f.count == maxFailures {
		f.since = now // the minute counts from here
	}
	if g.known == nil || (!ok && len(g.known) >= maxGuarded) {
		g.sweep(now)
	}
	g.known[key] = f
	return false
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

// pace bounds how often a user logs in anew: pages that take the place from each
// other in a loop, or one that logs in and out without end.
type pace struct {
	most int // in a minute, and at once
	now  func() time.Time

	mu    sync.Mutex
	users map[User]paced
}

type paced struct {
	left float64
	at   time.Time
}

func (p *pace) take(u User) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	b, ok := p.users[u]
	if !ok {
		b = paced{left: float64(p.most), at: now}
		if p.users == nil || len(p.users) >= maxGuarded {
			p.sweep(now)
		}
	}
	b = paced{left: p.filled(b, now), at: now}
	allowed := b.left >= 1
	if allowed {
		b.left--
	}
	p.users[u] = b
	return allowed
}

func (p *pace) filled(b paced, now time.Time) float64 {
	return min(float64(p.most), b.left+max(0, now.Sub(b.at).Minutes())*float64(p.most))
}

// sweep forgets who has all logins left; if that is not enough, everybody.
func (p *pace) sweep(now time.Time) {
	for u, b := range p.users {
		if p.filled(b, now) >= float64(p.most) {
			delete(p.users, u)
		}
	}
	if p.users == nil || len(p.users) >= maxGuarded {
		p.users = map[User]paced{}
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
