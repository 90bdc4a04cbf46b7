package layout

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
)

// conversations is how many a store has in BenchmarkUpgrade;
// TIM_UPGRADE_CONVERSATIONS sets another number.
func conversations(b *testing.B) int {
	text := os.Getenv("TIM_UPGRADE_CONVERSATIONS")
	if text == "" {
		return 10_000
	}
	n, err := strconv.Atoi(text)
	require.NoError(b, err)
	return n
}

// BenchmarkUpgrade brings a store on disk to the second layout, in which each
// conversation has two documents: for users of 100 conversations each, an eighth
// of them with a draft.
func BenchmarkUpgrade(b *testing.B) {
	const each = 100
	n := conversations(b)
	for b.Loop() {
		b.StopTimer()
		store, err := bus.Open(b.Context(), bus.Options{Data: b.TempDir(), Log: slog.New(slog.DiscardHandler)})
		require.NoError(b, err)
		_, err = store.Ensure(b.Context(), bus.KV(bus.BucketConfig, ""))
		require.NoError(b, err)
		docs, err := store.OpenLog(b.Context(), bus.LogConfig{Stream: bus.StreamDocuments, Subjects: bus.SubjectDocuments + ">", Keep: 1})
		require.NoError(b, err)
		users := max(2*n/each, 1)
		require.NoError(b, bus.Spread(users, func(user int) error {
			owner := fmt.Sprintf("%s1400000001.%s.", bus.SubjectDocuments, bus.UserToken(fmt.Sprint("user", user)))
			text := "{"
			for i := range each {
				if i > 0 {
					text += ","
				}
				text += fmt.Sprintf(`"peer%d-%d":`, user, i)
				if i%8 == 0 {
					text += `{"d":"a draft of some words that was left"}`
				} else {
					text += `{}`
				}
			}
			if _, _, err := docs.Append(b.Context(), owner+kindPeers, []byte(text+"}"), 0, ""); err != nil {
				return err
			}
			_, _, err := docs.Append(b.Context(), owner+kindCursor, []byte(`{"p":1}`), 0, "")
			return err
		}))
		before := heap()
		b.StartTimer()
		_, err = Settle(b.Context(), store, options("a.1"))
		b.StopTimer()
		require.NoError(b, err)
		b.ReportMetric(float64(heap()-before)/float64(n), "heap-B/conversation")
		store.Close()
		b.StartTimer()
	}
	b.ReportMetric(b.Elapsed().Minutes()/float64(b.N)/float64(n)*1e6, "min/million")
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
