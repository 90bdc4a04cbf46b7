package group

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/tim-wasm/tim/internal/place"
)

// Hooks are asked before groups change and told afterwards: the webhooks of the app's
// back end. Nothing is asked while a group's turn is held, so that a slow back end
// delays only whoever waits for its answer.
type Hooks interface {
	// Wants reports whether events of a kind are wanted.
	Wants(kind EventKind) bool
	// Before says whether something may happen. It refuses with a *fault.Error, or
	// returns those of e.Users who are refused. The user whose call it is waits for
	// it, so it must bound its own time.
	Before(ctx context.Context, e Event) (refused []string, err error)
	// After is told of what has happened. The events of a group come in their order.
	After(ctx context.Context, e Event) error
}

// EventKind says what an Event is about.
type EventKind int

// The kinds of events. Hooks are asked about those that begin with Before.
const (
	BeforeCreate EventKind = iota
	BeforeJoin
	BeforeInvite
	AfterCreate
	AfterJoin
	AfterExit
	AfterFull
	AfterEnd
	AfterChange       // of the profile or the owner
	AfterMemberChange // of a role, a mute, a name card or custom fields
	AfterState        // who came into a live room on a gateway, or left it
	BeforeTopic
	AfterTopic
	AfterTopicChange
	AfterTopicEnd // it was deleted; those of a group that ends have no events of their own
)

// Cause is why users have come into a live room or left it.
type Cause int

// The causes.
const (
	CauseJoin   Cause = iota
	CauseQuit         // they have left it
	CauseLost         // their last session on the gateway has ended
	CauseKicked       // they were removed
)

// Event is something that is to happen in a group, or has happened there.
type Event struct {
	Kind     EventKind
	Key      string // the same in a repetition
	App      uint32
	Group    string // "" before a group without an ID of its own is created
	Topic    string // the ID of the topic that it is about; "" of the group
	Type     Type
	Name     string // of the topic or the group
	Owner    string
	Operator string // the user who does it
	// Users are those who are to come, have come or gone, or have changed; the
	// members of a group that is created or has ended, maxTold of them at most.
	Users   []string
	Created int  // BeforeCreate: how many groups of this type the operator owns
	Asked   bool // AfterJoin: they have asked to join; else they were brought in
	Kicked  bool // AfterExit
	Online  bool // AfterState: they have come
	Cause   Cause
	// Profile has the fields of the profile of the group or topic that have changed, or
	// the custom fields of a new group; Member those of the member.
	Profile *ProfileChange
	Member  *MemberChange
}

// ProfileChange holds the changed fields of a profile.
type ProfileChange = newProfile

// MemberChange holds the changed fields of a member; nil: a field is as it was.
type MemberChange struct {
	Role      string // "" if it is as it was
	MuteUntil *int64 // Unix seconds; 0: they may speak
	NameCard  *string
	Custom    []Field // all of them, if one has changed
}

// maxTold is the most members that an Event names when a group ends. Whoever wants
// to know all of a larger group asks for them before it ends.
const maxTold = 500

// tellTime bounds the time in which the hooks must take an event. The group's turn may
// be held meanwhile.
const tellTime = 3 * time.Second

func (r *Room) wants(kind EventKind) bool { return r.o.Hooks != nil && r.o.Hooks.Wants(kind) }

func (e Event) of(k key, g group) Event {
	e.App, e.Group, e.Type, e.Name = k.app, k.id, g.Type, cmp.Or(e.Name, g.Name)
	if e.Owner == "" {
		e.Owner = g.Owner
	}
	return e
}

// before asks the hooks whether something may happen to a group.
func (r *Room) before(ctx context.Context, k key, g group, e Event) (refused []string, err error) {
	if !r.wants(e.Kind) {
		return nil, nil
	}
	return r.o.Hooks.Before(ctx, e.of(k, g))
}

// after tells the hooks of what has happened to a group. It is stored by then, so an
// error is only reported.
func (r *Room) after(ctx context.Context, k key, g group, e Event) {
	if !r.wants(e.Kind) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTime)
	defer cancel()
	if err := r.o.Hooks.After(ctx, e.of(k, g)); err != nil {
		r.report("telling the hooks", err)
	}
}

// afterTold tells the hooks of a change that the log is told of; key identifies it.
func (r *Room) afterTold(ctx context.Context, k key, g group, key string, t told) {
	e := Event{Key: key, Operator: t.operator, Users: t.users}
	switch t.operation {
	case tipJoined:
		e.Kind, e.Asked = AfterJoin, t.asked
	case tipQuit, tipKicked:
		e.Kind, e.Kicked = AfterExit, t.operation == tipKicked
	case tipProfile:
		e.Kind, e.Users, e.Profile = AfterChange, nil, t.profile
	default:
		return
	}
	r.after(ctx, k, g, e)
}

