package inbox

import (
	"math"
	"time"

	"golang.org/x/time/rate"

	"github.com/tim-wasm/tim/internal/place"
)

// quota is something of which a user may use a limited amount within a window of
// time, on all gateways together.
//
// The gateways share one small document a user (quotadoc.go). A gateway takes a
// portion from it by compare-and-set and uses that up without asking again.
// Before that it grants a first allowance of its own, which no document counts
// and which is refilled gradually, so that a user who does little costs nothing.
//
// How exact that is: beyond the limit a user can use up to two first allowances
// a window on each gateway, and what calls that ran at the same time have
// stored; files are charged before they are stored. On the other hand a user is
// refused too early by as much as remains of portions on gateways that they have
// left or that have crashed. A portion is a 32nd of what was left when it was
// taken, or a 256th of the limit if that is more.
type quota int

const (
	quotaBytes         quota = iota // written to the store by calls
	quotaConversations              // begun with a first message
	quotaMessages                   // sent, and statuses
	quotas
)

var quotaNames = [quotas]string{"bytes", "conversations", "messages"}

func (q quota) String() string { return quotaNames[q] }

// limit is how much of a quota one user may use within a window of time.
type limit struct {
	most   int64 // 0: as much as they like
	first  int64 // what each gateway allows by itself, in a window
	window time.Duration
}

// The windows: a day of UTC; and for messages, long enough that a busy sender
// needs only a few portions.
const (
	quotaDay    = 24 * time.Hour
	quotaMoment = 10 * time.Minute
)

func limitsOf(o Options) (l [quotas]limit) {
	l[quotaBytes] = limit{o.QuotaBytes, o.QuotaBytes / 50, quotaDay}
	l[quotaConversations] = limit{int64(o.QuotaConversations), int64(o.QuotaConversations / 50), quotaDay}
	// This limit refuses nobody who keeps to the rate of one gateway.
	messages := int64(math.Ceil(o.Rate*quotaMoment.Seconds())) + int64(o.Burst)
	l[quotaMessages] = limit{messages, messages / 10, quotaMoment}
	return l
}

// at numbers the windows; those of a day begin at midnight UTC.
func (l limit) at(now time.Time) int64 { return now.UnixNano() / int64(l.window) }

// end returns when a window is over.
func (l limit) end(window int64) time.Time { return time.Unix(0, (window+1)*int64(l.window)).UTC() }

// portion returns how much of what is left a gateway takes at once. It takes at
// least need, and nothing if less than that is left.
func (l limit) portion(left, need int64) int64 {
	const most, least = 32, 256
	if left < need {
		return 0
	}
	return min(left, max(left/most, l.most/least, need))
}

// budget is what one user may use of a quota on this gateway without asking the
// store. rates.mu guards it.
type budget struct {
	first  *rate.Limiter // the first allowance
	window int64         // of leased
	leased int64         // below zero: used before it was leased
}

func (l limit) budget() budget {
	return budget{first: rate.NewLimiter(rate.Limit(float64(l.first)/l.window.Seconds()), int(l.first))}
}

// valid returns what is left of a lease, which ends with its window.
func (b *budget) valid(l limit, now time.Time) int64 {
	if b.window < l.at(now) {
		return 0
	}
	return b.leased
}

// left reports whether n are left, after what was used before it was leased has
// been paid for.
func (b *budget) left(l limit, now time.Time, n int64) bool {
	return l.most == 0 || int64(b.first.TokensAt(now))+b.valid(l, now) >= n
}

// use takes n, even if less is left: the next portion pays for it.
func (b *budget) use(l limit, now time.Time, n int64) {
	if l.most == 0 || n == 0 {
		return
	}
	free := min(n, max(0, int64(b.first.TokensAt(now))))
	b.first.AllowN(now, int(free))
	if n -= free; n == 0 {
		return
	}
	if at := l.at(now); b.window < at {
		b.window, b.leased = at, 0
	}
	b.leased -= n
}

// lease adds a portion of a window.
func (b *budget) lease(window, n int64) {
	if b.window < window {
		b.window, b.leased = window, min(0, b.leased)
	}
	b.leased += n
}

// need returns the smallest portion with which n are left.
func (b *budget) need(l limit, now time.Time, n int64) int64 { return max(1, n-b.valid(l, now)) }

// whole reports whether a new budget would be equal.
func (b *budget) whole(l limit, now time.Time) bool {
	return b.first.TokensAt(now) >= float64(b.first.Burst()) && (b.leased == 0 || b.window < l.at(now))
}

// left reports whether a user has n left of a quota on this gateway.
func (r *rates) left(u place.User, q quota, now time.Time, n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(u, now).budgets[q].left(r.limits[q], now, n)
}

// take charges a user if they have n left.
func (r *rates) take(u place.User, q quota, now time.Time, n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(u, now).take(r.limits, q, now, n)
}

// take is rates.take for one user; rates.mu is held.
func (a *allowance) take(limits [quotas]limit, q quota, now time.Time, n int64) bool {
	b := &a.budgets[q]
	if !b.left(limits[q], now, n) {
		return false
	}
	b.use(limits[q], now, n)
	return true
}

// use charges a user.
func (r *rates) use(u place.User, q quota, now time.Time, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(u, now).budgets[q].use(r.limits[q], now, n)
}

func (r *rates) need(u place.User, q quota, now time.Time, n int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(u, now).budgets[q].need(r.limits[q], now, n)
}

func (r *rates) lease(u place.User, q quota, now time.Time, window, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(u, now).budgets[q].lease(window, n)
}
