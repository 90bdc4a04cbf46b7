package capacity

import (
	"flag"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the tables of internal/README.md anew")

// A plan uses no more than share of anything, and one machine less would.
func TestPlanFitsAndIsTight(t *testing.T) {
	c, m := Measured, Usual
	for _, online := range []int64{1000, 100_000, 300_000} {
		l := Chat(online)
		n := Plan(c, m, l)
		cpu := func(gateways float64) float64 {
			return (n.Messages*(seconds(c.Served)+(gateways-1)*seconds(c.Heard)) + n.Logins*seconds(c.Login) + l.pings()*seconds(c.Ping)) / gateways
		}
		g := float64(n.Gateways)
		require.LessOrEqual(t, cpu(g), m.Cores*share, online)
		require.LessOrEqual(t, l.held(c)/g, float64(m.Memory)*share)
		require.LessOrEqual(t, n.GatewayLink, m.Link*share)
		require.LessOrEqual(t, n.Subjects, float64(m.Memory)*share)
		require.LessOrEqual(t, n.Disk, float64(m.Disk)*share)
		require.GreaterOrEqual(t, n.Servers, replicas)
		require.GreaterOrEqual(t, n.Gateways, 2)
		if n.GatewaysBy == "memory" {
			require.Greater(t, l.held(c)/(g-1), float64(m.Memory)*share)
		}
		if n.ServersBy == "memory" {
			require.Greater(t, n.Subjects*float64(n.Servers)/float64(n.Servers-1), float64(m.Memory)*share)
		}
	}
}

// Gateways that would spend most of their CPU on messages of others do not help: the
// plan has more of them as the limit comes near, and none beyond it.
func TestHearingIsWhatGives(t *testing.T) {
	c, m := Measured, Usual
	c.Documents, c.Writes = 1000, 1e6 // so that these give last
	limits := Limits(c, m, Chat(1))
	require.Equal(t, "each gateway hears of every message: CPU", limits[0].What)
	least := 0
	for _, part := range []int64{50, 90, 99} {
		n := Plan(c, m, Chat(limits[0].Online/100*part))
		require.Greater(t, n.Gateways, least)
		least = n.Gateways
	}
	require.Less(t, Plan(c, m, Chat(limits[0].Online*2)).Gateways, least, "there is no plan, so it is no number of machines")
	require.Equal(t, 1, Cells(c, m, Chat(limits[0].Online)))
	require.Equal(t, 3, Cells(c, m, Chat(limits[0].Online*5/2)))
}

func TestLimitsAreInOrder(t *testing.T) {
	limits := Limits(Measured, Usual, Chat(1_000_000))
	require.Len(t, limits, 4)
	for i := range limits[1:] {
		require.LessOrEqual(t, limits[i].Online, limits[i+1].Online)
	}
	twice := Usual
	twice.Memory *= 2
	require.InEpsilon(t, 2*limits[0].Online, Limits(Measured, twice, Chat(1_000_000))[0].Online, 0.001)
}

func TestPartitionsOnServers(t *testing.T) {
	one := Simulate(1, 3, 1000, rand.New(rand.NewPCG(1, 1)))
	require.Equal(t, Spread{1, 3, 2}, one, "one server leads everything")
	many := Simulate(16, 3, 1000, rand.New(rand.NewPCG(1, 1)))
	require.Greater(t, many.Partition, 1.0)
	require.Less(t, many.Server, one.Server)
	require.Less(t, many.Bereft, one.Bereft)
	require.Equal(t, many, Simulate(16, 3, 1000, rand.New(rand.NewPCG(1, 1))))
}

func TestREADMEHasTheTables(t *testing.T) {
	const path, begin, end = "../README.md", "<!-- capacity -->\n", "<!-- end of capacity -->\n"
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(data), begin)
	require.True(t, ok)
	has, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(before+begin+Table()+end+after), 0o644))
		return
	}
	require.Equal(t, Table(), has, "go test ./internal/capacity -update writes it")
}
