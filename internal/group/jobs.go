package group

import (
	"context"
	"sync"
)

// Background jobs. Several goroutines carry them out, so that a job that waits for
// a slow store leaves the others free. Jobs that only remove old documents have
// goroutines of their own, so that they never delay what somebody waits for.
const (
	jobsAtOnce   = 8
	choresAtOnce = 2
	waitingJobs  = 1024 // of each kind, that wait for a goroutine
)

// jobs is a queue of jobs that several goroutines carry out, in no order.
type jobs struct {
	queue chan func(ctx context.Context)
}

func newJobs() jobs { return jobs{make(chan func(context.Context), waitingJobs)} }

// start starts n goroutines that carry out jobs until ctx ends.
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

// add queues a job and reports whether there was room for it. It never blocks.
func (j jobs) add(job func(ctx context.Context)) bool {
	select {
	case j.queue <- job:
		return true
	default:
		return false
	}
}
