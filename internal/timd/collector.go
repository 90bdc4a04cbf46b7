package timd

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	rtmetrics "runtime/metrics"
	"sync"
	"time"
)

// Go lets as much garbage gather as there is memory in use, so a gateway whose clients
// only stay connected takes twice what it needs. How much CPU collecting takes depends
// on what is allocated, whatever the size of the heap: in calm little is, and then it may
// be collected four times as often. Under load GOGC stays 100, since there CPU is what is
// short. See "What an idle session costs" in internal/README.md.
const (
	busyPercent = 100
	calmPercent = 25

	// busyRate is how many bytes a second are allocated for each CPU when there is load;
	// to collect less than that at calmPercent takes some hundredths of a CPU.
	busyRate = 4 << 20
	// It begins within collectorLooks, and is over after calmLooks of these without it.
	collectorLooks = 250 * time.Millisecond
	calmLooks      = 40
)

// collector decides how much garbage may gather.
type collector struct {
	calm int // looks without load, one after the other
}

// percent returns what GOGC is to be after so many bytes were allocated between two looks.
func (c *collector) percent(allocated uint64) int {
	if c.calm++; allocated > uint64(busyRate*collectorLooks.Seconds())*uint64(runtime.GOMAXPROCS(0)) {
		c.calm = 0
	}
	if c.calm < calmLooks {
		return busyPercent
	}
	return calmPercent
}

// collects reports whether the collector is ours to set: not where whoever runs timd has.
func collects(lookup func(string) (string, bool)) bool {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if v, ok := lookup(name); ok && v != "" {
			return false
		}
	}
	return true
}

// setCollector begins to set GOGC, unless whoever runs timd has.
func (s *server) setCollector() {
	if !collects(os.LookupEnv) {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { collect(ctx) })
	s.closers = append(s.closers, func(context.Context) {
		cancel()
		wg.Wait()
	})
}

// collect sets GOGC until ctx ends.
func collect(ctx context.Context) {
	now := busyPercent
	defer debug.SetGCPercent(debug.SetGCPercent(now))
	looks := time.NewTicker(collectorLooks)
	defer looks.Stop()
	var c collector
	before := allocatedSoFar()
	for {
		select {
		case <-ctx.Done():
			return
		case <-looks.C:
		}
		all := allocatedSoFar()
		// Each setting stops the world for a moment.
		if next := c.percent(all - before); next != now {
			now = next
			debug.SetGCPercent(now)
		}
		before = all
	}
}

func allocatedSoFar() uint64 {
	s := []rtmetrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	rtmetrics.Read(s)
	return s[0].Value.Uint64()
}
