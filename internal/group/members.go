package group

import (
	"cmp"
	"context"
	"strconv"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

type joinParams struct {
	GroupID      string `json:"groupID"`
	ApplyMessage string `json:"applyMessage"`
	Nonce        string `json:"nonce"`
	Again        bool   `json:"again"`
}

type joinResult struct {
	Status string `json:"status"`
	Group  *Group `json:"group,omitempty"`
}

// The status in the answer to group.join, by the names of the original's constants.
const (
	statusJoined  = "JoinedSuccess"
	statusAlready = "AlreadyInGroup"
	statusWaits   = "WaitAdminApproval"
)

func join(ctx context.Context, r *Room, u place.User, p joinParams) (any, error) {
	if err := checkText("applyMessage", &p.ApplyMessage, maxNote); err != nil {
		return nil, err
	}
	if err := checkNonce(p.Nonce); err != nil {
		return nil, err
	}
	k := keyOf(u, p.GroupID)
	if p.Again {
		return r.joinAgain(ctx, k, u)
	}
	g, m, role, err := r.as(ctx, k, u)
	if err != nil {
		return nil, err
	}
	joined := func(g group, status string) (any, error) {
		m, role, err := r.role(ctx, k, g, u.UserID)
		shape := g.seen(k.id, u.UserID, m, role)
		return joinResult{status, &shape}, err
	}
	if g.Type == Live {
		return r.joinRoom(ctx, k, u, g, m, role)
	}
	if m.in(g) {
		if p.Nonce != "" && m.Nonce == p.Nonce {
			return joined(g, statusJoined)
		}
		return joined(g, statusAlready)
	}
	joins := g.Type.Joins(g.Join, role)
	if joins == Refused {
		return nil, fault.With(fault.GroupNotPermitted, "nobody joins this group but by invitation")
	}
	if err := r.hasRoom(ctx, u); err != nil {
		return nil, err
	}
	if _, err := r.before(ctx, k, g, Event{Kind: BeforeJoin, Operator: u.UserID, Users: []string{u.UserID}}); err != nil {
		return nil, err
	}
	if joins == Waits {
		return joinResult{Status: statusWaits}, r.apply(ctx, k, g, u.UserID, application{Note: p.ApplyMessage})
	}
	came := false
	g, err = r.inTurn(ctx, k, func(ctx context.Context, g group) (e effect, err error) {
		switch {
		case g.Type.Joins(g.Join, role) != AtOnce: // the option has changed meanwhile
			return e, fault.New(fault.GroupNotPermitted)
		case g.Members >= g.Most:
			return e, fault.New(fault.GroupFull)
		}
		if came, err = r.enter(ctx, k, g, u.UserID, member{Nonce: p.Nonce}); came {
			e.members = 1
			t := cameBy(u.UserID, u.UserID)
			t.asked = true
			e.told = []told{t}
		}
		return e, err
	})
	switch {
	case err != nil:
		return nil, err
	case !came:
		return joined(g, statusAlready)
	}
	return joined(g, statusJoined)
}

// cameBy says that users have come into a group: by themselves, or through an
// operator who brought or let them in.
func cameBy(operator string, users ...string) told {
	return told{joined: users, operation: tipJoined, operator: operator, users: users}
}

// mayCome refuses a user who cannot be brought into a group.
func (r *Room) mayCome(ctx context.Context, u place.User) error {
	known, err := r.o.Known(ctx, u)
	if err != nil {
		return err
	}
	if !known {
		return fault.New(fault.UnknownAccount)
	}
	return r.hasRoom(ctx, u)
}

// enter makes a user a member, in the group's turn, and reports whether they have
// become one: false if they were a member already.
func (r *Room) enter(ctx context.Context, k key, g group, userID string, m member) (came bool, err error) {
	now := r.now()
	if _, err := change(ctx, r, k.joinedSubject(userID), func(j *joined) (bool, error) {
		*j = joined{g.Born, now.UnixMilli()}
		return true, nil
	}); err != nil {
		return false, err
	}
	m.Born, m.Joined = g.Born, cmp.Or(m.Joined, now.Unix())
	_, err = change(ctx, r, k.memberSubject(userID), func(have *member) (bool, error) {
		if have.in(g) { // already, or by an earlier attempt of this call
			return false, nil
		}
		*have, came = m, true
		return true, nil
	})
	if came {
		r.groupCounts.add(k.user(userID), 1)
	}
	return came, err
}

// leave ends a user's membership, in the group's turn, and reports whether they
// were a member.
func (r *Room) leave(ctx context.Context, k key, g group, userID, by string) (left bool, err error) {
	_, err = change(ctx, r, k.memberSubject(userID), func(m *member) (bool, error) {
		if !m.in(g) {
			return false, nil
		}
		m.Left, m.LeftBy, left = r.now().UnixMilli(), by, true
		return true, nil
	})
	if err != nil {
		return left, err
	}
	if left {
		r.groupCounts.add(k.user(userID), -1)
	}
	_, rev, err := get[joined](ctx, r, k.joinedSubject(userID))
	if err == nil && rev != 0 {
		err = r.log.Remove(ctx, k.joinedSubject(userID), rev)
	}
	return left, err
}

func quit(ctx context.Context, r *Room, u place.User, p groupParams) (any, error) {
	k := keyOf(u, p.GroupID)
	g, m, role, err := r.as(ctx, k, u)
	if err != nil {
		return nil, err
	}
	if g.Type == Live {
		return groupIDNote(p), r.quitRoom(ctx, k, g, u)
	}
	if !m.in(g) {
		if m.Born == g.Born && m.LeftBy == u.UserID && r.now().UnixMilli()-m.Left < repeatedWithin {
			return groupIDNote(p), nil // the repetition of a call
		}
		return nil, fault.With(fault.GroupNotPermitted, "this user is no member of the group")
	}
	if err := mayQuit(g, u.UserID, role); err != nil {
		return nil, err
	}
	return groupIDNote(p), r.quit(ctx, k, u.UserID)
}

func mayQuit(g group, userID string, role Role) error {
	if g.Owner != userID {
		return nil
	}
	return g.Type.May(Quit, min(role, Owner), Stranger)
}

// quit takes a member out of a group; a group without members left ends.
func (r *Room) quit(ctx context.Context, k key, userID string) error {
	g, err := r.inTurn(ctx, k, func(ctx context.Context, g group) (e effect, err error) {
		if err := mayQuit(g, userID, Owner); err != nil { // they have become its owner meanwhile
			return e, err
		}
		left, err := r.leave(ctx, k, g, userID, userID)
		if left {
			e.members = -1
			e.told = []told{hasQuit(userID)}
		}
		e.set = func(g *group) {
			if g.Owner == userID {
				g.Owner = ""
				g.raise(r.now().Unix())
			}
			r.endIfEmpty(g, userID)
		}
		return e, err
	})
	if err == nil {
		r.notify(ctx, k, g, "", notice{OperatorID: userID, OperationType: noticeQuit}, userID)
	}
	return err
}

func hasQuit(userID string) told {
	return told{left: []string{userID}, operation: tipQuit, operator: userID, users: []string{userID}}
}

type kickResult struct {
	UserIDs []string `json:"userIDs"`
	Group   Group    `json:"group"`
}

func kick(ctx context.Context, r *Room, u place.User, p usersParams) (any, error) {
	ids, err := checkUsers(p.UserIDs, mostOf(ctx, maxKicked))
	if err == nil {
		err = checkText("reason", &p.Reason, maxNote)
	}
	if err != nil {
		return nil, err
	}
	k := keyOf(u, p.GroupID)
	g, m, role, err := r.as(ctx, k, u)
	if err == nil && g.Type == Live {
		if err = r.ban(ctx, k, u, g, role, ids, p.Duration, p.Reason); err == nil {
			return kickResult{ids, r.counted(k, g).seen(k.id, u.UserID, m, role)}, nil
		}
	}
	if err == nil {
		err = g.Type.May(Kick, role, Stranger)
	}
	if err != nil {
		return nil, err
	}
	out := kickResult{UserIDs: ids}
	var going []string
	g, err = r.inTurn(ctx, k, func(ctx context.Context, g group) (e effect, err error) {
		if _, role, err = r.role(ctx, k, g, u.UserID); err != nil {
			return e, err
		}
		have, err := r.membersNamed(ctx, k, ids)
		if err != nil {
			return e, err
		}
		for i, id := range ids {
			if target := have[i].role(g, id); target > Stranger {
				if err := g.Type.May(Kick, role, target); err != nil {
					return e, fault.With(fault.GroupNotPermitted, id+" cannot be removed by this user")
				}
				going = append(going, id)
			}
		}
		if e.members = -len(going); len(going) > 0 {
			e.told = []told{{left: going, operation: tipKicked, operator: u.UserID, users: going, silent: p.silently(ctx)}}
		}
		return e, bus.Spread(len(going), func(i int) error {
			_, err := r.leave(ctx, k, g, going[i], u.UserID)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	if !p.silently(ctx) {
		r.notify(ctx, k, g, "", notice{OperatorID: u.UserID, OperationType: noticeKicked, HandleMessage: p.Reason}, going...)
	}
	out.Group = g.seen(k.id, u.UserID, m, role)
	return out, nil
}

type memberResult struct {
	Group  Group       `json:"group"`
	Member GroupMember `json:"member"`
}

// setMember changes a member's document, but not their membership, so it needs no
// turn. check refuses what the actor may not do to the target. then, which may be
// nil, is called if something has changed.
func (r *Room) setMember(ctx context.Context, u place.User, groupID, userID string, check func(g group, actor, target Role) error, set func(m *member) error, then func(ctx context.Context, k key, g group)) (any, error) {
	if userID == "" {
		userID = u.UserID
	}
	if !frame.ValidUserID(userID) {
		return nil, fault.With(fault.GroupBadParameters, "no UserID: "+strconv.Quote(userID))
	}
	k := keyOf(u, groupID)
	g, self, role, err := r.as(ctx, k, u)
	if err != nil {
		return nil, err
	}
	if role == Stranger {
		return nil, fault.With(fault.GroupNotPermitted, "this user is no member of the group")
	}
	if g.Type == Live {
		_, rev, err := get[member](ctx, r, k.memberSubject(userID))
		if err == nil && rev == 0 {
			err = r.mayHold(ctx, k, 1)
		}
		if err != nil {
			return nil, err
		}
	}
	var changed *MemberChange
	m, err := change(ctx, r, k.memberSubject(userID), func(m *member) (bool, error) {
		target := m.role(g, userID)
		if g.Type == Live {
			target, *m = targetIn(g, userID), m.stored(g)
		}
		if target == Stranger {
			return false, fault.With(fault.GroupBadParameters, strconv.Quote(userID)+" is no member of the group")
		}
		if err := check(g, role, target); err != nil {
			return false, err
		}
		was := *m
		err := set(m)
		is := was.changedTo(*m)
		if is != nil {
			changed = is
		}
		return is != nil, err
	})
	if err != nil {
		return nil, err
	}
	if changed != nil {
		if then != nil {
			then(ctx, k, g)
		}
		r.after(ctx, k, g, Event{Kind: AfterMemberChange, Key: r.random(), Operator: u.UserID, Users: []string{userID}, Member: changed})
	}
	if userID == u.UserID {
		self = m
	}
	list, err := r.shapes(ctx, k, g, []entry{{userID: userID, member: m}})
	if err != nil {
		return nil, err
	}
	return memberResult{g.seen(k.id, u.UserID, self, role), list[0]}, nil
}

// shapes returns members as other users see them.
func (r *Room) shapes(ctx context.Context, k key, g group, list []entry) ([]GroupMember, error) {
	ids := make([]string, len(list))
	for i, e := range list {
		ids[i] = e.userID
	}
	people, err := r.o.Profiles(ctx, k.app, ids)
	if err != nil {
		return nil, err
	}
	out := make([]GroupMember, len(list))
	for i, e := range list {
		out[i] = GroupMember{*e.self(g, e.userID), people[i].Nick, people[i].Avatar}
	}
	return out, nil
}
