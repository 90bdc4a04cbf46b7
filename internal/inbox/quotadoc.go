package inbox

import (
	"context"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// quotaDoc holds what gateways have leased of a user's quotas, by the quota's
// name, and limits that an administrator has set for this user.
type quotaDoc struct {
	Leased map[string]leased `json:"l,omitempty"`
	Own    map[string]int64  `json:"o,omitempty"` // 0: no limit
	Until  int64             `json:"u,omitempty"` // Unix seconds until which Own counts; 0: for good
}

// leased is what was leased in one window. Windows only move forward, so the
// gateway whose clock is furthest ahead decides when the next one begins.
type leased struct {
	Window int64 `json:"w"`
	N      int64 `json:"n"`
}

// most returns a user's limit. A quota without a limit for everybody has none
// for a single user either.
func (d *quotaDoc) most(q quota, l limit, now time.Time) int64 {
	if own, ok := d.Own[q.String()]; ok && l.most != 0 && (d.Until == 0 || now.Unix() < d.Until) {
		return own
	}
	return l.most
}

// used returns what is leased in the present window.
func (d *quotaDoc) used(q quota, l limit, now time.Time) leased {
	u := d.Leased[q.String()]
	if at := l.at(now); u.Window < at {
		u = leased{Window: at}
	}
	return u
}

// take leases a portion of at least need; n is 0 when that is not left.
func (d *quotaDoc) take(q quota, l limit, now time.Time, need int64) (window, n int64) {
	u := d.used(q, l, now)
	l.most = d.most(q, l, now)
	if l.most == 0 {
		n = max(need, l.first) // what is counted stops nobody
	} else {
		n = l.portion(max(0, l.most-u.N), need)
	}
	if n > 0 {
		u.N += n
		if d.Leased == nil {
			d.Leased = map[string]leased{}
		}
		d.Leased[q.String()] = u
	}
	return u.Window, n
}

// may refuses a call of a user who does not have n left of a quota on all
// gateways together. It asks the store only if this gateway has leased too
// little; while the document is cached, refusing costs no request either.
func (in *Inbox) may(ctx context.Context, u place.User, q quota, n int64) error {
	now := in.now()
	if in.rates.left(u, q, now, n) {
		return nil
	}
	var window, took int64
	ctx = context.WithoutCancel(ctx) // whoever hangs up meanwhile would lose what the store has leased
	d, _, err := update(ctx, in, u, docQuota, func(d *quotaDoc) (bool, error) {
		window, took = d.take(q, in.rates.limits[q], now, in.rates.need(u, q, now, n))
		return took > 0, nil
	})
	switch {
	case err != nil:
		return err
	case took == 0:
		return in.usedUp(u, q, d)
	}
	in.rates.lease(u, q, now, window, took)
	in.o.OnQuota(q.String(), false)
	return nil
}

// take charges a user for n of a quota, or refuses the call.
func (in *Inbox) take(ctx context.Context, u place.User, q quota, n int64) error {
	for !in.rates.take(u, q, in.now(), n) {
		if err := in.may(ctx, u, q, n); err != nil {
			return err
		}
	}
	return nil
}

// usedUp returns the error that says what a user has used up, and until when.
func (in *Inbox) usedUp(u place.User, q quota, d quotaDoc) error {
	in.o.OnQuota(q.String(), true)
	l := in.rates.limits[q]
	end := l.end(d.used(q, l, in.now()).Window)
	detail := u.UserID + ", until " + end.Format(time.RFC3339)
	switch q {
	case quotaBytes:
		return fault.With(fault.BytesUsedUp, detail)
	case quotaConversations:
		return fault.With(fault.ConversationsUsedUp, detail)
	default:
		return fault.With(fault.TooFrequent, "messages of "+detail)
	}
}

// ChargeBytes charges a user for bytes that they store outside the inbox, or
// refuses them if the quota has too little left. Errors are *fault.Error.
func (in *Inbox) ChargeBytes(ctx context.Context, u place.User, n int64) error {
	if err := in.take(ctx, u, quotaBytes, n); err != nil {
		return in.failed("bytes of "+u.UserID, err)
	}
	return nil
}

// RefundBytes gives back to a user what ChargeBytes has taken for bytes that were not
// stored. This gateway keeps it for them until the day ends in which they were charged.
func (in *Inbox) RefundBytes(u place.User, n int64, charged time.Time) {
	if l, now := in.rates.limits[quotaBytes], in.now(); l.most != 0 && l.at(charged) == l.at(now) {
		in.rates.lease(u, quotaBytes, now, l.at(now), n)
	}
}

// Quota says how much a user has used of a quota in its present window.
type Quota struct {
	Limit int64     // 0: none
	Usual int64     // the limit of users who have none of their own
	Used  int64     // what gateways have leased; below their first allowance they say nothing
	Until time.Time // when it begins anew
}

// Quotas are all quotas of a user.
type Quotas struct {
	Bytes, Conversations, Messages Quota
	Until                          time.Time // when the limits of their own end; zero: they do not, or there are none
}

// QuotaChange is what an administrator changes of a user's quotas.
type QuotaChange struct {
	// Bytes and Conversations become limits of the user's own, 0 none at all;
	// nil leaves what was, below zero makes it the usual one.
	Bytes, Conversations *int64
	Until                *time.Time // when those end; zero: never
	Reset                bool       // what was used counts no more
}

// Quotas returns a user's quotas. Errors are *fault.Error.
func (in *Inbox) Quotas(ctx context.Context, u place.User) (Quotas, error) {
	d, err := read[quotaDoc](ctx, in, u, docQuota)
	if err != nil {
		return Quotas{}, in.failed("quotas", err)
	}
	return in.quotasOf(d), nil
}

// SetQuotas changes a user's quotas. Portions that gateways have already leased
// stay theirs. Errors are *fault.Error.
func (in *Inbox) SetQuotas(ctx context.Context, u place.User, c QuotaChange) (Quotas, error) {
	d, _, err := update(ctx, in, u, docQuota, func(d *quotaDoc) (bool, error) {
		for q, own := range map[quota]*int64{quotaBytes: c.Bytes, quotaConversations: c.Conversations} {
			switch {
			case own == nil:
			case *own < 0:
				delete(d.Own, q.String())
			default:
				if d.Own == nil {
					d.Own = map[string]int64{}
				}
				d.Own[q.String()] = *own
			}
		}
		if c.Until != nil {
			d.Until = 0
			if !c.Until.IsZero() {
				d.Until = c.Until.Unix()
			}
		}
		if len(d.Own) == 0 {
			d.Until = 0
		}
		if c.Reset {
			d.Leased = nil
		}
		return true, nil
	})
	if err != nil {
		return Quotas{}, in.failed("setting quotas", err)
	}
	return in.quotasOf(d), nil
}

func (in *Inbox) quotasOf(d quotaDoc) (all Quotas) {
	now := in.now()
	for q, to := range map[quota]*Quota{quotaBytes: &all.Bytes, quotaConversations: &all.Conversations, quotaMessages: &all.Messages} {
		l := in.rates.limits[q]
		used := d.used(q, l, now)
		*to = Quota{Limit: d.most(q, l, now), Usual: l.most, Used: used.N, Until: l.end(used.Window)}
	}
	if d.Until > now.Unix() {
		all.Until = time.Unix(d.Until, 0)
	}
	return all
}
