package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

const app = 1400000000

// fakeGateway is a Sockets that records what it is told.
type fakeGateway struct {
	mu     sync.Mutex
	places map[place.Place]bool // true: its client answers a ping
	log    []string
	change chan struct{}
}

func newFakeGateway() *fakeGateway {
	return &fakeGateway{places: map[place.Place]bool{}, change: make(chan struct{}, 1)}
}

func (g *fakeGateway) note(format string, a ...any) {
	g.log = append(g.log, fmt.Sprintf(format, a...))
	select {
	case g.change <- struct{}{}:
	default:
	}
}

func (g *fakeGateway) attach(p place.Place) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.places[p] = true
}

func (g *fakeGateway) forget(p place.Place) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.places, p)
}

func (g *fakeGateway) Kick(p place.Place, typ string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.places[p]; !ok {
		return false
	}
	delete(g.places, p)
	g.note("kick %s %s", p.Instance, typ)
	return true
}

func (g *fakeGateway) Alive(_ context.Context, p place.Place) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.places[p]
}

func (g *fakeGateway) Places() []place.Place {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []place.Place
	for p := range g.places {
		all = append(all, p)
	}
	return all
}

func (g *fakeGateway) Of(u place.User) []place.Place {
	return slices.DeleteFunc(g.Places(), func(p place.Place) bool { return p.User != u })
}

func (g *fakeGateway) Drop(p place.Place)      { g.drop(p, "drop") }
func (g *fakeGateway) Supersede(p place.Place) { g.drop(p, "supersede") }

func (g *fakeGateway) drop(p place.Place, what string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.places[p]; ok {
		delete(g.places, p)
		g.note("%s %s", what, p.Instance)
	}
}

// expect waits until the log has as many lines as want, and requires them to be
// equal.
func (g *fakeGateway) expect(t *testing.T, want ...string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		g.mu.Lock()
		got := append([]string(nil), g.log...)
		g.mu.Unlock()
		if len(got) >= len(want) {
			require.Equal(t, want, got)
			return
		}
		select {
		case <-g.change:
		case <-deadline:
			require.Equal(t, want, got)
		}
	}
}

