package registry

import (
	"cmp"
	"slices"
	"time"

	"github.com/tim-wasm/tim/internal/place"
)

// A signal is sent again until it is answered or its receiver's lease has lapsed, so it
// is lost only with the gateway that sends it. Each gateway therefore compares its places
// with their records when another one has gone, spread over half a minute in which the
// sockets of that one may be logging in again; and every five minutes all the same, as a
// net for what nobody has thought of. A place that comes meanwhile waits for the next
// round. What a round costs goes by a gateway's own places, however many gateways there
// are and whatever happens at them.

const (
	roundEvery = 5 * time.Minute
	// roundHurried is how long a round takes after a gateway has gone. It begins a little
	// later: a place may have been displaced while its login was not over.
	roundHurried = 30 * time.Second
	roundAfter   = recentFor
)

// rounds is how far the comparisons have come. All but gone belongs to the goroutine of
// keepChecking.
type rounds struct {
	gone chan struct{} // a gateway has gone

	left    []place.Place // of this round
	fast    bool          // it is one because a gateway has gone, and is not begun anew
	each    int           // how many of them a second
	next    time.Time     // when the next round begins
	hurried time.Time     // when one begins because a gateway has gone; zero: none has
	latest  time.Time     // it begins by then, whoever goes meanwhile
}

// hurry has a round begin soon.
func (c *rounds) hurry(now time.Time) {
	if c.hurried.IsZero() {
		c.latest = now.Add(3 * roundAfter)
	}
	c.hurried = now.Add(roundAfter)
	if c.hurried.After(c.latest) {
		c.hurried = c.latest
	}
}

// begin begins a round over these places that is over after d. They have the same order
// in each round, so that the time between two looks at a place is that of a round.
func (c *rounds) begin(now time.Time, places []place.Place, d time.Duration) {
	slices.SortFunc(places, func(a, b place.Place) int {
		return cmp.Or(cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.SDKAppID, b.SDKAppID), cmp.Compare(a.Instance, b.Instance))
	})
	seconds := int(d / time.Second)
	c.left, c.each, c.fast = places, (len(places)+seconds-1)/seconds, d < roundEvery
	c.next = now.Add(roundEvery)
}

// end ends a round: all places have been compared at once.
func (c *rounds) end(now time.Time) { c.left, c.next = nil, now.Add(roundEvery) }

// compareSome compares those places of a round whose turn is in this second. What the
// store does not answer is read in the next one.
func (r *Registry) compareSome(now time.Time) {
	at := &r.rounds
	if !r.Live() {
		return // all of them will be compared
	}
	switch {
	case !at.hurried.IsZero() && !now.Before(at.hurried) && !(at.fast && len(at.left) > 0):
		at.hurried = time.Time{}
		at.begin(now, r.o.Sockets.Places(), roundHurried)
	case len(at.left) == 0 && !now.Before(at.next):
		at.begin(now, r.o.Sockets.Places(), roundEvery)
	}
	n := min(at.each, len(at.left))
	if n == 0 {
		return
	}
	failed, _ := spreadLeft(at.left[:n], func(p place.Place) error {
		if !r.attached(p) {
			return nil
		}
		return r.checkPlace(p, false)
	})
	n -= len(failed)
	copy(at.left[n:], failed)
	if at.left = at.left[n:]; len(at.left) == 0 {
		at.left = nil // the array is as long as the crowd
	}
}

// gatewayGone has this gateway compare its places, and do its part of a walk over all
// records when the grace of the places of the one that has gone is over.
func (r *Registry) gatewayGone() {
	poke(r.rounds.gone)
	r.sweepIn(r.o.Grace+time.Second, sweepPart)
}
