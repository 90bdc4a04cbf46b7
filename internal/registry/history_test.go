package registry

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

func keeping(o *Options) { o.History = time.Hour }

// pastOf returns what the history of alice says: kinds and reasons, the newest first.
func pastOf(t *testing.T, r *Registry) (words []string) {
	t.Helper()
	events, kept, err := r.History(t.Context(), alice)
	require.NoError(t, err)
	require.True(t, kept)
	for _, e := range events {
		require.Equal(t, alice, place.User{SDKAppID: e.SDKAppID, UserID: e.UserID})
		require.NotZero(t, e.Time)
		words = append(words, string(e.Kind)+" "+e.Reason+" "+e.Instance)
	}
	return words
}

// The history names logins, who had to go for them, and how each ended; on any
// gateway, and what the asked gateway did at once.
func TestHistory(t *testing.T) {
	b := busmodel.New(busmodel.Options{})
	r, _ := open(t, b, "one", keeping)
	other, _ := open(t, b, "two", keeping)
	require.Empty(t, pastOf(t, r))
	o, err := r.Admit(t.Context(), web("a"))
	require.NoError(t, err)
	require.Equal(t, []string{"login Register a"}, pastOf(t, r))
	require.NoError(t, r.Release(t.Context(), o.Place))
	_, err = r.Admit(t.Context(), web("b"))
	require.NoError(t, err)
	_, err = r.KickInstance(t.Context(), alice, "b")
	require.NoError(t, err)
	want := []string{"kick " + frame.KickRESTAPI + " b", "login Register b", "logout Unregister a", "login Register a"}
	require.Equal(t, want, pastOf(t, r))
	require.Equal(t, want, pastOf(t, other), "stored by the time the first gateway says so")
	events, _, err := r.History(t.Context(), alice)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", events[1].Addr)
	require.Equal(t, place.Web, events[1].Platform)
	require.Equal(t, r.Gateway(), events[1].Gateway)

	require.NoError(t, r.ForgetHistory(t.Context(), alice))
	require.Empty(t, pastOf(t, other))
	require.Zero(t, r.HistoryLost())
}

// The newest entries are kept.
func TestHistoryIsBounded(t *testing.T) {
	r, _ := open(t, busmodel.New(busmodel.Options{}), "one", keeping)
	for range maxHistory {
		o, err := r.Admit(t.Context(), web("a"))
		require.NoError(t, err)
		require.NoError(t, r.Release(t.Context(), o.Place))
	}
	_, err := r.Admit(t.Context(), web("last"))
	require.NoError(t, err)
	all := pastOf(t, r)
	require.Len(t, all, maxHistory)
	require.Equal(t, "login Register last", all[0])
}

// Without History nothing is kept, and there is nothing to forget.
func TestNoHistory(t *testing.T) {
	r, _ := open(t, busmodel.New(busmodel.Options{}), "one", nil)
	_, err := r.Admit(t.Context(), web("a"))
	require.NoError(t, err)
	events, kept, err := r.History(t.Context(), alice)
	require.NoError(t, err)
	require.False(t, kept)
	require.Empty(t, events)
	require.NoError(t, r.ForgetHistory(t.Context(), alice))
}

// What was kept before it was turned off goes with the user.
func TestHistoryIsForgottenAfterItWasTurnedOff(t *testing.T) {
	b := busmodel.New(busmodel.Options{})
	r, _ := open(t, b, "one", keeping)
	_, err := r.Admit(t.Context(), web("a"))
	require.NoError(t, err)
	require.NotEmpty(t, pastOf(t, r))
	off, _ := open(t, b, "two", nil)
	require.NoError(t, off.ForgetHistory(t.Context(), alice))
	require.Empty(t, pastOf(t, r))
}

// silent is a bus whose journal does not answer.
type silent struct {
	*busmodel.Bus
	asked chan struct{}
}

func (s *silent) EnqueueAll(ctx context.Context, _ []bus.Entry) error {
	select {
	case s.asked <- struct{}{}:
	default:
	}
	<-ctx.Done()
	return ctx.Err()
}

