package cluster

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// Gateways that start at the same moment on a cluster that is new agree on
// its streams.
func TestStartTogether(t *testing.T) {
	t.Parallel()
	nats := StartNATS(t, 3)
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			StartGateway(t, "--nats", nats.URL(), "--node", fmt.Sprintf("g%d", i), "--webhook", "http://127.0.0.1:1/")
		}()
	}
	wg.Wait()
	nats.Current(30 * time.Second)
}
