package registry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// world is two gateways on one NATS, with a clock of its own.
type world struct {
	t     *testing.T
	h     *history
	rng   *rand.Rand
	clock atomic.Int64
	regs  [2]*Registry
	gws   [2]*fakeGateway
}

func newWorld(t *testing.T, b *bus.Bus, seed uint64, faults bool) *world {
	w := &world{t: t, h: newHistory(seed), rng: rand.New(rand.NewPCG(seed, 1))}
	w.h.off = !faults
	w.clock.Store(time.Now().UnixMilli())
	for i := range w.regs {
		w.regs[i], w.gws[i] = open(t, b, "node"+strconv.Itoa(i), func(o *Options) {
			o.now = func() time.Time { return time.UnixMilli(w.clock.Load()) }
			o.noTimers = true
			o.retry = time.Millisecond
			o.leaseTTL = time.Hour
			o.wrap = func(s store) store { return &faulty{s, w.h} }
			o.lose = func(signal, string) (bool, int) {
				n := w.h.dice()
				return n < 15, 1 + n%2
			}
		})
	}
	return w
}

// settle has both gateways compare their places, and then checks that the
// sockets are those of the record.
func (w *world) settle(u place.User, story lazy) {
	w.compare()
	want, got := w.record(u).sockets(u), w.sockets(u)
	require.Equal(w.t, want, got, "the sockets are not those of the record\n%s\n%s", story, lazy(func() string { r := w.record(u); return string(r.encode()) }))
	require.Empty(w.t, w.h.violations())
}

// compare has both gateways compare their places and report pending ends.
func (w *world) compare() {
	w.h.quiet()
	for i := range w.regs {
		if w.rng.IntN(2) == 0 {
			w.regs[i].round()
		}
		for n := 0; !w.regs[i].checkAll(true); n++ {
			require.Less(w.t, n, 100)
		}
		for range 3 {
			w.regs[i].reportEnds()
		}
	}
}

// sockets returns the attachments that have a socket according to the record,
// each with its gateway.
func (r Record) sockets(u place.User) map[place.Place]string {
	all := map[place.Place]string{}
	for _, in := range r.Instances {
		if in.Down == 0 {
			all[in.holder(u).Place] = in.Gateway
		}
	}
	return all
}

// sockets returns the attachments of u that have a socket, each with its gateway.
func (w *world) sockets(u place.User) map[place.Place]string {
	all := map[place.Place]string{}
	for i, g := range w.gws {
		for _, p := range g.Places() {
			if p.User == u {
				all[p] = w.regs[i].Gateway()
			}
		}
	}
	return all
}

func (w *world) record(u place.User) Record {
	v, err := w.regs[0].bus.LastAtLeader(context.Background(), usersStream, key(u))
	if err != nil {
		require.ErrorIs(w.t, err, bus.ErrNoValue)
		return Record{}
	}
	r, err := decodeRecord(v.Data)
	require.NoError(w.t, err)
	return r
}

// client is one page or device of the test's user.
type client struct {
	id, doc  string
	platform place.Platform
	gw       int
	place    place.Place // the latest one that it was given
	attached bool        // as far as the client knows
	over     bool        // logged out, or told that it was evicted
}

