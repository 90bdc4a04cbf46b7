package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/gateway"
)

func TestFarewell(t *testing.T) {
	w := begin(t, setup{})
	i := page("alice")
	p1, m := w.login(i)
	token := m.Body.Text("farewell")
	require.NoError(t, p1.conn.NetConn().Close())
	eventually(t, "detach", func() bool { return len(w.reg.told()) == 1 })

	p2 := w.dial()
	require.Equal(t, fault.BadParameters, p2.call(frame.Farewell, map[string]any{"token": token + "x"}).Err.Code)
	require.Nil(t, p2.call(frame.Farewell, map[string]any{"token": token}).Err, "before a login")
	_, m = w.login(i)
	require.Contains(t, string(bodyOf(m)), `"resumed":false`, "the farewell ended the place, so a login finds none to resume")

	// A farewell also works after a login of another user, and ends a place that
	// is attached.
	p3, _ := w.login(page("bob"))
	p4, m := w.login(page("carol"))
	require.Nil(t, p3.call(frame.Farewell, map[string]any{"token": m.Body.Text("farewell")}).Err)
	p4.expectClose(frame.CloseLoggedOut)
	p3.expectOpen()
}

// A token can be used again and again, by whoever has it, also before a login; each time
// asks the registry, and counts as a reconnect of its user.
func TestFarewellsOfAUserAreLimited(t *testing.T) {
	w := begin(t, setup{options: func(o *gateway.Options) { o.LoginRate = 2 }})
	_, m := w.login(page("alice"))
	token := m.Body.Text("farewell")
	bob, m := w.login(page("bob"))
	own := m.Body.Text("farewell")
	accepted := 0
	for ; bob.call(frame.Farewell, map[string]any{"token": token}).Err == nil; accepted++ {
		require.Less(t, accepted, 100)
	}
	require.Equal(t, 8, accepted, "four times the login rate")
	require.Equal(t, fault.TooFrequent, bob.call(frame.Farewell, map[string]any{"token": token}).Err.Code)
	require.Nil(t, w.dial().call(frame.Farewell, map[string]any{"token": own}).Err, "of another user")
}
