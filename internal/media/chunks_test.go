package media

import (
	"context"
	"crypto/rand"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
