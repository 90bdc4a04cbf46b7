package group

import (
	"context"
	"sync"
)

// What is done behind the calls. A job that waits for a slow store holds up one
// goroutine and not those of other groups, and what only removes old documents
// never holds up what somebody waits for.
const (
	jobsAtOnce   = 8
	choresAtOnce = 2
	waitingJobs  = 1024 // that wait for a goroutine, of either kind
)

// jobs are carried out by some goroutines, in no order.
type jobs struct {
	queue chan func(ctx context.Context)
}

func newJobs() jobs { return jobs{make(chan func(context.Context), waitingJobs)} }

// start begins to carry out jobs, n at once, until ctx ends.
func (j jobs) start(ctx context.Context, running *sync.WaitGroup, n int) {
	for range n {
		running.Go(func() {
			for {
				select {
				case job := <-j.queue:
					job(ctx)
				case <-ctx.Done():
					return
				}
			}
		})
	}
}

// add has a job done, and reports whether there is room for it. It never blocks.
func (j jobs) add(job func(ctx context.Context)) bool {
	select {
	case j.queue <- job:
		return true
	default:
		return false
	}
}
