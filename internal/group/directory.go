package group

import (
	"context"
	"errors"
	"strconv"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// How many documents one call of Directory looks at, and how many it reads at once.
const (
	maxLooked    = 5000
	lookedAtOnce = 500
)

// Directory returns groups of an app that keep accepts, at most limit of them, and
// a cursor for the next page, "" at the end. They are in the order of their last
// change: a group that changes meanwhile may come twice, and no other is missed. A
// page may be empty before the end, since one call looks at a limited number of
// groups. Members are not asked for; whoever calls must be allowed to see all
// groups. Errors are *fault.Error.
func (r *Room) Directory(ctx context.Context, app uint32, cursor string, limit int, keep func(Group) bool) ([]Group, string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	page, next, err := r.directory(ctx, app, cursor, limit, maxLooked, keep)
	if err != nil {
		return nil, "", r.failed("listing groups", err)
	}
	return page, next, nil
}

// directory is Directory that looks at about most documents.
func (r *Room) directory(ctx context.Context, app uint32, cursor string, limit, most int, keep func(Group) bool) ([]Group, string, error) {
	from, err := bus.Cursor(cursor)
	if err != nil {
		return nil, "", err
	}
	page := []Group{}
	for looked := 0; looked < most; {
		values, err := r.bus.Batch(ctx, bus.StreamGroups, subject(app, kindProfile, "*"), from, min(lookedAtOnce, most))
		if err != nil && !errors.Is(err, bus.ErrNoValue) {
			return nil, "", err
		}
		if len(values) == 0 {
			return page, "", nil
		}
		for _, v := range values {
			from = v.Seq
			if len(page) == limit {
				return page, strconv.FormatUint(from, 10), nil
			}
			from++
			looked++
			p, err := parse(v.Subject)
			g, bad := decode[group](v.Data)
			if err := errors.Join(err, bad); err != nil { // the others are to be found nevertheless
				r.report("listing "+v.Subject, err)
				continue
			}
			if shape := r.counted(p.key, g).shape(p.key.id, true); g.there() && keep(shape) {
				page = append(page, shape)
			}
		}
	}
	return page, strconv.FormatUint(from, 10), nil
}

// Joined returns how many groups a user has an entry for: those that they are in,
// and perhaps some that were dismissed a moment ago.
func (r *Room) Joined(ctx context.Context, u place.User) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	n, err := r.log.Count(ctx, joinedPattern(u))
	if err != nil {
		return 0, r.failed("counting groups", err)
	}
	return n, nil
}
