package group

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// countedLog counts the reads of all members, and the counts.
type countedLog struct {
	bus.Log
	members, counts atomic.Int64
	during          func() // a read of members; nil for nothing
}

func (c *countedLog) LastUnder(ctx context.Context, patterns ...string) ([]bus.Value, error) {
	values, err := c.Log.LastUnder(ctx, patterns...)
	if slices.Contains(patterns, (key{app, "p"}).memberPattern(classes)) {
		c.members.Add(1)
		if c.during != nil {
			c.during()
		}
	}
	return values, err
}

func (c *countedLog) Count(ctx context.Context, pattern string) (int, error) {
	c.counts.Add(1)
	return c.Log.Count(ctx, pattern)
}

// An application is told to those who administer the group now, wherever they were
// appointed; all members are read only when that has changed.
func TestWhoIsToldOfApplications(t *testing.T) {
	w := newWorld(t)
	log := &countedLog{Log: w.rooms[0].log}
	w.rooms[0].log = log
	alice, other := w.login(0, "alice"), w.login(1, "alice")
	alice.must("group.create", obj{"name": "n", "groupID": "p", "type": "Public", "memberList": []obj{{"userID": "bob"}, {"userID": "carol"}}}, nil)
	applies := 0
	apply := func() {
		applies++
		w.login(0, fmt.Sprint("u", applies)).must("group.join", obj{"groupID": "p"}, nil)
	}
	told := func(want ...string) {
		t.Helper()
		w.reach()
		before := log.members.Load()
		for range 2 {
			apply()
			w.rooms[0].behind()
			for _, id := range []string{"alice", "bob", "carol"} {
				notices := w.chat.took(id)
				require.Equal(t, slices.Contains(want, id), slices.ContainsFunc(notices, func(n string) bool {
					return n == fmt.Sprintf("p 1 u%d ", applies)
				}), "%s %v", id, notices)
			}
		}
		require.LessOrEqual(t, log.members.Load()-before, int64(1))
	}
	told("alice")
	other.must("group.role", obj{"groupID": "p", "userID": "bob", "role": "Admin"}, nil)
	told("alice", "bob")
	alice.must("group.role", obj{"groupID": "p", "userID": "carol", "role": "Admin"}, nil)
	told("alice", "bob", "carol")
	other.must("group.kick", obj{"groupID": "p", "userIDs": []string{"bob"}}, nil)
	told("alice", "carol")
	other.must("group.owner", obj{"groupID": "p", "newOwnerID": "carol"}, nil)
	told("carol")

	log.during = func() { // what was read is old before it is kept
		log.during = nil
		carol := w.login(1, "carol")
		carol.must("group.role", obj{"groupID": "p", "userID": "alice", "role": "Admin"}, nil)
		w.reach()
	}
	w.login(1, "carol").must("group.role", obj{"groupID": "p", "userID": "alice", "role": "Admin"}, nil)
	w.login(1, "carol").must("group.role", obj{"groupID": "p", "userID": "alice", "role": "Member"}, nil)
	w.reach()
	apply()
	require.Nil(t, log.during)
	w.rooms[0].behind()
	w.chat.took("alice")
	told("carol", "alice")
}

// The groups of a user who is in many are not counted for each group that they come
// into.
func TestGroupsAreCountedOnce(t *testing.T) {
	w := newWorld(t)
	log := &countedLog{Log: w.rooms[0].log}
	w.rooms[0].log = log
	u := place.User{SDKAppID: app, UserID: "bob"}
	for n := range maxJoined - 2 {
		k := key{app, fmt.Sprint("g", n)}
		require.NoError(t, w.rooms[0].put(t.Context(), k.joinedSubject("bob"), encode(joined{1, w.clock.Now().UnixMilli()}), 0))
	}
	room := w.rooms[0]
	ends := func() error { return room.hasRoom(t.Context(), u) }
	for range 3 {
		require.NoError(t, ends())
	}
	require.EqualValues(t, 1, log.counts.Load())
	alice := w.login(0, "alice")
	for _, id := range []string{"a", "b"} {
		alice.must("group.create", obj{"name": "n", "groupID": id, "memberList": []obj{{"userID": "bob"}}}, nil)
	}
	require.Error(t, ends(), "those that came meanwhile count")
	bob := w.login(0, "bob")
	bob.must("group.quit", obj{"groupID": "a"}, nil)
	require.NoError(t, ends(), "who leaves a group has room at once")
	alice.must("group.invite", obj{"groupID": "a", "userIDs": []string{"bob"}}, nil)
	require.Error(t, ends())
	before := log.counts.Load()
	w.clock.pass(2 * groupsFor)
	require.Error(t, ends())
	require.Error(t, ends())
	require.EqualValues(t, before+1, log.counts.Load())
	require.NoError(t, w.rooms[1].log.Remove(t.Context(), key{app, "g0"}.joinedSubject("bob"), 1<<40))
	w.clock.pass(2 * fullFor)
	require.NoError(t, ends(), "a group was left on another gateway")
}
