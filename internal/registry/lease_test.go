package registry

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
)

// A lease that lapsed during an outage is taken again as soon as NATS is back.
// Nobody can log in without it, and the next renewal may be 5 s away.
func TestTheLeaseIsBackWithTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := open(t, busmodel.New(busmodel.Options{}), "g1", nil)
		r.leases.mu.Lock()
		r.leases.until = time.Now()
		r.leases.note()
		r.leases.mu.Unlock()
		require.False(t, r.Live())
		r.connection(true)
		require.Eventually(t, r.Live, r.o.leaseTTL/6, 10*time.Millisecond)
	})
}

// Close ends the watches of events, and a watch that begins later ends at once.
func TestWatchEndsWithTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := open(t, busmodel.New(busmodel.Options{}), "one", nil)
		before, err := r.Watch(t.Context(), app)
		require.NoError(t, err)
		r.Close()
		_, ok := <-before
		require.False(t, ok)
		after, err := r.Watch(t.Context(), app)
		require.NoError(t, err)
		_, ok = <-after
		require.False(t, ok)
	})
}

// Live must not wait for the leases' lock, because every frame in or out calls it.
func TestLiveDoesNotWaitForTheLock(t *testing.T) {
	r, _ := open(t, testBus(t), "g1", nil)
	r.leases.mu.Lock()
	defer r.leases.mu.Unlock()
	live := make(chan bool, 1)
	go func() { live <- r.Live() }()
	select {
	case is := <-live:
		require.True(t, is)
	case <-time.After(30 * time.Second):
		t.Fatal("Live waits for the lock of the leases")
	}
}