// run plays one story: random operations on one user, each compared with the
// model.
func (w *world) run(u place.User, app uint32, mode Mode, steps int) {
	t, ctx := w.t, context.Background()
	m := &model{mode: mode, web: 1, out: map[string]mEvicted{}}
	var clients []*client
	var late []func() // late reports that an older attachment has lost its socket
	var story []string
	tell := func(format string, a ...any) { story = append(story, fmt.Sprintf(format, a...)) }
	fail := lazy(func() string { return strings.Join(story, "\n") })
	platforms := []place.Platform{place.Web, place.Web, place.Web, place.Android, place.Mac, place.IPad}
	claim := func(c *client, resume bool) place.Claim {
		now := w.clock.Load() / 1000
		return place.Claim{User: u, Platform: c.platform, Instance: c.id, Doc: c.doc, Resume: resume, SignedAt: now - 5, ExpiresAt: now + 1_000_000}
	}
	admit := func(c *client, cl place.Claim) {
		c.gw = w.rng.IntN(2)
		out, err := w.regs[c.gw].admit(ctx, cl)
		require.NoError(t, err, fail)
		want, gone := m.admit(cl.Instance, cl.Doc, cl.Platform, cl.Resume)
		tell("%s doc %s resume %v on %d: %s %v -> %s", cl.Instance, cl.Doc, cl.Resume, c.gw, want, gone, m.words())
		got := map[place.Verdict]string{place.Admitted: "admitted", place.Held: "held", place.KickedOut: out.Kick}[out.Verdict]
		if out.Resumed {
			got = "again"
		}
		require.Equal(t, want, got, fail)
		var evicted []string
		for _, e := range out.Evicted {
			evicted = append(evicted, e.Instance+":"+e.Type)
		}
		require.ElementsMatch(t, gone, evicted, fail)
		switch out.Verdict {
		case place.Admitted:
			if c.attached {
				old, oldGw := c.place, c.gw
				late = append(late, func() { _ = w.regs[oldGw].Detach(ctx, old, false) })
			}
			c.place, c.attached = out.Place, true
			w.gws[c.gw].attach(out.Place)
		case place.KickedOut:
			c.over, c.attached = true, false
		}
	}
	var seen *known // the newest record, or an older one
	tidy := func(r *Registry) {
		require.NoError(t, r.tidyUser(ctx, u, seen), fail)
		if at, err := r.known(ctx, u, true); err == nil && w.rng.IntN(2) == 0 {
			seen = &at
		}
	}
	some := func(f func(*client) bool) *client {
		var fit []*client
		for _, c := range clients {
			if !c.over && f(c) {
				fit = append(fit, c)
			}
		}
		if len(fit) == 0 {
			return nil
		}
		return fit[w.rng.IntN(len(fit))]
	}
	forget := func(c *client) {
		for _, g := range w.gws {
			g.mu.Lock()
			delete(g.places, c.place)
			g.mu.Unlock()
		}
		c.attached = false
	}
	// hear tells the clients which of them were kicked.
	hear := func() {
		for _, g := range w.gws {
			g.mu.Lock()
			log := g.log
			g.log = nil
			g.mu.Unlock()
			for _, line := range log {
				var id, typ string
				if n, _ := fmt.Sscanf(line, "kick %s %s", &id, &typ); n != 2 {
					continue
				}
				e, ok := m.out[id]
				require.True(t, ok, lazy(func() string { return line + "\n" + fail.String() }))
				require.Equal(t, e.typ, typ, fail)
				for _, c := range clients {
					if c.id == id {
						c.over, c.attached = true, false
					}
				}
			}
		}
	}

	for step := 0; step < steps && len(m.out) < maxEvicted-2; step++ {
		w.clock.Add(1 + int64(w.rng.IntN(50)))
		hear()
		switch n := w.rng.IntN(100); {
		case n < 25: // a login
			c := &client{id: fmt.Sprintf("i%d", len(clients)), doc: "d", platform: platforms[w.rng.IntN(len(platforms))]}
			clients = append(clients, c)
			admit(c, claim(c, false))
			if w.rng.IntN(4) == 0 { // repeated
				admit(c, claim(c, false))
			}
		case n < 45: // a reconnect, noticed or not by the gateway
			if c := some(func(*client) bool { return true }); c != nil {
				admit(c, claim(c, true))
			}
		case n < 50: // a reload
			if c := some(func(c *client) bool { return !c.attached }); c != nil {
				c.doc += "'"
				admit(c, claim(c, false))
			}
		case n < 55: // a duplicated tab
			if c := some(func(c *client) bool { i := m.find(c.id); return i >= 0 && m.list[i].up }); c != nil {
				twin := *c
				twin.doc = "twin"
				admit(&twin, claim(&twin, w.rng.IntN(2) == 0))
			}
		case n < 70: // the link is lost, or the page closed
			if c := some(func(c *client) bool { return c.attached }); c != nil {
				clean := w.rng.IntN(3) == 0
				forget(c)
				require.NoError(t, w.regs[c.gw].Detach(ctx, c.place, clean), fail)
				if i := m.find(c.id); i >= 0 && m.list[i].up {
					m.list[i].up, m.list[i].down, m.list[i].clean = false, w.clock.Load(), clean
				}
				tell("%s loses its link, clean %v -> %s", c.id, clean, m.words())
			}
		case n < 78: // a logout
			if c := some(func(c *client) bool { return c.attached }); c != nil {
				forget(c)
				require.NoError(t, w.regs[c.gw].Release(ctx, c.place), fail)
				if i := m.find(c.id); i >= 0 {
					m.list = slices.Delete(m.list, i, i+1)
				}
				c.over = true
				tell("%s logs out -> %s", c.id, m.words())
			}
		case n < 83 && len(late) > 0:
			late[0]()
			late = late[1:]
			tell("an older attachment is reported as lost")
		case n < 90: // time passes
			w.clock.Add(int64(w.rng.IntN(70_000)))
			tidy(w.regs[w.rng.IntN(2)])
			m.end(w.clock.Load())
			tell("time passes -> %s", m.words())
		case n < 94: // the limit changes
			m.web = 1 + w.rng.IntN(3)
			s, err := w.regs[w.rng.IntN(2)].SetSettings(ctx, app, Patch{WebInstances: &m.web})
			require.NoError(t, err, fail)
			w.h.knows(s)
			require.NoError(t, w.regs[w.rng.IntN(2)].refreshSettings(ctx, app))
			require.NoError(t, w.regs[0].refreshSettings(ctx, app))
			require.NoError(t, w.regs[1].refreshSettings(ctx, app))
			tidy(w.regs[w.rng.IntN(2)])
			m.room(place.Web, 0)
			tell("%d Web instances -> %s", m.web, m.words())
		case n < 96:
			if len(m.list) > 0 {
				id := m.list[w.rng.IntN(len(m.list))].id
				ok, err := w.regs[w.rng.IntN(2)].KickInstance(ctx, u, id)
				require.NoError(t, err, fail)
				require.True(t, ok, fail)
				m.evict(m.find(id), frame.KickRESTAPI)
				tell("%s is kicked -> %s", id, m.words())
			}
		default:
			m.end(w.clock.Load())
			tidy(w.regs[0])
			w.settle(u, fail)
		}
		// Record and model can be compared once both have ended the places whose
		// grace is over.
		tidy(w.regs[w.rng.IntN(2)])
		m.end(w.clock.Load())
		w.h.quiet()
		require.Equal(t, m.words(), recordWords(w.record(u)), fail)
	}
	m.end(w.clock.Load())
	tidy(w.regs[0])
	w.settle(u, fail)
	hear()
	// Every evicted client was told: at once, or when it comes back.
	for _, c := range clients {
		if e, ok := m.out[c.id]; ok && !c.over {
			admit(c, claim(c, true))
			require.True(t, c.over, lazy(func() string { return c.id + " " + e.typ + "\n" + fail.String() }))
		}
	}
}

