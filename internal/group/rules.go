package group

import "github.com/tim-wasm/tim/internal/fault"

// Type is the kind of a group, by its name on the original's wire.
type Type string

// The types. Some names on the wire differ from those of the SDK's constants.
const (
	Work      Type = "Private"
	Public    Type = "Public"
	Meeting   Type = "ChatRoom"
	Community Type = "Community"
	Live      Type = "AVChatRoom"
)

// Role is what a user is in a group. Each role has the rights of those before it.
type Role int

// The roles. An AppAdmin, an administrator of the app, has the rights of the
// owner in every group, whether or not they are a member.
const (
	Stranger Role = iota
	Member
	Admin
	Owner
	AppAdmin
	nobody // for actions that no role may take
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

// Action is something that the rules of a group permit or refuse.
type Action int

// The actions. Kick, Mute, SetMember and Ban have a target, whose role counts, too:
// see May.
const (
	Read       Action = iota // the whole profile and the members
	Search                   // find the group by its ID
	ReadOlder                // read messages from before one joined
	Update                   // change the profile or the attributes
	Handle                   // handle applications
	Kick                     // remove members
	Mute                     // mute members
	MuteAll                  // mute everybody but the owner and the administrators
	SetMember                // set another member's name card and custom fields
	SetRole                  // appoint and dismiss administrators
	Transfer                 // hand the group on
	Dismiss                  // end the group
	Quit                     // leave as the owner; anybody else may
	SetCounter               // set counters
	Pin                      // pin messages
	Ban                      // remove members for a while
	actions
)

// Option says how users come into a group: a joinOption or an inviteOption.
type Option string

// The options of joining and of inviting.
const (
	Free     Option = "FreeAccess"
	Approval Option = "NeedPermission"
	NoJoin   Option = "DisableApply"
	NoInvite Option = "DisableInvite"
)

// rules are the rules for groups of one type.
type rules struct {
	least       [actions]Role
	join        Option // the default of joinOption
	joinFixed   bool   // no group may have another one
	invite      Option // the default of inviteOption
	inviteFixed bool
	admins      bool // there are administrators
	unread      bool // unread messages are counted
	receipts    bool // messages may ask for read receipts
	members     int  // the most members, unless the group sets another limit
	most        int  // the highest limit that a group may set
}

// common holds the least role for each action, unless a type has another one.
var common = [actions]Role{
	Read: Member, Search: Stranger, ReadOlder: nobody,
	Update: Admin, Handle: Admin, Kick: Admin, Mute: Admin, MuteAll: Admin, SetMember: Admin,
	SetRole: Owner, Transfer: Owner, Dismiss: Owner, Quit: nobody, SetCounter: Member, Pin: Admin, Ban: nobody,
}

// but returns the common roles with some of them replaced.
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
		unread: true, receipts: true, members: 200, most: 6000,
	},
	Public: {
		least: common,
		join:  Approval, invite: NoInvite, admins: true,
		unread: true, receipts: true, members: 2000, most: 6000,
	},
	Meeting: {
		least: but(map[Action]Role{ReadOlder: Member}),
		join:  Free, joinFixed: true, invite: NoInvite, admins: true,
		receipts: true, members: 10_000, most: 10_000,
	},
	Community: {
		least: but(map[Action]Role{ReadOlder: Member}),
		join:  Free, invite: Free, admins: true,
		unread: true, members: 100_000, most: 100_000,
	},
	Live: {
		least: but(map[Action]Role{
			Update: Owner, Handle: nobody, Kick: nobody, Mute: Owner, MuteAll: Owner, SetMember: Owner,
			SetRole: nobody, Transfer: nobody, Ban: Owner,
		}),
		join: Free, joinFixed: true, invite: NoInvite, inviteFixed: true,
	},
}

// May refuses an action that the group's type does not permit the actor. target
// counts for actions that have one, and is ignored for all others. The error is a
// *fault.Error.
func (t Type) May(a Action, actor, target Role) error {
	r, ok := table[t]
	allowed := ok && actor >= r.least[a]
	switch a {
	case Kick, Mute, SetMember, Ban:
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
	Waits       // until a manager agrees
	AtOnce
)

// ways are what the options mean for users to whom they apply.
var ways = map[Option]Way{Free: AtOnce, Approval: Waits, NoJoin: Refused, NoInvite: Refused}

// Joins returns what happens when somebody joins a group by themself.
func (t Type) Joins(o Option, actor Role) Way {
	if actor == AppAdmin {
		return AtOnce
	}
	return ways[o]
}

// Invites returns what happens when a member invites others. Those whom the owner
// or an administrator invites never wait.
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

// joinOption returns the joinOption that a group of the type gets where o is asked
// for; "" asks for the default.
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
