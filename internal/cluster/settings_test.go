package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/session"
)

// pairOf starts two gateways on one NATS.
func pairOf(t *testing.T) (a, b *Gateway) {
	nats := StartNATS(t, 1)
	return StartGateway(t, "--nats", nats.URL(), "--node", "a"), StartGateway(t, "--nats", nats.URL(), "--node", "b")
}

// goes waits until an instance is told that it is kicked out.
func (i *instance) goes(t *testing.T, typ string, within time.Duration) {
	t.Helper()
	i.wait(t, frame.EventKickedOut, within, func() bool { return i.kickedAs() != "" })
	require.Equal(t, typ, i.kickedAs(), "%v", i.story())
}

// stays checks that a ping comes back, and that the instance was not told to
// go.
func stays(t *testing.T, all ...*instance) {
	t.Helper()
	for _, i := range all {
		require.True(t, i.alive(), "%s: %v", i, i.story())
		require.Empty(t, i.kickedAs(), "%s", i)
	}
}

// A setting changed through one gateway is in force on the other at once, and
// lowering it evicts in the contract's order: lost connections first, then the
// oldest logins.
func TestSettings(t *testing.T) {
	a, b := pairOf(t)
	l := &ledger{fates: map[string]*fate{}}
	in := func(g *Gateway, user string, n int) *instance {
		i := newInstance(g.Via(), l, user, n, "Web")
		t.Cleanup(i.Destroy)
		require.Nil(t, i.logIn(), "%v", i.story())
		i.online(t)
		return i
	}
	set := func(g *Gateway, n int) time.Time {
		g.Call("timd_config/set", map[string]any{"WebInstances": n}, nil)
		return time.Now()
	}
	old := in(b, "u", 0)
	for round := range 20 { // up and down: the other gateway always knows
		set(a, 2)
		user := fmt.Sprintf("r%d", round)
		one, two := in(b, user, 1), in(b, user, 2)
		stays(t, one, two)
		at := set(a, 1)
		one.goes(t, frame.KickMultipleAccount, time.Second-time.Since(at))
		stays(t, two)
	}
	stays(t, old)

	set(a, 4)
	two, three, four := in(a, "u", 2), in(b, "u", 3), in(a, "u", 4)
	stays(t, old, two, three, four)
	three.through(nil) // cannot come back
	three.cut()
	three.wait(t, "the loss of the connection", 10*time.Second, func() bool { return three.State().Status == session.StatusReconnecting })
	lost(t, a, "u")

	set(b, 3)
	time.Sleep(200 * time.Millisecond)
	stays(t, old, two, four) // the one that is away went first
	at := set(b, 2)
	old.goes(t, frame.KickMultipleAccount, time.Second-time.Since(at))
	stays(t, two, four)
	at = set(a, 1)
	two.goes(t, frame.KickMultipleAccount, time.Second-time.Since(at))
	stays(t, four)

	three.through(a.Via())
	three.SetOnline(false)
	three.SetOnline(true)
	three.goes(t, frame.KickMultipleAccount, 20*time.Second)
	stays(t, four)
	require.Empty(t, l.violations())
}

// lost waits until the record shows an instance without a connection.
func lost(t *testing.T, g *Gateway, user string) {
	t.Helper()
	require.Eventually(t, func() bool {
		var r struct{ UserList []any }
		g.Call("timd_session/list", map[string]any{"Search": user}, &r)
		return strings.Contains(fmt.Sprint(r), "disconnected")
	}, 10*time.Second, 20*time.Millisecond)
}

// Which platforms may be online together, over two gateways.
func TestLoginModes(t *testing.T) {
	a, b := pairOf(t)
	for n, c := range []struct {
		mode string
		set  map[string]any
		// story: platforms that log in, each followed by the one that is
		// evicted for it: "Android > iPhone !Android multipleDevice".
		story string
	}{
		{"single", nil, "Web > Android !Web multipleDevice > Windows !Android multipleDevice > Web !Windows multipleDevice"},
		{"dual", nil, "Web > Android > Windows !Android multipleDevice > Mac !Windows multipleDevice > iPad !Mac multipleDevice > Web !Web multipleAccount"},
		{"triple", nil, "Web > Android > Windows > iPhone !Android multipleDevice > Mac !Windows multipleDevice > Linux !Mac multipleDevice > Windows !Linux multipleAccount"},
		{"multi", nil, "Web > Android > iPhone > iPad > Windows > Mac > Android !Android multipleAccount"},
		{"multi", map[string]any{"Instances": map[string]int{"Android": 2}}, "Android > Android > Web > Android !Android multipleAccount"},
	} {
		t.Run(fmt.Sprintf("%s%d", c.mode, n), func(t *testing.T) {
			body := map[string]any{"LoginMode": c.mode, "WebInstances": 1}
			for k, v := range c.set {
				body[k] = v
			}
			a.Call("timd_config/set", body, nil)
			l := &ledger{fates: map[string]*fate{}}
			type device struct {
				platform string
				*instance
			}
			var online []device
			for step, text := range strings.Split(c.story, " > ") {
				f := strings.Fields(text)
				g := []*Gateway{a, b}[step%2]
				i := newInstance(g.Via(), l, fmt.Sprintf("user%d", n), step, f[0])
				t.Cleanup(i.Destroy)
				require.Nil(t, i.logIn(), "%v", i.story())
				at := time.Now()
				i.online(t)
				if len(f) == 3 { // the oldest of that platform goes
					for k, d := range online {
						if "!"+d.platform == f[1] {
							d.goes(t, f[2], time.Second-time.Since(at))
							online = append(online[:k:k], online[k+1:]...)
							break
						}
					}
				}
				online = append(online, device{f[0], i})
				for _, d := range online {
					stays(t, d.instance)
				}
			}
			require.Empty(t, l.violations())
		})
	}
}
