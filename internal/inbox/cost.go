package inbox

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/tim-wasm/tim/internal/place"
)

// The cost of a call is counted in operations: one for each read or write of the
// store, and one more for each 4 KB beyond the first that it moves. An operation
// takes 50 to 100 µs of CPU (BenchmarkWorstFrames). Decoding 512 bytes of params,
// in the worst case a list of empty texts, takes as long and is charged the same,
// whatever the answer is.
const (
	costBytes  = 4 << 10
	costParams = 512
	// costSubject is what listing a subject costs, in bytes.
	costSubject = 128
	// costStanding is what listing one of a user's documents costs, in bytes.
	costStanding = 16

	// maxWalk bounds the operations of a walk through the past of one
	// conversation, which may hold thousands of messages, all of them deleted.
	maxWalk = 120
	// maxReadAll bounds the operations of one call of message.readAll.
	maxReadAll = 250

	// Operations that a user's calls may cost, a second and at once. What grows
	// with an account, a synchronisation above all, may cost more than a single
	// frame should, so everything that a user asks for is charged to them.
	workRate  = 1000
	workBurst = 60_000
)

type costKey struct{}

// cost counts what a call has cost so far.
type cost struct {
	operations atomic.Int64
	stored     atomic.Int64 // bytes that were written
}

// counted returns a context that counts what a call costs.
func counted(ctx context.Context) context.Context {
	return context.WithValue(ctx, costKey{}, new(cost))
}

// callContext is the context of a session's call: it counts what the call costs, and
// ends after storeTimeout. Many a call never waits, an acknowledgement for example, so
// the timer is made when somebody asks for Done.
type callContext struct {
	context.Context // of the caller
	cost            cost
	until           time.Time

	mu    sync.Mutex      // guards what follows
	timed context.Context // nil: nobody has asked for Done, or been told of an end
	end   context.CancelFunc
	over  bool
}

func newCall(ctx context.Context) *callContext {
	return &callContext{Context: ctx, until: time.Now().Add(storeTimeout)}
}

// finish ends the context of a call that is over.
func (c *callContext) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over = true; c.end != nil {
		c.end()
	}
}

// Deadline implements context.Context.
func (c *callContext) Deadline() (time.Time, bool) {
	if at, ok := c.Context.Deadline(); ok && at.Before(c.until) {
		return at, true
	}
	return c.until, true
}

// Done implements context.Context.
func (c *callContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.timedLocked().Done()
}

// Err implements context.Context.
func (c *callContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timed == nil && !c.over && c.Context.Err() == nil && time.Now().Before(c.until) {
		return nil
	}
	return c.timedLocked().Err() // which is the same from now on, whatever else ends
}

// timedLocked returns timed, which it makes if need be.
func (c *callContext) timedLocked() context.Context {
	if c.timed == nil {
		c.timed, c.end = context.WithDeadline(c.Context, c.until)
		if c.over {
			c.end()
		}
	}
	return c.timed
}

// Value implements context.Context. Contexts that are made of this one find timed, whose
// Done is also this one's, and need no goroutine to follow it.
func (c *callContext) Value(key any) any {
	if key == (costKey{}) {
		return &c.cost
	}
	c.mu.Lock()
	from := c.timed
	c.mu.Unlock()
	if from == nil {
		from = c.Context
	}
	return from.Value(key)
}

// costOf returns the cost of the call that ctx belongs to; nil for work that no
// user is charged for: the server API's, and the inbox's own.
func costOf(ctx context.Context) *cost {
	c, _ := ctx.Value(costKey{}).(*cost)
	return c
}

// spend counts an operation and the bytes that it has moved.
func spend(ctx context.Context, bytes int) {
	if c := costOf(ctx); c != nil {
		c.operations.Add(1 + int64(bytes/costBytes))
	}
}

// spent returns how many operations a call has cost so far.
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

// walk is a walk back through the past of a conversation.
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

// maySearch reports whether a user has so many operations left that a search may
// take some: the other half is for everything else that they do.
func (r *rates) maySearch(u place.User, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(u, now).work.TokensAt(now) > workBurst/2
}

// called charges a user for the operations that a call has carried out and the bytes
// that it has stored. If the user had fewer operations left, calls are refused until the
// debt is paid off.
func (r *rates) called(u place.User, now time.Time, operations, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.of(u, now)
	a.work.ReserveN(now, int(min(operations, workBurst)))
	a.budgets[quotaBytes].use(r.limits[quotaBytes], now, bytes)
}

func newWork() *rate.Limiter { return rate.NewLimiter(workRate, workBurst) }
