package inbox

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// startCluster runs three NATS servers that replicate.
func startCluster(t *testing.T) []*server.Server {
	t.Helper()
	routes := ""
	var servers []*server.Server
	for i := range 3 { // each hears of the later ones by those that it knows
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprintf("n%d", i), Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: -1}, Routes: server.RoutesFromStr(routes),
		})
		require.NoError(t, err)
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		require.True(t, s.ReadyForConnections(time.Minute))
		routes = strings.TrimPrefix(routes+",nats://"+s.ClusterAddr().String(), ",")
		servers = append(servers, s)
	}
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(servers, func(s *server.Server) bool {
			return s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == len(servers)
		})
	}, time.Minute, 50*time.Millisecond)
	return servers
}

// TestCluster: two gateways on two servers of three, and the leader of the
// messages' stream is lost while they send. What was acknowledged is in both
// histories once and came to every listener once, in order.
func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("three servers take some seconds")
	}
	servers := startCluster(t)
	var gateways []*Inbox
	var js jetstream.JetStream
	for i := range 2 {
		b, err := bus.Open(t.Context(), bus.Options{URLs: servers[i].ClientURL(), Name: "test", Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		t.Cleanup(b.Close)
		require.Equal(t, 3, b.Replicas())
		js = b.JetStream()
		gateways = append(gateways, open(t, b, Options{Report: func(error) {}}))
	}
	a, b := login(t, gateways[0], "alice", "a1"), login(t, gateways[1], "bob", "b1")
	const each = 150
	var sent, retried atomic.Int64
	half := make(chan struct{})
	var once, wg = sync.Once{}, sync.WaitGroup{}
	for _, c := range []*client{a, b} {
		peer := map[string]string{"alice": "bob", "bob": "alice"}[c.userID]
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := range each {
				text := fmt.Sprintf("%s-%d", c.userID, n)
				for {
					f := c.call("message.send", c.text(text, peer, text), nil)
					if f == nil {
						break
					}
					if f.Code != fault.ServerTimeout {
						t.Errorf("%s: %d %s", text, f.Code, f.Message)
						return
					}
					retried.Add(1) // as a client does, with the same ID
				}
				if sent.Add(1) == each {
					once.Do(func() { close(half) })
				}
			}
		}()
	}
	<-half
	s, err := js.Stream(t.Context(), bus.StreamMessages)
	require.NoError(t, err)
	leader := s.CachedInfo().Cluster.Leader
	for _, srv := range servers {
		if srv.Name() == leader {
			srv.Shutdown()
			srv.WaitForShutdown()
		}
	}
	wg.Wait()
	t.Logf("lost %s; %d calls had to be repeated", leader, retried.Load())
	for _, c := range []*client{a, b} {
		c.until("all of the peer's messages", func() bool { return len(c.messages) >= each })
		peer := map[string]string{"alice": "bob", "bob": "alice"}[c.userID]
		for n, m := range c.messages {
			require.Equal(t, fmt.Sprintf("%s-%d", peer, n), textOf(m))
		}
	}
	one, two := a.history("bob"), b.history("alice")
	require.Len(t, one, 2*each)
	require.Len(t, two, 2*each)
	for i := range one {
		require.EqualValues(t, i+1, one[i].Sequence)
		require.Equal(t, one[i].ID, two[i].ID)
	}
}
