package rest

import (
	"context"
	"math"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/place"
)

// Quotas is what the API needs from the inbox to show and change what a user
// may use on all gateways together.
type Quotas interface {
	Quotas(ctx context.Context, u place.User) (inbox.Quotas, error)
	SetQuotas(ctx context.Context, u place.User, c inbox.QuotaChange) (inbox.Quotas, error)
}

// quota is one of a user's quotas in a reply.
type quota struct {
	Limit int64 // 0: none
	Usual int64 // of users who have no limit of their own
	Used  int64
	Until int64 // Unix ms: when it begins again
}

func replyOf(id string, q inbox.Quotas) reply {
	one := func(q inbox.Quota) quota { return quota{q.Limit, q.Usual, q.Used, q.Until.UnixMilli()} }
	until := int64(0)
	if !q.Until.IsZero() {
		until = q.Until.UnixMilli()
	}
	return reply{"UserID": id, "Bytes": one(q.Bytes), "Conversations": one(q.Conversations), "Messages": one(q.Messages), "Until": until}
}

// quotaGet: {"UserID"} returns {"Bytes", "Conversations", "Messages", "Until"}:
// what the user's gateways have taken of each quota, and when limits of the
// user's own end, 0 for never.
func (a *API) quotaGet(ctx context.Context, c *call) (reply, error) {
	u, err := a.quotaUser(ctx, c)
	if err != nil {
		return nil, err
	}
	q, err := a.o.Quotas.Quotas(ctx, u)
	return replyOf(u.UserID, q), err
}

// quotaSet: {"UserID"} and any of {"Bytes", "Conversations", "Until", "Reset"}
// returns what quotaGet does. Bytes and Conversations become limits of the
// user's own, 0 for none at all, -1 for the usual one again; they count until
// Until, in Unix ms, or for good without one. Reset true forgets what was used.
func (a *API) quotaSet(ctx context.Context, c *call) (reply, error) {
	u, err := a.quotaUser(ctx, c)
	if err != nil {
		return nil, err
	}
	change, err := quotaChange(c.body, a.o.Now())
	if err != nil {
		return nil, err
	}
	q, err := a.o.Quotas.SetQuotas(ctx, u, change)
	return replyOf(u.UserID, q), err
}

func (a *API) quotaUser(ctx context.Context, c *call) (place.User, error) {
	if a.o.Quotas == nil {
		return place.User{}, noMessages()
	}
	id, err := c.body.userID("UserID")
	if err != nil {
		return place.User{}, err
	}
	known, err := a.o.Accounts.MayLogIn(ctx, c.user(id))
	if err == nil && !known {
		err = fault.With(fault.NoSuchAccount, id)
	}
	return c.user(id), err
}

func quotaChange(body object, now time.Time) (q inbox.QuotaChange, err error) {
	for name := range body {
		switch name {
		case "UserID", "Bytes", "Conversations", "Until", "Reset":
		default:
			return q, bad("there is nothing called %.32q to set: Bytes, Conversations, Until and Reset can be set", name)
		}
	}
	for name, to := range map[string]**int64{"Bytes": &q.Bytes, "Conversations": &q.Conversations} {
		if !body.has(name) {
			continue
		}
		n, err := body.number(name, -1, math.MaxInt64/2, 0)
		if err != nil {
			return q, err
		}
		*to = &n
	}
	own := q.Bytes != nil || q.Conversations != nil
	if q.Reset, err = body.truth("Reset"); err != nil {
		return q, err
	}
	if !own && !q.Reset {
		return q, bad("nothing to set: give Bytes, Conversations or Reset")
	}
	if !own && body.has("Until") {
		return q, bad("Until belongs to Bytes and Conversations: give one of them")
	}
	if own {
		ms, err := body.number("Until", 0, math.MaxInt64, 0)
		if err != nil {
			return q, err
		}
		until := time.Time{}
		if ms != 0 {
			if until = time.UnixMilli(ms); !until.After(now) {
				return q, bad("Until is over already: give Unix milliseconds, or 0 for good")
			}
		}
		q.Until = &until
	}
	return q, nil
}
