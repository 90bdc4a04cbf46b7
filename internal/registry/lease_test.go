package registry

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
)

// A lease that lapsed during an outage is taken again as soon as NATS is back,
// and not only at its next turn, up to 5 s later: nobody can log in without
// it.
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

// TestWatchEndsWithTheRegistry: whoever watches events learns that no more come,
// and Close waits for it.
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

// Each frame in or out asks whether the gateway is live, so that must not wait for
// whoever is at work on the leases.
func TestLiveWaitsForNobody(t *testing.T) {
	r, _ := open(t, testBus(t), "g1", nil)
	r.leases.mu.Lock()
	defer r.leases.mu.Unlock()
	live := make(chan bool, 1)
	go func() { live <- r.Live() }()
	select {
	case is := <-live:
		require.True(t, is)
	case <-time.After(30 * time.Second):
		t.Fatal("it waits for the lock of the leases")
	}
}
