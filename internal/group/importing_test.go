package group

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// imports makes a call of the server API that imports something.
func (w *world) imports(owner, method string, params obj) (out inviteResult, err error) {
	w.t.Helper()
	raw, err := w.rooms[1].Do(w.t.Context(), place.User{SDKAppID: app, UserID: owner}, method, params)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	return out, err
}

// An imported group has its times of the other system. Nobody is told of it but the
// sessions of its members, and a repetition changes nothing.
func TestImport(t *testing.T) {
	w, b := newHookedWorld(t)
	alice, bob := w.login(0, "alice"), w.login(1, "bob")
	require.Empty(t, bob.groups())
	const made, joined = 1_500_000_000, 1_600_000_000
	group := obj{"groupID": "@TGS#2ABC", "type": Public, "name": "n", "createTime": made, "maxMemberNum": 3}
	members := obj{"groupID": "@TGS#2ABC", "memberList": []obj{
		{"userID": "bob", "role": "Admin", "joinTime": joined, "nameCard": "Bobby", "memberCustomField": []Field{{"k", "v"}}},
		{"userID": "carol", "joinTime": joined + 1}, {"userID": "nobody"}, {"userID": "dave"}, {"userID": "bob"},
	}}
	for round := range 2 {
		_, err := w.imports("alice", ServerImport, group)
		require.NoError(t, err)
		out, err := w.imports("root", ServerImportMembers, members)
		require.NoError(t, err)
		require.Equal(t, []string{"nobody", "dave"}, out.Failure, "no account, no room")
		if round == 0 {
			require.Equal(t, []string{"bob", "carol"}, out.Success)
		} else {
			require.Equal(t, []string{"bob", "carol"}, out.Existed)
		}
		require.Equal(t, map[string]string{"alice": "Owner", "bob": "Admin", "carol": "Member"}, alice.members("@TGS#2ABC", 100))
		require.Equal(t, []string{"alice", "bob", "carol"}, w.chat.members("@TGS#2ABC"))
	}
	g := bob.group("@TGS#2ABC")
	require.Equal(t, []any{int64(made), "alice", 3}, []any{g.CreateTime, g.OwnerID, g.MemberCount})
	require.Equal(t, []any{int64(joined), "Bobby", []Field{{"k", "v"}}}, []any{g.SelfInfo.JoinTime, g.SelfInfo.NameCard, g.SelfInfo.MemberCustomField})
	require.EqualValues(t, made, alice.group("@TGS#2ABC").SelfInfo.JoinTime)
	bob.toldOf(frame.NoteGroupJoined)
	require.Empty(t, b.heard())
	require.Empty(t, w.chat.tips("@TGS#2ABC"))
	for _, id := range []string{"alice", "bob", "carol"} {
		require.Empty(t, w.chat.took(id), id)
	}

	// It is a group like any other now.
	alice.must(frame.GroupKick, obj{"groupID": "@TGS#2ABC", "userIDs": []string{"carol"}}, nil)
	require.Equal(t, []string{"3 alice carol"}, w.chat.tips("@TGS#2ABC"))
	require.Len(t, b.heard(), 1)
	alice.refused(fault.GroupNotPermitted, frame.GroupCreate, obj{"groupID": "@TGS#2ABC", "more": true, "nonce": importNonce, "memberList": []obj{{"userID": "eve"}}})
}

// An import is refused with a code that says what is wrong with it.
func TestImportRefused(t *testing.T) {
	w := newWorld(t)
	w.login(0, "alice").must(frame.GroupCreate, obj{"groupID": "taken", "type": Public, "name": "n"}, nil)
	later := w.clock.Now().Unix() + 60
	for _, c := range []struct {
		code   fault.Code
		owner  string
		params obj
	}{
		{fault.GroupIDTaken, "alice", obj{"groupID": "taken", "type": Public, "name": "n"}},
		{fault.GroupBadParameters, "alice", obj{"groupID": "g", "type": "Club", "name": "n"}},
		{fault.GroupBadParameters, "alice", obj{"groupID": "g", "type": Public}},
		{fault.GroupBadParameters, "alice", obj{"groupID": "g", "type": Public, "name": "n", "createTime": later}},
		{fault.GroupNotPermitted, "alice", obj{"groupID": "g", "type": Live, "name": "n"}},
		{fault.BadGroupID, "alice", obj{"groupID": "@TGS#_g", "type": Public, "name": "n"}},
		{fault.BadGroupID, "alice", obj{"groupID": "@TGS#", "type": Public, "name": "n"}},
		{fault.BadGroupID, "alice", obj{"groupID": "@TGS#2g@TOPIC#_t", "type": Public, "name": "n"}},
		{fault.BadGroupID, "alice", obj{"groupID": "g", "type": Community, "name": "n"}},
		{fault.UnknownAccount, "nobody", obj{"groupID": "g", "type": Public, "name": "n"}},
	} {
		_, err := w.imports(c.owner, ServerImport, c.params)
		require.Equal(t, c.code, bus.Fault(err).Code, "%v: %v", c.params, err)
	}
	_, err := w.imports("alice", ServerImport, obj{"groupID": "@TGS#_c", "type": Community, "name": "n"})
	require.NoError(t, err)
	_, err = w.imports("alice", ServerImport, obj{"groupID": "w", "type": Work, "name": "n"})
	require.NoError(t, err)
	w.server("alice", frame.GroupCreate, obj{"groupID": "room", "type": Live, "name": "n"})
	for _, c := range []struct {
		code   fault.Code
		group  string
		member obj
	}{
		{fault.NoSuchGroup, "none", obj{"userID": "bob"}},
		{fault.GroupNotPermitted, "room", obj{"userID": "bob"}},
		{fault.GroupNotPermitted, "w", obj{"userID": "bob", "role": "Admin"}},
		{fault.GroupBadParameters, "w", obj{"userID": "bob", "joinTime": later}},
		{fault.GroupBadParameters, "w", obj{"userID": ""}},
	} {
		_, err := w.imports("root", ServerImportMembers, obj{"groupID": c.group, "memberList": []obj{c.member}})
		require.Equal(t, c.code, bus.Fault(err).Code, "%v: %v", c, err)
	}
	w.login(0, "alice").refused(frame.CodeNoMethod, ServerImport, obj{"groupID": "x", "type": Public, "name": "n"})
}

// The log is told of imported members although the gateway that imported them has died
// before it could do that.
func TestImportIsFinished(t *testing.T) {
	w := newWorld(t)
	_, err := w.imports("alice", ServerImport, obj{"groupID": "g", "type": Work, "name": "n", "createTime": 1})
	require.NoError(t, err)
	r, k := w.rooms[0], key{app, "g"}
	g, err := r.takeTurn(t.Context(), k, "dying")
	require.NoError(t, err)
	_, err = r.enter(t.Context(), k, g, "bob", member{Joined: 2, Imported: w.clock.Now().Unix()})
	require.NoError(t, err)
	w.clock.pass(2 * turnAge * 1e6)
	_, err = w.rooms[1].inTurn(t.Context(), k, func(context.Context, group) (effect, error) { return effect{}, nil })
	require.NoError(t, err)
	require.Equal(t, []string{"alice", "bob"}, w.chat.members("g"))
}
