package group

import (
	"context"
	"slices"
	"strconv"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

type groupsParams struct {
	GroupIDs []string `json:"groupIDs"`
}

type failure struct {
	GroupID string     `json:"groupID"`
	Code    fault.Code `json:"code"`
	Message string     `json:"message"`
}

type profilesResult struct {
	Groups   []Group   `json:"groups"`
	Failures []failure `json:"failures,omitempty"`
}

func profiles(ctx context.Context, r *Room, u place.User, p groupsParams) (any, error) {
	if len(p.GroupIDs) == 0 || len(p.GroupIDs) > maxGroups {
		return nil, fault.With(fault.GroupBadParameters, "name 1 to "+strconv.Itoa(maxGroups)+" groups")
	}
	subjects := make([]string, 0, 2*len(p.GroupIDs))
	for _, id := range p.GroupIDs {
		if !validGroupID(id) {
			return nil, fault.With(fault.BadGroupID, strconv.Quote(id))
		}
		k := keyOf(u, id)
		subjects = append(subjects, k.profileSubject(), k.memberSubject(u.UserID))
	}
	values, err := r.log.LastAll(ctx, subjects)
	if err != nil {
		return nil, err
	}
	out, size := profilesResult{Groups: []Group{}}, 0
	for i, id := range p.GroupIDs {
		one, err := r.seenBy(u, id, values[2*i], values[2*i+1])
		if err != nil && !isRefusal(err) {
			return nil, err
		}
		if err != nil {
			f := bus.Fault(err)
			out.Failures = append(out.Failures, failure{id, f.Code, f.Message})
			continue
		}
		if size += len(encode(one)) + 1; size > r.o.Frame && len(out.Groups) > 0 {
			break
		}
		out.Groups = append(out.Groups, one)
	}
	return out, nil
}

// seenBy returns a group as a user sees it, whether or not they are a member.
func (r *Room) seenBy(u place.User, id string, profile, membership bus.Value) (Group, error) {
	g, err := decode[group](profile.Data)
	if err != nil {
		return Group{}, err
	}
	m, err := decode[member](membership.Data)
	if err != nil {
		return Group{}, err
	}
	if !g.there() {
		return Group{}, fault.New(fault.NoSuchGroup)
	}
	k := keyOf(u, id)
	g, m = r.counted(k, g), r.asPresent(k, g, u.UserID, m)
	role := r.roleOf(g, u.UserID, m)
	if role == Stranger {
		if err := g.Type.May(Search, role, Stranger); err != nil {
			return Group{}, err
		}
	}
	return g.seen(id, u.UserID, m, role), nil
}

func search(ctx context.Context, r *Room, u place.User, p groupParams) (any, error) {
	g, m, role, err := r.may(ctx, keyOf(u, p.GroupID), u, Search)
	if err != nil {
		return nil, err
	}
	return groupResult{g.seen(p.GroupID, u.UserID, m, role)}, nil
}

type updateParams struct {
	GroupID          string  `json:"groupID"`
	Name             *string `json:"name"`
	Avatar           *string `json:"avatar"`
	Introduction     *string `json:"introduction"`
	Notification     *string `json:"notification"`
	JoinOption       Option  `json:"joinOption"`
	InviteOption     Option  `json:"inviteOption"`
	MuteAllMembers   *bool   `json:"muteAllMembers"`
	GroupCustomField []Field `json:"groupCustomField"`
	// MaxMemberNum is of the server API only; 0: it stays.
	MaxMemberNum int `json:"maxMemberNum"`
}

func (p updateParams) check() error {
	if p.Name != nil && *p.Name == "" {
		return fault.With(fault.GroupBadParameters, "name must not be empty")
	}
	for _, c := range []struct {
		name string
		text *string
		most int
	}{
		{"name", p.Name, maxName}, {"introduction", p.Introduction, maxIntroduction},
		{"notification", p.Notification, maxNotification}, {"avatar", p.Avatar, maxAvatar},
	} {
		if err := checkText(c.name, c.text, c.most); err != nil {
			return err
		}
	}
	return nil
}

// apply changes a group, if a user of the actor's role may.
func (p updateParams) apply(g *group, actor Role) (err error) {
	if err := g.Type.May(Update, actor, Stranger); err != nil {
		return err
	}
	if p.MuteAllMembers != nil {
		if err := g.Type.May(MuteAll, actor, Stranger); err != nil {
			return err
		}
		g.MuteAll = *p.MuteAllMembers
	}
	for _, f := range []struct{ to, from *string }{
		{&g.Name, p.Name}, {&g.Avatar, p.Avatar}, {&g.Introduction, p.Introduction}, {&g.Notification, p.Notification},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if p.JoinOption != "" {
		if g.Join, err = g.Type.joinOption(p.JoinOption); err != nil {
			return err
		}
	}
	if p.InviteOption != "" {
		if g.Invite, err = g.Type.inviteOption(p.InviteOption); err != nil {
			return err
		}
	}
	if err := g.holds(p.MaxMemberNum); err != nil {
		return err
	}
	g.Custom, err = merged(g.Custom, p.GroupCustomField, maxGroupFields, "groupCustomField")
	return err
}

// holds sets how many members a group may have; 0: as many as it may have now. A live
// room has no limit.
func (g *group) holds(most int) error {
	rules := table[g.Type]
	switch {
	case most == 0 || g.Type == Live:
	case most < 1 || most > rules.most:
		return fault.With(fault.GroupBadParameters, "maxMemberNum must be between 1 and "+strconv.Itoa(rules.most))
	default:
		g.Most = most
	}
	return nil
}

func update(ctx context.Context, r *Room, u place.User, p updateParams) (any, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if ctx.Value(serverCall{}) == nil {
		p.MaxMemberNum = 0
	}
	k := keyOf(u, p.GroupID)
	g, m, role, err := r.as(ctx, k, u)
	if err != nil {
		return nil, err
	}
	var changed *newProfile
	g, err = change(ctx, r, k.profileSubject(), func(now *group) (bool, error) {
		if !now.there() || now.Born != g.Born {
			return false, fault.New(fault.NoSuchGroup)
		}
		was := *now
		was.Custom = slices.Clone(now.Custom)
		if err := p.apply(now, role); err != nil {
			return false, err
		}
		changed = was.changedTo(*now)
		if changed == nil && was.Most == now.Most {
			return false, nil
		}
		now.raise(r.now().Unix())
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	if changed != nil {
		r.tellLate(ctx, k, g, told{operation: tipProfile, operator: u.UserID, profile: changed})
	}
	return groupResult{r.counted(k, g).seen(k.id, u.UserID, m, role)}, nil
}

type ownerParams struct {
	GroupID    string `json:"groupID"`
	NewOwnerID string `json:"newOwnerID"`
}

func transfer(ctx context.Context, r *Room, u place.User, p ownerParams) (any, error) {
	ids, err := checkUsers([]string{p.NewOwnerID}, 1)
	if err != nil {
		return nil, err
	}
	k := keyOf(u, p.GroupID)
	g, m, role, err := r.as(ctx, k, u)
	if err != nil {
		return nil, err
	}
	if g.Owner == ids[0] && role >= Member { // the repetition of a call, or nothing to do
		return groupResult{g.seen(k.id, u.UserID, m, role)}, nil
	}
	if err := g.Type.May(Transfer, role, Stranger); err != nil {
		return nil, err
	}
	g, err = r.handOn(ctx, k, u.UserID, ids[0], func(g group) error {
		_, role, err := r.role(ctx, k, g, u.UserID)
		if err != nil {
			return err
		}
		return g.Type.May(Transfer, role, Stranger)
	})
	if err != nil {
		return nil, err
	}
	m, role, err = r.role(ctx, k, g, u.UserID)
	return groupResult{g.seen(k.id, u.UserID, m, role)}, err
}

// handOn makes a member the owner. It does so in the group's turn, so that they
// cannot leave meanwhile. The previous owner becomes a plain member: their own
// document is changed first, since it does not count while they own the group.
func (r *Room) handOn(ctx context.Context, k key, by, to string, may func(g group) error) (group, error) {
	return r.inTurn(ctx, k, func(ctx context.Context, g group) (effect, error) {
		if err := may(g); err != nil {
			return effect{}, err
		}
		m, _, err := get[member](ctx, r, k.memberSubject(to))
		if err != nil {
			return effect{}, err
		}
		if !m.in(g) {
			return effect{}, fault.With(fault.GroupBadParameters, strconv.Quote(to)+" is no member of the group")
		}
		if g.Owner != "" {
			_, err = change(ctx, r, k.memberSubject(g.Owner), func(m *member) (bool, error) {
				was := m.Admin
				m.Admin = false
				return was && m.in(g), nil
			})
		}
		return effect{
			set: func(g *group) {
				g.Owner = to
				g.raise(r.now().Unix())
			},
			told: []told{ownedBy(by, to)},
		}, err
	})
}

func ownedBy(operator, owner string) told {
	return told{operation: tipProfile, operator: operator, users: []string{owner}, profile: &newProfile{OwnerID: owner}}
}
