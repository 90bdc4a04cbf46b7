package rest

import (
	"context"
	"math"
	"strconv"
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
	found, next, err := a.directory(ctx, c, cursor, limit, func(g group.Group) bool {
		return strings.Contains(strings.ToLower(g.GroupID), want) || strings.Contains(strings.ToLower(g.Name), want)
	})
	list := make([]groupInfo, len(found))
	for i, g := range found {
		list[i] = infoOf(g)
	}
	if err == nil {
		err = a.addNewest(ctx, c, len(list), func(n int) *groupInfo { return &list[n] })
	}
	return reply{"GroupList": list, "Next": next}, err
}

func (a *API) directory(ctx context.Context, c *call, cursor string, limit int, keep func(group.Group) bool) ([]group.Group, string, error) {
	if a.o.Groups == nil {
		return nil, "", fault.With(fault.InvalidOperation, "this timd has no groups")
	}
	return a.o.Groups.Directory(ctx, c.app, cursor, limit, keep)
}

// maxGroupIDs is the most groups that one get_appid_group_list asks for. A reply may
// have fewer, also before the end: Directory looks at a limited number of groups.
const maxGroupIDs = 10_000

// groupIDs is get_appid_group_list: {"Limit"?, "Next"?, "GroupType"?} returns
// {"GroupIdList": [{"GroupId"}], "Next"}. Next is a number, 0 at the end. There is no
// TotalCount: only to count them, all groups would have to be read.
func (a *API) groupIDs(ctx context.Context, c *call) (reply, error) {
	limit, err := c.body.number("Limit", 1, maxGroupIDs, maxGroupIDs)
	if err != nil {
		return nil, err
	}
	from, err := c.body.number("Next", 0, math.MaxInt64, 0)
	if err != nil {
		return nil, err
	}
	typ, err := c.body.text("GroupType", maxGroupText)
	if err != nil {
		return nil, err
	}
	cursor := ""
	if from > 0 {
		cursor = strconv.FormatInt(from, 10)
	}
	found, next, err := a.directory(ctx, c, cursor, int(limit), func(g group.Group) bool {
		return typ == nil || *typ == "" || group.Type(*typ) == g.Type
	})
	if err != nil {
		return nil, err
	}
	list := make([]fields, len(found))
	for i, g := range found {
		list[i] = fields{"GroupId": g.GroupID}
	}
	after := int64(0)
	if next != "" {
		if after, err = strconv.ParseInt(next, 10, 64); err != nil {
			return nil, err
		}
	}
	return reply{"GroupIdList": list, "Next": after}, nil
}
