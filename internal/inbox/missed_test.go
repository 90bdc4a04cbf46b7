package inbox

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// TestASearchEndsWithThePart: what a user has missed is looked for in as many
// calls as it takes. Here each of their conversations has to be read, as they
// have written last, and the one message that counts is the oldest.
func TestASearchEndsWithThePart(t *testing.T) {
	in := open(t, busmodel.New(busmodel.Options{}), Options{})
	login(t, in, "bob", "b1").send("alice", "missed")
	a := login(t, in, "alice", "a1")
	const most = 700
	for _, peer := range numbered("u", most) {
		a.send(peer, "x")
	}
	a.drop()
	var missed []Message
	s := in.Attach(place.User{SDKAppID: app, UserID: "alice"}, "a2", func(method string, params json.RawMessage) bool {
		if method == frame.NoteMessages {
			missed = append(missed, valuesOf[messagesNote](t, params).Messages...)
		}
		return true
	})
	parts, all := 0, int64(0)
	for more := true; more; parts++ {
		call := func(ctx context.Context) (any, error) { return s.sync(ctx, syncParams{}) }
		if parts > 0 {
			call = s.more
		}
		ctx := counted(t.Context())
		r, err := call(ctx)
		require.NoError(t, err)
		require.LessOrEqual(t, spent(ctx), int64(syncWork+headsAtOnce), "part %d", parts)
		all += spent(ctx)
		more = r.(syncResult).More
	}
	require.Greater(t, all, int64(2*most), "each conversation and its message")
	require.Len(t, missed, 1)
	require.Equal(t, "missed", textOf(missed[0]))
}
