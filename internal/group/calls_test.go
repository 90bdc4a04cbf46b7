package group

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

func TestMethods(t *testing.T) {
	require.ElementsMatch(t, frame.GroupMethods, Methods(), "internal/gen/wire.json lists what is served")
	for method := range growing {
		if serverCalls[method] == nil {
			require.Contains(t, Methods(), method)
		}
	}
}

func TestCreate(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.login(0, "alice"), w.login(1, "bob")
	var made createResult
	alice.must("group.create", obj{"name": "n"}, &made)
	g := made.Group
	require.True(t, strings.HasPrefix(g.GroupID, "@TGS#2"))
	require.Equal(t, Group{
		GroupID: g.GroupID, Type: Work, Name: "n", OwnerID: "alice", CreateTime: w.clock.Now().Unix(), LastInfoTime: w.clock.Now().Unix(),
		InfoSequence: 1, NextMessageSeq: 1, MemberCount: 1, MaxMemberCount: 200, JoinOption: NoJoin, InviteOption: Free,
		SelfInfo: &SelfInfo{UserID: "alice", Role: "Owner", JoinTime: w.clock.Now().Unix()},
	}, g)
	require.Equal(t, []string{g.GroupID}, alice.groups())

	alice.must("group.create", obj{
		"groupID": "p", "type": "Public", "name": "n", "introduction": "i", "notification": "o", "avatar": "a", "maxMemberNum": 4,
		"joinOption": "FreeAccess", "inviteOption": "NeedPermission", "groupCustomField": []obj{{"key": "k", "value": "v"}},
		"memberList": []obj{
			{"userID": "alice"}, {"userID": "bob", "role": "Admin", "memberCustomField": []obj{{"key": "k", "value": "v"}}},
			{"userID": "carol"}, {"userID": "carol"}, {"userID": "nobody"}, {"userID": "dave"}, {"userID": "erin"},
		},
	}, &made)
	require.Equal(t, []string{"nobody", "erin"}, made.FailureUserIDList)
	g = made.Group
	require.Equal(t, 4, g.MemberCount)
	require.Equal(t, []any{"i", "o", "a", 4, Free, Approval, []Field{{"k", "v"}}},
		[]any{g.Introduction, g.Notification, g.Avatar, g.MaxMemberCount, g.JoinOption, g.InviteOption, g.GroupCustomField})
	require.Equal(t, map[string]string{"alice": "Owner", "bob": "Admin", "carol": "Member", "dave": "Member"}, bob.members("p", 2))
	require.Equal(t, []Field{{"k", "v"}}, bob.group("p").SelfInfo.MemberCustomField)

	bob.refused(fault.GroupIDTaken, "group.create", obj{"groupID": "p", "name": "n"})
	for _, bad := range []obj{
		{}, {"name": strings.Repeat("n", 101)}, {"name": "n", "type": "Chat"}, {"name": "n", "maxMemberNum": 6001},
		{"name": "n", "maxMemberNum": -1}, {"name": "n", "joinOption": "FreeAccess"}, {"name": "n", "nonce": "a b"},
		{"name": "n", "memberList": []obj{{"userID": ""}}}, {"name": "n", "memberList": []obj{{"userID": "x", "role": "Owner"}}},
		{"name": "n", "memberList": make([]obj, 501)}, {"name": "n", "introduction": strings.Repeat("n", 401)},
		{"name": "n", "groupCustomField": []obj{{"key": ""}}},
	} {
		bob.refused(fault.GroupBadParameters, "group.create", bad)
	}
	bob.refused(fault.BadGroupID, "group.create", obj{"name": "n", "groupID": "@TGS#1"})
	bob.refused(fault.GroupNotPermitted, "group.create", obj{"name": "n", "memberList": []obj{{"userID": "x", "role": "Admin"}}})
	bob.refused(fault.GroupBadParameters, "group.create", obj{"name": "n", "type": "Public", "isSupportTopic": true})
}

