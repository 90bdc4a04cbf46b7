package rest

import (
	"context"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/group"
)

// maxGroupSearch is the longest text that groups are searched for, in bytes.
const maxGroupSearch = 100

// groupList: {"Limit"?: 1–200, "Next"?, "Search"?} returns {"GroupList", "Next"}:
// all groups of the app, or those whose ID or name contains Search, ignoring case.
// Next is "" at the end; a page of a search may be empty before it.
func (a *API) groupList(ctx context.Context, c *call) (reply, error) {
	if a.o.Groups == nil {
		return nil, fault.With(fault.InvalidOperation, "this timd has no groups")
	}
	limit, cursor, err := c.body.page()
	if err != nil {
		return nil, err
	}
	search, err := c.body.text("Search", maxGroupSearch)
	if err != nil {
		return nil, err
	}
	want := ""
	if search != nil {
		want = strings.ToLower(*search)
	}
	found, next, err := a.o.Groups.Directory(ctx, c.app, cursor, limit, func(g group.Group) bool {
		return strings.Contains(strings.ToLower(g.GroupID), want) || strings.Contains(strings.ToLower(g.Name), want)
	})
	list := make([]groupInfo, len(found))
	for i, g := range found {
		list[i] = infoOf(g)
	}
	return reply{"GroupList": list, "Next": next}, err
}
