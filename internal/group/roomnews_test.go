package group

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
)

// Whoever is in a live room is told of its attributes and counters on every gateway,
// and whoever has left is not.
func TestMembersOfALiveRoomAreToldOfItsData(t *testing.T) {
	w := newWorld(t)
	alice, bob, carol := w.liveRoom(), w.login(1, "bob"), w.login(1, "carol")
	bob.joins("r")
	carol.joins("r")
	set := func(value string) {
		alice.must("group.attributes.set", obj{"groupID": "r", "groupAttributes": obj{"seat": value}}, nil)
	}
	attributes := func(c *client, seat string) {
		t.Helper()
		c.told("attributes", func(n note) bool {
			all, _ := n.params["groupAttributes"].(map[string]any)
			return n.method == frame.NoteGroupAttributes && n.params["groupID"] == "r" && all["seat"] == seat
		})
	}
	set("1")
	attributes(bob, "1")
	attributes(carol, "1")
	carol.must("group.quit", obj{"groupID": "r"}, nil)
	set("2")
	set("3")
	attributes(bob, "3")
	alice.must("group.counters.set", obj{"groupID": "r", "counters": obj{"likes": 7}}, nil)
	bob.told("counters", func(n note) bool {
		all, _ := n.params["counters"].(map[string]any)
		return n.method == frame.NoteGroupCounters && all["likes"] == 7.0
	})
	require.Eventually(t, func() bool {
		l := &w.rooms[1].listeners
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.rooms) == 0
	}, 30*time.Second, time.Millisecond, "nothing is kept once all is told")
	carol.mu.Lock()
	defer carol.mu.Unlock()
	require.Len(t, carol.notes, 1)
	require.Equal(t, obj{"groupID": "r", "reason": "quit", "operatorID": "carol"}, carol.notes[0].params, "and nothing more")
}
