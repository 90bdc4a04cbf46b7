package gateway

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// TestGate has a crowd log in at once, to a store that does one thing after the other.
// Each client gives up after 5 s and comes back as it is told. The more of them come before
// the pace can be known, in the first 60 ms at the slowest, the more give up; so they come
// evenly, and in the last case at the same moment, which is as bad as it can be.
func TestGate(t *testing.T) {
	const spread = 500 * time.Millisecond // of clients that come back from the same loss
	for _, c := range []struct {
		name    string
		clients int
		each    time.Duration // that the store takes for a login
		within  time.Duration // that they come
		most    int64         // that may be done for nothing
	}{
		{"a few", 100, time.Millisecond, spread, 0},
		{"10,000 to a fast store", 10_000, 300 * time.Microsecond, spread, 0},
		{"10,000 to a slow store", 10_000, 5 * time.Millisecond, spread, 0},
		{"a store that is slower than anybody would think", 2000, 20 * time.Millisecond, spread, 20},
		{"the same, and all at once", 2000, 20 * time.Millisecond, 0, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const patience = 5 * time.Second
				g := newGate(time.Now)
				store := make(chan struct{}, 1)
				var attempts, wasted atomic.Int64
				var wg sync.WaitGroup
				start := time.Now()
				for n := range c.clients {
					u := place.User{UserID: fmt.Sprint(n)}
					wg.Go(func() {
						time.Sleep(c.within * time.Duration(n) / time.Duration(c.clients))
						for {
							attempts.Add(1)
							began := time.Now()
							later, ok := g.enter(context.Background(), u)
							if ok {
								store <- struct{}{}
								time.Sleep(c.each)
								<-store
								g.leave(u, true)
								if time.Since(began) <= patience {
									return
								}
								if wasted.Add(1) > int64(c.clients) {
									return // or a gate that is wrong would go on for ever
								}
								continue
							}
							code := frame.CloseBusy(later.Milliseconds())
							time.Sleep(time.Duration(frame.BusyFor(code))*time.Millisecond + time.Duration(rand.Int64N(int64(250*time.Millisecond))))
						}
					})
				}
				wg.Wait()
				ideal := time.Duration(c.clients) * c.each
				t.Logf("%v, of which the store needs %v; %.2f attempts a client, %d for nothing", time.Since(start), ideal, float64(attempts.Load())/float64(c.clients), wasted.Load())
				require.LessOrEqual(t, wasted.Load(), c.most, "the store did things that nobody waited for")
				require.LessOrEqual(t, time.Since(start), ideal*5/4+time.Second)
				require.LessOrEqual(t, attempts.Load(), int64(5*c.clients))
				require.Zero(t, g.busy)
				require.Zero(t, g.waiting.Len())
			})
		})
	}
}

// TestGateGivenUp has callers give up at any moment: no turn is lost.
func TestGateGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Now)
		var through, gaveUp atomic.Int64
		var wg sync.WaitGroup
		for n := range 1000 {
			u := place.User{UserID: fmt.Sprint(n)}
			wg.Go(func() {
				time.Sleep(time.Duration(rand.Int64N(int64(100 * time.Millisecond))))
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.Int64N(int64(200*time.Millisecond))))
				defer cancel()
				if _, ok := g.enter(ctx, u); !ok {
					gaveUp.Add(1)
					return
				}
				time.Sleep(time.Duration(rand.Int64N(int64(50 * time.Millisecond))))
				through.Add(1)
				g.leave(u, rand.IntN(2) == 0)
			})
		}
		wg.Wait()
		require.Positive(t, through.Load())
		require.Positive(t, gaveUp.Load())
		require.Zero(t, g.busy)
		require.Zero(t, g.waiting.Len())
		require.Empty(t, g.users)
	})
}

// TestGateAfterAHang has a store that hung and answers at once again: however slow it
// seemed, somebody waits, which shows how fast it is.
func TestGateAfterAHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Now)
		var wg sync.WaitGroup
		crowd := func(store func()) (sentAway int) {
			var away atomic.Int64
			for n := range 2 * gateWide {
				u := place.User{UserID: fmt.Sprint(n)}
				wg.Go(func() {
					if _, ok := g.enter(context.Background(), u); !ok {
						away.Add(1)
						return
					}
					store()
					g.leave(u, true)
				})
			}
			wg.Wait()
			return int(away.Load())
		}
		one := make(chan struct{}, 1)
		takes := func(d time.Duration) func() {
			return func() {
				one <- struct{}{}
				time.Sleep(d)
				<-one
			}
		}
		crowd(takes(2 * gateWait))
		for range 10 {
			crowd(takes(time.Millisecond))
		}
		require.LessOrEqual(t, crowd(takes(time.Millisecond)), gateWide/2)
		require.Less(t, g.share, gateWait)
	})
}
