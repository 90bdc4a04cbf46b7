package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/client/native"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/registry"
)

// BenchmarkRegistryThreeNodes measures what package registry's benchmark does,
// on three NATS servers that are processes of their own on this machine.
func BenchmarkRegistryThreeNodes(b *testing.B) {
	nats := StartNATS(b, 3)
	_, js := nats.Connect()
	n, err := bus.Open(b.Context(), bus.Options{URLs: nats.URL(), Name: "bench", Log: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	b.Cleanup(n.Close)
	r, err := registry.Open(b.Context(), registry.Options{Bus: n, Node: "bench", Sockets: none{}, Log: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	b.Cleanup(r.Close)
	nats.Current(20 * time.Second)
	var users atomic.Int64
	for _, clients := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("admit/clients=%d", clients), func(b *testing.B) {
			before := bytesOf(b, js)
			measure(b, clients, func(int) error {
				_, err := r.Admit(context.Background(), claim(int(users.Add(1))))
				return err
			})
			b.ReportMetric(float64(bytesOf(b, js)-before)/float64(b.N), "bytes/instance")
		})
		b.Run(fmt.Sprintf("admit+release/clients=%d", clients), func(b *testing.B) {
			measure(b, clients, func(i int) error {
				out, err := r.Admit(context.Background(), claim(-i%10_000))
				if err != nil {
					return err
				}
				return r.Release(context.Background(), out.Place)
			})
		})
	}
}

// none is a gateway without sockets.
type none struct{}

func (none) Kick(place.Place, string) bool           { return false }
func (none) Alive(context.Context, place.Place) bool { return false }
func (none) Places() []place.Place                   { return nil }
func (none) Of(place.User) []place.Place             { return nil }
func (none) Drop(place.Place)                        {}
func (none) Supersede(place.Place)                   {}

func claim(i int) place.Claim {
	now := time.Now().Unix()
	return place.Claim{
		User:     place.User{SDKAppID: App, UserID: fmt.Sprintf("user%09d", i)},
		Platform: place.Web,
		Instance: fmt.Sprintf("%064d", i), Doc: fmt.Sprintf("%032d", i),
		SignedAt: now - 1, ExpiresAt: now + 86400, Addr: "127.0.0.1",
	}
}

func bytesOf(b *testing.B, js jetstream.JetStream) uint64 {
	s, err := js.Stream(b.Context(), "KV_tim_users")
	require.NoError(b, err)
	return s.CachedInfo().State.Bytes
}

func measure(b *testing.B, clients int, op func(i int) error) {
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				i := int(next.Add(1)) - 1
				if i >= b.N {
					return
				}
				start := time.Now()
				if err := op(i); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(start)
			}
		}()
	}
	wg.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
	b.ReportMetric(float64(took[b.N/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[b.N*99/100].Microseconds()), "p99-µs")
}

// BenchmarkOutage measures how long no login succeeds when the NATS server
// that leads the users' records ends, while new users log in 40 times a second
// on two gateways: the longest time between two successful logins.
func BenchmarkOutage(b *testing.B) {
	nats := StartNATS(b, 3)
	var gateways []*Gateway
	for i := range 2 {
		gateways = append(gateways, StartGateway(b, "--nats", nats.URL(), "--node", fmt.Sprintf("g%d", i)))
	}
	nats.Current(30 * time.Second)
	var users atomic.Int64
	for _, c := range []struct {
		name string
		end  func(*NATSServer)
	}{
		{"none", nil},
		{"stopped", (*NATSServer).Stop},
		{"lame-duck", func(s *NATSServer) { s.signal(syscall.SIGUSR2) }},
		{"killed", (*NATSServer).Kill},
	} {
		b.Run(c.name, func(b *testing.B) {
			var longest time.Duration
			failed := 0
			for range b.N {
				p := probe(&Balancer{Gateways: gateways}, &users)
				time.Sleep(time.Second)
				if c.end != nil {
					leader := nats.Leader("KV_tim_users")
					c.end(leader)
					time.Sleep(10 * time.Second) // longer than any election
					leader.Start()
					nats.Current(time.Minute)
				}
				gap, wrong := p.stop()
				longest = max(longest, gap)
				failed += wrong
			}
			b.ReportMetric(float64(longest.Milliseconds()), "ms-without-logins")
			b.ReportMetric(float64(failed)/float64(b.N), "failed-logins")
		})
	}
}

// prober logs in new users, one after the other, until it is stopped.
type prober struct {
	quit   chan struct{}
	wg     sync.WaitGroup
	mu     sync.Mutex
	done   []time.Time
	failed int
}

func probe(balancer *Balancer, users *atomic.Int64) *prober {
	p := &prober{quit: make(chan struct{})}
	p.wg.Add(1)
	go func() {
		defer p.wg.Done()
		tick := time.NewTicker(25 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-p.quit:
				return
			case <-tick.C:
			}
			p.wg.Add(1)
			go func() {
				defer p.wg.Done()
				p.login(balancer, fmt.Sprintf("probe%d", users.Add(1)))
			}()
		}
	}()
	return p
}

func (p *prober) login(balancer *Balancer, user string) {
	c := native.New(native.Options{URL: balancer.URL(), SDKAppID: App, Dial: balancer.Dial})
	defer c.Destroy()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	_, err := c.Login(ctx, user, Sign(user))
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.failed++
		return
	}
	p.done = append(p.done, time.Now())
}

// stop returns the longest time between two logins, and how many failed.
func (p *prober) stop() (longest time.Duration, failed int) {
	close(p.quit)
	p.wg.Wait()
	slices.SortFunc(p.done, time.Time.Compare)
	for i := 1; i < len(p.done); i++ {
		longest = max(longest, p.done[i].Sub(p.done[i-1]))
	}
	return longest, p.failed
}
