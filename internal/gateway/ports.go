package gateway

import (
	"context"

	"github.com/tim-wasm/tim/internal/place"
)

// What the gateway needs of the registry, and what the registry needs of a
// gateway. Package registry implements Registry; Gateway implements Local.

// Registry keeps who is online where. Its errors are *fault.Error: 70169 when
// the store did not answer within 8 s, 70500 otherwise.
type Registry interface {
	// Admit decides on a claim and stores the outcome by one compare-and-set,
	// once the registry is live. It is idempotent.
	Admit(ctx context.Context, c place.Claim) (place.Outcome, error)
	// Release ends a place: logout. Attach 0 stands for whichever attachment of
	// the instance: a farewell.
	Release(ctx context.Context, p place.Place) error
	// Detach says that the socket of a place is gone. clean: the page closed
	// it, so presence ends after 5 s and not after the grace time.
	Detach(ctx context.Context, p place.Place, clean bool) error
	// Renew sets a new end of the session's UserSig.
	Renew(ctx context.Context, p place.Place, signedAt, expiresAt int64) (place.Verdict, error)
	// Probe asks the gateway that holds a place whether its client is alive,
	// within 1 s; false when there is no answer.
	Probe(ctx context.Context, h place.Holder) bool
	// Live tells whether the store can be reached and this gateway's lease
	// holds; nothing may be sent or delivered while it is false.
	Live() bool
	// Await waits until it is live, 8 s at most and not in an outage that has
	// lasted longer; then 70169.
	Await(ctx context.Context) error
}

// Local is what a registry needs of the gateway that it runs in. Calls come
// from the registry's own goroutines and must not block on a client.
type Local interface {
	// Kick evicts a place: evicted {type} is its socket's last frame. False
	// when the place is not attached here (any more).
	Kick(p place.Place, typ string) bool
	// Alive pings the client of a place and waits for its pong, ctx at most.
	Alive(ctx context.Context, p place.Place) bool
	// Places lists what is attached here, to be compared with the records.
	Places() []place.Place
	// Drop closes sockets that the registry can no longer vouch for, with
	// CloseRecheck: their clients resume and are decided anew.
	Drop(p place.Place)
}

// Superseder may be implemented by a Local beside it. Without it, Drop is
// called.
type Superseder interface {
	// Supersede closes the socket of a place with CloseSuperseded: the same
	// instance is attached by a newer one.
	Supersede(p place.Place)
}