func testBus(t testing.TB) *bus.Bus {
	b, err := bus.Open(context.Background(), bus.Options{Data: bus.Memory, Log: quiet()})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func open(t testing.TB, b Bus, node string, change func(*Options)) (*Registry, *fakeGateway) {
	g := newFakeGateway()
	o := Options{Bus: b, Node: node, Sockets: g, Log: quiet()}
	if change != nil {
		change(&o)
	}
	r, err := Open(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	require.NoError(t, r.Start())
	return r, g
}

var alice = place.User{SDKAppID: app, UserID: "alice"}

func web(instance string) place.Claim {
	now := time.Now().Unix()
	return place.Claim{User: alice, Platform: place.Web, Instance: instance, Doc: "doc-" + instance,
		SignedAt: now - 10, ExpiresAt: now + 3600, Addr: "127.0.0.1"}
}

func resume(c place.Claim) place.Claim { c.Resume = true; return c }

func login(t *testing.T, r *Registry, g *fakeGateway, c place.Claim) decision {
	t.Helper()
	out, err := r.admit(context.Background(), c)
	require.NoError(t, err)
	if out.Verdict == place.Admitted {
		g.attach(out.Place)
	}
	return out
}

func TestTheNewLoginWins(t *testing.T) {
	b := testBus(t)
	r1, g1 := open(t, b, "one", nil)
	r2, g2 := open(t, b, "two", nil)

	require.Equal(t, place.Admitted, login(t, r1, g1, web("a")).Verdict)
	out := login(t, r2, g2, web("b"))
	require.Equal(t, place.Admitted, out.Verdict)
	require.Len(t, out.Evicted, 1)
	g1.expect(t, "kick a multipleAccount")

	out = login(t, r1, g1, resume(web("a")))
	require.Equal(t, place.KickedOut, out.Verdict, "the evicted instance stays out")
	require.Equal(t, frame.KickMultipleAccount, out.Kick)

	v, err := r1.Get(context.Background(), alice)
	require.NoError(t, err)
	require.Equal(t, Online, v.State)
	require.Len(t, v.Instances, 1)
	require.Equal(t, "b", v.Instances[0].Instance)
	require.Equal(t, r2.Gateway(), v.Instances[0].Gateway)
}

func TestTheThirdWebInstanceEvictsTheFirst(t *testing.T) {
	b := testBus(t)
	r1, g1 := open(t, b, "one", nil)
	r2, g2 := open(t, b, "two", nil)
	two := 2
	s, err := r1.SetSettings(context.Background(), app, Patch{WebInstances: &two})
	require.NoError(t, err)
	require.Equal(t, 2, s.WebInstances)

	login(t, r1, g1, web("a1"))
	a2 := login(t, r2, g2, web("a2"))
	out := login(t, r1, g1, web("a3"))
	require.Len(t, out.Evicted, 1)
	require.Equal(t, "a1", out.Evicted[0].Instance)
	g1.expect(t, "kick a1 multipleAccount")

	g2.forget(a2.Place) // before Release, as a gateway does: a check of all places must not find it
	require.NoError(t, r2.Release(context.Background(), a2.Place))
	v, err := r1.Get(context.Background(), alice)
	require.NoError(t, err)
	require.Len(t, v.Instances, 1)
	require.Equal(t, "a3", v.Instances[0].Instance)
	g2.expect(t)
}

func TestAReconnectKeepsItsPlace(t *testing.T) {
	b := testBus(t)
	r1, g1 := open(t, b, "one", nil)
	r2, g2 := open(t, b, "two", nil)

	first := login(t, r1, g1, web("a"))
	// The page reconnects to another gateway before the first has noticed that
	// the link is lost: the older socket is closed.
	again := login(t, r2, g2, resume(web("a")))
	require.True(t, again.Resumed)
	require.Greater(t, again.Place.Attach, first.Place.Attach)
	require.Equal(t, first.Place, again.Superseded.Place)
	g1.expect(t, "supersede a")
	// A late report that the older socket was lost changes nothing.
	require.NoError(t, r1.Detach(context.Background(), first.Place, false))
	v, err := r1.Get(context.Background(), alice)
	require.NoError(t, err)
	require.Equal(t, Online, v.State)
}

func TestADuplicatedTabTakesOverASilentHolderOnly(t *testing.T) {
	b := testBus(t)
	r1, g1 := open(t, b, "one", nil)
	r2, g2 := open(t, b, "two", nil)
	login(t, r1, g1, web("a"))
	twin := web("a")
	twin.Doc = "other page"

	out := login(t, r2, g2, twin)
	require.Equal(t, place.Held, out.Verdict)
	require.True(t, r2.Probe(context.Background(), out.Holder))

	g1.mu.Lock()
	g1.places[out.Holder.Place] = false // its client is silent
	g1.mu.Unlock()
	require.False(t, r2.Probe(context.Background(), out.Holder))
	twin.Silent = out.Holder.Attach
	out = login(t, r2, g2, twin)
	require.Equal(t, place.Admitted, out.Verdict)
	require.True(t, out.Resumed)
	g1.expect(t, "supersede a")
}

func TestPresenceEndsAfterGrace(t *testing.T) {
	b := testBus(t)
	r, g := open(t, b, "one", func(o *Options) { o.Grace, o.CleanGrace, o.Events = 5*time.Second, 50*time.Millisecond, true })
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	events, err := r.Watch(ctx, app)
	require.NoError(t, err)

	out := login(t, r, g, web("a"))
	require.NoError(t, r.Detach(ctx, out.Place, false))
	v, err := r.Get(ctx, alice)
	require.NoError(t, err)
	require.Equal(t, Disconnected, v.State)
	next := func() Event {
		select {
		case e := <-events:
			return e
		case <-ctx.Done():
			require.Fail(t, "no event")
			return Event{}
		}
	}
	require.Equal(t, Login, next().Kind)
	require.Equal(t, Lost, next().Kind)
	e := next()
	require.Equal(t, Disconnect, e.Kind)
	require.Equal(t, TimeOut, e.Reason)
	v, err = r.Get(ctx, alice)
	require.NoError(t, err)
	require.Equal(t, Offline, v.State)

	// The page may still resume, because a place is free.
	out = login(t, r, g, resume(web("a")))
	require.Equal(t, place.Admitted, out.Verdict)
	require.False(t, out.Resumed)
	require.Equal(t, Login, next().Kind)
	require.NoError(t, r.Detach(ctx, out.Place, true))
	require.Equal(t, Lost, next().Kind)
	e = next()
	require.Equal(t, LinkClose, e.Reason)

	// The durable stream has the same events, but for the lost links.
	c, err := r.bus.(*bus.Bus).Share(ctx, bus.StreamEvents, "webhook")
	require.NoError(t, err)
	var kinds []string
	for range 4 {
		m, err := c.Next()
		require.NoError(t, err)
		var e Event
		require.NoError(t, json.Unmarshal(m.Data(), &e))
		require.Equal(t, "alice", e.UserID)
		kinds = append(kinds, string(e.Kind)+"/"+e.Reason)
		require.NoError(t, m.Ack())
	}
	require.Equal(t, []string{"login/Register", "disconnect/TimeOut", "login/Register", "disconnect/LinkClose"}, kinds)
}

func TestAKickByTheServerAPI(t *testing.T) {
	b := testBus(t)
	r, g := open(t, b, "one", nil)
	ctx := context.Background()
	login(t, r, g, web("a"))
	before := time.Now().Unix()
	require.NoError(t, r.KickUser(ctx, alice))
	require.Greater(t, time.Now().Unix(), before, "KickUser waits for the end of the second")
	g.expect(t, "kick a REST_API_Kick")

	c := web("b")
	c.SignedAt = before
	require.Equal(t, place.SigRevoked, login(t, r, g, c).Verdict)
	out := login(t, r, g, resume(web("a")))
	require.Equal(t, place.KickedOut, out.Verdict)
	require.Equal(t, frame.KickRESTAPI, out.Kick)
	c.SignedAt = time.Now().Unix()
	require.Equal(t, place.Admitted, login(t, r, g, c).Verdict)

	ok, err := r.KickInstance(ctx, alice, "b")
	require.NoError(t, err)
	require.True(t, ok)
	g.expect(t, "kick a REST_API_Kick", "kick b REST_API_Kick")
	ok, err = r.KickInstance(ctx, alice, "b")
	require.NoError(t, err)
	require.False(t, ok)
}

func TestLoweringTheLimitEvicts(t *testing.T) {
	b := testBus(t)
	r1, g1 := open(t, b, "one", nil)
	r2, g2 := open(t, b, "two", nil)
	ctx := context.Background()
	three, one := 3, 1
	_, err := r1.SetSettings(ctx, app, Patch{WebInstances: &three})
	require.NoError(t, err)
	login(t, r1, g1, web("a1"))
	login(t, r2, g2, web("a2"))
	a3 := login(t, r2, g2, web("a3"))
	g2.forget(a3.Place)
	require.NoError(t, r2.Detach(ctx, a3.Place, false))

	_, err = r2.SetSettings(ctx, app, Patch{WebInstances: &one})
	require.NoError(t, err)
	g1.expect(t, "kick a1 multipleAccount")
	v, err := r1.Get(ctx, alice)
	require.NoError(t, err)
	require.Len(t, v.Instances, 1)
	require.Equal(t, "a2", v.Instances[0].Instance)
	require.Eventually(t, func() bool { return r1.Settings(app).WebInstances == 1 }, 30*time.Second, time.Millisecond)

	for _, p := range []Patch{{WebInstances: new(int)}, {LoginMode: new(Mode)}, {Instances: map[place.Platform]int{place.Web: 1}}, {Instances: map[place.Platform]int{place.Mac: 4}}} {
		_, err = r1.SetSettings(ctx, app, p)
		require.ErrorIs(t, err, ErrSettings)
	}
}

func TestList(t *testing.T) {
	b := testBus(t)
	r, g := open(t, b, "one", nil)
	ctx := context.Background()
	want := map[string]bool{}
	for i := range 25 {
		c := web("i")
		c.UserID = fmt.Sprintf("user %02d", i)
		want[c.UserID] = true
		login(t, r, g, c)
	}
	other := web("i")
	other.SDKAppID = 7
	login(t, r, g, other)
	cursor := ""
	got := map[string]bool{}
	for pages := 0; ; pages++ {
		page, next, err := r.List(ctx, app, cursor, 10)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), 10)
		for _, v := range page {
			require.False(t, got[v.UserID])
			got[v.UserID] = true
		}
		if next == "" {
			require.Equal(t, 2, pages)
			break
		}
		cursor = next
	}
	require.Equal(t, want, got)
	_, _, err := r.List(ctx, app, "x", 10)
	require.Error(t, err)
}

func TestSealKeyIsShared(t *testing.T) {
	b := testBus(t)
	r1, _ := open(t, b, "one", nil)
	r2, _ := open(t, b, "two", nil)
	require.Equal(t, r1.SealKey(), r2.SealKey())
	require.NotZero(t, r1.SealKey())
}
