package group

import (
	"context"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

type usersParams struct {
	GroupID string   `json:"groupID"`
	UserIDs []string `json:"userIDs"`
	Nonce   string   `json:"nonce"`
	// Of group.kick: Duration, in s, of live rooms only.
	Reason   string `json:"reason"`
	Duration int64  `json:"duration"`
	// Silent keeps members from being told; of the server API only.
	Silent bool `json:"silent"`
}

// silently reports whether nobody is to be told of a call.
func (p usersParams) silently(ctx context.Context) bool {
	return p.Silent && ctx.Value(serverCall{}) != nil
}

type inviteResult struct {
	Success   []string `json:"successUserIDList"`
	Failure   []string `json:"failureUserIDList"`
	Existed   []string `json:"existedUserIDList"`
	OverLimit []string `json:"overLimitUserIDList"`
	Waiting   []string `json:"waitingUserIDList"`
	Group     Group    `json:"group"`
}

func invite(ctx context.Context, r *Room, u place.User, p usersParams) (any, error) {
	ids, err := checkUsers(p.UserIDs, mostOf(ctx, maxInvited))
	if err != nil {
		return nil, err
	}
	if err := checkNonce(p.Nonce); err != nil {
		return nil, err
	}
	k := keyOf(u, p.GroupID)
	g, m, role, err := r.as(ctx, k, u)
	if err != nil {
		return nil, err
	}
	out := inviteResult{[]string{}, []string{}, []string{}, []string{}, []string{}, Group{}}
	invites := g.Type.Invites(g.Invite, role)
	if invites == Refused {
		return nil, fault.With(fault.GroupNotPermitted, "nobody may invite into this group")
	}
	ids, refused, err := r.beforeInvite(ctx, k, g, u, ids)
	if err != nil {
		return nil, err
	}
	var came []string
	switch {
	case len(ids) == 0:
	case invites == Waits:
		err = r.inviteLater(ctx, k, g, u, ids, &out)
	default:
		g, err = r.inTurn(ctx, k, func(ctx context.Context, g group) (effect, error) {
			_, role, err := r.role(ctx, k, g, u.UserID)
			if err == nil && g.Type.Invites(g.Invite, role) != AtOnce { // it has changed meanwhile
				err = fault.New(fault.GroupNotPermitted)
			}
			if err != nil {
				return effect{}, err
			}
			m := member{By: u.UserID, Nonce: p.Nonce}
			e, err := r.bring(ctx, k, g, ids, m, func(string) member { return m }, &out)
			for i := range e.told {
				came, e.told[i].silent = e.told[i].joined, p.silently(ctx)
			}
			return e, err
		})
	}
	if err != nil {
		return nil, err
	}
	out.Failure = append(out.Failure, refused...)
	if !p.silently(ctx) {
		r.notify(ctx, k, g, "", notice{OperatorID: u.UserID, OperationType: noticeInvited}, came...)
	}
	out.Group = g.seen(k.id, u.UserID, m, role)
	return out, nil
}

// fate is what becomes of one user of an invitation.
type fate int

const (
	succeeded fate = iota
	existed
	failed
	overLimit
	waiting
)

// add enters the fates of users in the order in which they were named.
func (v *inviteResult) add(ids []string, fates []fate) {
	for i, id := range ids {
		list := [...]*[]string{&v.Success, &v.Existed, &v.Failure, &v.OverLimit, &v.Waiting}[fates[i]]
		*list = append(*list, id)
	}
}

// canCome returns the fate of each user: whether they are a member already, cannot
// come, or may be brought in.
func (r *Room) canCome(ctx context.Context, k key, g group, ids []string, m member) ([]fate, error) {
	have, err := r.membersNamed(ctx, k, ids)
	if err != nil {
		return nil, err
	}
	fates := make([]fate, len(ids))
	return fates, bus.Spread(len(ids), func(i int) error {
		switch h := have[i]; {
		case h.in(g) && m.Nonce != "" && h.Nonce == m.Nonce && h.By == m.By: // the repetition of a call
			fates[i] = succeeded
			return nil
		case h.in(g):
			fates[i] = existed
			return nil
		}
		fates[i] = waiting // they may come
		switch err := r.mayCome(ctx, k.user(ids[i])); {
		case err == nil:
		case !isRefusal(err):
			return err
		case bus.Fault(err).Code == fault.TooManyGroups:
			fates[i] = overLimit
		default:
			fates[i] = failed
		}
		return nil
	})
}

// bring makes users members, in the group's turn. by says who lets them in; as returns
// the document of each.
func (r *Room) bring(ctx context.Context, k key, g group, ids []string, by member, as func(userID string) member, out *inviteResult) (effect, error) {
	fates, err := r.canCome(ctx, k, g, ids, by)
	if err != nil {
		return effect{}, err
	}
	var coming []int
	full := false
	for i, f := range fates {
		switch {
		case f != waiting:
		case g.Members+len(coming) < g.Most:
			coming = append(coming, i)
		default:
			fates[i], full = failed, true
		}
	}
	if full && len(coming) == 0 && by.By != "" { // of an import, each user's fate is said
		return effect{}, fault.New(fault.GroupFull)
	}
	err = bus.Spread(len(coming), func(n int) error {
		fates[coming[n]] = succeeded
		_, err := r.enter(ctx, k, g, ids[coming[n]], as(ids[coming[n]]))
		return err
	})
	out.add(ids, fates)
	e := effect{members: len(coming)}
	if len(coming) > 0 {
		come := make([]string, len(coming))
		for n, i := range coming {
			come[n] = ids[i]
		}
		e.told = []told{cameBy(by.By, come...)}
	}
	return e, err
}

// inviteLater stores invitations that wait for a manager.
func (r *Room) inviteLater(ctx context.Context, k key, g group, u place.User, ids []string, out *inviteResult) error {
	fates, err := r.canCome(ctx, k, g, ids, member{})
	if err != nil {
		return err
	}
	for i, f := range fates {
		if f == waiting {
			if err := r.apply(ctx, k, g, ids[i], application{Inviter: u.UserID}); err != nil {
				return err
			}
		}
	}
	out.add(ids, fates)
	return nil
}
