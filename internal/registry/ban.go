package registry

import (
	"context"

	"github.com/tim-wasm/tim/internal/place"
)

// Ban keeps a user out: whoever is in is evicted, and nobody is admitted until
// its end. It lies in the user's record, so that the compare-and-set of a login
// decides on it: a login never overtakes a ban. Times are Unix ms.
type Ban struct {
	At     int64  `json:"t"`
	Until  int64  `json:"u,omitempty"` // 0: until it is lifted
	By     string `json:"b,omitempty"` // UserID of the administrator
	Reason string `json:"r,omitempty"` // for administrators; the user is not told
}

// MaxBan is how far ahead the end of a ban may lie. One without an end stays
// until it is lifted.
const MaxBan = maxTTL

// inForce reports whether there is a ban that is not over.
func (b *Ban) inForce(now int64) bool {
	return b != nil && (b.Until == 0 || now < b.Until)
}

// banned answers a claim while a ban is in force.
func banned(r *Record, c claim) decision {
	if c.Resume {
		return kickedByAPI(r, c)
	}
	return decision{Outcome: place.Outcome{Verdict: place.Banned, Until: r.Ban.Until}}
}

// ban evicts every instance and keeps new ones out. Unlike a kick it voids no
// UserSig: once the ban is over, the user comes back with the one they have.
func ban(old Record, s rules, u place.User, b Ban, now int64) (Record, change) {
	r := old.clone()
	r.Ban = &b
	return r.done(r.evictAll(u, now), s, now)
}

// unban lifts a ban. It changes nothing when none is in force.
func unban(old Record, s rules, now int64) (Record, change) {
	if !old.Ban.inForce(now) {
		return old, change{}
	}
	r := old.clone()
	r.Ban = nil
	return r.done(change{Write: true}, s, now)
}

// Ban evicts every instance of a user (REST_API_Kick) and keeps them out until
// the ban is over or lifted, on all gateways. It replaces an earlier ban and
// returns this one with its time.
func (r *Registry) Ban(ctx context.Context, u place.User, b Ban) (Ban, error) {
	b.At = r.now() // once: a try that seemed to fail may be the one that is stored
	err := r.mutate(ctx, "ban", u, func(rec Record, s rules, _ string, now int64) step {
		next, c := ban(rec, s, u, b, now)
		return c.step(next)
	})
	return b, err
}

// Unban lifts a user's ban. It returns false if none was in force.
func (r *Registry) Unban(ctx context.Context, u place.User) (bool, error) {
	lifted := false
	err := r.mutate(ctx, "unban", u, func(rec Record, s rules, _ string, now int64) step {
		next, c := unban(rec, s, now)
		lifted = lifted || c.Write // as in KickInstance
		return c.step(next)
	})
	return lifted, err
}

// maxBanWalk is how many records one call of Banned looks at. Few users of many
// are banned, and looking at a hundred thousand records takes a second or so.
const maxBanWalk = 20_000

// Banned returns the users of an app who are banned, with a cursor as List
// does. A page may be empty without being the last.
func (r *Registry) Banned(ctx context.Context, app uint32, cursor string, limit int) ([]View, string, error) {
	return r.list(ctx, app, cursor, limit, maxBanWalk, func(v *View) bool { return v.Ban != nil })
}
