package cluster

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
)

// BenchmarkSync stores values of 1 KB on three NATS servers, each acknowledged
// by at least two of them, with their default sync interval of two minutes and
// with sync_interval: always. Each writer waits for its acknowledgement. The
// servers share this machine's disk: on machines of their own the price is
// lower.
func BenchmarkSync(b *testing.B) {
	always := filepath.Join(b.TempDir(), "always.conf")
	require.NoError(b, os.WriteFile(always, []byte("jetstream { sync_interval: always }\n"), 0o600))
	value := bytes.Repeat([]byte("x"), 1<<10)
	for _, c := range []struct {
		name  string
		flags []string
	}{{"default", nil}, {"always", []string{"-c", always}}} {
		b.Run(c.name, func(b *testing.B) {
			nats := StartNATS(b, 3, c.flags...)
			store, err := bus.Open(b.Context(), bus.Options{URLs: nats.URL(), Name: "bench", Log: slog.New(slog.DiscardHandler)})
			require.NoError(b, err)
			b.Cleanup(store.Close)
			_, err = store.Ensure(b.Context(), bus.KV("bench", "benchmark"))
			require.NoError(b, err)
			nats.Current(20 * time.Second)
			var keys atomic.Int64
			for _, writers := range []int{1, 16, 128} {
				b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
					measure(b, writers, func(int) error {
						_, err := store.Put(b.Context(), fmt.Sprintf("$KV.bench.%d", keys.Add(1)), value, 0, 0)
						return err
					})
				})
			}
		})
	}
}
