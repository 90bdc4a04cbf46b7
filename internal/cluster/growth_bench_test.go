package cluster

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkGrowth is what a login and a message cost a timd that has some number of
// sessions already, one turn each, with -benchtime 1x. The sessions say nothing, and are
// there for less time than the gateway lets a silent client be.
func BenchmarkGrowth(b *testing.B) {
	const measured, pairs, messages = 500, 128, 128 * 200
	for _, sessions := range []int{1_000, 8_000, 18_500} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			for range b.N {
				g := StartGateway(b, "--data", b.TempDir(), "--message-rate", "100000")
				_, empty := g.usage(b)
				var held []net.Conn
				come := func(n int) {
					first := 2*pairs + len(held)
					_, conns, err := logins(n, 64, n, func(i int) (net.Conn, error) {
						return loginOnce(g.Addr, first+i, Sign(benchUser(first+i)))
					})
					require.NoError(b, err)
					held = append(held, conns...)
				}
				come(sessions - measured)
				before, _ := g.usage(b)
				come(measured)
				after, _ := g.usage(b)
				b.ReportMetric(float64((after-before).Microseconds())/measured, "cpu-µs/login")
				_, rss := g.usage(b)
				b.ReportMetric(float64(rss-empty)/float64(sessions), "rss-B/session")

				all := make([]*benchPair, pairs)
				for i := range all {
					all[i] = newBenchPair(b, g, i)
				}
				runPairs(b, all, pairs) // the first message begins a conversation
				before, _ = g.usage(b)
				runPairs(b, all, messages)
				after, _ = g.usage(b)
				b.ReportMetric(float64((after-before).Microseconds())/messages, "cpu-µs/message")
				for _, p := range all {
					p.hangUp()
				}
				for _, c := range held {
					hangUp(c)
				}
			}
		})
	}
}
