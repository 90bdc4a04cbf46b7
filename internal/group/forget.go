package group

import (
	"context"
	"errors"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// Forget takes a user whose account is deleted out of their groups. A group that
// they own goes to its longest-standing administrator, or member if it has no
// administrator; a group without other members ends. Forget may be called again
// after an error. Errors are *fault.Error.
func (r *Room) Forget(ctx context.Context, u place.User) error {
	for from := ""; ; {
		groups, next, err := r.groupsOf(ctx, u, from)
		for _, one := range groups {
			if err == nil {
				err = r.forget(ctx, one.key, u.UserID)
			}
		}
		if err != nil {
			return r.failed("forgetting an account", err)
		}
		if from = next; from == "" {
			break
		}
	}
	if err := r.forgetOwned(ctx, u); err != nil {
		return r.failed("forgetting an account", err)
	}
	return nil
}

// forget hands a group on and takes its owner out in one turn, so that the heir
// cannot leave in between.
func (r *Room) forget(ctx context.Context, k key, userID string) error {
	_, err := r.inTurn(ctx, k, func(ctx context.Context, g group) (e effect, err error) {
		var next string
		if g.Owner == userID && g.Type != Work {
			all, err := r.members(ctx, k, g, 0, classes)
			if err != nil {
				return e, err
			}
			others := all[:0]
			for _, one := range all {
				if one.userID != userID {
					others = append(others, one)
				}
			}
			next = heir(g, others)
		}
		left, err := r.leave(ctx, k, g, userID, userID)
		if left {
			e.members = -1
			e.told = []told{hasQuit(userID)}
			if next != "" {
				e.told = append(e.told, ownedBy(userID, next))
			}
		}
		e.set = func(g *group) {
			if g.Owner == userID {
				g.Owner = next
				g.raise(r.now().Unix())
			}
			r.endIfEmpty(g, userID)
		}
		return e, err
	})
	if errors.Is(err, fault.New(fault.NoSuchGroup)) {
		return nil
	}
	return err
}

// endIfEmpty ends a group that has no members left.
func (r *Room) endIfEmpty(g *group, by string) {
	if g.Members == 0 {
		g.Gone = &gone{By: by, At: r.now().UnixMilli()}
	}
}
