package media

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
)

// lateBus stores what comes in once gone is closed. As NATS does, it stores a value
// also if whoever sent it no longer waits for the answer: behind the next purge, as
// late as that can be.
type lateBus struct {
	Bus
	gone chan struct{}

	mu   sync.Mutex // guards late
	late []func()
}

func (b *lateBus) Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error) {
	<-b.gone
	if ctx.Err() == nil {
		return b.Bus.Put(ctx, subject, data, seq, ttl)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	sent := slices.Clone(data)
	b.late = append(b.late, func() { _, _ = b.Bus.Put(context.WithoutCancel(ctx), subject, sent, seq, ttl) })
	return 0, ctx.Err()
}

func (b *lateBus) Purge(ctx context.Context, stream, pattern string) error {
	err := b.Bus.Purge(ctx, stream, pattern)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, store := range b.late {
		store()
	}
	b.late = nil
	return err
}

// hangUp is a body whose sender goes in its middle.
type hangUp struct {
	left int
	hang func()
}

func (h *hangUp) Read(p []byte) (int, error) {
	if h.left == 0 {
		h.hang()
		return 0, io.ErrClosedPipe
	}
	n := min(h.left, len(p))
	h.left -= n
	return n, nil
}

// Chunks that are on their way to the store when a client hangs up are removed, too.
func TestWhoeverHangsUpLeavesNoChunkOnItsWay(t *testing.T) {
	b := &lateBus{Bus: busmodel.New(busmodel.Options{}), gone: make(chan struct{})}
	g := open(t, b, nil)
	ctx, cancel := context.WithCancel(t.Context())
	body := &hangUp{left: 3 * chunkSize, hang: func() {
		cancel()
		close(b.gone)
	}}
	i := &Info{App: alice.SDKAppID, Name: rand.Text(), Owner: alice.UserID, Kind: File, State: stateBegun}
	require.Error(t, g.store.chunks.write(ctx, i, body, -1))
	require.Zero(t, chunksIn(t, b))
}

// gatedBus answers reads of chunks once its gate is open, and says how many there were
// at once.
type gatedBus struct {
	Bus
	gate  chan struct{}
	asked chan context.Context // of each read; large enough for all

	mu        sync.Mutex // guards the rest
	now, most int
}

func (b *gatedBus) Last(ctx context.Context, stream, subject string) (bus.Value, error) {
	b.count(1)
	defer b.count(-1)
	b.asked <- ctx
	select {
	case <-b.gate:
	case <-ctx.Done():
		return bus.Value{}, ctx.Err()
	}
	return b.Bus.Last(ctx, stream, subject)
}

func (b *gatedBus) count(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now += n
	b.most = max(b.most, b.now)
}

// However many downloads begin at once, no more than maxReads chunks are on their way
// from NATS, and all downloads get theirs.
func TestReadsAtOnceAreBounded(t *testing.T) {
	real, err := bus.Open(t.Context(), bus.Options{Data: bus.Memory, Name: "reads", Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer real.Close()
	const all = 3 * maxReads
	b := &gatedBus{Bus: real, gate: make(chan struct{}), asked: make(chan context.Context, 2*all)}
	var addr atomic.Int64
	g := open(t, b, func(o *Options) {
		o.ClientAddr = func(*http.Request) string { return fmt.Sprint(addr.Add(1)) }
	})
	data := pattern(2 * chunkSize)
	up := g.upload(File, data, "")
	var running sync.WaitGroup
	var whole atomic.Int64
	for range all {
		running.Go(func() {
			res, err := http.Get(g.url + "/media/1400000000/" + up.Name)
			if err != nil {
				return
			}
			defer res.Body.Close()
			if got, err := io.ReadAll(res.Body); err == nil && bytes.Equal(data, got) {
				whole.Add(1)
			}
		})
	}
	require.Eventually(t, func() bool { return g.Stats().Downloads == all && len(b.asked) >= maxReads }, within, time.Millisecond)
	close(b.gate)
	running.Wait()
	require.EqualValues(t, all, whole.Load())
	require.Equal(t, maxReads, b.most)
}

// A read that nobody wants any more counts until it is answered, and who waits for one
// waits no longer than they want it.
func TestAReadCountsUntilItIsAnswered(t *testing.T) {
	b := &gatedBus{Bus: busmodel.New(busmodel.Options{}), gate: make(chan struct{}), asked: make(chan context.Context, 2*maxReads)}
	g := open(t, b, nil)
	up := g.upload(File, pattern(10), "")
	i := &Info{App: alice.SDKAppID, Name: up.Name}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range maxReads {
		running.Go(func() { _, _ = g.store.chunks.read(ctx, i, 0, 10) })
	}
	var asked []context.Context
	for range maxReads {
		asked = append(asked, <-b.asked)
	}
	cancel()
	for _, ctx := range asked {
		require.NoError(t, ctx.Err(), "NATS sends the chunk nevertheless")
	}
	_, err := g.store.chunks.read(ctx, i, 0, 10)
	require.ErrorIs(t, err, context.Canceled)
	close(b.gate)
	running.Wait()
	_, err = g.store.chunks.read(t.Context(), i, 0, 10)
	require.NoError(t, err)
	require.Equal(t, maxReads, b.most)
}
