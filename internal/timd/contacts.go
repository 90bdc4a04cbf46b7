package timd

import (
	"context"
	"encoding/json"

	"github.com/tim-wasm/tim/internal/contacts"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/place"
)

// serveContacts attaches each session of the gateway to its user's contacts,
// and passes the client's calls on, except, while the store is full, those that
// would store more.
func serveContacts(ctx context.Context, t *running) error {
	c, err := contacts.Open(ctx, t.bus, contacts.Options{
		People: t.inbox,
		Known:  t.accounts.MayLogIn,
		Report: func(err error) { t.log.Warn("contacts", "error", err) },
	})
	if err != nil {
		return err
	}
	t.contacts = c
	t.closers = append(t.closers, func(context.Context) { c.Close() })

	perSession(t, func(s *gateway.Session) *contacts.Session { return c.Attach(s.User(), s.Notify) })
	for _, method := range contacts.Methods() {
		t.gateway.Handle(method, func(ctx context.Context, s *gateway.Session, params json.RawMessage) (any, error) {
			if contacts.Grows(method) && t.storeFull() {
				return nil, fault.New(fault.StoreFull)
			}
			result, f := c.Call(t.onBehalf(ctx, s), s.User(), method, params)
			if f != nil {
				return nil, f
			}
			return result, nil
		})
	}
	return nil
}

// blocked ends the friendships of a user with the users whom they have blocked.
func (t *running) blocked(ctx context.Context, u place.User, userIDs []string) error {
	return t.contacts.Blocked(ctx, u, userIDs)
}
