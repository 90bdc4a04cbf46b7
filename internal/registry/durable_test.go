package registry

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// noEvents is a store whose event stream cannot be reached while gone is true,
// as if the gateway died right after the compare-and-set of a record.
type noEvents struct {
	store
	gone atomic.Bool
}

func (s *noEvents) Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error) {
	if s.gone.Load() && strings.HasPrefix(subject, "tim.event.") {
		return 0, context.DeadlineExceeded
	}
	return s.store.Put(ctx, subject, data, seq, ttl)
}

// The events of a gateway that dies before it could store them are stored by the
// next one that changes the record, each of them once.
func TestEachEventIsStoredOnce(t *testing.T) {
	b := testBus(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dead := &noEvents{}
	r1, g1 := open(t, b, "one", func(o *Options) {
		o.Events = true
		o.wrap = func(s store) store { dead.store = s; return dead }
	})
	r2, g2 := open(t, b, "two", func(o *Options) { o.Events = true })
	dead.gone.Store(true)
	login(t, r1, g1, web("a"))
	r1.Close()
	out := login(t, r2, g2, web("b"))
	require.NoError(t, r2.Release(ctx, out.Place))

	c, err := b.Share(ctx, bus.StreamEvents, "webhook")
	require.NoError(t, err)
	var got []string
	for range 3 {
		m, err := c.Next()
		require.NoError(t, err)
		var e Event
		require.NoError(t, json.Unmarshal(m.Data(), &e))
		story := string(e.Kind) + " " + e.Instance
		for _, k := range e.Kicked {
			story += " kicks " + k.Instance
		}
		got = append(got, story)
		require.NoError(t, m.Ack())
	}
	require.Equal(t, []string{"login a", "login b kicks a", "logout b"}, got)
	// The record drops the events that the stream has.
	login(t, r2, g2, web("c"))
	m, err := c.Next()
	require.NoError(t, err)
	require.NoError(t, m.Ack())
	v, err := b.LastAtLeader(ctx, usersStream, key(alice))
	require.NoError(t, err)
	rec, err := decodeRecord(v.Data)
	require.NoError(t, err)
	require.Len(t, rec.Out, 1)
	info, err := c.Info(ctx)
	require.NoError(t, err)
	require.Zero(t, info.NumPending)
}

// After a restart on the same data everything is back, and the instances that
// the dead process left attached count as disconnected at once.
func TestRestartOnTheSameData(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	two := 2
	b, err := bus.Open(ctx, bus.Options{Data: dir, Log: quiet()})
	require.NoError(t, err)
	r, g := open(t, b, "one", nil)
	key := r.SealKey()
	_, err = r.SetSettings(ctx, app, Patch{WebInstances: &two})
	require.NoError(t, err)
	login(t, r, g, web("a"))
	b.Close() // as good as kill -9: the lease is not returned
	b, err = bus.Open(ctx, bus.Options{Data: dir, Log: quiet()})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	r, g = open(t, b, "one", nil)
	require.Equal(t, key, r.SealKey())
	require.Equal(t, 2, r.Settings(app).WebInstances)
	v, err := r.Get(ctx, alice)
	require.NoError(t, err)
	require.Equal(t, Disconnected, v.State)
	out := login(t, r, g, resume(web("a")))
	require.Equal(t, place.Admitted, out.Verdict)
	require.True(t, out.Resumed)
}

// Two gateways on different servers of a cluster survive the loss of the
// server that leads the stream of records.
func TestThreeNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	routes := ""
	servers := map[string]*server.Server{}
	var urls []string
	for _, name := range []string{"n1", "n2", "n3"} {
		s, err := server.NewServer(&server.Options{
			ServerName: name, Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: -1}, Routes: server.RoutesFromStr(routes),
		})
		require.NoError(t, err)
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		require.True(t, s.ReadyForConnections(time.Minute))
		routes = strings.TrimPrefix(routes+",nats://"+s.ClusterAddr().String(), ",")
		servers[name], urls = s, append(urls, s.ClientURL())
	}
	require.Eventually(t, func() bool {
		for _, s := range servers {
			if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == 3 {
				return true
			}
		}
		return false
	}, time.Minute, 20*time.Millisecond)
	ctx := context.Background()
	var regs []*Registry
	var gws []*fakeGateway
	for i, node := range []string{"one", "two"} {
		b, err := bus.Open(ctx, bus.Options{URLs: urls[i] + "," + urls[2], Log: quiet()})
		require.NoError(t, err)
		t.Cleanup(b.Close)
		r, g := open(t, b, node, nil)
		regs, gws = append(regs, r), append(gws, g)
	}
	login(t, regs[0], gws[0], web("a"))
	login(t, regs[1], gws[1], web("b"))
	gws[0].expect(t, "kick a multipleAccount")

	s, err := regs[0].bus.(*bus.Bus).JetStream().Stream(ctx, usersStream)
	require.NoError(t, err)
	require.Equal(t, 3, s.CachedInfo().Config.Replicas)
	leader := servers[s.CachedInfo().Cluster.Leader]
	require.NotNil(t, leader)
	leader.Shutdown()
	start := time.Now()
	out := login(t, regs[0], gws[0], web("c"))
	require.Equal(t, place.Admitted, out.Verdict)
	t.Logf("the first login after the leader was stopped took %v", time.Since(start))
	gws[1].expect(t, "kick b multipleAccount")
}
