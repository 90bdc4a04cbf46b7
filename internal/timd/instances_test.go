package timd

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/place"
)

// Listing one's own instances and kicking one is charged to the allowance that a user has
// for all their calls, and to nobody else's.
func TestInstancesAreCharged(t *testing.T) {
	s := newStage(t, nil)
	alice, bob := s.enter("alice", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"), s.enter("bob", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b")
	var notes []frame.Message
	require.Len(t, decoded(t, alice.call(2, frame.InstanceList, `{}`, &notes))["instances"], 1)
	require.Equal(t, false, decoded(t, alice.call(3, frame.InstanceKick, `{"instanceID":"no"}`, &notes))["kicked"])

	// The first call takes all that alice may spend, and the second one puts alice a
	// minute into debt.
	u := place.User{SDKAppID: appA, UserID: "alice"}
	spend := func(ctx context.Context) (any, error) {
		inbox.Asked(ctx, 1_000_000)
		return nil, nil
	}
	for done := 0; done < 2; {
		if _, f := s.inbox.Serve(t.Context(), u, "a.call", nil, false, spend); f == nil {
			done++
		}
	}
	for id, method := range []string{frame.InstanceList, frame.InstanceKick} {
		m := alice.ask(int64(10+id), method, `{"instanceID":"no"}`, &notes)
		require.NotNil(t, m.Err, method)
		require.Equal(t, fault.TooFrequent, m.Err.Code, method)
	}
	require.Len(t, decoded(t, bob.call(2, frame.InstanceList, `{}`, &notes))["instances"], 1)
}