// A journal that does not answer holds no login up: what finds the queue full is left
// out and counted. Whoever asks for the history meanwhile can hang up, and Close waits
// historyEnd for the journal.
func TestASilentJournalHoldsNoLoginUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &silent{Bus: busmodel.New(busmodel.Options{}), asked: make(chan struct{}, 1)}
		r, _ := open(t, b, "one", func(o *Options) { o.History, o.opTimeout = time.Hour, time.Hour })
		_, err := r.Admit(t.Context(), web("a"))
		require.NoError(t, err)
		<-b.asked // its queue stands now
		for range historyWaits + 3 {
			r.history.add(alice, Event{Kind: Login})
		}
		require.EqualValues(t, 3, r.HistoryLost())
		_, err = r.Admit(t.Context(), web("b"))
		require.NoError(t, err)
		require.EqualValues(t, 4, r.HistoryLost())

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, err = r.History(ctx, alice)
		require.Error(t, err)
		require.Error(t, r.ForgetHistory(ctx, alice))
		r.Close()
		require.EqualValues(t, historyWaits+5, r.HistoryLost())
		require.Error(t, r.ForgetHistory(t.Context(), alice))
	})
}

// What the journal refuses is left out and counted, and what comes behind it is stored.
func TestAFailedEntryIsCounted(t *testing.T) {
	b := &refusing{Bus: busmodel.New(busmodel.Options{})}
	r, _ := open(t, b, "one", keeping)
	b.refuse.Store(true)
	r.history.add(alice, Event{Kind: Login, N: 1})
	require.NoError(t, r.behindHistory(t.Context(), alice, func() error { b.refuse.Store(false); return nil }))
	r.history.add(alice, Event{Kind: Logout, N: 2, Time: 1})
	require.Equal(t, []string{"logout  "}, pastOf(t, r))
	require.EqualValues(t, 1, r.HistoryLost())
}

// refusing is a bus whose journal refuses everything while refuse is set.
type refusing struct {
	*busmodel.Bus
	refuse atomic.Bool
}

func (f *refusing) EnqueueAll(ctx context.Context, entries []bus.Entry) error {
	if f.refuse.Load() {
		return errors.New("refused")
	}
	return f.Bus.EnqueueAll(ctx, entries)
}

// What comes within a moment is stored in one go, of each user in order.
func TestHistoryIsStoredTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &batching{Bus: busmodel.New(busmodel.Options{})}
		r, _ := open(t, b, "one", keeping)
		for _, kind := range []Kind{Login, Logout, Login} {
			r.history.add(alice, Event{Kind: kind, N: 1, Time: 1})
			time.Sleep(historyHold / 4)
		}
		synctest.Wait()
		require.Empty(t, b.sizes(), "they wait for others")
		time.Sleep(historyHold)
		synctest.Wait()
		require.Equal(t, []int{3}, b.sizes())
		require.Len(t, pastOf(t, r), 3)
		for range historyBatch + 1 {
			r.history.add(alice, Event{Kind: Login, N: 2, Time: 1})
		}
		synctest.Wait()
		require.Equal(t, []int{3, historyBatch}, b.sizes(), "so many wait for nobody")
		require.Len(t, pastOf(t, r), maxHistory)
		require.Equal(t, []int{3, historyBatch, 1}, b.sizes(), "nor does what somebody asks for")
		require.Zero(t, r.HistoryLost())
	})
}

// Close stores what still waits, so that a gateway that is drained loses nothing.
func TestCloseStoresTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // Close gives the store a second, and so may a busy machine
		b := busmodel.New(busmodel.Options{})
		r, _ := open(t, b, "one", keeping)
		_, err := r.Admit(t.Context(), web("a"))
		require.NoError(t, err)
		r.Close()
		require.Zero(t, r.HistoryLost())
		other, _ := open(t, b, "two", keeping)
		require.Equal(t, []string{"login Register a"}, pastOf(t, other))
	})
}

// batching is a bus that notes how many entries each call stores.
type batching struct {
	*busmodel.Bus
	mu     sync.Mutex
	stored []int
}

func (c *batching) EnqueueAll(ctx context.Context, entries []bus.Entry) error {
	c.mu.Lock()
	c.stored = append(c.stored, len(entries))
	c.mu.Unlock()
	return c.Bus.EnqueueAll(ctx, entries)
}

func (c *batching) sizes() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.stored)
}
