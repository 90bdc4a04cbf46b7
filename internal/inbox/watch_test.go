package inbox

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
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

// everybody is online.
type everybody struct{}

func (everybody) Online(_ context.Context, _ uint32, userIDs []string, _ bool) ([]bool, error) {
	return slices.Repeat([]bool{true}, len(userIDs)), nil
}

// TestOneSignalOfManyUsers: users who come at once are told of in one signal for each
// app, and whoever watches some of them hears of these.
func TestOneSignalOfManyUsers(t *testing.T) {
	c := &clock{now: time.Unix(1_700_000_000, 0)} // stands still, so that nothing is swept
	b := openBus(t, bus.Memory)
	in := open(t, b, Options{Now: c.Now, AfterFunc: c.AfterFunc, Presence: everybody{}})
	var signals atomic.Int32
	stop, err := b.Subscribe(bus.SubjectStatus, func([]byte) { signals.Add(1) })
	require.NoError(t, err)
	t.Cleanup(stop)
	a := login(t, in, "alice", "a1")
	a.must("status.watch", usersParams{[]string{"bob", "carol", "dave"}}, nil)
	in.mu.Lock()
	for _, w := range in.watch { // as if they had been away
		w.told.StatusType = statusOffline
	}
	in.mu.Unlock()
	user := func(app uint32, id string) place.User { return place.User{SDKAppID: app, UserID: id} }
	own := a.s.user.SDKAppID
	in.StatusChanged(user(own, "erin"), user(own, "bob"), user(own+1, "carol"), user(own, "dave"))
	told := func() (ids []string) {
		for _, s := range a.statuses {
			ids = append(ids, s.UserID)
		}
		slices.Sort(ids)
		return ids
	}
	a.until("those of the app", func() bool { return len(told()) == 2 })
	require.Equal(t, []string{"bob", "dave"}, told())
	require.Eventually(t, func() bool { return signals.Load() == 3 }, 30*time.Second, time.Millisecond, "the other app's user is between those of this one")
}
