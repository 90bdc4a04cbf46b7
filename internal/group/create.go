package group

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"strconv"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

type createParams struct {
	Nonce            string      `json:"nonce"`
	GroupID          string      `json:"groupID"`
	Type             Type        `json:"type"`
	Name             string      `json:"name"`
	Introduction     string      `json:"introduction"`
	Notification     string      `json:"notification"`
	Avatar           string      `json:"avatar"`
	MaxMemberNum     int         `json:"maxMemberNum"`
	JoinOption       Option      `json:"joinOption"`
	InviteOption     Option      `json:"inviteOption"`
	GroupCustomField []Field     `json:"groupCustomField"`
	IsSupportTopic   bool        `json:"isSupportTopic"`
	MemberList       []newMember `json:"memberList"`
	More             bool        `json:"more"` // these first members, too, of the group that a call before has made
}

type newMember struct {
	UserID            string  `json:"userID"`
	Role              string  `json:"role"`
	MemberCustomField []Field `json:"memberCustomField"`
}

type createResult struct {
	Group             Group    `json:"group"`
	FailureUserIDList []string `json:"failureUserIDList,omitempty"`
}

// check returns the group that the call asks for, and its first members, most at most.
func (p createParams) check(most int) (g group, firsts []newMember, err error) {
	if p.Type == "" {
		p.Type = Work
	}
	rules, ok := table[p.Type]
	switch {
	case !ok:
		return g, nil, fault.With(fault.GroupBadParameters, "type must be Private, Public, ChatRoom, Community or AVChatRoom")
	case p.Type == Live && len(p.MemberList) > 0:
		return g, nil, nobodyIsBrought()
	case p.IsSupportTopic && p.Type != Community:
		return g, nil, fault.With(fault.GroupBadParameters, "only a community has topics")
	case p.Name == "":
		return g, nil, fault.With(fault.GroupBadParameters, "name is missing")
	}
	if p.GroupID != "" {
		if err := checkGroupID(p.GroupID, p.Type); err != nil {
			return g, nil, err
		}
	}
	for _, c := range []struct {
		name string
		text *string
		most int
	}{
		{"name", &p.Name, maxName}, {"introduction", &p.Introduction, maxIntroduction},
		{"notification", &p.Notification, maxNotification}, {"avatar", &p.Avatar, maxAvatar},
	} {
		if err := checkText(c.name, c.text, c.most); err != nil {
			return g, nil, err
		}
	}
	g = group{Type: p.Type, Name: p.Name, Introduction: p.Introduction, Notification: p.Notification, Avatar: p.Avatar, Most: rules.members, Topics: p.IsSupportTopic}
	if err := g.holds(p.MaxMemberNum); err != nil {
		return g, nil, err
	}
	if g.Join, err = p.Type.joinOption(p.JoinOption); err != nil {
		return g, nil, err
	}
	if g.Invite, err = p.Type.inviteOption(p.InviteOption); err != nil {
		return g, nil, err
	}
	if g.Custom, err = merged(nil, p.GroupCustomField, maxGroupFields, "groupCustomField"); err != nil {
		return g, nil, err
	}
	firsts, err = checkFirsts(p.MemberList, rules, most)
	return g, firsts, err
}

