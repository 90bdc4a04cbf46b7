package registry

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
)

// failing is a store that answers so many reads of records and then no more.
type failing struct {
	store
	left atomic.Int64
	read atomic.Int64
}

func (f *failing) Last(ctx context.Context, stream, subject string) (bus.Value, error) {
	return f.answer(ctx, stream, subject, f.store.Last)
}

func (f *failing) LastAtLeader(ctx context.Context, stream, subject string) (bus.Value, error) {
	return f.answer(ctx, stream, subject, f.store.LastAtLeader)
}

func (f *failing) answer(ctx context.Context, stream, subject string, get func(context.Context, string, string) (bus.Value, error)) (bus.Value, error) {
	if stream == usersStream {
		if f.left.Add(-1) < 0 {
			return bus.Value{}, errors.New("no answer")
		}
		f.read.Add(1)
	}
	return get(ctx, stream, subject)
}

// onFailing opens a gateway that does nothing by itself, and logs users in. Its store
// answers for now, and has counted no read yet.
func onFailing(t *testing.T, users int) (*Registry, *fakeGateway, *failing) {
	var f *failing
	r, g := open(t, busmodel.New(busmodel.Options{}), "one", func(o *Options) {
		o.noTimers, o.leaseTTL = true, time.Hour
		o.wrap = func(s store) store { f = &failing{store: s}; return f }
	})
	f.left.Store(1 << 40)
	for i := range users {
		login(t, r, g, of(fmt.Sprint("user", i), web("1")))
	}
	f.read.Store(0)
	return r, g, f
}

// A comparison of all places that the store has interrupted goes on where it was.
func TestAnInterruptedCheckGoesOn(t *testing.T) {
	const users = 200
	r, _, f := onFailing(t, users)
	for n := 0; ; n++ {
		f.left.Store(70)
		if r.checkAll(true) {
			break
		}
		require.Less(t, n, 4, "it has begun again")
	}
	require.EqualValues(t, users, f.read.Load(), "each place once")
	f.left.Store(1 << 40)
	require.True(t, r.checkAll(true))
	require.EqualValues(t, 2*users, f.read.Load(), "the next one compares all again")
}

// deaf is a bus that brings no changes of settings.
type deaf struct{ Bus }

func (deaf) WatchBucket(_, life context.Context, _, _ string) (func(func(string, bus.Value)), error) {
	return func(func(string, bus.Value)) { <-life.Done() }, nil
}

// Settings that this gateway has missed, and whose author died before they were
// enforced, are enforced here as soon as it comes across them: in a check, or in a
// record that was decided by them.
func TestSettingsThatWereMissed(t *testing.T) {
	for name, meet := range map[string]func(t *testing.T, r *Registry){
		"in a check":  func(t *testing.T, r *Registry) { require.True(t, r.checkAll(false)) },
		"in a record": func(t *testing.T, r *Registry) { require.NoError(t, r.refreshSettings(t.Context(), app)) },
	} {
		t.Run(name, func(t *testing.T) {
			model := busmodel.New(busmodel.Options{})
			calm := func(o *Options) { o.leaseTTL, o.check = time.Hour, time.Hour }
			author, _ := open(t, model, "two", calm)
			set := func(n int) {
				_, _, err := author.storeSettings(t.Context(), app, Patch{WebInstances: &n})
				require.NoError(t, err)
			}
			set(2)
			r, g := open(t, deaf{model}, "one", calm)
			login(t, r, g, web("old"))
			login(t, r, g, web("new"))
			for range 3 {
				require.True(t, r.checkAll(false))
			}
			require.Empty(t, g.log)
			set(1)
			meet(t, r)
			g.expect(t, "kick old multipleAccount")
		})
	}
}
