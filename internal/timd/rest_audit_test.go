package timd

import (
	"fmt"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/usersig"
)

// The audit log keeps across restarts what administrators did, without reasons and texts
// of messages.
func TestTheAuditLog(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := openStage(t, func(o *options) { o.data = data })
	s.call("timd_account/ban", `{"UserID":"alice","Reason":"a secret"}`)
	second := good()
	second.Set("identifier", "second-admin")
	second.Set("usersig", sign("second-admin"))
	require.EqualValues(t, fault.BadParameters, s.post("timd_config/set", second, `{"WebInstances":0}`).code())
	s.call("timd_session/list", `{}`) // changes nothing
	s.call("openim/sendmsg", `{"To_Account":"bob","MsgRandom":1,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"a secret"}}]}`)
	s.end()

	s = openStage(t, func(o *options) { o.data = data })
	t.Cleanup(s.end)
	a := s.call("timd_audit/list", `{"Limit":1}`)
	said := func(e any) string {
		m := e.(map[string]any)
		require.InDelta(t, time.Now().UnixMilli(), m["Time"], 600_000)
		return fmt.Sprintf("%v %v %v %v %v", m["Admin"], m["Address"], m["Command"], m["ErrorCode"], m["On"])
	}
	require.Len(t, a["EntryList"], 1)
	require.Equal(t, "second-admin 127.0.0.1 timd_config/set 70402 [map[More:0 Name:WebInstances Values:[0]]]", said(a["EntryList"].([]any)[0]))
	a = s.call("timd_audit/list", fmt.Sprintf(`{"Next":%q}`, a["Next"]))
	require.Len(t, a["EntryList"], 1)
	require.Equal(t, "administrator 127.0.0.1 timd_account/ban 0 [map[More:0 Name:UserID Values:[alice]]]", said(a["EntryList"].([]any)[0]))
	require.Empty(t, a["Next"])
	a = s.call("timd_audit/list", `{"Messages":true}`)
	require.Equal(t, "administrator 127.0.0.1 openim/sendmsg 0 [map[More:0 Name:To_Account Values:[bob]]]", said(a["EntryList"].([]any)[0]))
	require.NotContains(t, fmt.Sprint(a), "secret")

	// Another app has its own log.
	other := url.Values{
		"sdkappid": {fmt.Sprint(appB)}, "identifier": {"administrator"},
		"usersig": {usersig.Sign(appB, keyB, "administrator", time.Now(), time.Hour)},
	}
	require.Empty(t, s.post("timd_audit/list", other, `{}`)["EntryList"])
	require.EqualValues(t, fault.BadParameters, s.post("timd_audit/list", good(), `{"Next":"x"}`).code())
	require.EqualValues(t, fault.BadParameters, s.post("timd_audit/list", good(), `{"Limit":201}`).code())
}
