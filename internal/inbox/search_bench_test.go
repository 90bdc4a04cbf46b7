//go:build unix

package inbox

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/worst"
)

// BenchmarkSearch measures searches for what is not there through a conversation
// of 100,000 messages, from its newest to its oldest one.
func BenchmarkSearch(b *testing.B) {
	const messages = 100_000
	now := time.Unix(1_700_000_000, 0)
	in := open(b, openBus(b, bus.Memory), Options{MaxCount: -1, Now: func() time.Time { return now }})
	for n := range messages {
		_, err := in.Send(b.Context(), ServerMessage{SDKAppID: app, From: "bob", To: "alice", Type: typeText, Payload: []byte(`{"text":"one straw in a haystack"}`), Random: uint32(n)})
		require.NoError(b, err)
	}
	a := login(b, in, "alice", "a1")
	calls, before, began := 0, worst.CPU(b), time.Now()
	b.ResetTimer()
	for b.Loop() {
		p := searchParams{KeywordList: []string{"needle"}}
		for {
			now = now.Add(time.Minute) // what is charged comes back
			var r searchResult
			a.must(frame.MessageSearch, p, &r)
			require.Empty(b, r.List)
			calls++
			if p.Cursor = r.Cursor; p.Cursor == "" {
				break
			}
		}
	}
	require.Greater(b, calls, messages/1000)
	all := float64(b.N) * messages
	b.ReportMetric(float64((worst.CPU(b)-before).Microseconds())/all, "cpu-µs/message")
	b.ReportMetric(float64((worst.CPU(b)-before).Microseconds())/1000/float64(calls), "cpu-ms/call")
	b.ReportMetric(float64(time.Since(began).Milliseconds())/float64(calls), "ms/call")
	b.ReportMetric(float64(calls)/float64(b.N), "calls")
}
