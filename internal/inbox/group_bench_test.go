//go:build unix

package inbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/worst"
)

// BenchmarkGroup sends to groups of several sizes whose members are all online here.
// It shows how many bytes a message adds to the stores, and how long it takes from
// the send to the last member.
func BenchmarkGroup(b *testing.B) {
	for _, members := range []int{10, 200, 2000} {
		b.Run(fmt.Sprint("members=", members), func(b *testing.B) { benchGroup(b, members) })
	}
}

func benchGroup(b *testing.B, members int) {
	nats := openNATS(b, bus.Memory)
	in, groups := openGroups(b, nats, Options{GroupRate: 1e6, QuotaBytes: -1})
	groups.make("g", 1, false)
	ids := numbered("m", members)
	for some := range slices.Chunk(ids, 500) {
		require.NoError(b, groups.change(in, "g", some, nil))
	}
	caughtUp(b, in)
	var heard atomic.Int64
	done := make(chan struct{}, 1)
	all := int64(members - 1)
	push := func(method string, _ json.RawMessage) bool {
		if method == frame.NoteMessages && heard.Add(1) == all {
			done <- struct{}{}
		}
		return true
	}
	sender := listen(b, in, ids[0], "i")
	for _, id := range ids[1:] {
		s := in.Attach(place.User{SDKAppID: app, UserID: id}, "i", push)
		_, f := s.Call(b.Context(), frame.SessionSync, encode(syncParams{}))
		require.Nil(b, f)
	}
	heard.Store(0) // without the tips
	before := storedBytes(b, nats)
	latencies := make([]time.Duration, 0, b.N)
	n, used := 0, worst.CPU(b)
	b.ReportAllocs()
	for b.Loop() {
		n++
		in.rates.forget()
		began := time.Now()
		sender.says("g", fmt.Sprint("message ", n))
		<-done
		heard.Store(0)
		latencies = append(latencies, time.Since(began))
	}
	b.StopTimer()
	b.ReportMetric(float64((worst.CPU(b)-used).Microseconds())/float64(n), "cpu-µs/op")
	slices.Sort(latencies)
	b.ReportMetric(float64(latencies[len(latencies)/2].Microseconds()), "µs-p50")
	b.ReportMetric(float64(latencies[len(latencies)*99/100].Microseconds()), "µs-p99")
	b.ReportMetric(float64(storedBytes(b, nats)-before)/float64(n), "stored-B/op")
}

// storedBytes returns the size of the messages and the conversations in the stores.
func storedBytes(b *testing.B, nats *bus.Bus) (bytes uint64) {
	for _, name := range []string{bus.StreamMessages, bus.StreamConversations} {
		s, err := nats.JetStream().Stream(b.Context(), name)
		require.NoError(b, err)
		info, err := s.Info(b.Context())
		require.NoError(b, err)
		bytes += info.State.Bytes
	}
	return bytes
}
