package timd

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// The statistics of an app count logins, who is connected, and messages from pages and
// from back ends. They outlive the gateway, and nobody is recorded for asking.
func TestRESTStatistics(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := openStage(t, func(o *options) { o.data = data })
	first, err := dial(t, s.url, nil)
	require.NoError(t, err)
	require.Nil(t, first.login("alice", sign("alice"), "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", frame.IntentNew).Err)
	var notes []frame.Message
	first.call(2, frame.MessageSend, fmt.Sprintf(`{"id":%q,"to":"bob","type":"TIMTextElem","payload":{"text":"x"}}`,
		frame.NewMessageID("alice", time.Now().UnixMilli(), [frame.MessageIDRandom]byte{1})), &notes)
	first.ask(3, frame.MessageSend, `{"id":"x"}`, &notes) // refused
	text := `"From_Account":"alice","MsgRandom":1,"Random":1,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"x"}}]}`
	s.call("openim/sendmsg", `{"To_Account":"bob",`+text)
	s.call("group_open_http_svc/create_group", `{"GroupId":"g","Type":"Public","Name":"n","Owner_Account":"alice"}`)
	s.call("group_open_http_svc/send_group_msg", `{"GroupId":"g",`+text)
	s.end() // which adds what was counted

	s = openStage(t, func(o *options) { o.data = data })
	t.Cleanup(s.end)
	total := map[string]float64{}
	days := s.call("timd_stats/get", `{"Days":2}`)["DayList"].([]any) // the test may have begun before midnight
	require.Len(t, days, 2)
	for _, d := range days {
		day := d.(map[string]any)
		hours := map[string]float64{}
		for _, h := range day["HourList"].([]any) {
			for name, n := range h.(map[string]any) {
				hours[name] += n.(float64)
			}
		}
		for _, name := range []string{"Logins", "Messages"} {
			require.Equal(t, hours[name], day[name], name)
			total[name] += hours[name]
		}
		total["Peak"] = max(total["Peak"], day["Peak"].(float64))
	}
	require.Equal(t, map[string]float64{"Logins": 1, "Messages": 3, "Peak": 1}, total)
	require.Len(t, s.call("timd_stats/get", `{}`)["DayList"], 31)
	require.Equal(t, "2024-02-29", s.call("timd_stats/get", `{"Day":"2024-03-01","Days":2}`)["DayList"].([]any)[0].(map[string]any)["Day"])
	require.NotContains(t, fmt.Sprint(s.call("timd_audit/list", `{}`)), "timd_stats")
	for _, body := range []string{`{"Day":"today"}`, `{"Day":7}`, `{"Days":0}`, `{"Days":32}`} {
		require.EqualValues(t, fault.BadParameters, s.post("timd_stats/get", good(), body).code(), body)
	}
}
