package timd

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/rest"
)

// A timd by itself shows its one gateway, the embedded store with all its streams, the
// app's keys by their number only, and what waits for a receiver that refuses.
func TestRESTClusterGet(t *testing.T) {
	back := newReceiver(t)
	back.set(true)
	s := newStage(t, func(o *options) { o.webhook = toldBy(back, rest.StateChange) })
	s.online("alice")
	<-back.tried
	got := s.call("timd_cluster/get", `{}`)
	// A busy NATS does not answer within a second, and a session is counted a moment
	// after its client hears of it.
	for late := time.Now().Add(time.Minute); got["WebhookWaiting"] == -1.0 || got["SessionNum"] == 0.0; {
		require.True(t, time.Now().Before(late), "%v", got)
		got = s.call("timd_cluster/get", `{}`)
	}
	gateways := got["GatewayList"].([]any)
	require.Len(t, gateways, 1)
	here := gateways[0].(map[string]any)
	require.Equal(t, true, here["Here"])
	require.Contains(t, here["Gateway"], "test.")
	require.Equal(t, []any{1.0, true, 1.0, true}, []any{got["SessionNum"], got["Embedded"], got["KeyNum"], got["Webhook"]})
	require.EqualValues(t, 1, got["WebhookWaiting"], "alice's login")
	require.NotEmpty(t, got["Version"])
	require.Contains(t, got, "UsedBytes")
	require.NotEmpty(t, got["StreamList"])
	for _, one := range got["StreamList"].([]any) {
		require.Empty(t, one.(map[string]any)["Missing"])
	}
	for _, one := range s.call("timd_audit/list", `{}`)["EntryList"].([]any) {
		require.NotEqual(t, "timd_cluster/get", one.(map[string]any)["Command"], "reading is not recorded")
	}
}

// Without a webhook nothing waits.
func TestRESTClusterGetWithoutWebhook(t *testing.T) {
	s := newStage(t, nil)
	got := s.call("timd_cluster/get", `{}`)
	require.Equal(t, []any{false, 0.0, 0.0}, []any{got["Webhook"], got["WebhookWaiting"], got["SessionNum"]})
}
