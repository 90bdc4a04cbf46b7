package backup

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
)

// A backup leaves out who is running, what a receiver has yet to get, and where users
// logged in from, and saves everything else.
func TestWhatABackupLeavesOut(t *testing.T) {
	for _, name := range []string{bus.BucketStream(bus.BucketLeases), bus.StreamNotices, bus.StreamHistory, "ORDERS"} {
		require.False(t, ours(name), name)
		require.NotContains(t, bus.SavedStreams, name)
	}
	for _, name := range bus.SavedStreams {
		require.True(t, ours(name), name)
	}
}