// A call that is repeated after a lost connection gets the answer of the first one,
// whichever gateway it reaches.
func TestRepetitions(t *testing.T) {
	w := newWorld(t)
	alice, again := w.login(0, "alice"), w.login(1, "alice")
	bob, bobAgain := w.login(0, "bob"), w.login(1, "bob")
	var one, two createResult
	alice.must("group.create", obj{"name": "n", "type": "Public", "joinOption": "FreeAccess", "nonce": "x"}, &one)
	again.must("group.create", obj{"name": "n", "type": "Public", "joinOption": "FreeAccess", "nonce": "x"}, &two)
	require.Equal(t, one, two)
	id := one.Group.GroupID
	for _, c := range []*client{bob, bobAgain} {
		var joined joinResult
		c.must("group.join", obj{"groupID": id, "nonce": "y"}, &joined)
		require.Equal(t, statusJoined, joined.Status)
		require.Equal(t, 2, joined.Group.MemberCount)
	}
	var joined joinResult
	bob.must("group.join", obj{"groupID": id, "nonce": "z"}, &joined)
	require.Equal(t, statusAlready, joined.Status)
	bob.must("group.join", obj{"groupID": id}, &joined)
	require.Equal(t, statusAlready, joined.Status)
	for _, c := range []*client{alice, again} {
		var added addResult
		c.must("group.counters.add", obj{"groupID": id, "key": "k", "value": 2, "nonce": "c"}, &added)
		require.Equal(t, addResult{id, "k", 2}, added)
		c.must("group.owner", obj{"groupID": id, "newOwnerID": "bob"}, nil)
		require.Equal(t, "bob", c.group(id).OwnerID)
	}
	for _, c := range []*client{alice, again} {
		c.must("group.quit", obj{"groupID": id}, nil)
	}
	require.Equal(t, 1, bob.group(id).MemberCount)
	alice.refused(fault.GroupNotPermitted, "group.update", obj{"groupID": id, "name": "x"})
	for _, c := range []*client{bob, bobAgain} {
		c.must("group.dismiss", obj{"groupID": id}, nil)
	}
	alice.refused(fault.NoSuchGroup, "group.dismiss", obj{"groupID": id})
	w.clock.pass(repeatedWithin * 1e6)
	bob.refused(fault.NoSuchGroup, "group.dismiss", obj{"groupID": id})

	alice.must("group.create", obj{"name": "n", "nonce": "i"}, &one)
	for _, c := range []*client{alice, again} {
		var out inviteResult
		c.must("group.invite", obj{"groupID": one.Group.GroupID, "userIDs": []string{"bob", "carol", "nobody"}, "nonce": "j"}, &out)
		require.Equal(t, [][]string{{"bob", "carol"}, {}, {"nobody"}}, [][]string{out.Success, out.Existed, out.Failure})
	}
	var out inviteResult
	alice.must("group.invite", obj{"groupID": one.Group.GroupID, "userIDs": []string{"dave", "bob"}, "nonce": "k"}, &out)
	require.Equal(t, [][]string{{"dave"}, {"bob"}}, [][]string{out.Success, out.Existed})
	require.Equal(t, 4, out.Group.MemberCount)
}

