package group

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// The rates, a second, and bursts of a user's changes on each gateway. Whoever
// passes the calls on (inbox.Account) also bounds what they read and store.
const (
	changeRate  = 5 // changes of any kind
	changeBurst = 150
	createRate  = 1.0 / 30 // new groups
	createBurst = 20
	bringRate   = 5 // users who are brought in or removed
	bringBurst  = 2 * maxInvited
)

// leastSweep is the number of users up to which none is forgotten.
const leastSweep = 1024

// rates holds what each user may still change.
type rates struct {
	mu      sync.Mutex // guards what follows
	users   map[place.User]*allowance
	sweepAt int
}

type allowance struct{ changes, creates, brings *rate.Limiter }

func newRates() rates { return rates{users: map[place.User]*allowance{}, sweepAt: leastSweep} }

// take charges a user for a change that brings in or removes some users, or refuses
// it with 10006; create says that the change creates a group.
func (r *rates) take(u place.User, now time.Time, brings int, create bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.of(u, now)
	switch {
	case !a.changes.AllowN(now, 1),
		create && !a.creates.AllowN(now, 1),
		!a.brings.AllowN(now, brings):
		return fault.New(fault.GroupTooFrequent)
	}
	return nil
}

// of needs mu.
func (r *rates) of(u place.User, now time.Time) *allowance {
	if a := r.users[u]; a != nil {
		return a
	}
	if len(r.users) >= r.sweepAt {
		for u, a := range r.users { // a whole allowance is as good as a new one
			if a.whole(now) {
				delete(r.users, u)
			}
		}
		r.sweepAt = max(leastSweep, 2*len(r.users))
	}
	a := &allowance{
		changes: rate.NewLimiter(changeRate, changeBurst),
		creates: rate.NewLimiter(createRate, createBurst),
		brings:  rate.NewLimiter(bringRate, bringBurst),
	}
	r.users[u] = a
	return a
}

func (a *allowance) whole(now time.Time) bool {
	for _, l := range []*rate.Limiter{a.changes, a.creates, a.brings} {
		if l.TokensAt(now) < float64(l.Burst()) {
			return false
		}
	}
	return true
}
