package timd

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/rest"
)

// groupBackEnd is a back end that is asked and told of groups. judge answers a
// question.
func groupBackEnd(t *testing.T, judge func(command string, body answer) string) (flags webhookOptions, told <-chan answer) {
	all := make(chan answer, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		q, body := r.URL.Query(), answer{}
		signed := "v1=" + rest.SignWebhook(keyA, r.Header.Get(rest.TimestampHeader), r.Header.Get(rest.IDHeader), r.URL.RawQuery, data)
		if json.Unmarshal(data, &body) != nil || r.Header.Get(rest.SignatureHeader) != signed || body["EventTime"] == nil {
			t.Errorf("a webhook that is not right: %s %s", r.URL, data)
		}
		command := q.Get("CallbackCommand")
		if strings.Contains(command, "Before") {
			_, _ = io.WriteString(w, judge(command, body))
			return
		}
		delete(body, "EventTime")
		body["OptPlatform"] = q.Get("OptPlatform")
		all <- body
	}))
	t.Cleanup(server.Close)
	o := webhookOptions{url: server.URL, events: list{"Group.*"}, timeout: 5 * time.Second}
	require.NoError(t, o.check())
	o.timeout = 30 * time.Second
	return o, all
}

func nextTold(t *testing.T, told <-chan answer) answer {
	t.Helper()
	select {
	case a := <-told:
		return a
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was told")
		return nil
	}
}

const (
	groupService = "group_open_http_svc/"
	allowed      = `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`
)

// A back end judges what is said in a group.
func TestGroupMessagesAreAskedAbout(t *testing.T) {
	flags, told := groupBackEnd(t, func(command string, body answer) string {
		if command != rest.BeforeGroupMessage {
			return allowed
		}
		switch body["MsgBody"].([]any)[0].(map[string]any)["MsgContent"].(map[string]any)["Text"] {
		case "own":
			return `{"ErrorCode":10123,"ErrorInfo":"Mind your words."}`
		case "no":
			return `{"ErrorCode":1}`
		case "secret":
			return `{"ErrorCode":0,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"***"}}],"CloudCustomData":"c"}`
		}
		return allowed
	})
	flags.wanted = map[string]bool{rest.BeforeGroupMessage: true, rest.AfterGroupMessage: true}
	s := newStage(t, func(o *options) { o.webhook = flags })
	s.call(groupService+"create_group", `{"Type":"Public","Name":"n","Owner_Account":"alice","GroupId":"g"}`)
	send := func(n, text, more string) answer {
		return s.post(groupService+"send_group_msg", good(), `{"GroupId":"g","From_Account":"alice","Random":`+n+more+`,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"`+text+`"}}]}`)
	}
	refused := send("1", "own", "")
	require.Equal(t, []any{10123, "Mind your words."}, []any{refused.code(), refused["ErrorInfo"]})
	require.EqualValues(t, fault.GroupRefusedByApp, send("2", "no", "").code())
	require.Zero(t, send("2", "no", `,"ForbidCallbackControl":["ForbidBeforeSendMsgCallback","ForbidAfterSendMsgCallback"]`).code())
	sent := send("3", "secret", "")
	require.Zero(t, sent.code(), sent)
	require.Equal(t, answer{
		"CallbackCommand": rest.AfterGroupMessage, "GroupId": "g", "Type": "Public", "From_Account": "alice", "Operator_Account": "administrator",
		"Random": 3.0, "MsgId": sent["MsgId"], "MsgSeq": sent["MsgSeq"], "MsgTime": sent["MsgTime"], "OnlineOnlyFlag": 0.0, "CloudCustomData": "c",
		"MsgBody":     []any{map[string]any{"MsgType": "TIMTextElem", "MsgContent": map[string]any{"Text": "***"}}},
		"OptPlatform": "RESTAPI",
	}, nextTold(t, told))
}
