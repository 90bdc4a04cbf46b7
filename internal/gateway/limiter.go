package gateway

import (
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/frame"
)

const (
	// maxFailures is how many invalid UserSigs a minute are answered with
	// their reason, for one user and from one network.
	maxFailures = 20
	// resumesPerLogin is how many times more often a user may resume than log
	// in anew.
	resumesPerLogin = 4
	// maxKeys limits the memory of a limiter, at some 100 bytes for each key.
	maxKeys = 1 << 16
)

// rate allows a burst at once, and perSecond more each second.
type rate struct{ burst, perSecond float64 }

func perMinute(n int) rate { return rate{float64(n), float64(n) / 60} }

// The frames of a socket, before its login and after it, and their bytes.
var (
	earlyRate = rate{frame.EarlyBurst, frame.EarlyRate}
	frameRate = rate{frame.Burst, frame.Rate}
	byteRate  = rate{frame.ByteBurst, frame.ByteRate}
)

// bucket holds what is left of a rate. Its owner guards it.
type bucket struct {
	left float64
	at   time.Time
}

func fullBucket(r rate, now time.Time) bucket { return bucket{r.burst, now} }

// filled returns what is left as of now. A clock that jumps back adds nothing.
func (b bucket) filled(r rate, now time.Time) float64 {
	return min(r.burst, b.left+max(0, now.Sub(b.at).Seconds())*r.perSecond)
}

// take takes n and reports whether so many were left.
func (b *bucket) take(r rate, now time.Time, n int) bool {
	b.left, b.at = b.filled(r, now), now
	if b.left < float64(n) {
		return false
	}
	b.left -= float64(n)
	return true
}

// limiter limits how often something happens for a key, on whatever
// connections and sessions, for as long as this gateway runs.
//
// It remembers maxKeys keys. When there are more, it looks at a few random
// ones and forgets the one with the most left. A key that has used its rate up
// would have to be among eight such ones to be forgotten, so a crowd of others
// frees nobody.
type limiter[K comparable] struct {
	rate rate             // set before serving
	now  func() time.Time // set before serving

	mu   sync.Mutex // guards keys; nothing else is locked under it
	keys map[K]bucket
}

func newLimiter[K comparable](r rate, now func() time.Time) *limiter[K] {
	return &limiter[K]{rate: r, now: now, keys: map[K]bucket{}}
}

// take charges a key and reports whether it had any left.
func (l *limiter[K]) take(key K) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b, ok := l.keys[key]
	if !ok {
		if len(l.keys) >= maxKeys {
			l.makeRoom(now)
		}
		b = fullBucket(l.rate, now)
	}
	allowed := b.take(l.rate, now, 1)
	l.keys[key] = b
	return allowed
}

// forget restores the full rate of a key.
func (l *limiter[K]) forget(key K) {
	l.mu.Lock()
	delete(l.keys, key)
	l.mu.Unlock()
}

func (l *limiter[K]) makeRoom(now time.Time) {
	const sample = 8
	var richest K
	most, seen := -1.0, 0
	for key, b := range l.keys { // starts at a random key
		if left := b.filled(l.rate, now); left > most {
			richest, most = key, left
		}
		if seen++; seen == sample {
			break
		}
	}
	delete(l.keys, richest)
}

// culprit is what invalid UserSigs are counted by: the user whom they name and
// the network that they come from.
type culprit struct{ network, userID string }
