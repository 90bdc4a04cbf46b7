package registry

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/place"
)

// TestConcurrent lets pages of one user log in, reconnect, lose their link and
// log out on two gateways at once, while requests, answers and signals are
// lost, late and repeated. In the last of its runs each gateway also takes the
// other for dead while it lives. No record ever holds too many instances (the
// store checks each one), sockets and record agree in the end, and every
// evicted instance is told so.
func TestConcurrent(t *testing.T) {
	b := testBus(t)
	for seed := range uint64(3) {
		mistaken := seed == 2
		w := newWorld(t, b, 77+seed, true)
		ctx := context.Background()
		two := 2
		u := place.User{SDKAppID: 5, UserID: fmt.Sprintf("busy %d", seed)}
		s, err := w.regs[0].SetSettings(ctx, u.SDKAppID, Patch{WebInstances: &two})
		require.NoError(t, err)
		w.h.knows(s)
		require.NoError(t, w.regs[1].refreshSettings(ctx, u.SDKAppID))

		type page struct {
			id    string
			gw    int
			place place.Place
			out   bool
		}
		claim := func(id string, resume bool) place.Claim {
			now := w.clock.Load() / 1000
			return place.Claim{User: u, Platform: place.Web, Instance: id, Doc: "d", Resume: resume, SignedAt: now, ExpiresAt: now + 9999}
		}
		last := make([]*page, 5)
		var wg sync.WaitGroup
		for n := range last {
			wg.Add(1)
			go func() {
				defer wg.Done()
				rng := rand.New(rand.NewPCG(seed, uint64(n)))
				var p *page
				for i := range 12 {
					w.clock.Add(int64(rng.IntN(20)))
					resume := p != nil && !p.out
					if !resume {
						p = &page{id: fmt.Sprintf("p%d.%d", n, i)}
						last[n] = p
					}
					gw := rng.IntN(2)
					if mistaken && rng.IntN(6) == 0 {
						w.regs[gw].takeForDead(w.regs[1-gw].Gateway(), w.clock.Load())
					}
					out, err := w.regs[gw].Admit(ctx, claim(p.id, resume))
					if err != nil {
						t.Errorf("admit: %v", err)
						return
					}
					if out.Verdict != place.Admitted {
						p.out = true
						continue
					}
					p.gw, p.place = gw, out.Place
					w.gws[gw].attach(out.Place)
					switch rng.IntN(4) {
					case 0:
						w.gws[gw].mu.Lock()
						delete(w.gws[gw].places, p.place)
						w.gws[gw].mu.Unlock()
						if err := w.regs[gw].Detach(ctx, p.place, false); err != nil {
							t.Errorf("detach: %v", err)
						}
					case 1:
						w.gws[gw].mu.Lock()
						delete(w.gws[gw].places, p.place)
						w.gws[gw].mu.Unlock()
						if err := w.regs[gw].Release(ctx, p.place); err != nil {
							t.Errorf("release: %v", err)
						}
						p.out = true
					}
				}
			}()
		}
		wg.Wait()
		w.h.quiet()
		if mistaken {
			// What a gateway began while it took the other for dead may still
			// be under way; comparing again corrects it.
			for i := range w.regs {
				w.regs[i].askAboutAll()
			}
			require.Eventually(t, func() bool {
				w.compare()
				return maps.Equal(w.record(u).sockets(u), w.sockets(u))
			}, 30*time.Second, 10*time.Millisecond)
		} else {
			w.settle(u, func() string { return "" })
		}
		require.Empty(t, w.h.violations())
		rec := w.record(u)
		require.LessOrEqual(t, len(rec.Instances), 2)
		for _, p := range last {
			if p.out || rec.find(p.id) >= 0 {
				continue
			}
			if told := kicked(w, p.id); told {
				continue
			}
			out, err := w.regs[0].Admit(ctx, claim(p.id, true))
			require.NoError(t, err)
			require.Equal(t, place.KickedOut, out.Verdict, "%s was evicted and not told", p.id)
		}
	}
}

func (r *Registry) takeForDead(gw string, since int64) {
	r.leases.mu.Lock()
	defer r.leases.mu.Unlock()
	r.leases.others[gw] = lease{since: since, asked: time.Now()}
}

