package gateway_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// An offered frame never ends the session of a client that does not read.
func TestOffer(t *testing.T) {
	w := begin(t, setup{})
	p, _ := w.login(page("alice"))
	alice := w.g.Sessions(place.User{SDKAppID: app, UserID: "alice"})[0]
	require.True(t, alice.Offer([]byte(`{"jsonrpc":"2.0","method":"message.new","params":{}}`), 0))
	require.Equal(t, "message.new", p.read().Method)
	require.Nil(t, p.call(frame.Logout, nil).Err)
	require.False(t, alice.Offer([]byte(`{}`), 1<<20))

	w.dialDeaf(page("bob"))
	bob := place.User{SDKAppID: app, UserID: "bob"}
	eventually(t, "login", func() bool { return len(w.g.Sessions(bob)) == 1 })
	deaf, big := w.g.Sessions(bob)[0], []byte(strings.Repeat("x", 32<<10))
	eventually(t, "64 KB wait", func() bool { return !deaf.Offer(big, 64<<10) })
	require.LessOrEqual(t, deaf.Queued(), 96<<10)
	require.NoError(t, deaf.Context().Err())
	require.True(t, deaf.Offer([]byte(`{}`), 192<<10), "a frame with a higher limit still fits")
}
