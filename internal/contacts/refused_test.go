package contacts

import (
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRefusedNotification: a session is told of a change although its gateway may not
// deliver at that moment.
func TestRefusedNotification(t *testing.T) {
	c := open(t, newBus(), Options{})
	var live atomic.Bool
	var refused, told atomic.Int64
	c.Attach(of("bob"), func(string, json.RawMessage) bool {
		if !live.Load() {
			refused.Add(1)
			return false
		}
		told.Add(1)
		return true
	})
	fill(t, c, "bob", kindFriend, 1)
	caughtUp(t, c)
	require.Positive(t, refused.Load())
	live.Store(true)
	require.Eventually(t, func() bool { return told.Load() == 1 }, 30*time.Second, 10*time.Millisecond)
}
