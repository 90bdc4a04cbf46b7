package rest

import (
	"context"

	"github.com/tim-wasm/tim/internal/fault"
)

// maxBlacklist is how many users one call blocks, unblocks or lists.
const maxBlacklist = 1000

// accountResult says what became of one account of a list.
type accountResult struct {
	ToAccount  string `json:"To_Account"`
	ResultCode fault.Code
	ResultInfo string
}

// accountResults are the lists of a reply that say what became of each account.
func accountResults(results []accountResult) reply {
	failed := []string{}
	for _, r := range results {
		if r.ResultCode != 0 {
			failed = append(failed, r.ToAccount)
		}
	}
	return reply{"ResultItem": results, "Fail_Account": failed}
}

// blackListAdd: {"From_Account", "To_Account": [≤ 1000]}. It ends friendships.
func (a *API) blackListAdd(ctx context.Context, c *call) (reply, error) {
	return a.changeBlacklist(ctx, c, true)
}

// blackListDelete: the same fields.
func (a *API) blackListDelete(ctx context.Context, c *call) (reply, error) {
	return a.changeBlacklist(ctx, c, false)
}

func (a *API) changeBlacklist(ctx context.Context, c *call, block bool) (reply, error) {
	people, err := a.people()
	if err != nil {
		return nil, err
	}
	u, err := a.fromAccount(ctx, c)
	if err != nil {
		return nil, err
	}
	ids, err := c.body.userIDs("To_Account", maxBlacklist)
	if err != nil {
		return nil, err
	}
	add, remove := ids, []string(nil)
	if !block {
		add, remove = remove, add
	}
	if err := people.ChangeBlacklist(ctx, u, add, remove); err != nil {
		return nil, err
	}
	results := make([]accountResult, len(ids))
	for i, id := range ids {
		results[i].ToAccount = id
	}
	return accountResults(results), nil
}

type blackListItem struct {
	ToAccount         string `json:"To_Account"`
	AddBlackTimeStamp int64  // always 0: timd does not store it
}

// blackListGet: {"From_Account", "StartIndex"?, "MaxLimited", "LastSequence"?}.
func (a *API) blackListGet(ctx context.Context, c *call) (reply, error) {
	people, err := a.people()
	if err != nil {
		return nil, err
	}
	u, err := a.fromAccount(ctx, c)
	if err != nil {
		return nil, err
	}
	from, err := c.body.number("StartIndex", 0, maxBlacklist, 0)
	if err != nil {
		return nil, err
	}
	most, err := c.body.number("MaxLimited", 1, maxBlacklist, maxBlacklist)
	if err != nil {
		return nil, err
	}
	ids, err := people.Blacklist(ctx, u)
	if err != nil {
		return nil, err
	}
	from = min(from, int64(len(ids)))
	to := min(from+most, int64(len(ids)))
	items := []blackListItem{}
	for _, id := range ids[from:to] {
		items = append(items, blackListItem{ToAccount: id})
	}
	if to == int64(len(ids)) { // there are no more
		to = 0
	}
	return reply{"BlackListItem": items, "StartIndex": to, "CurruentSequence": 0, "CurrentSequence": 0}, nil
}
