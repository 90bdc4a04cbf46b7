package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/usersig"
)

// rawLogin logs in over a bare connection, which costs the benchmark itself
// little, and waits for the answer.
func (w *world) rawLogin(user, sig, instance string) io.Closer {
	c := w.rawDial()
	_, err := c.Write(masked(0x81, fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"login","params":{"userID":%q,"userSig":%q,"platform":"Web","instance":%q,"doc":"ab","intent":"new"}}`, user, sig, instance)))
	require.NoError(w.t, err)
	buf := make([]byte, 2048)
	_, err = io.ReadAtLeast(c, buf, 200)
	require.NoError(w.t, err)
	return c
}

// BenchmarkLogin measures logins one after the other, each with its connection,
// upgrade, UserSig, registry and answer. The client's share is included.
func BenchmarkLogin(b *testing.B) {
	w := begin(b, setup{})
	sigs := make([]string, b.N)
	for i := range sigs {
		sigs[i] = usersig.Sign(app, key, fmt.Sprint("u", i), time.Now(), time.Hour)
	}
	b.ResetTimer()
	for i := range b.N {
		c := w.rawLogin(fmt.Sprint("u", i), sigs[i], fmt.Sprintf("%032x", i))
		c.Close()
	}
}

// BenchmarkPing has clients ping, each again when it has its answer. The clients' share
// is included.
func BenchmarkPing(b *testing.B) {
	w := begin(b, setup{})
	const each = frame.Burst / 2 // more would be too many at once
	ping := masked(0x81, []byte(`{"jsonrpc":"2.0","id":123456,"method":"ping"}`))
	clients := make([]net.Conn, (b.N+each-1)/each)
	for i := range clients {
		user := fmt.Sprint("u", i)
		clients[i] = w.rawLogin(user, usersig.Sign(app, key, user, time.Now(), time.Hour), fmt.Sprintf("%032x", i)).(net.Conn)
	}
	var wg sync.WaitGroup
	b.ResetTimer()
	for i, c := range clients {
		wg.Go(func() {
			defer c.Close()
			buf := make([]byte, 256)
			for range min(each, b.N-i*each) {
				if _, err := c.Write(ping); err != nil {
					b.Error(err)
					return
				}
				if _, err := c.Read(buf); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkIdle holds sockets whose clients are silent, in a process of their own, and
// reports what each costs this one: the gateway's memory and, of those that have logged
// in, the registry's record in the embedded store.
func BenchmarkIdle(b *testing.B) {
	for _, what := range []string{"standby", "session"} {
		b.Run(what, func(b *testing.B) {
			const n = 5000
			for range b.N {
				w := begin(b, setup{
					times:  gateway.Times{StandBy: time.Hour, Ask: time.Hour},
					before: func(g *gateway.Gateway) { g.LimitStandBy(2*n, 2*n) },
				})
				w.idle(b, what, 0, n/10) // pools and the store's own memory are there
				before := memory()
				w.idle(b, what, n/10, n)
				now := memory()
				for unit, v := range now {
					b.ReportMetric((v-before[unit])/n, unit)
				}
				runtime.KeepAlive(w)
			}
		})
	}
}

// idle has clients come and stay until the benchmark is over.
func (w *world) idle(b *testing.B, what string, from, n int) {
	cmd := exec.Command(os.Args[0], "-test.run", "^TestIdleClients$", "-test.v")
	cmd.Env = append(os.Environ(), fmt.Sprintf("TIM_IDLE_CLIENTS=%s %s %d %d", w.url, what, from, n))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if lines.Text() == idleReady {
			return
		}
	}
	require.FailNow(b, "the clients did not come")
}

const idleReady = "all are there"

// TestIdleClients is what that process runs.
func TestIdleClients(t *testing.T) {
	text := os.Getenv("TIM_IDLE_CLIENTS")
	if text == "" {
		t.Skip("BenchmarkIdle runs it")
	}
	w := &world{t: t}
	var what string
	var from, n int
	_, err := fmt.Sscan(text, &w.url, &what, &from, &n)
	require.NoError(t, err)
	for i := from; i < from+n; i++ {
		if what == "session" {
			user := fmt.Sprint("u", i)
			w.rawLogin(user, usersig.Sign(app, key, user, time.Now(), time.Hour), fmt.Sprintf("%032x", i))
		} else {
			w.rawDial()
		}
	}
	fmt.Println(idleReady)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the benchmark is over
}

// memory returns what is in use after garbage collection, by what it is used for.
func memory() map[string]float64 {
	runtime.GC()
	runtime.GC()
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/sched/goroutines:goroutines"},
	}
	metrics.Read(samples)
	all := map[string]float64{}
	for i, unit := range []string{"heap-B", "stack-B", "goroutines"} {
		all[unit] = float64(samples[i].Value.Uint64())
	}
	debug.FreeOSMemory()
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		var size, resident int
		_, _ = fmt.Sscan(string(statm), &size, &resident)
		all["rss-B"] = float64(resident * os.Getpagesize())
	}
	return all
}
