package rest

import (
	"context"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
)

// maxSigned is how long a UserSig of timd_usersig/sign is valid at most, in seconds.
const maxSigned = 180 * 24 * 60 * 60

// signUserSig: {"UserID", "Expire"?: seconds, a day without it} returns {"UserSig"},
// for trying things out. Only a timd in dev mode signs.
func (a *API) signUserSig(_ context.Context, c *call) (reply, error) {
	if a.o.Sign == nil {
		return nil, fault.With(fault.InvalidOperation, "this timd is not in dev mode (--dev) and signs no UserSigs: use timd usersig, or let your own server sign them")
	}
	id, err := c.body.userID("UserID")
	if err != nil {
		return nil, err
	}
	seconds, err := c.body.number("Expire", 1, maxSigned, 24*60*60)
	if err != nil {
		return nil, err
	}
	return reply{"UserSig": a.o.Sign(c.app, id, time.Duration(seconds)*time.Second)}, nil
}