func TestJoinAndApply(t *testing.T) {
	w := newWorld(t)
	alice, bob, carol, root := w.login(0, "alice"), w.login(1, "bob"), w.login(1, "carol"), w.login(0, "root")
	alice.must("group.create", obj{"name": "public", "groupID": "p", "type": "Public", "memberList": []obj{{"userID": "adam", "role": "Admin"}}}, nil)
	adam := w.login(1, "adam")
	var joined joinResult
	bob.must("group.join", obj{"groupID": "p", "applyMessage": "please"}, &joined)
	require.Equal(t, joinResult{Status: statusWaits}, joined)
	carol.must("group.join", obj{"groupID": "p"}, nil)
	var list applicationsResult
	bob.must("group.applications", obj{}, &list)
	require.Empty(t, list.ApplicationList)
	adam.must("group.applications", obj{}, &list)
	require.Len(t, list.ApplicationList, 2)
	a := list.ApplicationList[0]
	require.Equal(t, Application{
		Applicant: "bob", ApplicantNick: "nick of bob", GroupID: "p", GroupName: "public", UserID: "bob", Note: "please",
		Time: w.clock.Now().Unix(), Authentication: a.Authentication, MessageKey: a.MessageKey,
	}, a)
	agree := obj{"groupID": "p", "userID": "bob", "handleAction": "Agree", "authentication": a.Authentication}
	bob.refused(fault.GroupNotPermitted, "group.handle", agree)
	adam.must("group.handle", agree, nil)
	adam.must("group.handle", agree, nil) // the repetition of a call
	alice.refused(fault.ApplicationHandled, "group.handle", agree)
	require.Equal(t, map[string]string{"alice": "Owner", "adam": "Admin", "bob": "Member"}, bob.members("p", 100))
	require.Equal(t, 3, bob.group("p").MemberCount)
	a = list.ApplicationList[1]
	alice.refused(fault.GroupBadParameters, "group.handle", obj{"groupID": "p", "userID": "carol", "handleAction": "Ignore", "authentication": a.Authentication})
	alice.refused(fault.ApplicationHandled, "group.handle", obj{"groupID": "p", "userID": "carol", "handleAction": "Reject", "authentication": "other"})
	alice.must("group.handle", obj{"groupID": "p", "userID": "carol", "handleAction": "Reject", "authentication": a.Authentication}, nil)
	require.Empty(t, carol.groups())
	alice.must("group.applications", obj{}, &list)
	require.Empty(t, list.ApplicationList)
	carol.must("group.join", obj{"groupID": "p"}, nil)
	w.clock.pass(applicationAge * 1e6)
	alice.must("group.applications", obj{}, &list)
	require.Empty(t, list.ApplicationList, "a week has passed")
	root.must("group.join", obj{"groupID": "p"}, &joined)
	require.Equal(t, statusJoined, joined.Status)

	alice.must("group.update", obj{"groupID": "p", "inviteOption": "NeedPermission", "joinOption": "DisableApply"}, nil)
	carol.refused(fault.GroupNotPermitted, "group.join", obj{"groupID": "p"})
	var out inviteResult
	bob.must("group.invite", obj{"groupID": "p", "userIDs": []string{"carol", "alice", "nobody"}}, &out)
	require.Equal(t, [][]string{{}, {"alice"}, {"nobody"}, {"carol"}}, [][]string{out.Success, out.Existed, out.Failure, out.Waiting})
	alice.must("group.applications", obj{}, &list)
	require.Len(t, list.ApplicationList, 1)
	a = list.ApplicationList[0]
	require.Equal(t, []any{"bob", "carol", 2}, []any{a.Applicant, a.UserID, a.ApplicationType})
	alice.must("group.handle", obj{"groupID": "p", "userID": "carol", "handleAction": "Agree", "authentication": a.Authentication}, nil)
	require.Equal(t, []string{"p"}, carol.groups())
	alice.must("group.invite", obj{"groupID": "p", "userIDs": []string{"dave"}}, &out)
	require.Equal(t, []string{"dave"}, out.Success, "the owner waits for nobody")

	carol.refused(fault.NoSuchGroup, "group.join", obj{"groupID": "none"})
	carol.refused(fault.BadGroupID, "group.join", obj{"groupID": ""})
}

func TestMemberLimit(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.login(0, "alice"), w.login(1, "bob")
	alice.must("group.create", obj{"name": "n", "groupID": "m", "type": "ChatRoom", "maxMemberNum": 2}, nil)
	bob.must("group.join", obj{"groupID": "m"}, nil)
	w.login(0, "carol").refused(fault.GroupFull, "group.join", obj{"groupID": "m"})
	alice.must("group.create", obj{"name": "n", "groupID": "w", "maxMemberNum": 3}, nil)
	var out inviteResult
	alice.must("group.invite", obj{"groupID": "w", "userIDs": []string{"b", "c", "d"}}, &out)
	require.Equal(t, [][]string{{"b", "c"}, {"d"}}, [][]string{out.Success, out.Failure})
	alice.refused(fault.GroupFull, "group.invite", obj{"groupID": "w", "userIDs": []string{"d"}})
	var kicked kickResult
	alice.must("group.kick", obj{"groupID": "w", "userIDs": []string{"b", "x"}}, &kicked)
	require.Equal(t, []string{"b", "x"}, kicked.UserIDs, "none of them is a member now")
	require.Equal(t, 2, alice.group("w").MemberCount)

	// The documents of former members are removed after a while.
	documents := func() int {
		alice.members("w", 100)
		w.rooms[0].behind()
		subjects, err := w.rooms[0].log.Subjects(t.Context(), key{app, "w"}.memberPattern(classes))
		require.NoError(t, err)
		return len(subjects)
	}
	require.Equal(t, 3, documents())
	w.clock.pass(repeatedWithin * 1e6)
	require.Equal(t, 2, documents())
}

