package registry

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/place"
)

// The shares of a stream cover it, each position is in one, and they are about equal.
func TestShares(t *testing.T) {
	for _, length := range []uint64{0, 1, 3, 100, 4097, 20_000} {
		for of := 1; of <= 9; of++ {
			times := make([]int, length+1)
			for rank := range of {
				s, had := shareOf(length, rank, of), uint64(0)
				for seq, follow := s.next(1); seq <= length; seq, follow = s.next(seq + follow + 1) {
					for n := range min(follow, length-seq) + 1 {
						require.True(t, s.has(seq+n))
						times[seq+n]++
						had++
					}
				}
				if length >= 100 {
					require.InDelta(t, length/uint64(of), had, float64(length/uint64(of))/2+2)
				}
			}
			for _, n := range times[1:] {
				require.Equal(t, 1, n)
			}
		}
	}
	require.Equal(t, shareOf(70_000, 1, 8), shareOf(130_000, 1, 8), "a stream that has grown meanwhile")
}

// walked is a bus that counts how often each record was handed out in batches, which are
// small.
type walked struct {
	Bus
	mu    sync.Mutex
	times map[string]int
}

func (w *walked) Batch(ctx context.Context, stream, filter string, seq uint64, n int) ([]bus.Value, error) {
	values, err := w.Bus.Batch(ctx, stream, filter, seq, min(n, 5))
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range values {
		if stream != usersStream {
			break
		}
		w.times[v.Subject]++
	}
	return values, err
}

// read returns how many different records were read, and how often all together.
func (w *walked) read() (different, all int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.times {
		all += n
	}
	different = len(w.times)
	w.times = map[string]int{}
	return different, all
}

// When a gateway dies, the others share the walk that ends its places, and so they do
// with the one that comes every ten minutes.
func TestGatewaysShareAWalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := busmodel.New(busmodel.Options{})
		w := &walked{Bus: model, times: map[string]int{}}
		const gateways, users = 5, 600
		var regs [gateways]*Registry
		var gws [gateways]*fakeGateway
		var lease *lostLease
		for i := range regs {
			regs[i], gws[i] = open(t, w, fmt.Sprint("g", i), func(o *Options) {
				if i == 0 {
					o.wrap = func(s store) store { lease = &lostLease{store: s}; return lease }
				}
			})
		}
		for i := range users {
			login(t, regs[i%gateways], gws[i%gateways], of(fmt.Sprint("user", i), web("1")))
		}
		time.Sleep(2 * time.Minute) // the walks of the start
		w.read()
		few := users + gateways*gateways // each reads some records too many
		time.Sleep(sweepEvery)
		different, all := w.read()
		require.Equal(t, users, different)
		require.LessOrEqual(t, all, few)

		lease.lose(true)
		gws[0].mu.Lock()
		clear(gws[0].places)
		gws[0].mu.Unlock()
		time.Sleep(regs[0].o.leaseTTL*2 + regs[0].o.Grace + 10*time.Second)
		different, all = w.read()
		require.Equal(t, users, different)
		require.LessOrEqual(t, all, few+users/gateways, "those that were changed stand in the last part once more")
		online := 0
		require.NoError(t, regs[1].walk(t.Context(), span{keys: everyRecord, from: 1}, func(_ place.User, rec Record, _ uint64) error {
			online += len(rec.Instances)
			return nil
		}))
		require.Equal(t, users/gateways*(gateways-1), online)
	})
}

// blind is a bus on which a walk finds nothing.
type blind struct{ Bus }

func (blind) Batch(context.Context, string, string, uint64, int) ([]bus.Value, error) {
	return nil, nil
}

// A place whose link was lost ends in time though the gateway that would have ended it
// has died, and its record has left the part of whoever would have found it in a walk.
func TestAWriterTakesOverWhatTheDeadWouldHaveEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := busmodel.New(busmodel.Options{})
		var lease *lostLease
		r1, g1 := open(t, model, "one", func(o *Options) {
			o.wrap = func(s store) store { lease = &lostLease{store: s}; return lease }
		})
		r2, g2 := open(t, blind{model}, "two", nil)
		two := 2
		_, err := r2.SetSettings(t.Context(), app, Patch{WebInstances: &two})
		require.NoError(t, err)
		out := login(t, r1, g1, web("lost"))
		time.Sleep(5 * time.Second)
		g1.forget(out.Place)
		require.NoError(t, r1.Detach(t.Context(), out.Place, false))
		lease.lose(true)
		time.Sleep(2 * r1.o.leaseTTL) // r2 knows that it has died
		login(t, r2, g2, web("new"))
		time.Sleep(r2.o.Grace)
		v, err := r2.Get(t.Context(), alice)
		require.NoError(t, err)
		require.Len(t, v.Instances, 1)
		require.Equal(t, r2.Gateway(), v.Instances[0].Gateway)
	})
}
