package registry

import (
	"context"

	"github.com/tim-wasm/tim/internal/place"
)

// Sockets is what a registry needs from the gateway in its process. Calls come
// from the registry's own goroutines and must not block on a client.
type Sockets interface {
	// Kick evicts a place: evicted {type} is its socket's last frame. It
	// returns false when the place is not, or no longer, attached here.
	Kick(p place.Place, typ string) bool
	// Alive pings the client of a place and waits for its pong, at most until
	// ctx ends.
	Alive(ctx context.Context, p place.Place) bool
	// Places returns what is attached here, to be compared with the records.
	Places() []place.Place
	// Of returns those of them that are a user's.
	Of(u place.User) []place.Place
	// Drop closes the socket of a place that the registry can no longer vouch
	// for: its client resumes and is decided anew.
	Drop(p place.Place)
	// Supersede closes the socket of a place whose instance is attached by a
	// newer one.
	Supersede(p place.Place)
}
