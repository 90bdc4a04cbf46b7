package media

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tim-wasm/tim/internal/place"
)

// Uploads of a user, a minute. Each gateway counts by itself, as with messages.
// An image of many pixels counts more than once, because making its smaller
// sizes takes that much longer.
const (
	uploadsAMinute = 30
	pixelsAnUpload = 10_000_000
)

// leastSweep is how many users are kept before those who can be forgotten are
// looked for.
const leastSweep = 1024

// rates holds what each user may still upload through this gateway.
type rates struct {
	mu      sync.Mutex // guards what follows
	users   map[place.User]*allowance
	sweepAt int
}

type allowance struct {
	uploads *rate.Limiter
	running int // uploads under way
}

func newRates() *rates {
	return &rates{users: map[place.User]*allowance{}, sweepAt: leastSweep}
}

// upload reports whether a user may have a ticket.
func (r *rates) upload(u place.User, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(u, now).uploads.AllowN(now, 1)
}

// pixels reports whether a user may upload an image of so many pixels, for
// which they have a ticket.
func (r *rates) pixels(u place.User, n int, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(u, now).uploads.AllowN(now, n/pixelsAnUpload)
}

// begin reports whether a user may have one more upload under way; end is to
// be called once it is over.
func (r *rates) begin(u place.User, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.of(u, now)
	if a.running >= userUploads {
		return false
	}
	a.running++
	return true
}

func (r *rates) end(u place.User) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.users[u].running-- // a user who has one under way is not forgotten
}

// of returns what a user may still do; mu is held.
func (r *rates) of(u place.User, now time.Time) *allowance {
	if a := r.users[u]; a != nil {
		return a
	}
	if len(r.users) >= r.sweepAt {
		for u, a := range r.users { // a new entry would say the same
			if a.running == 0 && a.uploads.TokensAt(now) >= uploadsAMinute {
				delete(r.users, u)
			}
		}
		r.sweepAt = max(leastSweep, 2*len(r.users))
	}
	a := &allowance{uploads: rate.NewLimiter(rate.Limit(uploadsAMinute)/60, uploadsAMinute)}
	r.users[u] = a
	return a
}
