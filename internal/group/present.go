package group

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/live"
)

// newestPage lists the members of a live room on all gateways, the newest first.
// offset is a number.
func (r *Room) newestPage(ctx context.Context, k key, g group, p membersParams) (any, error) {
	from, err := strconv.Atoi(p.Offset)
	if p.Offset == "" {
		from, err = 0, nil
	}
	if err != nil || from < 0 {
		return nil, fault.With(fault.GroupBadParameters, "offset must be that of the page before, or empty")
	}
	from = min(from, live.MaxNewest) // there is nothing behind it
	var all []live.Member
	if r.o.Live != nil {
		if all, err = r.o.Live.Newest(ctx, k.room(), from+p.Count+1); err != nil {
			return nil, err
		}
	}
	more := len(all) > from+p.Count
	all = all[min(from, len(all)):min(from+p.Count, len(all))]
	list, err := r.presentEntries(ctx, k, g, all)
	if err != nil {
		return nil, err
	}
	out := membersResult{}
	if out.MemberList, err = r.shapes(ctx, k, g, list); err != nil {
		return nil, err
	}
	n := fitting(out.MemberList, r.o.Frame)
	if out.MemberList = out.MemberList[:n]; more || n < len(list) {
		out.Offset = strconv.Itoa(from + n)
	}
	return out, nil
}

// presentEntries returns members who are in a live room now.
func (r *Room) presentEntries(ctx context.Context, k key, g group, all []live.Member) ([]entry, error) {
	ids := make([]string, len(all))
	for i, m := range all {
		ids[i] = m.UserID
	}
	have, err := r.membersNamed(ctx, k, ids)
	if err != nil {
		return nil, err
	}
	list := make([]entry, len(all))
	for i, one := range all {
		m := have[i].stored(g)
		m.Left, m.Joined = 0, one.Since.Unix()
		list[i] = entry{userID: one.UserID, member: m}
	}
	return list, nil
}

// presentProfiles is memberProfiles for a live room: of those users who are in it
// with a session on this gateway, or are among the newest on others.
func (r *Room) presentProfiles(ctx context.Context, k key, g group, ids []string) (any, error) {
	var here []live.Member
	var absent []string
	for _, id := range ids {
		if m := r.asPresent(k, g, id, member{}); m.in(g) {
			here = append(here, live.Member{UserID: id, Since: time.Unix(m.Joined, 0)})
		} else {
			absent = append(absent, id)
		}
	}
	if len(absent) > 0 && r.o.Live != nil {
		newest, err := r.o.Live.Newest(ctx, k.room(), live.MaxNewest)
		if err != nil {
			return nil, err
		}
		for _, m := range newest {
			if slices.Contains(absent, m.UserID) {
				here = append(here, m)
			}
		}
	}
	list, err := r.presentEntries(ctx, k, g, here)
	if err != nil {
		return nil, err
	}
	shapes, err := r.shapes(ctx, k, g, list)
	if err != nil {
		return nil, err
	}
	return memberListResult{shapes[:fitting(shapes, r.o.Frame)]}, nil
}
