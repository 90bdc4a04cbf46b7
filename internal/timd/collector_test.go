package timd

import (
	"context"
	"runtime"
	rtmetrics "runtime/metrics"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPercent: what is allocated decides how much garbage may gather, at once when there
// is load, and only after a while without.
func TestPercent(t *testing.T) {
	var c collector
	load := uint64(busyRate*collectorLooks.Seconds())*uint64(runtime.GOMAXPROCS(0)) + 1
	for range calmLooks - 1 {
		require.Equal(t, busyPercent, c.percent(0), "a timd that has just started is not calm yet")
	}
	require.Equal(t, calmPercent, c.percent(load-1))
	require.Equal(t, busyPercent, c.percent(load))
	for range calmLooks - 1 {
		require.Equal(t, busyPercent, c.percent(0))
	}
	require.Equal(t, calmPercent, c.percent(0))
}

// TestCollect sets what this process's collector does, and leaves it as it was.
func TestCollect(t *testing.T) {
	gogc := func() int {
		s := []rtmetrics.Sample{{Name: "/gc/gogc:percent"}}
		rtmetrics.Read(s)
		return int(s[0].Value.Uint64())
	}
	was := gogc()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			collect(ctx)
		}()
		time.Sleep(calmLooks*collectorLooks + collectorLooks/2)
		synctest.Wait()
		require.Equal(t, calmPercent, gogc())
		sink = make([]byte, 2*busyRate*runtime.GOMAXPROCS(0))
		time.Sleep(collectorLooks)
		synctest.Wait()
		require.Equal(t, busyPercent, gogc())
		cancel()
		<-done
	})
	require.Equal(t, was, gogc())
}

// sink is where a test keeps what it allocates.
var sink []byte

// TestCollects: whoever runs timd decides, if they do.
func TestCollects(t *testing.T) {
	for env, want := range map[string]bool{"": true, "GOGC": false, "GOMEMLIMIT": false, "GODEBUG": true} {
		require.Equal(t, want, collects(func(name string) (string, bool) { return "200", name == env }), env)
	}
}
