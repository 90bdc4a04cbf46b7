package group

import "github.com/tim-wasm/tim/internal/fault"

// Type is what kind of group one is, as the originals' wire has it.
type Type string

// The types. Those of the wire are not called as the SDK's constants are.
const (
	Work      Type = "Private"
	Public    Type = "Public"
	Meeting   Type = "ChatRoom"
	Community Type = "Community"
	Live      Type = "AVChatRoom"
)

// Role is what somebody is in a group. Each may what those before it may.
type Role int

// The roles. An AppAdmin, an administrator of the app, has the rights of the
// owner in every group, whether or not they are a member.
const (
	Stranger Role = iota
	Member
	Admin
	Owner
	AppAdmin
	nobody // what no role may
)

// String returns the role as members have it on the wire.
func (r Role) String() string {
	switch r {
	case Owner:
		return "Owner"
	case Admin:
		return "Admin"
	default:
		return "Member"
	}
}

// Action is something that somebody may do in a group, or not.
type Action int

// The actions. Of those with a target, Kick, Mute and SetMember, May says more
// than the least role.
const (
	Read       Action = iota // the whole profile and the members
	Search                   // find the group by its ID
	ReadOlder                // messages from before one has joined
	Update                   // the profile; attributes
	Handle                   // applications
	Kick                     // members
	Mute                     // members
	MuteAll                  // all but the owner and the administrators
	SetMember                // another member's name card and custom fields
	SetRole                  // make administrators and members of members
	Transfer                 // hand the group on
	Dismiss                  // end the group
	Quit                     // leave as the owner; anybody else may
	SetCounter               // counters
	Pin                      // messages
	actions
)

// Option says how one comes into a group: joinOption and inviteOption.
type Option string

// The options of joining and of inviting.
const (
	Free     Option = "FreeAccess"
	Approval Option = "NeedPermission"
	NoJoin   Option = "DisableApply"
	NoInvite Option = "DisableInvite"
)

// rules are what holds for the groups of a type.
type rules struct {
	least       [actions]Role
	join        Option // unless the group says otherwise
	joinFixed   bool   // no group may
	invite      Option // unless the group says otherwise
	inviteFixed bool
	admins      bool // there are administrators
	unread      bool // what one has not read is counted
	members     int  // as many unless the group says otherwise
	most        int  // members of any group
}

// common is what holds for all types unless their rules say otherwise.
var common = [actions]Role{
	Read: Member, Search: Stranger, ReadOlder: nobody,
	Update: Admin, Handle: Admin, Kick: Admin, Mute: Admin, MuteAll: Admin, SetMember: Admin,
	SetRole: Owner, Transfer: Owner, Dismiss: Owner, Quit: nobody, SetCounter: Member, Pin: Admin,
}

// but returns the common roles with some others.
func but(other map[Action]Role) [actions]Role {
	least := common
	for a, r := range other {
		least[a] = r
	}
	return least
}

// table holds the rules by type.
var table = map[Type]rules{
	Work: {
		least: but(map[Action]Role{
			Search: nobody, Update: Member, Handle: Owner, Kick: Owner, Mute: nobody, MuteAll: nobody,
			SetMember: Owner, SetRole: nobody, Dismiss: AppAdmin, Quit: Owner, Pin: Member,
		}),
		join: NoJoin, joinFixed: true, invite: Free,
		unread: true, members: 200, most: 6000,
	},
	Public: {
		least: common,
		join:  Approval, invite: NoInvite, admins: true,
		unread: true, members: 2000, most: 6000,
	},
	Meeting: {
		least: but(map[Action]Role{ReadOlder: Member}),
		join:  Free, joinFixed: true, invite: NoInvite, admins: true,
		members: 10_000, most: 10_000,
	},
	Community: {
		least: but(map[Action]Role{ReadOlder: Member}),
		join:  Free, invite: Free, admins: true,
		unread: true, members: 100_000, most: 100_000,
	},
	Live: {
		least: but(map[Action]Role{
			Update: Owner, Handle: nobody, Kick: nobody, Mute: Owner, MuteAll: Owner, SetMember: Owner,
			SetRole: nobody, Transfer: nobody,
		}),
		join: Free, joinFixed: true, invite: NoInvite, inviteFixed: true,
	},
}

// May reports whether a group's type lets somebody do something. target is whom
// they do it to, where the action has one, else it is not looked at. The error
// is a *fault.Error.
func (t Type) May(a Action, actor, target Role) error {
	r, ok := table[t]
	allowed := ok && actor >= r.least[a]
	switch a {
	case Kick, Mute, SetMember:
		allowed = allowed && actor > target
	}
	switch {
	case allowed:
		return nil
	case a == Quit:
		return fault.New(fault.OwnerMayNotQuit)
	}
	return fault.New(fault.GroupNotPermitted)
}

// Way is how somebody comes into a group.
type Way int

// The ways.
const (
	Refused Way = iota
	Waits       // until somebody agrees who may
	AtOnce
)

// ways are what the options mean for who is not exempt from them.
var ways = map[Option]Way{Free: AtOnce, Approval: Waits, NoJoin: Refused, NoInvite: Refused}

// Joins returns how somebody joins a group by themself.
func (t Type) Joins(o Option, actor Role) Way {
	if actor == AppAdmin {
		return AtOnce
	}
	return ways[o]
}

// Invites returns how those come in whom a member invites. The owner and the
// administrators wait for nobody.
func (t Type) Invites(o Option, actor Role) Way {
	switch {
	case t == Live:
		return Refused
	case actor == AppAdmin || o == Approval && actor >= Admin:
		return AtOnce
	case actor == Stranger:
		return Refused
	}
	return ways[o]
}

// joinOption returns what a group of a type has where o is wished for.
func (t Type) joinOption(o Option) (Option, error) {
	r := table[t]
	switch o {
	case "", r.join:
		return r.join, nil
	case Free, Approval, NoJoin:
		if !r.joinFixed {
			return o, nil
		}
		return "", fault.With(fault.GroupBadParameters, "a group of type "+string(t)+" has the joinOption "+string(r.join))
	}
	return "", fault.With(fault.GroupBadParameters, "joinOption must be FreeAccess, NeedPermission or DisableApply")
}

// inviteOption is joinOption for invitations.
func (t Type) inviteOption(o Option) (Option, error) {
	r := table[t]
	switch o {
	case "", r.invite:
		return r.invite, nil
	case Free, Approval, NoInvite:
		if !r.inviteFixed {
			return o, nil
		}
		return "", fault.With(fault.GroupBadParameters, "a group of type "+string(t)+" has the inviteOption "+string(r.invite))
	}
	return "", fault.With(fault.GroupBadParameters, "inviteOption must be FreeAccess, NeedPermission or DisableInvite")
}
