package group

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// A frame names so many users or groups at most; the server API may name more.
func TestBoundsOfAFrame(t *testing.T) {
	w := newWorld(t)
	alice := w.login(0, "alice")
	alice.must("group.create", obj{"name": "n", "groupID": "g", "nonce": "1", "maxMemberNum": 2000}, nil)
	ids := func(n int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprint("u", i))
		}
		return out
	}
	members := func(n int) (out []obj) {
		for _, id := range ids(n) {
			out = append(out, obj{"userID": id})
		}
		return out
	}
	for n, c := range []struct {
		method       string
		most, server int
		params       func(n int) obj
	}{
		{frame.GroupCreate, 10, 500, func(n int) obj { return obj{"name": "n", "memberList": members(n)} }},
		{frame.GroupCreate, 10, 500, func(n int) obj {
			return obj{"groupID": "g", "nonce": "1", "more": true, "memberList": members(n)}
		}},
		{frame.GroupInvite, 10, 500, func(n int) obj { return obj{"groupID": "g", "userIDs": ids(n)} }},
		{frame.GroupKick, 10, 100, func(n int) obj { return obj{"groupID": "g", "userIDs": ids(n)} }},
		{frame.GroupGet, 50, 50, func(n int) obj { return obj{"groupIDs": ids(n)} }},
		{frame.GroupMemberGet, 50, 50, func(n int) obj { return obj{"groupID": "g", "userIDs": ids(n)} }},
	} {
		was := alice.group("g").MemberCount
		alice.refused(fault.GroupBadParameters, c.method, c.params(c.most+1))
		require.Equal(t, was, alice.group("g").MemberCount, n)
		alice.must(c.method, c.params(c.most), nil)
		w.server("alice", c.method, c.params(c.server))
		_, err := w.rooms[0].Do(t.Context(), alice.session.user, c.method, c.params(c.server+1))
		require.ErrorContains(t, err, fmt.Sprint(c.server), n)
	}
}

// Who makes a group with many members names them in several frames, the same one
// again after a lost connection.
func TestAGroupIsCreatedInParts(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.login(0, "alice"), w.login(1, "bob")
	var made createResult
	alice.must("group.create", obj{"name": "n", "type": "Public", "nonce": "1", "memberList": []obj{{"userID": "bob"}}}, &made)
	id := made.Group.GroupID
	more := func(change obj) obj {
		p := obj{"groupID": id, "nonce": "1", "more": true, "memberList": []obj{
			{"userID": "alice"}, {"userID": "bob"}, {"userID": "nobody"}, {"userID": "carol", "role": "Admin", "memberCustomField": []obj{{"key": "k", "value": "v"}}}, {"userID": "dave"},
		}}
		for key, v := range change {
			p[key] = v
		}
		return p
	}
	for range 2 {
		made = createResult{}
		alice.must("group.create", more(nil), &made)
		require.Equal(t, []string{"nobody"}, made.FailureUserIDList)
		require.Equal(t, 4, made.Group.MemberCount)
		require.Equal(t, map[string]string{"alice": "Owner", "bob": "Member", "carol": "Admin", "dave": "Member"}, alice.members(id, 100))
	}
	alice.refused(fault.GroupNotPermitted, "group.create", more(obj{"nonce": "2"}))
	alice.refused(fault.GroupNotPermitted, "group.create", more(obj{"nonce": ""}))
	alice.refused(fault.GroupBadParameters, "group.create", more(obj{"memberList": []obj{{"userID": "erin", "role": "King"}}}))
	alice.refused(fault.NoSuchGroup, "group.create", more(obj{"groupID": "none"}))
	bob.refused(fault.GroupNotPermitted, "group.create", more(nil))
	bob.must("group.quit", obj{"groupID": id}, nil)
	alice.must("group.create", more(nil), nil) // who has left does not come again
	require.Equal(t, 3, alice.group(id).MemberCount)
	alice.must("group.owner", obj{"groupID": id, "newOwnerID": "carol"}, nil)
	alice.refused(fault.GroupNotPermitted, "group.create", more(nil))
	w.login(0, "carol").must("group.owner", obj{"groupID": id, "newOwnerID": "alice"}, nil)
	w.clock.pass((createMoreWithin + 1) * 1e9)
	alice.refused(fault.GroupNotPermitted, "group.create", more(nil))
}

// A user of many groups lists them in pages, of which each costs what is on it: a
// frame that is full ends the page, and no more is read for it.
func TestPagesOfGroups(t *testing.T) {
	b := &reads{Bus: busmodel.New(busmodel.Options{})}
	w := &world{t: t, clock: newClock()}
	w.rooms = [2]*Room{w.open(b), w.open(b)}
	alice := w.login(0, "alice")
	var want []string
	for n := range listMost + 3 {
		id := fmt.Sprintf("g%03d", n)
		want = append(want, id)
		w.server("alice", frame.GroupCreate, obj{"name": "n", "groupID": id})
	}
	var page listResult
	alice.must(frame.GroupList, obj{}, &page)
	require.Len(t, page.Groups, listMost)
	require.Equal(t, want[listMost], page.Next)
	b.lists.Store(0)
	require.Equal(t, want, alice.groups())
	require.EqualValues(t, 2, b.lists.Load(), "one list of all groups a page")
	w.rooms[0].o.Frame = 4000
	b.named.Store(0)
	alice.must(frame.GroupList, obj{}, &page)
	require.Less(t, len(page.Groups), listAtOnce)
	require.Equal(t, want[len(page.Groups)], page.Next)
	require.EqualValues(t, 3*listAtOnce, b.named.Load())
	require.Equal(t, want, alice.groups())
	require.NoError(t, w.rooms[1].Forget(t.Context(), alice.session.user))
	require.Empty(t, alice.groups())
}

// A call that creates a group brings nobody in once its caller has handed the group
// on, however often it is repeated.
func TestARepeatedCreationBringsNobodyIntoAnothersGroup(t *testing.T) {
	w := newWorld(t)
	ann, bea := w.login(0, "ann"), w.login(0, "bea")
	create := obj{"name": "n", "groupID": "g", "type": "Public", "nonce": "n1", "memberList": []obj{{"userID": "bea"}}}
	ann.must("group.create", create, nil)
	ann.must("group.owner", obj{"groupID": "g", "newOwnerID": "bea"}, nil)
	create["memberList"] = []obj{{"userID": "cem", "role": "Admin"}}
	ann.must("group.create", create, nil)
	var got struct {
		MemberList []GroupMember `json:"memberList"`
	}
	bea.must("group.members", obj{"groupID": "g"}, &got)
	require.Len(t, got.MemberList, 2)
}
