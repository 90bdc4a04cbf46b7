package rest

import (
	"context"
	"math"

	"github.com/tim-wasm/tim/internal/inbox"
)

// recentAtOnce is how many conversations recentcontact/get_list returns at once.
const recentAtOnce = 100

// Types of conversations in recentcontact, and a bit of AssistFlags.
const (
	recentUser   = 1
	recentGroup  = 2
	pinnedFirst  = 1
	recentNoTime = 1 // stands for the time of a conversation without messages, as 0 begins a list
)

// recentPlace is a place in a list, the newest first: behind index conversations of a second.
type recentPlace struct{ second, index int64 }

// passes reports whether a conversation of a second is behind the place where a page
// begins, and moves p behind it then. seen counts those of each second.
func (p *recentPlace) passes(from recentPlace, seen map[int64]int64, at int64) bool {
	seen[at]++
	if from.second != 0 && (at > from.second || at == from.second && seen[at] <= from.index) {
		return false
	}
	p.second, p.index = at, seen[at]
	return true
}

// recentList is recentcontact/get_list: {"From_Account", "TimeStamp"?, "StartIndex"?,
// "TopTimeStamp"?, "TopStartIndex"?, "AssistFlags"?: bit 0: pinned ones first}: up to
// 100 conversations, the newest first. The next page is asked for with what this one
// returns.
func (a *API) recentList(ctx context.Context, c *call) (reply, error) {
	in, err := a.peerMessages()
	if err != nil {
		return nil, err
	}
	id, err := c.body.userID("From_Account")
	if err != nil {
		return nil, err
	}
	var numbers [5]int64
	for i, name := range []string{"TimeStamp", "StartIndex", "TopTimeStamp", "TopStartIndex", "AssistFlags"} {
		if numbers[i], err = c.body.number(name, 0, math.MaxUint32, 0); err != nil {
			return nil, err
		}
	}
	all, err := in.ContactedBy(ctx, c.user(id))
	if err != nil {
		return nil, err
	}
	some, at, complete := recentPage(all, [2]recentPlace{{numbers[0], numbers[1]}, {numbers[2], numbers[3]}}, numbers[4]&pinnedFirst != 0)
	list := make([]fields, len(some))
	for i, one := range some {
		list[i] = recentItem(one)
	}
	return reply{
		"SessionItem": list, "CompleteFlag": bit(complete),
		"TimeStamp": at[0].second, "StartIndex": at[0].index, "TopTimeStamp": at[1].second, "TopStartIndex": at[1].index,
	}, nil
}

// recentPage returns the conversations of a page, and where the next one begins: among
// all, or among those that are not pinned and those that are, which come first then.
func recentPage(all []inbox.Contacted, from [2]recentPlace, split bool) (list []inbox.Contacted, at [2]recentPlace, complete bool) {
	at = from
	for _, pinned := range []bool{true, false} {
		if pinned && !split {
			continue
		}
		k, seen := bit(pinned), map[int64]int64{}
		for _, one := range all {
			if split && one.Pinned != pinned {
				continue
			}
			if len(list) == recentAtOnce {
				return list, at, false
			}
			if at[k].passes(from[k], seen, max(one.At, recentNoTime)) {
				list = append(list, one)
			}
		}
	}
	return list, at, true
}

func recentItem(one inbox.Contacted) fields {
	item := fields{"Type": recentUser, "To_Account": one.UserID, "MsgTime": one.At, "TopFlag": bit(one.Pinned)}
	if one.GroupID != "" {
		delete(item, "To_Account")
		item["Type"], item["GroupId"] = recentGroup, one.GroupID
	}
	return item
}

// recentDelete is recentcontact/delete: {"From_Account", "Type": 1 or 2, "To_Account"
// or "ToGroupid", "ClearRamble"?: 1 also clears what was said, for that user}.
func (a *API) recentDelete(ctx context.Context, c *call) (reply, error) {
	in, err := a.peerMessages()
	if err != nil {
		return nil, err
	}
	id, err := c.body.userID("From_Account")
	if err != nil {
		return nil, err
	}
	kind, err := c.body.number("Type", recentUser, recentGroup, recentUser)
	if err != nil {
		return nil, err
	}
	var one inbox.Contacted
	if kind == recentGroup {
		group, err := c.body.text("ToGroupid", maxGroupText)
		if err != nil || group == nil || *group == "" {
			return nil, bad("ToGroupid is missing: a conversation of Type 2 is named by the ID of its group")
		}
		one.GroupID = *group
	} else if one.UserID, err = c.body.userID("To_Account"); err != nil {
		return nil, err
	}
	history, err := c.body.number("ClearRamble", 0, 1, 0)
	if err != nil {
		return nil, err
	}
	return nil, in.ForgetContact(ctx, c.user(id), one, history == 1)
}