func TestRolesAndMutes(t *testing.T) {
	w := newWorld(t)
	alice := w.login(0, "alice")
	alice.must("group.create", obj{"name": "n", "groupID": "p", "type": "Public", "memberList": []obj{{"userID": "bob"}, {"userID": "carol"}}}, nil)
	bob, carol, dave := w.login(1, "bob"), w.login(0, "carol"), w.login(1, "dave")
	bob.refused(fault.GroupNotPermitted, "group.role", obj{"groupID": "p", "userID": "carol", "role": "Admin"})
	var out memberResult
	alice.must("group.role", obj{"groupID": "p", "userID": "bob", "role": "Admin"}, &out)
	require.Equal(t, "Admin", out.Member.Role)
	alice.refused(fault.GroupBadParameters, "group.role", obj{"groupID": "p", "userID": "alice", "role": "Member"})
	alice.refused(fault.GroupBadParameters, "group.role", obj{"groupID": "p", "userID": "dave", "role": "Admin"})
	alice.refused(fault.GroupBadParameters, "group.role", obj{"groupID": "p", "userID": "bob", "role": "Owner"})
	bob.must("group.mute", obj{"groupID": "p", "userID": "carol", "muteTime": 60}, &out)
	require.Equal(t, w.clock.Now().Unix()+60, out.Member.MuteUntil)
	require.Equal(t, "nick of carol", out.Member.Nick)
	require.Equal(t, w.clock.Now().Unix()+60, carol.group("p").SelfInfo.MuteUntil)
	bob.must("group.mute", obj{"groupID": "p", "userID": "carol", "muteTime": 0}, &out)
	require.Zero(t, out.Member.MuteUntil)
	bob.refused(fault.GroupNotPermitted, "group.mute", obj{"groupID": "p", "userID": "alice", "muteTime": 60})
	carol.refused(fault.GroupNotPermitted, "group.mute", obj{"groupID": "p", "userID": "bob", "muteTime": 60})
	bob.refused(fault.GroupBadParameters, "group.mute", obj{"groupID": "p", "userID": "carol", "muteTime": -1})
	dave.refused(fault.GroupNotPermitted, "group.mute", obj{"groupID": "p", "userID": "carol", "muteTime": 60})

	carol.must("group.card", obj{"groupID": "p", "nameCard": "Caro"}, &out)
	require.Equal(t, "Caro", out.Group.SelfInfo.NameCard)
	bob.must("group.card", obj{"groupID": "p", "userID": "carol", "nameCard": "C."}, &out)
	require.Equal(t, "C.", out.Member.NameCard)
	carol.refused(fault.GroupNotPermitted, "group.card", obj{"groupID": "p", "userID": "bob", "nameCard": "B."})
	carol.refused(fault.GroupBadParameters, "group.card", obj{"groupID": "p", "nameCard": strings.Repeat("c", 51)})
	carol.must("group.custom", obj{"groupID": "p", "memberCustomField": []obj{{"key": "k", "value": "v"}}}, &out)
	require.Equal(t, []Field{{"k", "v"}}, out.Member.MemberCustomField)
	var list memberListResult
	bob.must("group.member.get", obj{"groupID": "p", "userIDs": []string{"carol", "dave", "alice"}}, &list)
	require.Len(t, list.MemberList, 2)
	require.Equal(t, []string{"C.", "Owner"}, []string{list.MemberList[0].NameCard, list.MemberList[1].Role})
	dave.refused(fault.GroupNotPermitted, "group.member.get", obj{"groupID": "p", "userIDs": []string{"carol"}})
	dave.refused(fault.GroupNotPermitted, "group.members", obj{"groupID": "p"})

	bob.refused(fault.GroupNotPermitted, "group.kick", obj{"groupID": "p", "userIDs": []string{"carol", "alice"}})
	require.Contains(t, alice.members("p", 100), "carol", "nobody is removed where one may not be")
	alice.refused(fault.OwnerMayNotQuit, "group.quit", obj{"groupID": "p"})
	alice.must("group.owner", obj{"groupID": "p", "newOwnerID": "bob"}, nil)
	require.Equal(t, map[string]string{"alice": "Member", "bob": "Owner", "carol": "Member"}, carol.members("p", 1))
	bob.must("group.owner", obj{"groupID": "p", "newOwnerID": "alice"}, nil)
	require.Equal(t, map[string]string{"alice": "Owner", "bob": "Member", "carol": "Member"}, carol.members("p", 1),
		"who hands a group on is a plain member, whatever they were before they owned it")
	bob.refused(fault.GroupNotPermitted, "group.owner", obj{"groupID": "p", "newOwnerID": "carol"})
	alice.refused(fault.GroupBadParameters, "group.owner", obj{"groupID": "p", "newOwnerID": "dave"})
	bob.refused(fault.GroupNotPermitted, "group.dismiss", obj{"groupID": "p"})
}

