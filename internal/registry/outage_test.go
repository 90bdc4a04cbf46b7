package registry

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/place"
)

// A change of settings reaches the other gateways without a watch: when a NATS
// server dies, so do the watches that it served, which takes gateways seconds
// to notice.
func TestSettingsWithoutAWatch(t *testing.T) {
	b := testBus(t)
	r1, _ := open(t, b, "one", nil)
	r2, _ := open(t, b, "two", func(o *Options) { o.check = time.Hour }) // it does not read the settings by itself
	ctx := context.Background()
	s, err := b.JetStream().Stream(ctx, configStream)
	require.NoError(t, err)
	n := 0
	for name := range s.ConsumerNames(ctx).Name() {
		require.NoError(t, s.DeleteConsumer(ctx, name))
		n++
	}
	require.Equal(t, 2, n)
	four := 4
	_, err = r1.SetSettings(ctx, app, Patch{WebInstances: &four})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return r2.Settings(app).WebInstances == 4 }, 30*time.Second, time.Millisecond)
}

// A record that a newer timd wrote, and this one cannot read, does not keep the
// ends of other users' sockets from being stored.
func TestARecordThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := busmodel.New(busmodel.Options{})
		r, g, lost := openLosable(t, b)
		ctx := context.Background()
		odd := login(t, r, g, web("a"))
		bob := web("b")
		bob.UserID = "bob"
		fine := login(t, r, g, bob)
		v, err := b.LastAtLeader(ctx, usersStream, key(alice))
		require.NoError(t, err)
		_, err = b.Put(ctx, key(alice), fmt.Appendf(nil, `{"v":%d}`, recordVersion+1), v.Seq, 0)
		require.NoError(t, err)

		// Ends that could not be stored in time are stored later, except the one
		// whose record cannot be read.
		lost.lose(true)
		g.forget(fine.Place)
		short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		require.Error(t, r.Detach(short, odd.Place, false))
		require.Error(t, r.Detach(short, fine.Place, false))
		require.Eventually(t, func() bool { return !r.Live() }, 5*time.Second, 5*time.Millisecond)
		lost.lose(false)
		require.Eventually(t, func() bool {
			v, err := r.Get(ctx, bob.User)
			return err == nil && v.State == Disconnected
		}, 5*time.Second, 10*time.Millisecond)
		// The gateway is live again, though it cannot compare that place.
		require.Eventually(t, r.Live, 5*time.Second, 5*time.Millisecond)
		g.expect(t, "drop a")
	})
}

// A logout in an outage is stored when the store is back. However often it is
// reported, it waits as one.
func TestALogoutInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := busmodel.New(busmodel.Options{})
		lost := &lostLease{}
		r, g := open(t, b, "one", func(o *Options) { o.wrap = func(s store) store { lost.store = s; return lost } })
		out := login(t, r, g, web("a"))
		g.forget(out.Place)
		lost.lose(true)
		for range 3 { // a gateway repeats it as well
			short, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
			require.Error(t, r.Release(short, out.Place))
			require.Error(t, r.Detach(short, out.Place, true))
			cancel()
		}
		require.Len(t, r.unreported.list(), 1)
		lost.lose(false)
		require.Eventually(t, func() bool {
			v, err := r.Get(context.Background(), alice)
			return err == nil && len(v.Instances) == 0 && len(r.unreported.list()) == 0
		}, 5*time.Second, 10*time.Millisecond)
	})
}

// However often a link is lost, the end of its grace tidies the record a few
// times, not once for each loss.
func TestALinkThatFlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := busmodel.New(busmodel.Options{})
		var ends atomic.Int64
		r, g := open(t, b, "one", func(o *Options) {
			o.Grace = time.Second
			o.Observe = func(op string, _ time.Duration, _ int, _ error) {
				if op == "end" {
					ends.Add(1)
				}
			}
		})
		ctx := context.Background()
		for range 50 {
			out := login(t, r, g, web("a"))
			g.forget(out.Place)
			require.NoError(t, r.Detach(ctx, out.Place, false))
		}
		require.Eventually(t, func() bool {
			v, err := r.bus.LastAtLeader(ctx, usersStream, key(alice))
			require.NoError(t, err)
			rec, err := decodeRecord(v.Data)
			return err == nil && len(rec.Instances) == 0
		}, 5*time.Second, 10*time.Millisecond)
		require.LessOrEqual(t, ends.Load(), int64(3))
	})
}

// A gateway that meets a record decided by newer settings than it knows reads
// them before it admits, and repeats the read until it is answered.
func TestNewerSettingsAreReadBeforeAnAdmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := busmodel.New(busmodel.Options{})
		deaf := &deafConfig{}
		r, g := open(t, b, "one", func(o *Options) { o.wrap = func(s store) store { deaf.store = s; return deaf } })
		login(t, r, g, web("a"))
		ctx := context.Background()
		v, err := b.LastAtLeader(ctx, usersStream, key(alice))
		require.NoError(t, err)
		rec, err := decodeRecord(v.Data)
		require.NoError(t, err)
		rec.Settings = 1 << 40
		_, err = b.Put(ctx, key(alice), rec.encode(), v.Seq, 0)
		require.NoError(t, err)
		deaf.times.Store(2)
		require.Equal(t, place.Admitted, login(t, r, g, web("b")).Verdict)
		require.Negative(t, deaf.times.Load(), "the settings were asked for until there was an answer")
	})
}

// deafConfig is a store that leaves the next times reads of settings unanswered,
// and the next puts changes of them.
type deafConfig struct {
	store
	times, puts atomic.Int64
}

func (d *deafConfig) Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error) {
	if subject == settingsKey(app) && d.puts.Add(-1) >= 0 {
		return 0, nats.ErrTimeout
	}
	return d.store.Put(ctx, subject, data, seq, ttl)
}

func (d *deafConfig) LastAtLeader(ctx context.Context, stream, subject string) (bus.Value, error) {
	if stream == configStream && d.times.Add(-1) >= 0 {
		return bus.Value{}, nats.ErrTimeout
	}
	return d.store.LastAtLeader(ctx, stream, subject)
}

// A change of settings is repeated during an election until it is answered.
func TestSettingsDuringAnElection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := busmodel.New(busmodel.Options{})
		deaf := &deafConfig{}
		r, _ := open(t, b, "one", func(o *Options) { o.wrap = func(s store) store { deaf.store = s; return deaf } })
		deaf.times.Store(2)
		deaf.puts.Store(2)
		seven := 7
		s, err := r.SetSettings(context.Background(), app, Patch{WebInstances: &seven})
		require.NoError(t, err)
		require.Equal(t, 7, s.WebInstances)
		require.Equal(t, s, r.Settings(app))
		require.Negative(t, deaf.puts.Load())
		bad := 11
		_, err = r.SetSettings(context.Background(), app, Patch{WebInstances: &bad})
		require.ErrorIs(t, err, ErrSettings)
	})
}
