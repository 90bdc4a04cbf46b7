package session

import "github.com/tim-wasm/tim/internal/frame"

// Times of an outage, in ms.
const (
	firstRetry  = 500
	earlyCap    = 3_000
	earlyFor    = 120_000
	lateCap     = 30_000
	stableAfter = 5_000 // a connection that held this long ends an outage
	politeTry   = 4     // attempts to skip when the gateway sent us away for a reason
)

// outage counts the attempts since the connection last worked.
type outage struct {
	since  int64 // ms
	tries  int
	pause  int64  // ms that the gateway has asked for
	detail string // of the last failure, for the error message
}

// lost begins an outage or continues it. A connection that broke at once does
// not end the outage: a gateway that admits and drops would be hammered.
func (o *outage) lost(now, admittedAt int64, closeCode int) {
	if admittedAt != 0 && now-admittedAt >= stableAfter {
		o.since, o.tries = now, 0
	}
	o.pause = frame.BusyFor(closeCode)
	switch closeCode {
	case frame.CloseFlood, frame.CloseBadFrame, frame.CloseTryLater:
		o.tries = max(o.tries, politeTry)
	}
}

// delay returns the time to the next attempt: exponential with full jitter,
// the first within half a second, at most 3 s during the first two minutes,
// then 30 s. A gateway that is busy knows better when its turn comes.
func (o *outage) delay(now int64, jitter func(int64) int64) int64 {
	if o.pause != 0 {
		return o.pause + jitter(firstRetry/2) + 1
	}
	limit := int64(earlyCap)
	if now-o.since >= earlyFor {
		limit = lateCap
	}
	span := int64(firstRetry)
	for i := 0; i < o.tries && span < limit; i++ {
		span *= 2
	}
	o.tries++
	return jitter(min(span, limit)) + 1
}

// attemptWithin limits one attempt, dial and answer together. A first login has a limit as
// a whole instead; a reconnect gives a slow network more time with each try. While a crowd
// comes back, a gateway has its turn for most of them within some seconds, and an attempt
// that is given up just before that has cost as much as one that succeeds.
func (o *outage) attemptWithin(running bool) int64 {
	if !running {
		return loginWithin
	}
	return min(9_000+int64(o.tries)*1_000, 12_000)
}