func TestProfiles(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.login(0, "alice"), w.login(1, "bob")
	alice.must("group.create", obj{"name": "n", "groupID": "p", "type": "Public", "notification": "secret", "groupCustomField": []obj{{"key": "k", "value": "v"}}}, nil)
	alice.must("group.create", obj{"name": "n", "groupID": "w"}, nil)
	var out profilesResult
	bob.must("group.get", obj{"groupIDs": []string{"p", "w", "none"}}, &out)
	require.Len(t, out.Groups, 1)
	g := out.Groups[0]
	require.Equal(t, []any{"p", "n", "", []Field(nil), (*SelfInfo)(nil)}, []any{g.GroupID, g.Name, g.Notification, g.GroupCustomField, g.SelfInfo})
	require.Equal(t, []any{fault.GroupNotPermitted, fault.NoSuchGroup}, []any{out.Failures[0].Code, out.Failures[1].Code})
	bob.must("group.search", obj{"groupID": "p"}, nil)
	bob.refused(fault.GroupNotPermitted, "group.search", obj{"groupID": "w"})
	bob.refused(fault.NoSuchGroup, "group.search", obj{"groupID": "none"})
	bob.refused(fault.BadGroupID, "group.get", obj{"groupIDs": []string{""}})
	bob.refused(fault.GroupBadParameters, "group.get", obj{"groupIDs": []string{}})

	var changed groupResult
	alice.must("group.update", obj{"groupID": "p", "name": "m", "muteAllMembers": true, "groupCustomField": []obj{{"key": "l", "value": "w"}}}, &changed)
	require.Equal(t, []any{"m", true, "secret", uint64(2), []Field{{"k", "v"}, {"l", "w"}}},
		[]any{changed.Group.Name, changed.Group.MuteAllMembers, changed.Group.Notification, changed.Group.InfoSequence, changed.Group.GroupCustomField})
	alice.must("group.update", obj{"groupID": "p", "name": "m"}, &changed)
	require.EqualValues(t, 2, changed.Group.InfoSequence, "nothing has changed")
	alice.refused(fault.GroupBadParameters, "group.update", obj{"groupID": "p", "name": ""})
	bob.refused(fault.GroupNotPermitted, "group.update", obj{"groupID": "p", "name": "x"})
	alice.refused(fault.GroupNotPermitted, "group.update", obj{"groupID": "w", "muteAllMembers": true})
	alice.refused(fault.GroupBadParameters, "group.update", obj{"groupID": "w", "joinOption": "FreeAccess"})
	var n countResult
	alice.must("group.invite", obj{"groupID": "w", "userIDs": []string{"offline", "bob"}}, nil)
	alice.must("group.online", obj{"groupID": "w"}, &n)
	require.Equal(t, 2, n.MemberCount)
}

// A Work group may have no owner; it ends when its last member leaves.
func TestWorkGroupsEnd(t *testing.T) {
	w := newWorld(t)
	alice, root := w.login(0, "alice"), w.login(1, "root")
	alice.must("group.create", obj{"name": "n", "groupID": "w", "memberList": []obj{{"userID": "bob"}}}, nil)
	bob := w.login(1, "bob")
	alice.refused(fault.GroupNotPermitted, "group.dismiss", obj{"groupID": "w"})
	alice.must("group.quit", obj{"groupID": "w"}, nil)
	require.Empty(t, bob.group("w").OwnerID)
	bob.must("group.update", obj{"groupID": "w", "name": "anyone"}, nil)
	bob.refused(fault.GroupNotPermitted, "group.kick", obj{"groupID": "w", "userIDs": []string{"bob"}})
	bob.must("group.quit", obj{"groupID": "w"}, nil)
	root.refused(fault.NoSuchGroup, "group.dismiss", obj{"groupID": "w"})
	alice.must("group.create", obj{"name": "again", "groupID": "w"}, nil)
	require.Equal(t, map[string]string{"alice": "Owner"}, alice.members("w", 100))
	root.must("group.dismiss", obj{"groupID": "w"}, nil)
	alice.refused(fault.NoSuchGroup, "group.quit", obj{"groupID": "w"})
	require.Empty(t, alice.groups())
}

