package inbox

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/tim-wasm/tim/internal/place"
)

// What a call costs is counted in operations: one is a read or a write of the
// store, and each 4 KB beyond the first that it moves is one more. One is 50 to
// 100 µs of CPU (BenchmarkWorstFrames). Reading params costs as much for each
// 512 bytes, in a list of empty texts, and is charged whatever the answer is.
const (
	costBytes  = 4 << 10
	costParams = 512
	// costSubject is what listing a subject costs, in bytes.
	costSubject = 128
	// costStanding is what a look at one of all that a user keeps costs, in bytes.
	costStanding = 16

	// maxWalk is after how many operations a walk through the past of one
	// conversation stops: it may be thousands of messages, deleted ones perhaps.
	maxWalk = 120
	// maxReadAll is after how many operations one call of message.readAll ends.
	maxReadAll = 250

	// Operations that a user's calls may cost, a second and at once. What grows
	// with an account, a synchronisation above all, may cost more than one
	// frame should; so all that a user asks for is charged to them.
	workRate  = 1000
	workBurst = 60_000
)

type costKey struct{}

// cost is what a call has cost up to now.
type cost struct {
	operations atomic.Int64
	stored     atomic.Int64 // bytes that were written
}

// counted begins to count what a call costs.
func counted(ctx context.Context) context.Context {
	return context.WithValue(ctx, costKey{}, new(cost))
}

// costOf returns what is counted for a call, or nil for work in nobody's name:
// the server API's, and the inbox's own.
func costOf(ctx context.Context) *cost {
	c, _ := ctx.Value(costKey{}).(*cost)
	return c
}

// spend counts an operation that moved so many bytes.
func spend(ctx context.Context, bytes int) {
	if c := costOf(ctx); c != nil {
		c.operations.Add(1 + int64(bytes/costBytes))
	}
}

// spent is how many operations a call has cost up to now.
func spent(ctx context.Context) int64 {
	if c := costOf(ctx); c != nil {
		return c.operations.Load()
	}
	return 0
}

// stored counts bytes that were written for a call.
func stored(ctx context.Context, bytes int) {
	if c := costOf(ctx); c != nil {
		c.stored.Add(int64(bytes))
	}
}

// walk is a way back through the past of a conversation.
type walk struct {
	ctx  context.Context
	from int64
}

func newWalk(ctx context.Context) walk { return walk{ctx, spent(ctx)} }

// long reports whether the walk has cost as much as one may.
func (w walk) long() bool { return spent(w.ctx)-w.from > maxWalk }

// mayWork reports whether a user has operations left.
func (r *rates) mayWork(u place.User, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(u, now).work.TokensAt(now) > 0
}

// worked charges a user for operations that were carried out. They may be more
// than the user had left: then the next call waits until the debt is paid.
func (r *rates) worked(u place.User, now time.Time, operations int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(u, now).work.ReserveN(now, int(min(operations, workBurst)))
}

func newWork() *rate.Limiter { return rate.NewLimiter(workRate, workBurst) }
