package inbox

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// TestANewLoginHasNoNewBurst: a new session does not give its user a new
// allowance.
func TestANewLoginHasNoNewBurst(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Rate: 1e-6, Burst: 3})
	send := func(c *client) fault.Code {
		if f := c.call("message.send", c.text(freshID(), "carol", "x"), nil); f != nil {
			return f.Code
		}
		return 0
	}
	for n := range 3 {
		a := login(t, in, "alice", fmt.Sprint("a", n))
		require.Zero(t, send(a))
		a.drop()
	}
	a := login(t, in, "alice", "a3")
	require.Equal(t, fault.TooFrequent, send(a))
	require.Zero(t, send(login(t, in, "bob", "b1")), "another user's is their own")
}

// TestSyncsAreCharged: with all sessions together, a user can begin a limited
// number of synchronisations at once, and then one a second; one that was begun
// goes on.
func TestSyncsAreCharged(t *testing.T) {
	c := &clock{now: time.Unix(1_700_000_000, 0)}
	in := open(t, openBus(t, bus.Memory), Options{Now: c.Now})
	one, two := newClient(t, "alice", "a1"), newClient(t, "alice", "a2")
	one.attach(in)
	two.attach(in)
	for range syncBurst / 2 {
		one.must("session.sync", nothing{}, nil)
		two.must("session.sync", nothing{}, nil)
	}
	for _, a := range []*client{one, two} {
		require.Equal(t, fault.TooFrequent, a.call("session.sync", syncParams{Watch: []string{"bob"}}, nil).Code)
	}
	require.Empty(t, in.watch, "nothing of it is done")
	login(t, in, "bob", "b1")
	c.forward(time.Second)
	one.must("session.sync", nothing{}, nil)
	require.Equal(t, fault.TooFrequent, two.call("session.sync", nothing{}, nil).Code)
}

// TestProfilesAreCharged: profiles are charged like messages, because every
// gateway reads them.
func TestProfilesAreCharged(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Rate: 1e-9, Burst: 2})
	a := login(t, in, "alice", "a1")
	a.must("profile.set", map[string]any{"nick": "1"}, nil)
	a.must("status.set", statusParams{"2"}, nil)
	require.Equal(t, fault.TooFrequent, a.call("profile.set", map[string]any{"nick": "3"}, nil).Code)
}

// TestAcknowledgingWhatIsNotThere: acknowledging a position that does not exist is
// refused, without waiting for it to come.
func TestAcknowledgingWhatIsNotThere(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	m := a.send("bob", "x")
	quickest := time.Hour
	for range 30 {
		began := time.Now()
		require.Equal(t, fault.BadParameters, a.call("message.ack", ackParams{cursorAt(1 << 40)}, nil).Code)
		quickest = min(quickest, time.Since(began))
	}
	require.Less(t, quickest, reachWithin) // it used to wait so long each time
	a.must("message.ack", ackParams{cursorAt(m.Position)}, nil)
}

// TestWholeAllowancesAreForgotten: allowances of users who have sent nothing for a
// while are dropped, all others are kept.
func TestWholeAllowancesAreForgotten(t *testing.T) {
	r := newRates(Options{Rate: 20, Burst: 60})
	now := time.Unix(1_700_000_000, 0)
	user := func(n int) place.User { return place.User{SDKAppID: app, UserID: fmt.Sprint("u", n)} }
	message := func(u place.User) bool {
		rate, _, _ := r.message(u, now)
		return rate
	}
	for n := range leastSweep {
		require.True(t, message(user(n)))
	}
	now = now.Add(time.Minute)
	for range 60 {
		require.True(t, message(user(0)))
	}
	require.True(t, r.look(user(1), now))
	require.True(t, message(user(leastSweep)))
	require.Len(t, r.users, 3)
	require.False(t, message(user(0)))
	for n := range 10 * leastSweep {
		now = now.Add(10 * time.Millisecond) // 100 a second, each for 3 s at most
		require.True(t, message(user(1_000_000+n)))
		require.LessOrEqual(t, len(r.users), 2*leastSweep)
	}
	r.message(user(0), now)
	now = now.Add(10 * time.Second)
	r.message(user(1), now)
	r.dropWhole(now)
	require.Len(t, r.users, 1, "nobody comes, and in a moment only those are kept who have just done something")
}
