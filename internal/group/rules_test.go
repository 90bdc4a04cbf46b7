package group

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

// who says which roles may take an action: a letter for each one that may, in the
// order stranger, member, administrator, owner, administrator of the app.
type who string

func (w who) may(r Role) bool { return w[r] == 'y' }

// facts says what the original's documentation permits, row by row. Rows marked *
// are this gateway's own decision where that is silent. A lower-case y is a yes.
var facts = map[Type]map[Action]who{
	Work: {
		Read: "-yyyy", Search: "-----", ReadOlder: "-----", Update: "-yyyy", Handle: "---yy",
		Kick: "---yy", Mute: "-----", MuteAll: "-----", SetMember: "---yy", // *
		SetRole: "-----", Transfer: "---yy", Dismiss: "----y", Quit: "---yy", SetCounter: "-yyyy", Pin: "-yyyy", Ban: "-----", // *
	},
	Public: {
		Read: "-yyyy", Search: "yyyyy", ReadOlder: "-----", Update: "--yyy", Handle: "--yyy",
		Kick: "--yyy", Mute: "--yyy", MuteAll: "--yyy", SetMember: "--yyy",
		SetRole: "---yy", Transfer: "---yy", Dismiss: "---yy", Quit: "-----", SetCounter: "-yyyy", Pin: "--yyy", Ban: "-----",
	},
	Meeting: {
		Read: "-yyyy", Search: "yyyyy", ReadOlder: "-yyyy", Update: "--yyy", Handle: "--yyy",
		Kick: "--yyy", Mute: "--yyy", MuteAll: "--yyy", SetMember: "--yyy",
		SetRole: "---yy", Transfer: "---yy", Dismiss: "---yy", Quit: "-----", SetCounter: "-yyyy", Pin: "--yyy", Ban: "-----",
	},
	Community: {
		Read: "-yyyy", Search: "yyyyy", ReadOlder: "-yyyy", Update: "--yyy", Handle: "--yyy",
		Kick: "--yyy", Mute: "--yyy", MuteAll: "--yyy", SetMember: "--yyy",
		SetRole: "---yy", Transfer: "---yy", Dismiss: "---yy" /* * */, Quit: "-----", SetCounter: "-yyyy", Pin: "--yyy", Ban: "-----",
	},
	Live: {
		Read: "-yyyy", Search: "yyyyy", ReadOlder: "-----", Update: "---yy", Handle: "-----",
		Kick: "-----", Mute: "---yy", MuteAll: "---yy", SetMember: "---yy", // *
		SetRole: "-----", Transfer: "-----", Dismiss: "---yy", Quit: "-----", SetCounter: "-yyyy", Pin: "--yyy", Ban: "---yy",
	},
}

func TestWhoMayWhat(t *testing.T) {
	require.Len(t, facts, len(table))
	for typ, row := range facts {
		require.Len(t, row, int(actions), "%s", typ)
		for action, w := range row {
			for actor := Stranger; actor <= AppAdmin; actor++ {
				err := typ.May(action, actor, Stranger)
				require.Equal(t, w.may(actor), err == nil, "%s, action %d, role %d", typ, action, actor)
				if err == nil {
					continue
				}
				want := fault.GroupNotPermitted
				if action == Quit {
					want = fault.OwnerMayNotQuit
				}
				require.ErrorIs(t, err, fault.New(want))
			}
		}
	}
	require.Error(t, Type("Chat").May(Read, AppAdmin, Stranger), "there is no such type")
}

// An action with a target works only on those whose role is below the actor's. An
// action without one ignores the target.
func TestTargetsAreBelowTheActor(t *testing.T) {
	for _, action := range []Action{Kick, Mute, SetMember} {
		for _, c := range []struct {
			actor, target Role
			may           bool
		}{
			{Admin, Member, true}, {Admin, Admin, false}, {Admin, Owner, false},
			{Owner, Member, true}, {Owner, Admin, true}, {Owner, Owner, false},
			{AppAdmin, Member, true}, {AppAdmin, Admin, true}, {AppAdmin, Owner, true},
			{Member, Member, false},
		} {
			require.Equal(t, c.may, Public.May(action, c.actor, c.target) == nil, "action %d by %v to %v", action, c.actor, c.target)
		}
	}
	require.NoError(t, Public.May(SetRole, Owner, Owner))
	require.NoError(t, Work.May(Kick, Owner, Member))
}

func TestJoinsAndInvites(t *testing.T) {
	for _, c := range []struct {
		option Option
		actor  Role
		joins  Way
	}{
		{Free, Stranger, AtOnce}, {Approval, Stranger, Waits}, {NoJoin, Stranger, Refused},
		{Approval, AppAdmin, AtOnce}, {NoJoin, AppAdmin, AtOnce},
	} {
		require.Equal(t, c.joins, Public.Joins(c.option, c.actor), "%s by %d", c.option, c.actor)
	}
	for _, c := range []struct {
		typ     Type
		option  Option
		actor   Role
		invites Way
	}{
		{Work, Free, Member, AtOnce}, {Work, Free, Stranger, Refused}, {Work, Free, AppAdmin, AtOnce},
		{Public, NoInvite, Member, Refused}, {Public, NoInvite, Admin, Refused}, {Public, NoInvite, Owner, Refused},
		{Public, NoInvite, AppAdmin, AtOnce},
		{Public, Approval, Member, Waits}, {Public, Approval, Admin, AtOnce}, {Public, Approval, Owner, AtOnce},
		{Public, Approval, Stranger, Refused},
		{Live, Free, Owner, Refused}, {Live, Free, AppAdmin, Refused},
	} {
		require.Equal(t, c.invites, c.typ.Invites(c.option, c.actor), "%s %s by %d", c.typ, c.option, c.actor)
	}
}

