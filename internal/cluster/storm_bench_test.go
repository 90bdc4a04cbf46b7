package cluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/client/native"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/usersig"
)

// BenchmarkStorm kills a timd with -9 under sessions of real clients, which come back by
// themselves, and starts it again after a while. The clients, in this process, share the
// cores. It reports how long the start took until timd was ready, and from then on how
// long it took until all were back, the CPU that timd and the clients used from the start
// to that moment, and how many connections a session took after the start: all beyond
// one were for nothing, and the log says by their close codes why, and how many sessions
// were back after each second. A process needs as many descriptors as there are sessions.
//
//	go test -run '^$' -bench 'Storm/sessions=18000' -benchtime 1x ./internal/cluster
//
// TIM_SESSIONS takes another number of them.
func BenchmarkStorm(b *testing.B) {
	sizes := []int{8_000, 18_000}
	if n, err := strconv.Atoi(os.Getenv("TIM_SESSIONS")); err == nil {
		sizes = []int{n}
	}
	for _, sessions := range sizes {
		for _, down := range []time.Duration{2 * time.Second, 30 * time.Second} {
			b.Run(fmt.Sprintf("sessions=%d/down=%v", sessions, down), func(b *testing.B) {
				g := StartGateway(b, "--data", b.TempDir())
				s := newStorm(b, g, sessions)
				var all stormUsage
				b.ResetTimer()
				for range b.N {
					g.Kill()
					time.Sleep(down)
					all.add(s.blow(b))
				}
				b.StopTimer()
				all.report(b, sessions)
			})
		}
	}
}

// storm are the clients.
type storm struct {
	g        *Gateway
	all      []*native.Client
	here     atomic.Int64  // those that are connected and logged in
	returned chan struct{} // all are
	dialled  atomic.Int64  // connections that were opened
	lost     atomic.Int64  // sessions that have ended
}

// stormUsage is what a start and the return of all sessions took.
type stormUsage struct {
	ready, back  time.Duration // to /readyz, and from there
	timd, client time.Duration // CPU
	dialled      int64
}

func (u *stormUsage) add(v stormUsage) {
	u.ready += v.ready
	u.back += v.back
	u.timd += v.timd
	u.client += v.client
	u.dialled += v.dialled
}

func (u *stormUsage) report(b *testing.B, sessions int) {
	n := float64(b.N)
	b.ReportMetric(u.ready.Seconds()/n, "s-to-ready")
	b.ReportMetric(u.back.Seconds()/n, "s-to-all-back")
	b.ReportMetric(u.timd.Seconds()/n, "timd-cpu-s")
	b.ReportMetric(u.client.Seconds()/n, "clients-cpu-s")
	b.ReportMetric(float64(u.dialled)/n/float64(sessions), "connections/session")
}

// newStorm logs everybody in.
func newStorm(b *testing.B, g *Gateway, sessions int) *storm {
	s := &storm{g: g, returned: make(chan struct{}, 1)}
	slots := make(chan struct{}, 32)
	var wait sync.WaitGroup
	for n := range sessions {
		user := fmt.Sprint("storm", n)
		c := s.newClient(n, sessions)
		s.all = append(s.all, c)
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
			defer cancel()
			_, err := c.Login(ctx, user, usersig.Sign(App, Key, user, time.Now(), heldSig))
			require.NoError(b, err)
		})
	}
	wait.Wait()
	b.Cleanup(func() { // without timd nobody has to log out
		g.Kill()
		for _, c := range s.all {
			wait.Go(c.Destroy)
		}
		wait.Wait()
	})
	<-s.returned
	return s
}

func (s *storm) newClient(n, sessions int) *native.Client {
	from := dialerOf(n)
	connected := false
	return native.New(native.Options{
		URL: s.g.Via().URL(), SDKAppID: App,
		OnMail: func(string, any) {},
		OnEvent: func(name string, data frame.Body) {
			was := connected
			switch name {
			case frame.EventSDKReady:
				connected = true
			case frame.EventKickedOut:
				s.lost.Add(1)
			case frame.EventNetStateChange:
				connected = data.Text("state") == "connected"
			}
			switch {
			case connected && !was:
				if s.here.Add(1) == int64(sessions) {
					s.returned <- struct{}{}
				}
			case was && !connected:
				s.here.Add(-1)
			}
		},
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			c, err := from.DialContext(ctx, network, s.g.Addr)
			if err == nil {
				s.dialled.Add(1)
			}
			return c, err
		},
	})
}

// blow starts timd, waits until all are back and says how that went.
func (s *storm) blow(b *testing.B) (u stormUsage) {
	load, _ := os.ReadFile("/proc/loadavg")
	require.Zero(b, s.here.Load())
	s.dialled.Store(0)
	client, err := cpuTime(os.Getpid())
	if err != nil {
		b.Skip("the CPU of a process cannot be read here")
	}
	start := time.Now()
	s.g.Start() // returns when it says that it is ready
	u.ready = time.Since(start)
	b.Logf("ready after %v, load before %.14s", u.ready.Round(time.Millisecond), load)
	seconds := time.NewTicker(time.Second)
	defer seconds.Stop()
	late := time.After(5 * time.Minute)
	var curve []int64
	for waiting := true; waiting; {
		select {
		case <-s.returned:
			waiting = false
		case <-seconds.C:
			curve = append(curve, s.here.Load())
		case <-late:
			b.Fatalf("%d of %d are back", s.here.Load(), len(s.all))
		}
	}
	u.back = time.Since(start) - u.ready
	now, err := cpuTime(os.Getpid())
	require.NoError(b, err)
	u.client = now - client
	u.timd, _ = s.g.usage(b)
	u.dialled = s.dialled.Load()
	require.True(b, s.g.IsReady())
	require.Zero(b, s.lost.Load(), "sessions have ended")
	b.Logf("all back after %v, %.2f connections each; back after each second: %v; closed: %v",
		u.back.Round(time.Millisecond), float64(u.dialled)/float64(len(s.all)), curve,
		readMetrics(b, s.g, func(name string) bool {
			return strings.HasPrefix(name, "tim_closes_total{") || strings.HasPrefix(name, "tim_logins_total{")
		}))
	return u
}