// afterTurn tells the hooks of what a turn has changed, before it is given back, so
// that they hear of a group's changes in their order.
func (r *Room) afterTurn(ctx context.Context, k key, g group, id string, e effect) {
	if e.quiet {
		return
	}
	for i, t := range e.told {
		r.afterTold(ctx, k, g, id+strconv.Itoa(i), t)
	}
	if e.members > 0 && g.Members+e.members >= g.Most {
		r.after(ctx, k, g, Event{Kind: AfterFull, Key: id + " full"})
	}
}

// afterCreate tells the hooks of a new group; id identifies its creation.
func (r *Room) afterCreate(ctx context.Context, k key, g group, id string, all []entry) {
	if g.imported() {
		return
	}
	e := Event{Kind: AfterCreate, Key: id + " " + strconv.FormatInt(g.Born, 10), Operator: g.By}
	for _, m := range all {
		e.Users = append(e.Users, m.userID)
	}
	if len(g.Custom) > 0 {
		e.Profile = &ProfileChange{GroupCustomField: g.Custom}
	}
	r.after(ctx, k, g, e)
}

// beforeCreate asks whether a group may be created, unless there is one with its ID:
// then this is the repetition of a call, or is refused anyway.
func (r *Room) beforeCreate(ctx context.Context, k key, u place.User, wished group, firsts []newMember, id string) error {
	if !r.wants(BeforeCreate) {
		return nil
	}
	have, _, err := get[group](ctx, r, k.profileSubject())
	if err != nil || have.there() {
		return err
	}
	owned, err := r.owned(ctx, u, wished.Type)
	if err != nil {
		return err
	}
	users := make([]string, len(firsts))
	for i, f := range firsts {
		users[i] = f.UserID
	}
	k.id = id
	wished.Owner = u.UserID
	_, err = r.before(ctx, k, wished, Event{Kind: BeforeCreate, Operator: u.UserID, Users: users, Created: owned})
	return err
}

// owned returns how many groups of a type a user owns.
func (r *Room) owned(ctx context.Context, u place.User, t Type) (n int, err error) {
	pattern := joinedPattern(u)
	if t == Live {
		pattern = ownedPattern(u)
	}
	mine, err := r.log.Subjects(ctx, pattern)
	if err != nil {
		return 0, err
	}
	var subjects []string
	for _, subject := range mine {
		if p, err := parse(subject); err == nil {
			subjects = append(subjects, p.key.profileSubject())
		}
	}
	groups, _, err := getAll[group](ctx, r, subjects)
	for _, g := range groups {
		if g.there() && g.Owner == u.UserID && g.Type == t {
			n++
		}
	}
	return n, err
}

// beforeInvite asks whether users may be brought into a group, and returns those who
// may and those who may not. It does not ask about members, who stay what they are.
func (r *Room) beforeInvite(ctx context.Context, k key, g group, u place.User, ids []string) (may, refused []string, err error) {
	if !r.wants(BeforeInvite) {
		return ids, nil, nil
	}
	have, err := r.membersNamed(ctx, k, ids)
	if err != nil {
		return nil, nil, err
	}
	var strangers []string
	for i, m := range have {
		if !m.in(g) {
			strangers = append(strangers, ids[i])
		}
	}
	if len(strangers) == 0 {
		return ids, nil, nil
	}
	no, err := r.before(ctx, k, g, Event{Kind: BeforeInvite, Operator: u.UserID, Users: strangers})
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		if slices.Contains(no, id) && slices.Contains(strangers, id) {
			refused = append(refused, id)
		} else {
			may = append(may, id)
		}
	}
	return may, refused, nil
}

// afterEnd tells the hooks that a group has ended; was is the group before.
func (r *Room) afterEnd(ctx context.Context, k key, was group, by string) {
	if !r.wants(AfterEnd) {
		return
	}
	var users []string
	if was.Members > 0 {
		some, err := r.members(ctx, k, was, 0, min(classes, classesOf(was, maxTold)))
		if err != nil {
			r.report("the members of a group that has ended", err)
		}
		for _, e := range some[:min(len(some), maxTold)] {
			users = append(users, e.userID)
		}
	}
	r.after(ctx, k, was, Event{Kind: AfterEnd, Key: r.random(), Operator: by, Users: users})
}

// changedTo returns what is different in now, or nil if nothing is.
func (m member) changedTo(now member) *MemberChange {
	var c MemberChange
	some := false
	if m.Admin != now.Admin {
		if c.Role, some = Member.String(), true; now.Admin {
			c.Role = Admin.String()
		}
	}
	if m.Mute != now.Mute {
		c.MuteUntil, some = &now.Mute, true
	}
	if m.Card != now.Card {
		c.NameCard, some = &now.Card, true
	}
	if !slices.Equal(m.Custom, now.Custom) {
		c.Custom, some = append([]Field{}, now.Custom...), true
	}
	if !some {
		return nil
	}
	return &c
}
