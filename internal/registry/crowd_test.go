package registry

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// counting is a store that records how many reads it has had at once.
type counting struct {
	store
	now, most atomic.Int64
}

func (c *counting) enter() func() {
	for n := c.now.Add(1); ; {
		most := c.most.Load()
		if n <= most || c.most.CompareAndSwap(most, n) {
			return func() { c.now.Add(-1) }
		}
	}
}

func (c *counting) LastAtLeader(ctx context.Context, stream, subject string) (bus.Value, error) {
	defer c.enter()()
	return c.store.LastAtLeader(ctx, stream, subject)
}

func (c *counting) Last(ctx context.Context, stream, subject string) (bus.Value, error) {
	defer c.enter()()
	return c.store.Last(ctx, stream, subject)
}

// When many sockets end at once, at a restart or when a network goes down, a
// gateway reports only some of them to the store at a time. All together they
// would wait longer than they may, fail, and be repeated.
func TestACrowdThatLeaves(t *testing.T) {
	const users = 600
	b := testBus(t)
	c := &counting{}
	r, _ := open(t, b, "g1", func(o *Options) {
		o.wrap = func(s store) store { c.store = s; return c }
		o.opTimeout = time.Minute // a busy machine takes its time
	})
	var places []place.Place
	for i := range users {
		claim := web("one")
		claim.UserID = fmt.Sprintf("u%d", i)
		out, err := r.Admit(t.Context(), claim)
		require.NoError(t, err)
		places = append(places, out.Place)
	}
	c.most.Store(0)
	var wg sync.WaitGroup
	for i, p := range places {
		wg.Go(func() {
			end := func(ctx context.Context) error { return r.Detach(ctx, p, false) }
			if i%2 == 0 {
				end = func(ctx context.Context) error { return r.Release(ctx, p) }
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			assert.NoError(t, end(ctx))
		})
	}
	wg.Wait()
	require.LessOrEqual(t, c.most.Load(), int64(cap(r.leaveSlots))+2, "2 more for what the registry reads by itself")
}