// TestModel plays random stories against the model. TIM_MODEL_STORIES sets how
// many, which are then longer, and TIM_MODEL_SEED the seed of the first.
func TestModel(t *testing.T) {
	stories, steps := 24, 40
	if n, err := strconv.Atoi(os.Getenv("TIM_MODEL_STORIES")); err == nil {
		stories, steps = n, 80
	}
	seed := uint64(1)
	if n, err := strconv.ParseUint(os.Getenv("TIM_MODEL_SEED"), 10, 64); err == nil {
		seed = n
	}
	b := testBus(t)
	stored, faults := 0, 0
	modes := []Mode{Dual, Single, Triple, Multi}
	for i := range stories {
		ok := t.Run(fmt.Sprintf("seed %d", seed+uint64(i)), func(t *testing.T) {
			w := newWorld(t, b, seed+uint64(i), i%5 != 0)
			app := uint32(1000 + i)
			mode := modes[i%len(modes)]
			s, err := w.regs[0].SetSettings(context.Background(), app, Patch{LoginMode: &mode})
			require.NoError(t, err)
			w.h.knows(s)
			require.NoError(t, w.regs[1].refreshSettings(context.Background(), app))
			w.run(place.User{SDKAppID: app, UserID: "story"}, app, mode, steps)
			w.h.quiet()
			w.h.mu.Lock()
			stored, faults = stored+w.h.stored, faults+w.h.faults
			w.h.mu.Unlock()
		})
		if !ok {
			break
		}
	}
	t.Logf("%d stories, %d records stored, %d faults", stories, stored, faults)
}
