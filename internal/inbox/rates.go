package inbox

import (
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tim-wasm/tim/internal/place"
)

// rates holds how much each user may still do on this gateway. It counts for the
// user and not for a session, so a new login starts with what is left. Each
// gateway counts by itself: a user has one allowance on each gateway that they
// use. quota.go limits what they may do on all gateways together.
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
	looks    *rate.Limiter // searches for repetitions, lookUnit stored messages each
	work     *rate.Limiter // operations of calls, see cost.go
	budgets  [quotas]budget
}

// How many synchronisations a user may begin, a second and at once. Each begins
// by reading through the whole account, and its first part is composed before
// anybody knows whether it will be read. The burst suffices for all instances of
// a user that come back together several times. The SDK retries after a second.
const (
	syncRate  = 1
	syncBurst = 60
)

// leastSweep is the number of users from which on rates are swept.
const leastSweep = 1024

func newRates(o Options) *rates {
	return &rates{
		rate: o.Rate, burst: o.Burst, limits: limitsOf(o),
		users: map[place.User]*allowance{}, sweepAt: leastSweep,
	}
}

// message reports whether a user may send a message now by their rate, whether it has
// been taken from their quota of messages, and whether they may store bytes for it. What
// is false of the quotas is to be leased first.
func (r *rates) message(u place.User, now time.Time) (rate, quota, bytes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.of(u, now)
	if !a.messages.AllowN(now, 1) {
		return false, false, false
	}
	return true, a.take(r.limits, quotaMessages, now, 1), a.budgets[quotaBytes].left(r.limits[quotaBytes], now, 1)
}

// sync reports whether a user may begin a synchronisation now.
func (r *rates) sync(u place.User, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(u, now).syncs.AllowN(now, 1)
}

// look reports whether a user may have lookUnit stored messages searched, to
// find out whether a message of theirs is a repetition.
func (r *rates) look(u place.User, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(u, now).looks.AllowN(now, 1)
}

// of returns a user's allowance; mu is held.
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

// sweep drops allowances that are whole again, since a new one would be equal.
// So only users who did something a moment ago are kept. mu is held.
func (r *rates) sweep(now time.Time) {
	for u, a := range r.users {
		if a.whole(r.limits, now) {
			delete(r.users, u)
		}
	}
	r.sweepAt = max(leastSweep, 2*len(r.users))
}

// dropWhole drops whole allowances in calm: after a crowd nobody may come whose allowance
// would begin a sweep. A map never gets smaller, so it is made anew.
func (r *rates) dropWhole(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := len(r.users)
	r.sweep(now)
	if before >= leastSweep && len(r.users) < before/2 {
		r.users = maps.Collect(maps.All(r.users))
	}
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
