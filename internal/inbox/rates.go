package inbox

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tim-wasm/tim/internal/place"
)

// rates are what each user may still do on this gateway. They belong to the
// user and not to a session: who logs in anew goes on where they were. Each
// gateway counts by itself, so a user with sessions on several of them has as
// many allowances, and one who moves to another gateway has a whole one there;
// what all gateways together allow is in quota.go.
type rates struct {
	rate   float64 // messages a second
	burst  int
	limits [quotas]limit

	mu      sync.Mutex
	users   map[place.User]*allowance // guarded by mu, and what they hold
	sweepAt int                       // how many users there are when the next sweep is due
}

// allowance is what one user has left.
type allowance struct {
	messages *rate.Limiter
	syncs    *rate.Limiter // session.sync: see syncRate
	looks    *rate.Limiter // for repetitions, at lookUnit stored messages each
	work     *rate.Limiter // operations of calls, see cost.go
	budgets  [quotas]budget
}

// A synchronisation begins with a look at all of an account, and its first part
// is composed before anybody knows whether it will be read. A user has so many a
// second and at once: as many as all their instances need who come back several
// times together. The SDK asks again after a second.
const (
	syncRate  = 1
	syncBurst = 60
)

// leastSweep is how many users are kept without a sweep.
const leastSweep = 1024

func newRates(o Options) *rates {
	return &rates{
		rate: o.Rate, burst: o.Burst, limits: limitsOf(o),
		users: map[place.User]*allowance{}, sweepAt: leastSweep,
	}
}

// message reports whether a user may send a message now.
func (r *rates) message(u place.User, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(u, now).messages.AllowN(now, 1)
}

// sync reports whether a user may begin a synchronisation now.
func (r *rates) sync(u place.User, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(u, now).syncs.AllowN(now, 1)
}

// look reports whether a user may have lookUnit stored messages read, to find
// out whether a message of theirs is a repetition.
func (r *rates) look(u place.User, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(u, now).looks.AllowN(now, 1)
}

// of needs mu.
func (r *rates) of(u place.User, now time.Time) *allowance {
	if a := r.users[u]; a != nil {
		return a
	}
	if len(r.users) >= r.sweepAt {
		r.sweep(now)
	}
	a := &allowance{
		messages: rate.NewLimiter(rate.Limit(r.rate), r.burst),
		syncs:    rate.NewLimiter(syncRate, syncBurst),
		looks:    rate.NewLimiter(rate.Limit(r.rate/20), max(r.burst, maxLook/lookUnit)),
		work:     newWork(),
	}
	for q, l := range r.limits {
		a.budgets[q] = l.budget()
	}
	r.users[u] = a
	return a
}

// sweep forgets those whose allowance is whole again: a new one is the same.
// So only those are kept who did something a moment ago. mu is held.
func (r *rates) sweep(now time.Time) {
	for u, a := range r.users {
		if a.whole(r.limits, now) {
			delete(r.users, u)
		}
	}
	r.sweepAt = max(leastSweep, 2*len(r.users))
}

func (a *allowance) whole(limits [quotas]limit, now time.Time) bool {
	for _, l := range []*rate.Limiter{a.messages, a.syncs, a.looks, a.work} {
		if l.TokensAt(now) < float64(l.Burst()) {
			return false
		}
	}
	for q, l := range limits {
		if !a.budgets[q].whole(l, now) {
			return false
		}
	}
	return true
}
