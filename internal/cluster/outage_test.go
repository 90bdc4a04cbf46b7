package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/session"
)

// While no NATS can be reached, /readyz fails and logins are answered with
// 70169; a running session is held, and goes on when NATS is back.
func TestNoNATS(t *testing.T) {
	t.Parallel()
	nats := StartNATS(t, 1)
	g := StartGateway(t, "--nats", nats.URL(), "--node", "g")
	l := &ledger{fates: map[string]*fate{}}
	held := member(t, g.Via(), l, "held")
	server := nats.Servers[0]
	server.Kill()
	require.Eventually(t, func() bool { return !g.IsReady() }, 5*time.Second, 20*time.Millisecond)
	late := newInstance(g.Via(), l, "late", 0, "Web")
	t.Cleanup(late.Destroy)
	err := late.logIn()
	require.NotNil(t, err)
	require.Equal(t, fault.ServerTimeout, err.Code, "%v", late.story())
	require.True(t, held.alive(), "its socket is still there")
	// The outage is known by now: nobody waits for its end any more.
	require.NotNil(t, late.logIn())
	require.Less(t, late.login, 4*time.Second, "%v", late.story())
	// Past its lease.
	time.Sleep(10 * time.Second)
	require.Equal(t, session.StatusReady, held.State().Status, "%v", held.story())

	server.Start()
	g.Ready(20 * time.Second)
	require.Nil(t, late.logIn())
	late.online(t)
	require.True(t, held.alive())
	held.send("late", "after the outage")
	require.Equal(t, []string{"after the outage"}, late.history(t, "held"))
	require.True(t, held.State().Ready)
	require.Empty(t, held.kickedAs())
	require.Empty(t, l.violations())
}

// A login and a message wait for the end of a short outage, such as the
// election of another NATS server, and do not fail.
func TestAShortOutage(t *testing.T) {
	t.Parallel()
	nats := StartNATS(t, 1)
	g := StartGateway(t, "--nats", nats.URL(), "--node", "g")
	l := &ledger{fates: map[string]*fate{}}
	there := member(t, g.Via(), l, "there")
	server := nats.Servers[0]
	server.Kill()
	require.Eventually(t, func() bool { return !g.IsReady() }, 5*time.Second, 5*time.Millisecond)
	said := make(chan struct{})
	go func() {
		defer close(said)
		there.send("patient", "meanwhile")
	}()
	in := newInstance(g.Via(), l, "patient", 0, "Web")
	t.Cleanup(in.Destroy)
	done := make(chan *fault.Error, 1)
	go func() { done <- in.logIn() }()
	select {
	case err := <-done:
		t.Fatalf("it did not wait: %v, %v", err, in.story())
	case <-time.After(500 * time.Millisecond):
	}
	server.Start()
	require.Nil(t, <-done, "%v", in.story())
	in.online(t)
	<-said
	require.Equal(t, []string{"meanwhile"}, there.sent, "%v", there.story())
	require.Empty(t, l.violations())
}