func TestOptionsByType(t *testing.T) {
	for _, c := range []struct {
		typ          Type
		join, invite Option // of a group that asks for none
		joins        bool   // whether it may ask for another one
	}{
		{Work, NoJoin, Free, false}, {Public, Approval, NoInvite, true}, {Meeting, Free, NoInvite, false},
		{Community, Free, Free, true}, {Live, Free, NoInvite, false},
	} {
		join, err := c.typ.joinOption("")
		require.NoError(t, err)
		require.Equal(t, c.join, join)
		invite, err := c.typ.inviteOption("")
		require.NoError(t, err)
		require.Equal(t, c.invite, invite)
		for _, wish := range []Option{Free, Approval, NoJoin} {
			got, err := c.typ.joinOption(wish)
			require.Equal(t, c.joins || wish == c.join, err == nil, "%s %s", c.typ, wish)
			if err == nil {
				require.Equal(t, wish, got)
			}
		}
		_, err = c.typ.joinOption("Anybody")
		require.ErrorIs(t, err, fault.New(fault.GroupBadParameters))
		_, err = c.typ.inviteOption("Anybody")
		require.ErrorIs(t, err, fault.New(fault.GroupBadParameters))
	}
	got, err := Public.inviteOption(Approval)
	require.NoError(t, err)
	require.Equal(t, Approval, got)
	_, err = Live.inviteOption(Free)
	require.ErrorIs(t, err, fault.New(fault.GroupBadParameters))
}

// A type also says whether it has administrators, whether messages count as unread,
// and how many members a group has.
func TestSizesByType(t *testing.T) {
	for typ, want := range map[Type]rules{
		Work: {unread: true, members: 200, most: 6000}, Public: {admins: true, unread: true, members: 2000, most: 6000},
		Meeting: {admins: true, members: 10_000, most: 10_000}, Community: {admins: true, unread: true, members: 100_000, most: 100_000},
		Live: {},
	} {
		r := table[typ]
		require.Equal(t, want, rules{admins: r.admins, unread: r.unread, members: r.members, most: r.most}, "%s", typ)
		require.Equal(t, r.admins, typ.May(SetRole, Owner, Stranger) == nil, "%s", typ)
	}
}

func TestGroupIDs(t *testing.T) {
	for id, types := range map[string][]Type{
		"g": {Work, Public, Meeting, Live}, "my group ~": {Public}, strings.Repeat("g", 48): {Public},
		"@TGS#_x": {Community}, "@tgs#1": {Work},
	} {
		for _, typ := range types {
			require.NoError(t, checkGroupID(id, typ), "%s %s", id, typ)
		}
	}
	for id, types := range map[string][]Type{
		"": {Work}, strings.Repeat("g", 49): {Work}, "ü": {Work}, "a\nb": {Work}, "@TGS#1": {Work, Public, Community},
		"g1": {Community}, "@TGS#_": {Community}, "@TGS#_x": {Public}, "@TGS#_x@TOPIC#_y": {Community}, "x@TOPIC#_y": {Work},
	} {
		for _, typ := range types {
			require.ErrorIs(t, checkGroupID(id, typ), fault.New(fault.BadGroupID), "%q %s", id, typ)
		}
	}
	for _, typ := range []Type{Work, Public, Meeting, Community} {
		id := madeGroupID(typ, [12]byte{0xff, 0xff, 0xff}) // begins with _ in base64url
		require.True(t, validGroupID(id))
		require.True(t, strings.HasPrefix(id, madePrefix))
		require.Equal(t, typ == Community, strings.HasPrefix(id, communityPrefix))
	}
}

func TestCustomFields(t *testing.T) {
	have := []Field{{"a", "1"}, {"b", "2"}}
	got, err := merged(have, []Field{{"b", "3"}, {"c", "4"}, {"a", ""}, {"d", ""}}, 2, "fields")
	require.ErrorIs(t, err, fault.New(fault.GroupBadParameters), "over the number that may be named")
	require.Nil(t, got)
	got, err = merged(have, []Field{{"b", "3"}, {"a", ""}}, 2, "fields")
	require.NoError(t, err)
	require.Equal(t, []Field{{"b", "3"}}, got)
	require.Equal(t, []Field{{"a", "1"}, {"b", "2"}}, have, "what was there stays as it was")
	_, err = merged(have, []Field{{"c", "4"}}, 2, "fields")
	require.ErrorIs(t, err, fault.New(fault.GroupBadParameters), "over the number that there may be")
	for _, bad := range []Field{{"", "x"}, {strings.Repeat("k", 17), "x"}, {"k", strings.Repeat("v", 513)}} {
		_, err = merged(nil, []Field{bad}, 5, "fields")
		require.ErrorIs(t, err, fault.New(fault.GroupBadParameters), "%v", bad)
	}
}
