package sim

import (
	"flag"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	schedules = flag.Int("schedules", 500, "how many schedules to run")
	seed      = flag.Uint64("seed", 1, "the seed of the first one")
)

// TestSchedules runs many schedules, each from its own seed. One that breaks an
// invariant is shrunk and printed; run it alone with make sim SCHEDULES=1 SEED=….
func TestSchedules(t *testing.T) {
	var next atomic.Uint64
	next.Store(*seed - 1)
	last := *seed + uint64(*schedules) - 1
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for !t.Failed() {
				n := next.Add(1)
				if n > last {
					return
				}
				if broken, _ := Make(n).Run(false); broken != "" {
					small := Make(n).Shrink()
					broken, story := small.Run(true)
					t.Errorf("seed %d, %d actions: %s\n%s", n, len(small.Actions), broken, strings.Join(story, "\n"))
				}
			}
		})
	}
	all.Wait()
}

// TestReplay checks that a schedule replays byte for byte.
func TestReplay(t *testing.T) {
	for n := range uint64(20) {
		_, first := Make(*seed + n).Run(true)
		_, second := Make(*seed + n).Run(true)
		require.Equal(t, strings.Join(first, "\n"), strings.Join(second, "\n"))
	}
}
