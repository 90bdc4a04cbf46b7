package inbox

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// TestStoredCursorOnlyGrows: what was acknowledged on one gateway stays so,
// whatever another one, which does not know of it, is told later.
func TestStoredCursorOnlyGrows(t *testing.T) {
	b := openNATS(t, bus.Memory)
	one, two := open(t, b, Options{}), open(t, b, Options{})
	bob := place.User{SDKAppID: app, UserID: "bob"}
	a := login(t, one, "alice", "a1")
	first, second := a.send("bob", "1"), a.send("bob", "2")
	elsewhere := newClient(t, "bob", "b2")
	elsewhere.attach(two)

	ack := func(in *Inbox, c *client, pos, want uint64) {
		t.Helper()
		c.must("message.ack", ackParams{cursorAt(pos)}, nil)
		in.local(bob).store()
		at, err := in.cursorOf(t.Context(), bob)
		require.NoError(t, err)
		require.Equal(t, upTo(want), at.pos)
		require.Zero(t, in.Stats().Unsaved)
	}
	here := newClient(t, "bob", "b1")
	here.attach(one)
	ack(one, here, second.Position, second.Position)
	ack(two, elsewhere, first.Position, second.Position)
	third := a.send("bob", "3")
	ack(two, elsewhere, third.Position, third.Position)
	ack(one, here, third.Position, third.Position)

	s, err := b.JetStream().Stream(t.Context(), bus.StreamCursors)
	require.NoError(t, err)
	require.Zero(t, s.CachedInfo().State.Consumers, "nobody follows cursors")
}
