package registry

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
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
				s, had := shareOf(bus.Extent{Oldest: 1, Newest: length, Values: length}, rank, of), 0
				for from := uint64(1); from <= length; {
					at, n := s.next(from)
					require.GreaterOrEqual(t, at, from)
					require.Positive(t, n)
					for from = at; from < at+uint64(n) && from <= length; from++ {
						require.True(t, s.has(from))
						times[from]++
						had++
					}
				}
				if length >= 4097 {
					require.InEpsilon(t, int(length)/of, had, 0.2)
				}
			}
			for _, n := range times[1:] {
				require.Equal(t, 1, n)
			}
		}
	}
	blockOf := func(newest uint64) uint64 { return shareOf(bus.Extent{Oldest: 1, Newest: newest}, 0, 8).block }
	require.Equal(t, blockOf(270_000), blockOf(510_000), "a stream that has grown meanwhile")
	require.LessOrEqual(t, blockOf(510_000), uint64(510_000/8/shareBlocks))
}

// walked is a bus that counts how often each record was handed out in batches, which are
// small.
type walked struct {
	Bus
	between func() // before each batch

	mu    sync.Mutex
	times map[string]int
}

func (w *walked) Batch(ctx context.Context, stream, filter string, seq uint64, n int) ([]bus.Value, error) {
	if w.between != nil {
		w.between()
	}
	values, err := w.Bus.Batch(ctx, stream, filter, seq, min(n, 5))
	if stream != usersStream {
		return values, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range values {
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

// When a gateway has gone, the others share the walk that ends its places, and so they do
// with the one that comes every ten minutes, whether the stream has holes or not.
func TestGatewaysShareAWalk(t *testing.T) {
	for name, holes := range map[string]int{"dense": 0, "sparse": 20_000} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { gatewaysShareAWalk(t, holes) })
		})
	}
}

func gatewaysShareAWalk(t *testing.T, holes int) {
	model := busmodel.New(busmodel.Options{})
	w := &walked{Bus: model, times: map[string]int{}}
	const gateways, users = 5, 600
	var regs [gateways]*Registry
	var gws [gateways]*fakeGateway
	for i := range regs {
		regs[i], gws[i] = open(t, w, fmt.Sprint("g", i), nil)
	}
	for i := range users {
		login(t, regs[i%gateways], gws[i%gateways], of(fmt.Sprint("user", i), web("1")))
		if i == users/2 {
			for n := range holes {
				_, err := model.Put(t.Context(), bus.BucketSubject(bus.BucketUsers, "1.nobody"), []byte(fmt.Sprint(n)), 0, 0)
				require.NoError(t, err)
				require.NoError(t, model.Purge(t.Context(), usersStream, bus.BucketSubject(bus.BucketUsers, "1.nobody")))
			}
		}
	}
	until := func(d time.Duration) { // since the last of the times of sweepEvery
		next := time.Now().Truncate(sweepEvery).Add(d)
		time.Sleep(time.Until(next))
	}
	until(sweepEvery)
	w.read()
	few := users + users/3 // a batch may go beyond its block
	until(sweepEvery * 2 / 3)
	different, all := w.read()
	require.Equal(t, users, different)
	require.LessOrEqual(t, all, few)

	regs[0].Close()
	time.Sleep(regs[0].o.leaseTTL + regs[0].o.Grace + 20*time.Second)
	different, all = w.read()
	require.Equal(t, users, different)
	require.LessOrEqual(t, all, few)
	online := 0
	require.NoError(t, regs[1].walk(t.Context(), span{keys: everyRecord, from: 1}, func(_ place.User, rec Record, _ uint64) error {
		online += len(rec.Instances)
		return nil
	}))
	require.Equal(t, users/gateways*(gateways-1), online)
}

// A walk comes to its end however fast records change meanwhile.
func TestAWalkEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &walked{Bus: busmodel.New(busmodel.Options{}), times: map[string]int{}}
		r, g := open(t, w, "one", func(o *Options) { o.noTimers, o.leaseTTL = true, time.Hour })
		for i := range 100 {
			login(t, r, g, of(fmt.Sprint("user", i), web("1")))
		}
		n := 0
		w.between = func() {
			if n++; n < 1000 {
				login(t, r, g, of(fmt.Sprint("user", 100+n), web("1")))
			}
		}
		require.NoError(t, r.sweepNow(t.Context(), sweepAll))
		_, all := w.read()
		require.LessOrEqual(t, all, 105)
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

// unwritten is a store that refuses to write records of users while it is told to. The
// gateway keeps its lease.
type unwritten struct {
	store
	yes atomic.Bool
}

func (s *unwritten) Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error) {
	if s.yes.Load() && strings.HasPrefix(subject, bus.BucketSubject(bus.BucketUsers, "")) {
		return 0, context.DeadlineExceeded
	}
	return s.store.Put(ctx, subject, data, seq, ttl)
}

// A place whose time was over while the store did not answer ends when it does again, by
// itself: no walk looks for it.
func TestAPlaceThatCouldNotBeEnded(t *testing.T) {
	for _, leased := range []bool{true, false} {
		t.Run(fmt.Sprint("with a lease ", leased), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &walked{Bus: busmodel.New(busmodel.Options{}), times: map[string]int{}}
				lease, records := &lostLease{}, &unwritten{}
				r, g := open(t, w, "one", func(o *Options) {
					o.wrap = func(s store) store { lease.store, records.store = s, lease; return records }
				})
				out := login(t, r, g, web("a"))
				time.Sleep(2 * time.Minute) // the walk of the start
				w.read()
				g.forget(out.Place)
				require.NoError(t, r.Detach(t.Context(), out.Place, false))
				lease.lose(!leased)
				records.yes.Store(true)
				time.Sleep(r.o.Grace + 30*time.Second)
				lease.lose(false)
				records.yes.Store(false)
				time.Sleep(30 * time.Second)
				v, err := r.Get(t.Context(), alice)
				require.NoError(t, err)
				require.Empty(t, v.Instances)
				_, all := w.read()
				require.Zero(t, all)
			})
		})
	}
}

// A place that another gateway doubts is compared once the store answers: nobody says it
// again.
func TestADoubtedPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := busmodel.New(busmodel.Options{})
		var f *failing
		r1, g1 := open(t, model, "one", func(o *Options) {
			o.wrap = func(s store) store { f = &failing{store: s}; f.left.Store(1 << 40); return f }
		})
		r2, g2 := open(t, model, "two", mute)
		old := login(t, r1, g1, web("old"))
		login(t, r2, g2, web("new"))
		f.left.Store(0)
		r1.handle(signal{Op: opCheck, Place: old.Place})
		time.Sleep(10 * time.Second)
		g1.expect(t)
		f.left.Store(1 << 40)
		time.Sleep(2 * time.Second)
		g1.expect(t, "kick old multipleAccount")
		require.Empty(t, r1.doubts.take())
	})
}
