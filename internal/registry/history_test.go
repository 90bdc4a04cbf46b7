package registry

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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

func (s *silent) Enqueue(ctx context.Context, _ string, _ []byte, _ string) error {
	select {
	case s.asked <- struct{}{}:
	default:
	}
	<-ctx.Done()
	return ctx.Err()
}

// A journal that does not answer holds no login up: what finds the queue full is left
// out and counted. Whoever asks for the history meanwhile can hang up, and Close does
// not wait for the journal.
func TestASilentJournalHoldsNoLoginUp(t *testing.T) {
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
	require.Error(t, r.ForgetHistory(t.Context(), alice))
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

func (f *refusing) Enqueue(ctx context.Context, subject string, data []byte, id string) error {
	if f.refuse.Load() {
		return errors.New("refused")
	}
	return f.Bus.Enqueue(ctx, subject, data, id)
}
