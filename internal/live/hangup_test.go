package live

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// countingBus counts its open subscriptions. Its Flush can be made to wait or fail.
type countingBus struct {
	*busmodel.Bus
	open   atomic.Int64
	broken atomic.Bool
	hold   chan struct{} // Flush waits until it is closed; nil: it does not wait
}

// always is how many subscriptions a gateway has while it has no members: for reports,
// for broadcasts, and for the members on other gateways.
const always = 3

func (c *countingBus) Subscribe(subject string, handle func(data []byte)) (stop func(), err error) {
	end, err := c.Bus.Subscribe(subject, handle)
	c.open.Add(1)
	return func() { c.open.Add(-1); end() }, err
}

func (c *countingBus) Flush(time.Duration) error {
	if c.hold != nil {
		<-c.hold
	}
	if c.broken.Load() {
		return errors.New("broken")
	}
	return nil
}

// A gateway listens to the class of a room from the first join on until a minute
// after the last member has left.
func TestListensWhileItHasMembers(t *testing.T) {
	inWorld(t, 0, func(t *testing.T, w *world) {
		b := &countingBus{Bus: busmodel.New(busmodel.Options{})}
		w.gateways = []*Rooms{w.open(b)}
		listens := func(want int) { t.Helper(); require.EqualValues(t, want+always, b.open.Load()) }
		a := w.login(0, "a")
		b.broken.Store(true)
		_, err := a.Join(t.Context(), room)
		refused(t, fault.Internal, err)
		listens(0)
		require.Zero(t, w.gateways[0].Stats().Members)
		b.broken.Store(false)
		a.join(room)
		w.login(0, "b").join(room).Close()
		listens(1)
		time.Sleep(idle + sweepEvery)
		listens(1)
		a.Close()
		time.Sleep(idle - 2*sweepEvery)
		listens(1)
		time.Sleep(3 * sweepEvery)
		listens(0)
		w.login(0, "c").join(room)
		listens(1)
		w.gateways[0].Close()
		require.Zero(t, b.open.Load())
	})
}

// A client that hangs up while the gateway begins to listen does not end up in the
// room.
func TestHangUpInJoin(t *testing.T) {
	b := &countingBus{Bus: busmodel.New(busmodel.Options{}), hold: make(chan struct{})}
	r, err := Open(b, Options{})
	require.NoError(t, err)
	defer r.Close()
	first, second := attach(r, "a"), attach(r, "b")
	joined := make(chan error, 1)
	go func() {
		_, err := first.Join(t.Context(), room)
		joined <- err
	}()
	require.Eventually(t, func() bool { return b.open.Load() == always+1 }, 30*time.Second, time.Millisecond)
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	_, err = second.Join(ctx, room)
	refused(t, fault.ServerTimeout, err)
	first.Close()
	close(b.hold)
	refused(t, fault.NotLoggedIn, <-joined)
	require.Equal(t, Stats{}, r.Stats())
}

func attach(r *Rooms, userID string) *Session {
	return r.Attach(place.User{SDKAppID: app, UserID: userID}, "1", func([]byte, int) bool { return true })
}

// After many sessions have joined, spoken and left concurrently, the rooms hold
// nothing of them.
func TestConcurrentSessionsLeaveNothing(t *testing.T) {
	b := busmodel.New(busmodel.Options{})
	r, err := Open(b, Options{Changed: func(Key, []Move) {}})
	require.NoError(t, err)
	other, err := Open(b, Options{})
	require.NoError(t, err)
	var running sync.WaitGroup
	for n := range 16 {
		running.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 0))
			for i := range 100 {
				s := attach(r, fmt.Sprint("u", random.IntN(8)))
				k := Key{app, fmt.Sprint("r", random.IntN(3))}
				for range random.IntN(4) {
					if _, err := s.Join(t.Context(), k); err != nil {
						t.Error(err)
					}
					_ = r.Say(k, Message{ID: fmt.Sprint(n, i), From: s.user.UserID, Body: []byte(`1`)}, true)
					switch random.IntN(6) {
					case 0:
						s.Leave(k)
					case 1:
						r.Remove(k, s.user.UserID, Farewell{By: "x"})
					case 2:
						r.End(k, 1, Farewell{By: "x"})
					case 3:
						if _, err := r.Newest(t.Context(), k, 5); err != nil {
							t.Error(err)
						}
						r.Count(k)
						r.report()
						r.tellMoves()
					}
				}
				s.Close()
			}
		})
	}
	running.Wait()
	s := r.Stats()
	require.Zero(t, s.Rooms+s.Members)
	for c := range r.classes {
		require.Zero(t, r.classes[c].rooms)
	}
	require.Empty(t, r.rooms)
	other.Close()
	r.Close()
}