func TestAttributesAndCounters(t *testing.T) {
	w := newWorld(t)
	alice := w.login(0, "alice")
	alice.must("group.create", obj{"name": "n", "groupID": "p", "type": "Public", "memberList": []obj{{"userID": "bob"}}}, nil)
	bob, carol := w.login(1, "bob"), w.login(0, "carol")
	var a attributesNote
	bob.must("group.attributes.get", obj{"groupID": "p"}, &a)
	require.Equal(t, map[string]string{}, a.GroupAttributes)
	alice.must("group.attributes.init", obj{"groupID": "p", "groupAttributes": obj{"a": "1", "b": "2"}}, nil)
	alice.must("group.attributes.set", obj{"groupID": "p", "groupAttributes": obj{"b": "3", "c": "4"}}, &a)
	require.Equal(t, map[string]string{"b": "3", "c": "4"}, a.GroupAttributes)
	bob.must("group.attributes.get", obj{"groupID": "p", "keyList": []string{"a", "b", "x"}}, &a)
	require.Equal(t, map[string]string{"a": "1", "b": "3"}, a.GroupAttributes)
	bob.refused(fault.GroupNotPermitted, "group.attributes.set", obj{"groupID": "p", "groupAttributes": obj{"b": "3"}})
	carol.refused(fault.GroupNotPermitted, "group.attributes.get", obj{"groupID": "p"})
	alice.refused(fault.GroupBadParameters, "group.attributes.set", obj{"groupID": "p", "groupAttributes": obj{"k": strings.Repeat("v", 4097)}})
	alice.refused(fault.GroupBadParameters, "group.attributes.set", obj{"groupID": "p", "groupAttributes": obj{}})
	many := obj{}
	for _, c := range "abcdefghijklmnopq" {
		many[string(c)] = "v"
	}
	alice.refused(fault.GroupBadParameters, "group.attributes.init", obj{"groupID": "p", "groupAttributes": many})
	large := obj{}
	for _, c := range "abcde" {
		large[string(c)] = strings.Repeat("v", 4000)
	}
	alice.refused(fault.GroupBadParameters, "group.attributes.init", obj{"groupID": "p", "groupAttributes": large})
	alice.refused(fault.GroupBadParameters, "group.attributes.init",
		obj{"groupID": "p", "groupAttributes": obj{"a": strings.Repeat("\x01", 4000), "b": strings.Repeat("\x01", 4001), "c": strings.Repeat("\x01", 4002)}})
	var keys keysResult
	alice.must("group.attributes.delete", obj{"groupID": "p", "keyList": []string{"a"}}, &keys)
	require.Equal(t, []string{"a"}, keys.KeyList)
	alice.must("group.attributes.delete", obj{"groupID": "p"}, &keys)
	require.Equal(t, []string{"b", "c"}, keys.KeyList)

	var c countersNote
	bob.must("group.counters.set", obj{"groupID": "p", "counters": obj{"x": 1, "y": -1}}, &c)
	var added addResult
	alice.must("group.counters.add", obj{"groupID": "p", "key": "x", "value": -5}, &added)
	require.EqualValues(t, -4, added.Value)
	bob.must("group.counters.get", obj{"groupID": "p", "keyList": []string{"x", "z"}}, &c)
	require.Equal(t, map[string]int64{"x": -4}, c.Counters)
	alice.refused(fault.GroupBadParameters, "group.counters.add", obj{"groupID": "p", "key": "", "value": 1})
	alice.must("group.counters.set", obj{"groupID": "p", "counters": obj{"x": maxCounter}}, nil)
	alice.refused(fault.GroupBadParameters, "group.counters.add", obj{"groupID": "p", "key": "x", "value": 1})
	many = obj{}
	for _, c := range "abcdefghijklmnopqrst" {
		many[string(c)] = 1
	}
	alice.refused(fault.GroupBadParameters, "group.counters.set", obj{"groupID": "p", "counters": many})

	alice.must("group.attributes.init", obj{"groupID": "p", "groupAttributes": obj{"a": "1"}}, nil)
	alice.must("group.dismiss", obj{"groupID": "p"}, nil)
	alice.must("group.create", obj{"name": "n", "groupID": "p", "type": "Public"}, nil)
	alice.must("group.attributes.get", obj{"groupID": "p"}, &a)
	require.Empty(t, a.GroupAttributes, "those of the group before are nobody's")
	alice.must("group.counters.get", obj{"groupID": "p"}, &c)
	require.Empty(t, c.Counters)
}
