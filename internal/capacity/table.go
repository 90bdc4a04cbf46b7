package capacity

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Table returns the tables of internal/README.md, in Markdown.
func Table() string {
	var out strings.Builder
	c, m := Measured, Usual
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }

	alone, by := Alone(c, m, Chat(1))
	line("One machine with its own store carries %s users online, then its %s is used up.", people(float64(alone)), by)
	line("")
	line("| users online | clusters | of each: gateways | NATS servers | partitions | messages, logins a second | a gateway's link | a server's disk, subjects in memory |")
	line("|---|---|---|---|---|---|---|---|")
	divided := c
	divided.Documents = maxPartitions
	for _, row := range []struct {
		online int64
		c      Costs
		note   string
	}{
		{100_000, c, ""}, {1_000_000, c, ""}, {100_000_000, c, ""},
		{1_000_000, divided, ", documents of conversations in 16 streams"}, {100_000_000, divided, ", the same"},
	} {
		cells := Cells(row.c, m, Chat(row.online))
		n := Plan(row.c, m, Chat(row.online/int64(cells)))
		line("| %s%s | %d | %d (%s) | %d (%s) | %d | %s, %s | %.0f Mbit/s | %.1f TB, %.0f GB |", people(float64(row.online)), row.note, cells,
			n.Gateways, n.GatewaysBy, n.Servers, n.ServersBy, n.Partitions, people(n.Messages), people(n.Logins),
			n.GatewayLink*8/1e6, n.Disk/1e12, n.Subjects/1e9)
	}
	line("")
	line("| what more machines do not cure | is reached at |")
	line("|---|---|")
	for _, l := range Limits(c, m, Chat(1_000_000)) {
		line("| %s | %s users online |", l.What, people(float64(l.Online)))
	}
	line("")
	line("| partitions on servers | busiest partition | busiest server | busiest server when one is gone |")
	line("|---|---|---|---|")
	for _, at := range [][2]int{{1, 3}, {4, 3}, {16, 3}, {16, 5}, {16, 9}} {
		s := Simulate(at[0], at[1], 200_000, rand.New(rand.NewPCG(1, 2)))
		line("| %d on %d | %.2f × the mean | %.2f × | %.2f × |", at[0], at[1], s.Partition, s.Server, s.Bereft)
	}
	return out.String()
}

// people writes a number with three digits that count.
func people(n float64) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%.3g million", n/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.3g thousand", n/1e3)
	}
	return fmt.Sprintf("%.0f", n)
}
