package inbox

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// TestStatusFlood: however often a user changes their status, those who watch are
// told only once a second, and always the last one.
func TestStatusFlood(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.must("status.watch", usersParams{[]string{"bob"}}, nil)
	start := time.Now()
	for i := range 200 {
		b.must("status.set", statusParams{fmt.Sprint(i)}, nil)
	}
	a.until("the last", func() bool { return len(a.statuses) > 0 && a.statuses[len(a.statuses)-1].CustomStatus == "199" })
	require.LessOrEqual(t, len(a.statuses), int(time.Since(start)/statusEvery)+1)
}

// TestStatusIsCharged: statuses are charged to the user, over all sessions.
func TestStatusIsCharged(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Rate: 1e-9, Burst: 2})
	one, two := login(t, in, "bob", "b1"), login(t, in, "bob", "b2")
	one.must("status.set", statusParams{"1"}, nil)
	two.must("status.set", statusParams{"2"}, nil)
	require.Equal(t, fault.TooFrequent, one.call("status.set", statusParams{"3"}, nil).Code)
	require.Equal(t, fault.TooFrequent, two.call("status.set", statusParams{"3"}, nil).Code)
}

// TestListsOfWatches: in a list each user counts once, and a list that is longer
// than a session can watch is refused.
func TestListsOfWatches(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	ids := make([]string, maxWatches)
	for i := range ids {
		ids[i] = fmt.Sprintf("u%d", i)
	}
	a.must("session.sync", syncParams{Watch: ids[1:]}, nil)
	a.must("status.watch", usersParams{[]string{"last", "last"}}, nil)
	require.Equal(t, fault.BadParameters, a.call("status.unwatch", usersParams{append(ids, "onemore")}, nil).Code)
	require.Len(t, in.watch, maxWatches)
	a.must("status.unwatch", usersParams{ids}, nil)
	require.Len(t, in.watch, 1)
}
