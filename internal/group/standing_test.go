package group

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// TestStanding checks what package inbox is told of users in a group.
func TestStanding(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.login(0, "alice"), w.login(1, "bob")
	alice.must("group.create", obj{"groupID": "p", "name": "n", "type": "Public", "memberList": []obj{{"userID": "bob"}, {"userID": "carol", "role": "Admin"}}}, nil)
	alice.must("group.create", obj{"groupID": "@TGS#_c", "name": "n", "type": "Community", "memberList": []obj{{"userID": "bob"}}}, nil)
	alice.must("group.create", obj{"groupID": "m", "name": "n", "type": "ChatRoom"}, nil)
	of := func(userID, groupID string) Standing {
		t.Helper()
		s, err := w.rooms[1].Standing(t.Context(), place.User{SDKAppID: app, UserID: userID}, groupID)
		require.NoError(t, err)
		require.NotZero(t, s.Born)
		s.Born = 0
		return s
	}
	refused := func(code fault.Code, userID, groupID string) {
		t.Helper()
		_, err := w.rooms[0].Standing(t.Context(), place.User{SDKAppID: app, UserID: userID}, groupID)
		require.ErrorIs(t, err, fault.New(code))
	}
	require.Equal(t, Standing{Member: true, Counts: true, Manages: true, Pins: true, AtAll: true, Readers: 2}, of("alice", "p"))
	require.Equal(t, Standing{Member: true, Counts: true, AtAll: true, Readers: 2}, of("bob", "p"))
	require.Equal(t, Standing{Member: true, Counts: true, Older: true}, of("bob", "@TGS#_c"))
	require.Equal(t, Standing{Member: true, Older: true, Manages: true, Pins: true, AtAll: true}, of("alice", "m"))
	require.Equal(t, Standing{Counts: true, Manages: true, Pins: true, AtAll: true, Readers: 2}, of("root", "p"))
	refused(fault.GroupNotPermitted, "dave", "p")
	refused(fault.NoSuchGroup, "alice", "q")
	refused(fault.BadGroupID, "alice", "")

	bob.must("group.card", obj{"groupID": "p", "nameCard": "b"}, nil)
	require.Equal(t, "b", of("bob", "p").NameCard)
	alice.must("group.mute", obj{"groupID": "p", "userID": "bob", "muteTime": 10}, nil)
	require.True(t, of("bob", "p").Muted)
	w.clock.pass(11 * time.Second)
	require.False(t, of("bob", "p").Muted)
	alice.must("group.update", obj{"groupID": "p", "muteAllMembers": true}, nil)
	require.True(t, of("bob", "p").Muted)
	require.False(t, of("carol", "p").Muted)
	require.False(t, of("root", "p").Muted)

	bob.must("group.quit", obj{"groupID": "p"}, nil)
	refused(fault.GroupNotPermitted, "bob", "p")
	alice.must("group.dismiss", obj{"groupID": "p"}, nil)
	refused(fault.NoSuchGroup, "alice", "p")
}

// TestReaders: messages of small groups may ask for receipts, and those of large ones
// may not; who is to see the members is told when each of them joined.
func TestReaders(t *testing.T) {
	for _, c := range []struct {
		g    group
		want int
	}{
		{group{Type: Work, Members: 1}, 0}, {group{Type: Work, Members: 200}, 199}, {group{Type: Public, Members: 201}, 0},
		{group{Type: Meeting, Members: 3}, 2}, {group{Type: Community, Members: 3}, 0}, {group{Type: Live, Members: 3}, 0},
	} {
		require.Equal(t, c.want, c.g.readers(), "%+v", c.g)
	}
	w := newWorld(t)
	alice := w.login(0, "alice")
	alice.must("group.create", obj{"groupID": "p", "name": "n", "type": "Public", "memberList": []obj{{"userID": "bob"}}}, nil)
	members := func(userID string, most int) ([]Joined, error) {
		return w.rooms[1].Members(t.Context(), place.User{SDKAppID: app, UserID: userID}, "p", most)
	}
	list, err := members("bob", 2)
	require.NoError(t, err)
	at := w.clock.now.Unix()
	require.ElementsMatch(t, []Joined{{"alice", at}, {"bob", at}}, list)
	_, err = members("bob", 1)
	require.ErrorIs(t, err, fault.New(fault.InvalidOperation))
	_, err = members("dave", 2)
	require.ErrorIs(t, err, fault.New(fault.GroupNotPermitted))
}
