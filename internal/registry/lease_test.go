package registry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A lease that lapsed during an outage is taken again as soon as NATS is back,
// and not only at its next turn, up to 5 s later: nobody can log in without
// it.
func TestTheLeaseIsBackWithTheConnection(t *testing.T) {
	r, _ := open(t, testBus(t), "g1", nil)
	r.leases.mu.Lock()
	r.leases.until = time.Now()
	r.leases.mu.Unlock()
	require.False(t, r.Live())
	r.connection(true)
	require.Eventually(t, r.Live, r.o.leaseTTL/6, 10*time.Millisecond)
}
