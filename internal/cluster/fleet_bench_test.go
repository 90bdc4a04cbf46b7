package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
)

// BenchmarkFleet has pairs of users of one gateway write to each other while further
// gateways serve nobody, on an external NATS. It reports what a message costs the
// gateway that serves it, each gateway that hears of it for nothing, and all NATS
// servers together. Package capacity reckons with these figures.
func BenchmarkFleet(b *testing.B) {
	const pairs = 32
	for _, servers := range []int{1, 3} {
		for _, gateways := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("nats=%d/gateways=%d", servers, gateways), func(b *testing.B) {
				nats := StartNATS(b, servers)
				var all []*Gateway
				for i := range gateways {
					all = append(all, StartGateway(b, "--nats", nats.URL(), "--node", fmt.Sprintf("g%d", i), "--message-rate", "100000"))
				}
				if servers > 1 {
					nats.Current(time.Minute)
				}
				var before map[string]time.Duration
				var had, stored uint64
				used := map[string]time.Duration{}
				took := runLinks(b, all[0], pairs, func() {
					before, had = fleetUsage(b, all, nats), logBytes(b, nats)
				}, func([]*benchPair) {
					for what, cpu := range fleetUsage(b, all, nats) {
						used[what] += cpu - before[what]
					}
					stored += logBytes(b, nats) - had
				})
				for what, cpu := range used {
					b.ReportMetric(float64(cpu.Microseconds())/float64(b.N), what+"-cpu-µs/message")
				}
				b.ReportMetric(float64(stored)/float64(b.N), "bytes/message")
				b.ReportMetric(float64(b.N)/took.Seconds(), "messages/s")
			})
		}
	}
}

// fleetUsage returns the CPU time of the gateway that serves, of one that does not, as
// the mean of those, and of all NATS servers together.
func fleetUsage(b *testing.B, gateways []*Gateway, nats *NATS) map[string]time.Duration {
	all := map[string]time.Duration{}
	for i, g := range gateways {
		cpu, _ := g.usage(b)
		if i == 0 {
			all["serving"] = cpu
		} else {
			all["hearing"] += cpu / time.Duration(len(gateways)-1)
		}
	}
	for _, s := range nats.Servers {
		cpu, _ := s.usage(b)
		all["nats"] += cpu
	}
	return all
}

// logBytes returns the size of the logs on one replica.
func logBytes(b *testing.B, nats *NATS) uint64 {
	_, js := nats.Connect()
	s, err := js.Stream(b.Context(), bus.StreamMessages)
	require.NoError(b, err)
	return s.CachedInfo().State.Bytes
}
