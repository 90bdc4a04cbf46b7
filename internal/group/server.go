package group

import (
	"context"
	"encoding/json"

	"github.com/tim-wasm/tim/internal/place"
)

// serverCall marks a call of the server API, which has rates of its own.
type serverCall struct{}

// Do carries out a call of the server API: one that a client could make, as the
// user who is named. The rates of users do not count. Errors are *fault.Error.
func (r *Room) Do(ctx context.Context, u place.User, method string, params any) (json.RawMessage, error) {
	// A session that has ended is told of nothing.
	s := &Session{r: r, user: u, closed: true}
	v, err := s.Call(context.WithValue(ctx, serverCall{}, true), method, encode(params))
	if err != nil {
		return nil, err
	}
	return encode(v), nil
}

// take charges a user for a change, see rates.take, unless the server API makes
// it in their name.
func (r *Room) take(ctx context.Context, u place.User, brings int, create bool) error {
	if ctx.Value(serverCall{}) != nil {
		return nil
	}
	return r.rates.take(u, r.now(), brings, create)
}
