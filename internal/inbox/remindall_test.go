package inbox

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// TestQuietHours: what one instance sets, the others are told, those on another
// gateway, too, and a later one gets; it ends with the account.
func TestQuietHours(t *testing.T) {
	b := openBus(t, bus.Memory)
	in, other := open(t, b, Options{}), open(t, b, Options{})
	a, elsewhere := login(t, in, "alice", "a1"), login(t, other, "alice", "a2")
	got := func(c *client) remindAll {
		var r remindAllNote
		c.must(frame.RemindAllGet, nothing{}, &r)
		return r.Option
	}
	require.Equal(t, remindAll{RemindType: "AcceptAndNotify"}, got(a))
	quiet := remindAll{RemindType: "AcceptNotNotify", StartTime: 1_700_000_000, EndTime: 1_700_028_800, IsRepeated: true}
	a.must(frame.RemindAllSet, quiet, nil)
	a.must(frame.RemindAllSet, quiet, nil) // repeated: it changes nothing
	for _, c := range []*client{a, elsewhere} {
		c.until("told", func() bool { return len(c.told[frame.EventAllReceiveMessageOptUpdated]) == 1 })
		c.mu.Lock()
		told := c.told[frame.EventAllReceiveMessageOptUpdated][0]
		c.mu.Unlock()
		require.Equal(t, "AcceptNotNotify", told["messageRemindType"])
		require.Equal(t, quiet, got(c))
	}
	require.Equal(t, quiet, got(login(t, other, "alice", "a3")))
	for _, bad := range []remindAll{
		{RemindType: "Quiet"}, {RemindType: remindTypes[3]}, {RemindType: "Discard", StartTime: -1}, {RemindType: "Discard", StartTime: 2, EndTime: 1},
		{RemindType: "Discard", EndTime: maxTime + 1},
	} {
		require.Equal(t, fault.BadParameters, code(a.call(frame.RemindAllSet, bad, nil)), bad)
	}
	require.Equal(t, quiet, got(a))
	require.NoError(t, in.Forget(t.Context(), place.User{SDKAppID: app, UserID: "alice"}))
	require.Equal(t, remindAll{RemindType: "AcceptAndNotify"}, got(a))
}
