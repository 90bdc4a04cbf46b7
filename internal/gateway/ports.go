package gateway

import (
	"context"

	"github.com/tim-wasm/tim/internal/place"
)

// Registry keeps who is online where; package registry implements it. Its
// errors are *fault.Error: 70169 when the store did not answer within 8 s,
// 70500 otherwise.
type Registry interface {
	// Admit decides on a claim and stores the outcome by one compare-and-set,
	// once the registry is live. It is idempotent.
	Admit(ctx context.Context, c place.Claim) (place.Outcome, error)
	// Release ends a place: a logout. Attach 0 stands for whichever attachment
	// the instance has, for a farewell.
	Release(ctx context.Context, p place.Place) error
	// Detach records that the socket of a place is gone. clean means that the
	// page closed it, so presence ends after 5 s instead of after the grace
	// time.
	Detach(ctx context.Context, p place.Place, clean bool) error
	// Renew sets a new end of the session's UserSig.
	Renew(ctx context.Context, p place.Place, signedAt, expiresAt int64) (place.Verdict, error)
	// Probe asks the gateway that holds a place whether its client is alive,
	// within 1 s; it returns false when there is no answer.
	Probe(ctx context.Context, h place.Holder) bool
	// Live reports whether the store can be reached and this gateway holds its
	// lease. Nothing may be sent or delivered while it is false.
	Live() bool
	// Await waits until it is live, for at most 8 s, and not at all in an
	// outage that has lasted longer; then it returns 70169.
	Await(ctx context.Context) error
}
