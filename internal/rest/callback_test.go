package rest

import (
	"encoding/json"
	"io"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/registry"
)

func TestCallbackOf(t *testing.T) {
	for _, c := range []struct {
		kind   registry.Kind
		reason string
		action string
	}{
		{registry.Login, registry.Register, "Login"},
		{registry.Logout, registry.Unregister, "Logout"},
		{registry.Disconnect, registry.LinkClose, "Disconnect"},
		{registry.Disconnect, registry.TimeOut, "Disconnect"},
		{registry.Kick, "REST_API_Kick", ""},
		{registry.Kick, "userSigExpired", "Disconnect"},
		{registry.Kick, "multipleAccount", "Disconnect"},
		{registry.Lost, "", ""},
		{registry.Resumed, "", ""},
	} {
		cb, ok := callbackOf(&registry.Event{Kind: c.kind, Reason: c.reason, UserID: "alice"})
		require.Equal(t, c.action != "", ok, c.kind)
		if ok {
			reason := c.reason
			if c.kind == registry.Kick {
				reason = registry.LinkClose
			}
			require.Equal(t, callbackInfo{Action: c.action, ToAccount: "alice", Reason: reason}, cb.Info)
		}
	}
}

// A request is this one to the byte, because receivers verify its signature.
func TestRequest(t *testing.T) {
	target, err := ParseWebhook("https://back.example.com/tim?token=x")
	require.NoError(t, err)
	e := &registry.Event{
		N: 9, Time: 1_700_000_000_123, SDKAppID: 1400000000, UserID: "al ice", Kind: registry.Login, Reason: registry.Register,
		Platform: place.Web, Addr: "::1", Kicked: []registry.Kicked{{Platform: place.IPad}},
	}
	stored, err := json.Marshal(e)
	require.NoError(t, err)
	n, wanted, err := noticeOf(stored)
	require.NoError(t, err)
	require.True(t, wanted)
	r, err := request(t.Context(), target, []string{"one", "two"}, n, time.Unix(1_700_000_001, 0))
	require.NoError(t, err)
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Equal(t, `{"CallbackCommand":"State.StateChange","EventTime":1700000000123,"Info":{"Action":"Login","To_Account":"al ice","Reason":"Register"},"KickedDevice":[{"Platform":"iPad"}]}`, string(body))
	const query = "token=x&CallbackCommand=State.StateChange&ClientIP=%3A%3A1&OptPlatform=Web&SdkAppid=1400000000&contenttype=json"
	require.Equal(t, "https://back.example.com/tim?"+query, r.URL.String())
	require.Equal(t, "1400000000-616c20696365-9", r.Header.Get(IDHeader))
	require.Equal(t, "1700000001", r.Header.Get(TimestampHeader))
	sign := func(key string) string {
		return "v1=" + SignWebhook(key, "1700000001", "1400000000-616c20696365-9", query, body)
	}
	require.Equal(t, sign("one")+","+sign("two"), r.Header.Get(SignatureHeader))
	// This one was made with openssl by the documented steps, so those are tested, too.
	require.Equal(t, "9048e60b75c58620fde3b14e80f5bccf1f9eeeab3b827723a7f8c624f054a9ac", SignWebhook("one", "1", "id", "a=b", []byte("{}")))

	for _, wrong := range []string{"", "back.example.com", "ftp://x/", "https://", "https://x/#y"} {
		_, err := ParseWebhook(wrong)
		require.Error(t, err, wrong)
		var u *url.Error
		require.NotErrorAs(t, err, &u)
	}
}