func checkFirsts(list []newMember, rules rules, most int) ([]newMember, error) {
	if len(list) > most {
		return nil, fault.With(fault.GroupBadParameters, "memberList holds "+strconv.Itoa(most)+" members at most")
	}
	var out []newMember
	for _, m := range list {
		switch {
		case !frame.ValidUserID(m.UserID):
			return nil, fault.With(fault.GroupBadParameters, "no UserID in memberList: "+strconv.Quote(m.UserID))
		case m.Role != "" && m.Role != Member.String() && m.Role != Admin.String():
			return nil, fault.With(fault.GroupBadParameters, "a role in memberList must be Admin or left out")
		case m.Role == Admin.String() && !rules.admins:
			return nil, fault.With(fault.GroupNotPermitted, "a group of this type has no administrators")
		case slices.ContainsFunc(out, func(o newMember) bool { return o.UserID == m.UserID }):
			continue
		}
		var err error
		if m.MemberCustomField, err = merged(nil, m.MemberCustomField, maxMemberFields, "memberCustomField"); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// id returns the ID of a new group: the one asked for, or one that the gateway
// makes. The repetition of a call gets the same ID.
func (p createParams) id(u place.User, t Type) string {
	switch {
	case p.GroupID != "":
		return p.GroupID
	case p.Nonce == "":
		return madeGroupID(t, drawn())
	}
	hash := sha256.Sum256([]byte(strconv.FormatUint(uint64(u.SDKAppID), 10) + " " + p.Nonce + " " + u.UserID))
	return madeGroupID(t, [12]byte(hash[:12]))
}

// create creates a group. Its document is written first, with an open turn, so
// that no other change sees the group before its first members are in. If the
// gateway dies in between, the repetition of the call finishes the group; without
// one, the next change of the group counts its members, or ends it if it has none.
func create(ctx context.Context, r *Room, u place.User, p createParams) (any, error) {
	if p.More {
		return createMore(ctx, r, u, p)
	}
	g, firsts, err := p.check(mostOf(ctx, maxInvited))
	if err == nil {
		err = checkNonce(p.Nonce)
	}
	if err == nil {
		err = r.take(ctx, u, len(firsts), true)
	}
	switch {
	case err != nil:
	case g.Type != Live:
		err = r.hasRoom(ctx, u)
	case r.o.Live == nil:
		err = fault.With(fault.NotBuiltYet, "groups of type AVChatRoom")
	}
	if err != nil {
		return nil, err
	}
	if p.Nonce == "" {
		p.Nonce = r.random()
	}
	k, firsts := keyOf(u, p.id(u, g.Type)), ownerFirst(firsts, u.UserID)
	if err := r.beforeCreate(ctx, k, u, g, firsts, p.GroupID); err != nil {
		return nil, err
	}
	if g.Type == Live {
		return answer(r.createRoom(ctx, k, u, g, p.Nonce))
	}
	return answer(r.create(ctx, k, u, g, firsts, p.Nonce))
}

func answer(v createResult, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

func ownerFirst(firsts []newMember, owner string) []newMember {
	firsts = slices.DeleteFunc(firsts, func(m newMember) bool { return m.UserID == owner })
	return slices.Insert(firsts, 0, newMember{UserID: owner})
}

// createMoreWithin is for how long after its creation, in s, a group's owner names
// further first members.
const createMoreWithin = 10 * 60

// fresh reports whether a user who has just made the group, by a call with a nonce,
// and still owns it, may name its first members.
func (g *group) fresh(u place.User, nonce string, now time.Time) bool {
	return g.By == u.UserID && g.Owner == u.UserID && g.Nonce == nonce && !g.imported() && now.Unix()-g.Created <= createMoreWithin
}

// createMore brings further first members into a group that its owner has just
// made: one frame of a client names only some of them.
func createMore(ctx context.Context, r *Room, u place.User, p createParams) (any, error) {
	k := keyOf(u, p.GroupID)
	g, err := r.group(ctx, k)
	if err == nil && g.Type == Live {
		err = nobodyIsBrought()
	}
	if err != nil {
		return nil, err
	}
	firsts, err := checkFirsts(p.MemberList, table[g.Type], mostOf(ctx, maxInvited))
	if err == nil {
		err = r.take(ctx, u, len(firsts), false)
	}
	if err != nil {
		return nil, err
	}
	var out createResult
	var came []string
	g, err = r.inTurn(ctx, k, func(ctx context.Context, g group) (e effect, err error) {
		if p.Nonce == "" || !g.fresh(u, p.Nonce, r.now()) {
			return e, fault.With(fault.GroupNotPermitted, "its first members are named by who has just made it: invite others")
		}
		came, out.FailureUserIDList, err = r.bringFirsts(ctx, k, g, u, ownerFirst(firsts, u.UserID), p.Nonce)
		if e.members = len(came); len(came) > 0 {
			e.told = []told{cameBy(u.UserID, came...)}
		}
		return e, err
	})
	if err != nil {
		return nil, err
	}
	r.notify(ctx, k, g, "", notice{OperatorID: u.UserID, OperationType: noticeInvited}, came...)
	m, role, err := r.role(ctx, k, g, u.UserID)
	out.Group = g.seen(k.id, u.UserID, m, role)
	return out, err
}

// create begins a group, or goes on where an earlier attempt stopped.
func (r *Room) create(ctx context.Context, k key, u place.User, wished group, firsts []newMember, nonce string) (out createResult, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	var brought []string
	id := "create " + u.UserID + " " + nonce
	g, err := change(ctx, r, k.profileSubject(), func(g *group) (bool, error) {
		now := r.now()
		switch {
		case g.there() && (g.By != u.UserID || g.Nonce != nonce):
			return false, fault.New(fault.GroupIDTaken)
		case g.there() && (g.Turn == nil || g.Turn.ID != id): // created, but some members may be missing
			return false, nil
		case !g.there():
			born := max(now.UnixMilli(), g.Born+1)
			*g = wished
			g.Owner, g.By, g.Nonce, g.Born, g.Created = u.UserID, u.UserID, nonce, born, cmp.Or(wished.Created, now.Unix())
			g.raise(now.Unix())
		}
		g.Turn = &turn{ID: id, Since: now.UnixMilli()}
		return true, nil
	})
	switch {
	case err != nil:
	case g.Turn != nil && g.Turn.ID == id:
		if _, err = r.recountOwn(ctx, k, &g); err == nil {
			_, out.FailureUserIDList, err = r.bringFirsts(ctx, k, g, u, firsts, nonce)
		}
		// The call and its repetition may run at the same time, in the same turn: so
		// it counts all who are members, not those whom this call has brought.
		var all []entry
		if err == nil {
			all, err = r.recountOwn(ctx, k, &g)
		}
		if err == nil {
			brought, err = r.tellFirsts(ctx, k, g, id, all)
		}
		if err == nil {
			r.afterCreate(ctx, k, g, id, all)
			g, err = r.giveTurn(ctx, k, id, g.Members, effect{})
		}
	default:
		g, err = r.inTurn(ctx, k, func(ctx context.Context, g group) (e effect, err error) {
			if !g.fresh(u, nonce, r.now()) {
				return e, nil // the group as it is now is the answer
			}
			came, failed, err := r.bringFirsts(ctx, k, g, u, firsts, nonce)
			if e.members, out.FailureUserIDList = len(came), failed; err == nil && len(came) > 0 {
				var all []entry
				if all, err = r.recountOwn(ctx, k, &g); err == nil {
					g.Members -= len(came) // the effect adds them
					_, err = r.tellFirsts(ctx, k, g, id, all)
					r.afterCreate(ctx, k, g, id, all)
				}
			}
			return e, err
		})
	}
	if err != nil {
		r.settleUnless(err, k, id)
		return out, err
	}
	r.notifyFirsts(ctx, k, g, id, brought)
	m, role, err := r.role(ctx, k, g, u.UserID)
	out.Group = g.seen(k.id, u.UserID, m, role)
	return out, err
}

// bringFirsts makes users the first members of a group: the owner, who is the
// first of them, before all others. It returns those who cannot come, or for whom
// there is no room. It skips users who have been members already, even if they
// have left since.
func (r *Room) bringFirsts(ctx context.Context, k key, g group, u place.User, firsts []newMember, nonce string) (came, failed []string, err error) {
	subjects := make([]string, len(firsts))
	for i, f := range firsts {
		subjects[i] = k.memberSubject(f.UserID)
	}
	have, _, err := getAll[member](ctx, r, subjects)
	if err != nil {
		return nil, nil, err
	}
	refused := make([]bool, len(firsts))
	if err := bus.Spread(len(firsts), func(i int) error {
		if i == 0 || have[i].Born == g.Born {
			return nil
		}
		err := r.mayCome(ctx, k.user(firsts[i].UserID))
		if refused[i] = isRefusal(err); refused[i] {
			return nil
		}
		return err
	}); err != nil {
		return nil, nil, err
	}
	bring := func(i int) error {
		m := r.dated(g, member{Admin: firsts[i].Role == Admin.String(), Custom: firsts[i].MemberCustomField, Nonce: nonce})
		if i > 0 {
			m.By = u.UserID
		}
		_, err := r.enter(ctx, k, g, firsts[i].UserID, m)
		return err
	}
	var coming []int
	for i, f := range firsts {
		switch {
		case have[i].Born == g.Born:
		case refused[i] || g.Members+len(coming) >= g.Most:
			failed = append(failed, f.UserID)
		case i > 0:
			coming = append(coming, i)
		default:
			if err := bring(0); err != nil {
				return nil, nil, err
			}
			came = append(came, f.UserID)
			g.Members++
		}
	}
	for _, i := range coming {
		came = append(came, firsts[i].UserID)
	}
	return came, failed, bus.Spread(len(coming), func(n int) error { return bring(coming[n]) })
}

// recountOwn reads the members who are in the group by now, sets their number, and
// returns them.
func (r *Room) recountOwn(ctx context.Context, k key, g *group) ([]entry, error) {
	all, err := r.members(ctx, k, *g, 0, classes)
	g.Members = len(all)
	return all, err
}

// tellFirsts tells the log who the first members of a group are, and returns those
// whom its owner has brought.
func (r *Room) tellFirsts(ctx context.Context, k key, g group, key string, all []entry) (brought []string, err error) {
	t := told{operator: g.By}
	t.since = g.since(all)
	for _, e := range all {
		t.joined = append(t.joined, e.userID)
		if e.userID != g.By {
			brought = append(brought, e.userID)
		}
	}
	if len(brought) > 0 {
		t.operation, t.users = tipJoined, brought
	}
	return brought, r.tell(ctx, k, g, key, t)
}

// dismiss ends a group by changing its document alone. The documents of its members
// then name a group that no longer exists; they are removed in the background.
func dismiss(ctx context.Context, r *Room, u place.User, p groupParams) (any, error) {
	k := keyOf(u, p.GroupID)
	was, _, err := get[group](ctx, r, k.profileSubject())
	if err != nil {
		return nil, err
	}
	if was.Gone != nil && was.Gone.By == u.UserID && r.now().UnixMilli()-was.Gone.At < repeatedWithin {
		return groupIDNote(p), nil // the repetition of a call
	}
	if _, _, _, err = r.may(ctx, k, u, Dismiss); err != nil {
		return nil, err
	}
	return groupIDNote(p), r.dismiss(ctx, k, u.UserID, func(g group) error {
		_, role, err := r.role(ctx, k, g, u.UserID)
		if err != nil {
			return err
		}
		return g.Type.May(Dismiss, role, Stranger)
	})
}

// repeatedWithin is the time, in ms, within which a call that ends something counts
// as the repetition of the call that ended it.
const repeatedWithin = 2 * 60 * 1000

func (r *Room) dismiss(ctx context.Context, k key, by string, may func(g group) error) error {
	var was group
	g, err := change(ctx, r, k.profileSubject(), func(g *group) (bool, error) {
		if !g.there() {
			if g.Gone != nil && g.Gone.By == by {
				return false, nil // an earlier attempt has stored it
			}
			return false, fault.New(fault.NoSuchGroup)
		}
		if err := may(*g); err != nil {
			return false, err
		}
		was = *g
		*g = group{Type: g.Type, Name: g.Name, Born: g.Born, Members: g.Members, Topics: g.Topics, Gone: &gone{By: by, At: r.now().UnixMilli()}}
		return true, nil
	})
	if err == nil {
		r.tellLate(ctx, k, g, told{gone: true})
		if g.Type == Live && was.Owner != "" {
			err = r.disown(ctx, k, was.Owner)
		}
		if was.there() {
			r.afterEnd(ctx, k, was, by)
		}
		r.tidy(k)
	}
	return err
}
