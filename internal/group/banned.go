package group

import (
	"cmp"
	"context"
	"slices"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// Banned is a user who may not come into a live room.
type Banned struct {
	UserID string
	Until  int64 // Unix seconds
}

// Ban removes users from a live room, who cannot come back for some seconds, in the
// name of its owner or of an administrator of the app, and tells them why ("": without
// a reason). Errors are *fault.Error.
func (r *Room) Ban(ctx context.Context, u place.User, groupID string, userIDs []string, seconds int64, why string) error {
	ids, err := checkUsers(userIDs, maxKicked)
	if err != nil {
		return err
	}
	k := keyOf(u, groupID)
	g, role, err := r.mayBan(ctx, k, u)
	if err == nil {
		err = r.ban(ctx, k, u, g, role, ids, seconds, why)
	}
	if err != nil {
		return r.failed("banning users", err)
	}
	return nil
}

// Unban lets users come back into a live room before their bans end, in the name of
// its owner or of an administrator of the app. The room is told of those who were
// banned. Errors are *fault.Error.
func (r *Room) Unban(ctx context.Context, u place.User, groupID string, userIDs []string) error {
	if err := r.unban(ctx, u, groupID, userIDs); err != nil {
		return r.failed("ending bans", err)
	}
	return nil
}

func (r *Room) unban(ctx context.Context, u place.User, groupID string, userIDs []string) error {
	ids, err := checkUsers(userIDs, maxKicked)
	if err != nil {
		return err
	}
	k := keyOf(u, groupID)
	g, _, err := r.mayBan(ctx, k, u)
	if err != nil {
		return err
	}
	now, ended := r.now().Unix(), make([]bool, len(ids))
	err = bus.Spread(len(ids), func(i int) error {
		_, err := change(ctx, r, k.memberSubject(ids[i]), func(m *member) (bool, error) {
			ended[i] = m.Born == g.Born && m.Ban > now
			m.Ban, m.Why = 0, ""
			return ended[i], nil
		})
		return err
	})
	var users []string
	for i, id := range ids {
		if ended[i] {
			users = append(users, id)
		}
	}
	if err == nil && len(users) > 0 {
		r.tellLate(ctx, k, g, told{operation: tipUnbanned, operator: u.UserID, users: users})
	}
	return err
}

// Bans returns who is banned from a live room, sorted by UserID, to its owner or an
// administrator of the app. Errors are *fault.Error.
func (r *Room) Bans(ctx context.Context, u place.User, groupID string) ([]Banned, error) {
	out, err := r.bans(ctx, u, groupID)
	if err != nil {
		return nil, r.failed("a list of bans", err)
	}
	return out, nil
}

func (r *Room) bans(ctx context.Context, u place.User, groupID string) ([]Banned, error) {
	k := keyOf(u, groupID)
	g, _, err := r.mayBan(ctx, k, u)
	if err != nil {
		return nil, err
	}
	values, err := r.under(ctx, k.memberPattern(classes))
	if err != nil {
		return nil, err
	}
	now, out := r.now().Unix(), []Banned{}
	for _, v := range values {
		p, err := parse(v.Subject)
		if err != nil {
			return nil, err
		}
		m, err := decode[member](v.Data)
		if err != nil {
			return nil, err
		}
		if m.Born == g.Born && m.Ban > now {
			out = append(out, Banned{p.userID, m.Ban})
		}
	}
	slices.SortFunc(out, func(a, b Banned) int { return cmp.Compare(a.UserID, b.UserID) })
	return out, nil
}

// mayBan returns a live room, and the role of a user who may ban others from it.
func (r *Room) mayBan(ctx context.Context, k key, u place.User) (group, Role, error) {
	g, _, role, err := r.as(ctx, k, u)
	switch {
	case err != nil:
		return g, role, err
	case g.Type != Live:
		return g, role, fault.With(fault.GroupNotPermitted, "only live rooms (type AVChatRoom) have bans: remove members of other groups")
	}
	return g, role, g.Type.May(Ban, role, Stranger)
}
