package registry

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/place"
)

// asked is a store that counts what it is asked of records.
type asked struct {
	store
	reads, puts atomic.Int64
}

func (a *asked) Last(ctx context.Context, stream, subject string) (bus.Value, error) {
	if stream == usersStream {
		a.reads.Add(1)
	}
	return a.store.Last(ctx, stream, subject)
}

func (a *asked) LastAtLeader(ctx context.Context, stream, subject string) (bus.Value, error) {
	if stream == usersStream {
		a.reads.Add(1)
	}
	return a.store.LastAtLeader(ctx, stream, subject)
}

func (a *asked) Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error) {
	a.puts.Add(1)
	return a.store.Put(ctx, subject, data, seq, ttl)
}

// A login of somebody who is online nowhere is one write, without a read. One of
// somebody who has a record reads it, and writes once more, until most logins are of
// that kind; no such write counts as a conflict.
func TestALoginReadsOnlyWhatIsThere(t *testing.T) {
	var a *asked
	conflicts := 0
	r, _ := open(t, busmodel.New(busmodel.Options{}), "one", func(o *Options) {
		o.noTimers, o.leaseTTL = true, time.Hour // else the renewal of the lease is counted, too
		o.wrap = func(s store) store { a = &asked{store: s}; return a }
		o.Observe = func(_ string, _ time.Duration, n int, _ error) { conflicts += n }
	})
	takes := func(reads, puts int64, user string, claim place.Claim) {
		t.Helper()
		claim.UserID = user
		a.reads.Store(0)
		a.puts.Store(0)
		out, err := r.Admit(t.Context(), claim)
		require.NoError(t, err)
		require.Equal(t, place.Admitted, out.Verdict)
		require.Equal(t, [2]int64{reads, puts}, [2]int64{a.reads.Load(), a.puts.Load()}, "reads and writes")
	}
	takes(0, 1, "a", web("1"))
	takes(1, 2, "a", web("2"))
	v, err := r.Get(t.Context(), place.User{SDKAppID: app, UserID: "a"})
	require.NoError(t, err)
	require.Len(t, v.Instances, 1, "the record was found: the older instance had to go")
	takes(1, 1, "a", resume(web("2")))
	takes(1, 1, "a", web("3"))
	takes(1, 1, "b", web("1"))
	takes(1, 1, "c", web("1"))
	for range 4 * strangersKept {
		takes(0, 1, randomHex(4), web("1"))
	}
	for range strangersKept + 1 {
		takes(1, 2, "a", web("4"))
	}
	takes(1, 1, "a", web("5"))
	require.Zero(t, conflicts)
}

// A ban, or a record of a newer timd, is found although nothing was read before.
func TestAnUnreadRecordRefusesALogin(t *testing.T) {
	r, _ := open(t, busmodel.New(busmodel.Options{}), "one", nil)
	_, err := r.Ban(t.Context(), alice, Ban{By: "administrator"})
	require.NoError(t, err)
	out, err := r.Admit(t.Context(), web("a"))
	require.NoError(t, err)
	require.Equal(t, place.Banned, out.Verdict)
	bob := web("a")
	bob.UserID = "bob"
	_, err = r.bus.Put(t.Context(), key(bob.User), []byte(`{"v":99}`), 0, 0)
	require.NoError(t, err)
	_, err = r.Admit(t.Context(), bob)
	require.ErrorContains(t, err, "cannot be read")
}

// A place whose link was lost ends with a write, without another read, unless somebody
// else has changed the record meanwhile; then it is read, and judged as it is.
func TestAnEndReadsOnlyWhatOthersHaveChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a *asked
		var conflicts atomic.Int64
		model := busmodel.New(busmodel.Options{})
		quietly := func(o *Options) { o.check, o.leaseTTL = time.Hour, 3*time.Hour }
		r, g := open(t, model, "one", func(o *Options) {
			quietly(o)
			o.wrap = func(s store) store { a = &asked{store: s}; return a }
			o.Observe = func(_ string, _ time.Duration, n int, _ error) { conflicts.Add(int64(n)) }
		})
		other, og := open(t, model, "two", quietly)
		two := 2
		_, err := r.SetSettings(t.Context(), app, Patch{WebInstances: &two})
		require.NoError(t, err)
		lost := func() {
			out := login(t, r, g, web("lost"))
			g.forget(out.Place)
			require.NoError(t, r.Detach(t.Context(), out.Place, false))
			a.reads.Store(0)
			a.puts.Store(0)
		}
		ends := func(reads, puts int64, left ...string) {
			t.Helper()
			time.Sleep(r.o.Grace + time.Second)
			require.Equal(t, [2]int64{reads, puts}, [2]int64{a.reads.Load(), a.puts.Load()}, "reads and writes")
			v, err := r.Get(t.Context(), alice)
			require.NoError(t, err)
			var there []string
			for _, in := range v.Instances {
				there = append(there, in.Instance)
			}
			require.Equal(t, left, there)
		}
		lost()
		ends(0, 1)

		lost()
		login(t, other, og, web("other"))
		ends(1, 2, "other")

		lost()
		_, err = r.KickInstance(t.Context(), alice, "lost")
		require.NoError(t, err)
		ends(2, 1, "other") // the kick has read and written; and nothing to do is proven by a read
		require.Zero(t, conflicts.Load())
	})
}
