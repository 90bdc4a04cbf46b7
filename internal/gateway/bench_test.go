package gateway_test

import (
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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

// BenchmarkIdle holds sessions and reports what each costs the process: the
// gateway's memory, the registry's record in the embedded store, and some for
// this benchmark's own end of the socket.
func BenchmarkIdle(b *testing.B) {
	const n = 2000
	for range b.N {
		w := begin(b, setup{})
		// Pools and the store's own memory exist before the measurement
		// begins.
		w.rawLogin("first", usersig.Sign(app, key, "first", time.Now(), time.Hour), fmt.Sprintf("%032x", 1<<40))
		heap, stack := memory()
		for i := range n {
			user := fmt.Sprint("u", i)
			w.rawLogin(user, usersig.Sign(app, key, user, time.Now(), time.Hour), fmt.Sprintf("%032x", i))
		}
		heapNow, stackNow := memory()
		b.ReportMetric((heapNow-heap)/n, "heapB/session")
		b.ReportMetric((stackNow-stack)/n, "stackB/session")
		runtime.KeepAlive(w)
	}
}

func memory() (heap, stack float64) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse), float64(m.StackInuse)
}
