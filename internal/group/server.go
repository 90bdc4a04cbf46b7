package group

import (
	"context"
	"encoding/json"

	"github.com/tim-wasm/tim/internal/place"
)

// serverCall is the context key of calls of the server API, which has its own
// rates.
type serverCall struct{}

// The calls that only the server API makes.
const (
	ServerImport        = "server.import"         // see importGroup
	ServerImportMembers = "server.import.members" // see importMembers
	ServerImportTopic   = "server.import.topic"   // see importTopic
	ServerAnnounce      = "server.announce"       // see announce

	ServerDeleteCounters = "server.counters.delete" // see deleteCounters
)

var serverCalls = map[string]call{
	ServerImport:        with(importGroup),
	ServerImportMembers: with(importMembers),
	ServerImportTopic:   with(importTopic),
	ServerAnnounce:      with(announce),

	ServerDeleteCounters: with(deleteCounters),
}

// Do carries out a call of the server API: one of its own, or any that a client could
// make, in the name of a user. It is not charged to the user's rates. Errors are
// *fault.Error.
func (r *Room) Do(ctx context.Context, u place.User, method string, params any) (json.RawMessage, error) {
	// The session is closed from the start, so it is never notified.
	s := &Session{r: r, user: u, closed: true}
	v, err := s.Call(context.WithValue(ctx, serverCall{}, true), method, encode(params))
	if err != nil {
		return nil, err
	}
	return encode(v), nil
}

// take charges a user for a change (see rates.take), unless the server API makes it
// in their name.
func (r *Room) take(ctx context.Context, u place.User, brings int, create bool) error {
	if ctx.Value(serverCall{}) != nil {
		return nil
	}
	return r.rates.take(u, r.now(), brings, create)
}