func (r *Registry) askAboutAll() {
	r.leases.mu.Lock()
	defer r.leases.mu.Unlock()
	clear(r.leases.others)
}

func kicked(w *world, id string) bool {
	for _, g := range w.gws {
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, line := range g.log {
			var who, typ string
			if n, _ := fmt.Sscanf(line, "kick %s %s", &who, &typ); n == 2 && who == id {
				return true
			}
		}
	}
	return false
}

// While a gateway's lease has lapsed, others take its instances for
// disconnected. The gateway is not live until it has its lease back and has
// compared its places.
func TestALapsedLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := busmodel.New(busmodel.Options{})
		r1, g1, lost := openLosable(t, b)
		r2, g2 := open(t, b, "two", func(o *Options) { o.leaseTTL = time.Second })
		ctx := context.Background()
		a := login(t, r1, g1, web("a"))
		require.Eventually(t, r1.Live, 5*time.Second, 5*time.Millisecond)
		lost.lose(true)
		require.Eventually(t, func() bool { return !r1.Live() }, 5*time.Second, 5*time.Millisecond)
		state := func() State {
			v, err := r2.Get(ctx, alice)
			require.NoError(t, err)
			return v.State
		}
		require.Eventually(t, func() bool { return state() == Disconnected }, 5*time.Second, 10*time.Millisecond)
		require.Eventually(t, r2.Live, 5*time.Second, 5*time.Millisecond)

		// Another page takes the only place. The evicted instance counts as
		// disconnected, so its gateway gets no signal.
		out := login(t, r2, g2, web("b"))
		require.Equal(t, place.Admitted, out.Verdict)
		require.Len(t, out.Evicted, 1)
		require.False(t, out.Evicted[0].Attached)
		require.Equal(t, []place.Place{a.Place}, g1.Places(), "the socket is still there")

		lost.lose(false)
		g1.expect(t, "kick a multipleAccount")
		require.Eventually(t, r1.Live, 5*time.Second, 5*time.Millisecond)
		require.Equal(t, Online, state())
	})
}

// An instance whose place nobody took while its gateway's lease had lapsed
// keeps that place.
func TestALapsedLeaseThatNobodyUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := busmodel.New(busmodel.Options{})
		r1, g1, lost := openLosable(t, b)
		r2, _ := open(t, b, "two", func(o *Options) { o.leaseTTL = time.Second })
		ctx := context.Background()
		a := login(t, r1, g1, web("a"))
		two := 2
		lost.lose(true)
		require.Eventually(t, func() bool {
			v, err := r2.Get(ctx, alice)
			return err == nil && v.State == Disconnected
		}, 5*time.Second, 10*time.Millisecond)
		_, err := r2.SetSettings(ctx, app, Patch{WebInstances: &two})
		require.NoError(t, err)
		// Another login writes the record, in which the instance is
		// disconnected now.
		c := web("b")
		out, err := r2.admit(ctx, c)
		require.NoError(t, err)
		require.Empty(t, out.Evicted)
		lost.lose(false)
		require.Eventually(t, r1.Live, 5*time.Second, 5*time.Millisecond)
		require.Eventually(t, func() bool {
			v, err := r2.Get(ctx, alice)
			return err == nil && len(v.Instances) == 2 && v.Instances[0].State == Online
		}, 5*time.Second, 10*time.Millisecond)
		require.Equal(t, []place.Place{a.Place}, g1.Places())
		g1.expect(t)
	})
}

// lostLease is a store that refuses every write while lost is true, so that its
// gateway's lease lapses.
type lostLease struct {
	store
	mu   sync.Mutex
	lost bool
}

// openLosable opens a gateway whose lease lasts a second and can be lost.
func openLosable(t *testing.T, b Bus) (*Registry, *fakeGateway, *lostLease) {
	lost := &lostLease{}
	r, g := open(t, b, "one", func(o *Options) {
		o.leaseTTL = time.Second
		o.wrap = func(s store) store { lost.store = s; return lost }
	})
	return r, g, lost
}

func (l *lostLease) lose(yes bool) { l.mu.Lock(); l.lost = yes; l.mu.Unlock() }

func (l *lostLease) Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error) {
	l.mu.Lock()
	lost := l.lost
	l.mu.Unlock()
	if lost {
		return 0, context.DeadlineExceeded
	}
	return l.store.Put(ctx, subject, data, seq, ttl)
}

