package rest

import (
	"context"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

const maxQueried = 500

type onlineResult struct {
	ToAccount string `json:"To_Account"`
	Status    string
	State     string         `json:",omitempty"` // of querystate
	Detail    []onlineDetail `json:",omitempty"`
}

type onlineDetail struct {
	Platform place.Platform
	Status   string
}

type onlineError struct {
	ToAccount string `json:"To_Account"`
	ErrorCode fault.Code
}

// onlineStatus: {"To_Account": [≤ 500], "IsNeedDetail"?: 1}. A user counts as
// Online until their grace has ended.
func (a *API) onlineStatus(ctx context.Context, c *call) (reply, error) {
	return a.online(ctx, c, false)
}

// onlineState is the older openim/querystate, whose results are called State.
func (a *API) onlineState(ctx context.Context, c *call) (reply, error) {
	return a.online(ctx, c, true)
}

func (a *API) online(ctx context.Context, c *call, old bool) (reply, error) {
	list, err := c.body.list("To_Account", maxQueried)
	if err != nil {
		return nil, err
	}
	detail, err := c.body.number("IsNeedDetail", 0, 1, 0)
	if err != nil {
		return nil, err
	}
	results := make([]onlineResult, len(list))
	errs := make([]error, len(list))
	each(len(list), func(i int) {
		r := &results[i]
		r.ToAccount = plain(list[i])
		errs[i] = a.onlineOne(ctx, c, r, detail == 1)
		if old {
			r.State = r.Status
		}
	})
	found, failed := []onlineResult{}, []onlineError{}
	for i, err := range errs {
		if err == nil {
			found = append(found, results[i])
			continue
		}
		f := asFault(err)
		if f.Code == fault.ServerTimeout || f.Code == fault.Internal {
			return nil, err // the store failed, not this account
		}
		failed = append(failed, onlineError{results[i].ToAccount, f.Code})
	}
	return reply{"QueryResult": found, "ErrorList": failed}, nil
}

func (a *API) onlineOne(ctx context.Context, c *call, r *onlineResult, detail bool) error {
	if !frame.ValidUserID(r.ToAccount) {
		return fault.New(fault.NoSuchAccount)
	}
	u := c.user(r.ToAccount)
	v, err := a.o.Sessions.Get(ctx, u)
	if err != nil {
		return err
	}
	r.Status = "Offline"
	if len(v.Instances) > 0 {
		r.Status = "Online"
	} else if may, err := a.o.Accounts.MayLogIn(ctx, u); err != nil {
		return err
	} else if !may {
		return fault.New(fault.NoSuchAccount)
	}
	if detail {
		for _, in := range v.Instances {
			r.Detail = append(r.Detail, onlineDetail{in.Platform, "Online"})
		}
	}
	return nil
}
