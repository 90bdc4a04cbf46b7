package registry

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/place"
)

func of(user string, claim place.Claim) place.Claim { claim.UserID = user; return claim }

// mute loses every signal that a gateway sends.
func mute(o *Options) { o.lose = func(signal, string) (bool, int) { return true, 0 } }

// A round reads the record of each place once, evenly over its time, and of nobody else.
// It finds what signals have not told.
func TestARoundComparesEachPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := busmodel.New(busmodel.Options{})
		var a *asked
		r1, g1 := open(t, model, "one", func(o *Options) {
			o.check = time.Hour // it reads the settings
			o.wrap = func(s store) store { a = &asked{store: s}; return a }
		})
		r2, g2 := open(t, model, "two", mute)
		const users = 900
		for i := range users {
			login(t, r1, g1, of(fmt.Sprint("user", i), web("1")))
			login(t, r2, g2, of(fmt.Sprint("other", i), web("1")))
		}
		time.Sleep(roundEvery + time.Second)
		for range 3 {
			a.reads.Store(0)
			time.Sleep(roundEvery / 3)
			require.InDelta(t, users/3, a.reads.Load(), 10)
		}
		g1.expect(t)
		login(t, r2, g2, of("user7", web("2"))) // whose signal is lost
		time.Sleep(roundEvery)
		g1.expect(t, "kick 1 multipleAccount")
		g2.expect(t)
	})
}

// When a gateway has gone, which may not have sent what it had to, the others compare
// their places soon: also one whose login was not over when that gateway displaced it.
func TestARoundAfterAGatewayHasGone(t *testing.T) {
	for name, go_ := range map[string]func(r *Registry, o *lostLease){
		"closed": func(r *Registry, _ *lostLease) { r.Close() },
		"lapsed": func(_ *Registry, l *lostLease) { l.lose(true) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				model := busmodel.New(busmodel.Options{})
				var lease *lostLease
				r1, g1 := open(t, model, "one", nil)
				r2, g2 := open(t, model, "two", func(o *Options) {
					mute(o)
					o.wrap = func(s store) store { lease = &lostLease{store: s}; return lease }
				})
				login(t, r1, g1, of("here", web("old")))
				time.Sleep(r1.o.leaseTTL) // r1 knows of both
				late, err := r1.admit(t.Context(), of("late", web("old")))
				require.NoError(t, err)
				login(t, r2, g2, of("here", web("new")))
				login(t, r2, g2, of("late", web("new")))
				go_(r2, lease)
				time.Sleep(5 * time.Second)
				g1.attach(late.Place)
				time.Sleep(2*r1.o.leaseTTL + roundAfter + roundHurried)
				g1.mu.Lock()
				defer g1.mu.Unlock()
				require.ElementsMatch(t, []string{"kick old multipleAccount", "kick old multipleAccount"}, g1.log)
			})
		})
	}
}

// Gateways that go while a round is on have all places compared once more when it is over,
// and do not begin it anew each time.
func TestRoundsInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, g := open(t, busmodel.New(busmodel.Options{}), "one", func(o *Options) { o.noTimers, o.leaseTTL = true, time.Hour })
		for i := range 300 {
			login(t, r, g, of(fmt.Sprint("user", i), web("1")))
		}
		at := &r.rounds
		now := time.Now()
		rounds := 0
		for second := range 90 {
			if second < 60 && second%7 == 0 {
				at.hurry(now)
			}
			before := len(at.left)
			r.compareSome(now)
			if len(at.left) > before {
				rounds++
				require.Zero(t, before, "it began anew")
			}
			now = now.Add(time.Second)
		}
		require.Equal(t, 2, rounds)
	})
}

// What the store does not answer is compared in the next second, and a place that has
// gone meanwhile is not read.
func TestARoundGoesOn(t *testing.T) {
	r, g, f := onFailing(t, 300)
	r.rounds.hurry(time.Now().Add(-roundAfter))
	now := time.Now()
	f.left.Store(4)
	r.compareSome(now)
	require.Len(t, r.rounds.left, 296)
	f.left.Store(1 << 40)
	g.forget(r.rounds.left[0])
	for n := 0; len(r.rounds.left) > 0; n++ {
		require.Less(t, n, 30)
		r.compareSome(now)
	}
	require.EqualValues(t, 299, f.read.Load())
}

// A round also finds the places that no record shows.
func TestARoundFindsPlacesWithoutARecord(t *testing.T) {
	model := busmodel.New(busmodel.Options{})
	r, g := open(t, model, "one", func(o *Options) { o.noTimers, o.leaseTTL = true, time.Hour })
	login(t, r, g, web("a"))
	r.round()
	require.Empty(t, g.log)
	require.NoError(t, model.Purge(t.Context(), usersStream, key(alice)))
	r.round()
	g.expect(t, "drop a")
}

// round compares all places from any replica, at once.
func (r *Registry) round() {
	now := time.Now()
	r.rounds.begin(now, r.o.Sockets.Places(), time.Second)
	r.compareSome(now)
}