// A gateway that is back after its lease had lapsed has live sockets, even if
// another gateway still takes it for dead. Its evicted instances are told at
// once; the others go on counting as attached.
func TestALeaseThatCameBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := busmodel.New(busmodel.Options{})
		lost := &lostLease{}
		r1, g1 := open(t, b, "one", func(o *Options) { o.leaseTTL = time.Hour }) // reads the others' leases once in 20 min
		r2, g2 := open(t, b, "two", func(o *Options) {
			o.leaseTTL = time.Second
			o.check = time.Hour
			o.wrap = func(s store) store { lost.store = s; return lost }
		})
		ctx := context.Background()
		two := 2
		_, err := r1.SetSettings(ctx, app, Patch{WebInstances: &two})
		require.NoError(t, err)
		require.Eventually(t, func() bool { return r2.Settings(app).WebInstances == 2 }, 5*time.Second, time.Millisecond)
		lapse := func() {
			lost.lose(true)
			require.Eventually(t, func() bool {
				return r1.pollLeases(ctx) == nil && !r2.Live() && gone(r1, r2.Gateway())
			}, 5*time.Second, 10*time.Millisecond)
			lost.lose(false)
			require.Eventually(t, r2.Live, 5*time.Second, time.Millisecond)
		}
		login(t, r2, g2, web("a"))
		b1 := login(t, r1, g1, web("b"))
		lapse()
		// a logged in first, so it is the one to go, and it has a socket.
		out := login(t, r1, g1, web("c"))
		require.Len(t, out.Evicted, 1)
		require.Equal(t, "a", out.Evicted[0].Instance)
		at := time.Now()
		g2.expect(t, "kick a multipleAccount")
		require.Less(t, time.Since(at), time.Second)

		d := login(t, r2, g2, web("d")) // b is evicted
		require.Len(t, d.Evicted, 1)
		require.Equal(t, b1.Place, d.Evicted[0].Place)
		g1.expect(t, "kick b multipleAccount")
		lapse()
		// The record is written by a gateway that believes d has lost its link.
		require.NoError(t, r1.Release(ctx, out.Place))
		require.Eventually(t, func() bool {
			v, err := r2.Get(ctx, alice)
			return err == nil && len(v.Instances) == 1 && v.Instances[0].State == Online
		}, 5*time.Second, 5*time.Millisecond)
		require.Equal(t, []place.Place{d.Place}, g2.Places())

		// It counts as dead only until the other gateway asks again.
		e := login(t, r1, g1, web("e"))
		require.Empty(t, e.Evicted)
		require.NoError(t, r1.Detach(ctx, e.Place, false))
		lapse()
		require.Eventually(t, func() bool {
			_, dead := r1.lapsed(ctx)(r2.Gateway())
			return !dead
		}, 5*time.Second, 20*time.Millisecond)
		out = login(t, r1, g1, web("f"))
		require.Len(t, out.Evicted, 1)
		require.Equal(t, "e", out.Evicted[0].Instance, "d has its link")
	})
}

// gone reports whether r takes the gateway gw for dead.
func gone(r *Registry, gw string) bool {
	r.leases.mu.Lock()
	defer r.leases.mu.Unlock()
	is, ok := r.leases.others[gw]
	return ok && !is.live
}

// An admission waits for a lapsed lease that comes back within the time that a
// login may take.
func TestAdmissionWaitsForTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := busmodel.New(busmodel.Options{})
		r, g, lost := openLosable(t, b)
		login(t, r, g, web("a"))
		lost.lose(true)
		require.Eventually(t, func() bool { return !r.Live() }, 5*time.Second, 5*time.Millisecond)
		done := make(chan place.Verdict, 50)
		for n := range cap(done) {
			c := web("b")
			c.UserID = fmt.Sprintf("user %d", n)
			go func() {
				out, err := r.Admit(context.Background(), c)
				if err != nil {
					t.Errorf("admit: %v", err)
				}
				done <- out.Verdict
			}()
		}
		synctest.Wait()
		require.Empty(t, done, "nothing may be admitted without a lease")
		lost.lose(false)
		for range cap(done) {
			require.Equal(t, place.Admitted, <-done)
		}
		require.Eventually(t, r.Live, 5*time.Second, 5*time.Millisecond)
	})
}
