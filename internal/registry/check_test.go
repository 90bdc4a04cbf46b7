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
	"github.com/tim-wasm/tim/internal/place"
)

// counted is a bus that counts its batches, which end early as large ones do. It fails
// in the place of the one with the number fails.
type counted struct {
	Bus
	batches, values, fails atomic.Int64
}

func (c *counted) Batch(ctx context.Context, stream, filter string, seq uint64, n int) ([]bus.Value, error) {
	if c.batches.Add(1) == c.fails.Load() {
		return nil, context.DeadlineExceeded
	}
	values, err := c.Bus.Batch(ctx, stream, filter, seq, min(n, 256))
	c.values.Add(int64(len(values)))
	return values, err
}

// A check of places reads the records that have changed, each in two checks, and asks
// for no other. It finds what signals have not told.
func TestACheckReadsWhatHasChanged(t *testing.T) {
	model := busmodel.New(busmodel.Options{})
	c := &counted{Bus: model}
	var a *asked
	calm := func(o *Options) { o.noTimers, o.leaseTTL = true, time.Hour }
	r1, g1 := open(t, c, "one", func(o *Options) {
		calm(o)
		o.wrap = func(s store) store { a = &asked{store: s}; return a }
	})
	r2, g2 := open(t, model, "two", func(o *Options) {
		calm(o)
		o.lose = func(signal, string) (bool, int) { return true, 0 }
	})
	of := func(user string, claim place.Claim) place.Claim { claim.UserID = user; return claim }
	const users = 300 // more than a batch
	for i := range users {
		login(t, r1, g1, of(fmt.Sprint("user", i), web("1")))
	}
	check := func() (values int64) {
		t.Helper()
		a.reads.Store(0)
		c.values.Store(0)
		require.True(t, r1.checkAll(false))
		return c.values.Load()
	}
	breaksOff := func() (values int64) {
		t.Helper()
		c.values.Store(0)
		c.fails.Store(c.batches.Load() + 2)
		require.False(t, r1.checkAll(false))
		return c.values.Load()
	}
	require.True(t, r1.checkAll(true), "the first one compares all places")
	require.EqualValues(t, 256, breaksOff())
	require.EqualValues(t, users-256, check(), "it goes on where it was")
	require.EqualValues(t, users, check(), "a login may not have been over in the last one")
	require.EqualValues(t, 0, check())
	require.LessOrEqual(t, a.reads.Load(), int64(1), "it reads the settings, and no record by itself")
	require.Empty(t, g1.log)

	login(t, r2, g2, of("user7", web("2"))) // whose signal is lost
	require.EqualValues(t, 2, check(), "and the write that proves the eviction")
	g1.expect(t, "kick 1 multipleAccount")
	require.EqualValues(t, 1, check())
	require.EqualValues(t, 0, check())
}

// A login that is displaced before it is over is found by the next check but one.
func TestACheckFindsALoginThatWasDisplacedMeanwhile(t *testing.T) {
	model := busmodel.New(busmodel.Options{})
	change := func(o *Options) {
		o.noTimers, o.leaseTTL = true, time.Hour
		o.lose = func(signal, string) (bool, int) { return true, 0 }
	}
	r1, g1 := open(t, model, "one", change)
	r2, g2 := open(t, model, "two", change)
	require.True(t, r1.checkAll(true))
	late, err := r1.admit(t.Context(), web("late")) // has no socket yet
	require.NoError(t, err)
	login(t, r2, g2, web("new"))
	require.True(t, r1.checkAll(false))
	g1.attach(late.Place)
	require.True(t, r1.checkAll(false))
	g1.expect(t, "kick late multipleAccount")
}

// A walk over all records also finds the places that no record shows.
func TestASweepFindsPlacesWithoutARecord(t *testing.T) {
	model := busmodel.New(busmodel.Options{})
	r, g := open(t, model, "one", func(o *Options) { o.noTimers, o.leaseTTL = true, time.Hour })
	login(t, r, g, web("a"))
	require.NoError(t, r.sweep(t.Context(), everyRecord))
	require.NoError(t, r.sweep(t.Context(), appKeys(app)))
	require.Empty(t, g.log)
	require.NoError(t, model.Purge(t.Context(), usersStream, key(alice)))
	require.NoError(t, r.sweep(t.Context(), appKeys(app+1)))
	require.Empty(t, g.log)
	require.NoError(t, r.sweep(t.Context(), appKeys(app)))
	g.expect(t, "drop a")
}

// failing is a store that answers so many reads of records and then no more.
type failing struct {
	store
	left atomic.Int64
	read atomic.Int64
}

func (f *failing) LastAtLeader(ctx context.Context, stream, subject string) (bus.Value, error) {
	if stream == usersStream {
		if f.left.Add(-1) < 0 {
			return bus.Value{}, errors.New("no answer")
		}
		f.read.Add(1)
	}
	return f.store.LastAtLeader(ctx, stream, subject)
}

// A comparison of all places that the store has interrupted goes on where it was.
func TestAnInterruptedCheckGoesOn(t *testing.T) {
	var f *failing
	r, g := open(t, busmodel.New(busmodel.Options{}), "one", func(o *Options) {
		o.noTimers, o.leaseTTL = true, time.Hour
		o.wrap = func(s store) store { f = &failing{store: s}; return f }
	})
	f.left.Store(1 << 40)
	const users = 200
	for i := range users {
		claim := web("1")
		claim.UserID = fmt.Sprint("user", i)
		login(t, r, g, claim)
	}
	f.read.Store(0)
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
