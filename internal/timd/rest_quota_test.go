package timd

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// A user who has used up a quota of the day is refused with its own code. Administrators
// see and raise the quota, and metrics count what was taken and refused.
func TestQuotas(t *testing.T) {
	if left := time.Until(time.Now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)); left < time.Minute {
		time.Sleep(left) // midnight during the test would reset the quotas
	}
	s := newStage(t, func(o *options) { o.messages.conversations, o.requireImport = 2, true })
	for _, user := range []string{"alice", "bob", "carol", "dave", "erin"} {
		s.call("im_open_login_svc/account_import", `{"UserID":"`+user+`"}`)
	}
	alice := s.online("alice")
	write := func(to string) fault.Code {
		id := frame.NewMessageID("alice", time.Now().UnixMilli(), [frame.MessageIDRandom]byte{byte(rand.Uint32()), byte(rand.Uint32()), byte(rand.Uint32())})
		raw := fmt.Appendf(nil, `{"id":%q,"to":%q,"type":"TIMTextElem","payload":{"text":"x"}}`, id, to)
		_, err := alice.Send(t.Context(), frame.MessageSend, &jsonframe.Object{Raw: raw})
		var f *fault.Error
		if errors.As(err, &f) {
			return f.Code
		}
		require.NoError(t, err)
		return 0
	}
	require.Zero(t, write("bob"))
	require.Zero(t, write("carol"))
	require.Equal(t, fault.ConversationsUsedUp, write("dave"))
	conversations := func(a answer) string {
		text, err := json.Marshal(a["Conversations"].(map[string]any)["Limit"])
		require.NoError(t, err)
		used, err := json.Marshal(a["Conversations"].(map[string]any)["Used"])
		require.NoError(t, err)
		return string(used) + " of " + string(text)
	}
	a := s.call("timd_quota/get", `{"UserID":"alice"}`)
	require.Equal(t, "2 of 2", conversations(a))
	require.Equal(t, 0., a["Until"])
	require.Equal(t, 0., a["Bytes"].(map[string]any)["Limit"], "this timd has none")
	require.Greater(t, a["Conversations"].(map[string]any)["Until"], float64(time.Now().UnixMilli()))

	until := time.Now().Add(time.Hour).UnixMilli()
	a = s.call("timd_quota/set", fmt.Sprintf(`{"UserID":"alice","Conversations":3,"Until":%d}`, until))
	require.Equal(t, "2 of 3", conversations(a))
	require.Equal(t, float64(until/1000*1000), a["Until"])
	require.Eventually(t, func() bool { return write("dave") == 0 }, 30*time.Second, 10*time.Millisecond)
	require.Equal(t, fault.ConversationsUsedUp, write("erin"))
	require.Equal(t, "0 of 2", conversations(s.call("timd_quota/set", `{"UserID":"alice","Conversations":-1,"Reset":true}`)))

	for body, code := range map[string]fault.Code{
		`{}`: fault.BadParameters, `{"UserID":"alice"}`: fault.BadParameters, `{"UserID":"alice","Bytes":"many"}`: fault.BadParameters,
		`{"UserID":"alice","Bytes":-2}`: fault.BadParameters, `{"UserID":"alice","Messages":5}`: fault.BadParameters,
		`{"UserID":"alice","Reset":1}`: fault.BadParameters, `{"UserID":"alice","Until":1}`: fault.BadParameters,
		`{"UserID":"alice","Bytes":5,"Until":1}`: fault.BadParameters, `{"UserID":"nobody","Bytes":5}`: fault.NoSuchAccount,
	} {
		require.EqualValues(t, code, s.post("timd_quota/set", good(), body).code(), body)
	}
	require.Equal(t, "0 of 2", conversations(s.call("timd_quota/get", `{"UserID":"alice"}`)), "a refused set changes nothing")
	text := body(t, s.url+"/metrics")
	require.Contains(t, text, `tim_quota_total{event="taken",quota="conversations"} 3`)
	require.Contains(t, text, `tim_quota_total{event="refused",quota="conversations"} `)
}
