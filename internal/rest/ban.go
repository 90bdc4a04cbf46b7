package rest

import (
	"context"
	"errors"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/registry"
)

// maxReason is how long the reason of a ban may be, in bytes.
const maxReason = 200

// ban is a ban in a reply. Times are Unix ms.
type ban struct {
	Time   int64
	Until  int64 // 0: until it is lifted
	By     string
	Reason string
}

func banOf(b registry.Ban) *ban {
	return &ban{Time: b.At, Until: b.Until, By: b.By, Reason: b.Reason}
}

// account is an account of timd_account/list.
type account struct {
	UserID     string
	Nick       string         `json:",omitempty"`
	FaceURL    string         `json:"FaceUrl,omitempty"`
	ImportTime int64          // Unix ms; 0 for one that was not imported
	State      registry.State // online, disconnected, offline
	Ban        *ban           `json:",omitempty"`
}

// accountBan: {"UserID", "Until"?: Unix ms, "Reason"?} returns {"Ban"}. The
// user's instances are kicked out on all gateways, and until then, or without
// Until for good, every login of theirs is refused with 70051. Another ban
// replaces the first. Their UserSigs are valid again once the ban is over.
func (a *API) accountBan(ctx context.Context, c *call) (reply, error) {
	for name := range c.body {
		switch name {
		case "UserID", "Until", "Reason":
		default:
			// A misspelt Until would ban for good.
			return nil, bad("there is nothing called %.32q in a ban: give UserID, Until and Reason", name)
		}
	}
	id, err := c.body.userID("UserID")
	if err != nil {
		return nil, err
	}
	if a.o.Accounts.Admin(id) {
		return nil, bad("%s is an administrator and cannot be banned: take them out of --admin first", id)
	}
	if may, err := a.o.Accounts.MayLogIn(ctx, c.user(id)); err != nil {
		return nil, err
	} else if !may {
		return nil, fault.New(fault.NoSuchAccount)
	}
	until, err := c.body.number("Until", 0, 1<<53, 0)
	if err != nil {
		return nil, err
	}
	if now := a.o.Now(); until != 0 {
		switch end := time.UnixMilli(until); {
		case !end.After(now):
			return nil, bad("Until is over already: give Unix milliseconds, or leave it out to ban for good")
		case end.After(now.Add(registry.MaxBan)):
			return nil, bad("Until is more than ten years ahead: leave it out to ban for good")
		}
	}
	reason, err := c.body.text("Reason", maxReason)
	if err != nil {
		return nil, err
	}
	b := registry.Ban{Until: until, By: c.admin}
	if reason != nil {
		b.Reason = *reason
	}
	b, err = a.o.Sessions.Ban(ctx, c.user(id), b)
	return reply{"Ban": banOf(b)}, err
}

// accountUnban: {"UserID"} returns {"Unbanned"}, which is false when no ban was
// in force.
func (a *API) accountUnban(ctx context.Context, c *call) (reply, error) {
	id, err := c.body.userID("UserID")
	if err != nil {
		return nil, err
	}
	lifted, err := a.o.Sessions.Unban(ctx, c.user(id))
	return reply{"Unbanned": lifted}, err
}

// accountList: {"Limit"?: 1–200, "Next"?, "Banned"?} returns {"AccountList",
// "Next"}: the imported accounts, or with Banned true the users who are banned,
// imported or not. Next is "" at the end; a page may be empty before it.
func (a *API) accountList(ctx context.Context, c *call) (reply, error) {
	limit, cursor, err := c.body.page()
	if err != nil {
		return nil, err
	}
	banned, err := c.body.truth("Banned")
	if err != nil {
		return nil, err
	}
	list := a.imported
	if banned {
		list = a.banned
	}
	accounts, next, err := list(ctx, c.app, cursor, limit)
	return reply{"AccountList": accounts, "Next": next}, err
}

func (a *API) imported(ctx context.Context, app uint32, cursor string, limit int) ([]account, string, error) {
	page, next, err := a.o.Accounts.List(ctx, app, cursor, limit)
	if err != nil {
		return nil, "", err
	}
	all, errs := make([]account, len(page)), make([]error, len(page))
	each(len(page), func(i int) {
		v, err := a.o.Sessions.Get(ctx, page[i].User)
		all[i], errs[i] = accountOf(v), err
		all[i].UserID, all[i].Nick, all[i].FaceURL = page[i].UserID, page[i].Nick, page[i].FaceURL
		all[i].ImportTime = page[i].ImportedAt
	})
	return all, next, errors.Join(errs...)
}

func (a *API) banned(ctx context.Context, app uint32, cursor string, limit int) ([]account, string, error) {
	page, next, err := a.o.Sessions.Banned(ctx, app, cursor, limit)
	if err != nil {
		return nil, "", err
	}
	all, errs := make([]account, len(page)), make([]error, len(page))
	each(len(page), func(i int) {
		acc, _, err := a.o.Accounts.Get(ctx, page[i].User)
		all[i], errs[i] = accountOf(page[i]), err
		all[i].Nick, all[i].FaceURL, all[i].ImportTime = acc.Nick, acc.FaceURL, acc.ImportedAt
	})
	return all, next, errors.Join(errs...)
}

func accountOf(v registry.View) account {
	one := account{UserID: v.UserID, State: v.State}
	if v.Ban != nil {
		one.Ban = banOf(*v.Ban)
	}
	return one
}
