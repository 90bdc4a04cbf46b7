package cluster

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/session"
)

// TestRollingRestarts restarts all gateways of a cluster one after the other, ten
// times over, as an operator does who deploys, while hundreds of instances stay,
// come, go and write. No session and no acknowledged message may be lost.
func TestRollingRestarts(t *testing.T) {
	if os.Getenv("TIM_SOAK") == "" {
		t.Skip("make soak runs it")
	}
	const rounds = 10
	s := openFaults(t, seed(t))
	s.prompt = 15 * time.Second
	s.begin()
	time.Sleep(3 * time.Second) // a healthy period: evictions are timed in it
	for n := range rounds {
		for i, g := range s.gateways {
			s.during(fmt.Sprintf("round %d: gateway %d restarts", n+1, i+1), func() {
				g.Stop()
				g.Start()
				g.Ready(30 * time.Second)
			})
		}
	}
	s.end()
	sessions, away := 0, []time.Duration{}
	for _, i := range slices.Concat(s.steady...) {
		sessions++
		away = append(away, i.away()...)
	}
	require.NotEmpty(t, away)
	slices.Sort(away)
	t.Logf("%d restarts of %d gateways: of %d sessions, 0 were lost; %d times one was without its connection: median %v, p99 %v, at most %v",
		rounds*len(s.gateways), len(s.gateways), sessions, len(away),
		away[len(away)/2].Round(time.Millisecond), away[len(away)*99/100].Round(time.Millisecond), away[len(away)-1].Round(time.Millisecond))
}

// away returns how long it was without its connection, each time that it lost it.
func (i *instance) away() (out []time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var since time.Time
	for _, s := range i.states {
		switch {
		case s.status == session.StatusReconnecting && since.IsZero():
			since = s.at
		case s.status == session.StatusReady && !since.IsZero():
			out = append(out, s.at.Sub(since))
			since = time.Time{}
		}
	}
	return out
}
