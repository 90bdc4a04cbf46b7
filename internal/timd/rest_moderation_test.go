package timd

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

// An administrator reads what two users, a group and a topic have said, page by page,
// and revokes messages. Both are in the audit log, with the conversation and the
// message, but without its text.
func TestRESTModeration(t *testing.T) {
	s := newStage(t, nil)
	const topic = "@TGS#_f@TOPIC#_tea"
	said := func(from, text string, random int) string {
		return fmt.Sprintf(`"From_Account":%q,"MsgRandom":%d,"Random":%d,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":%q}}]}`, from, random, random, text)
	}
	s.call("group_open_http_svc/create_group", `{"GroupId":"g","Type":"Public","Name":"n","Owner_Account":"alice"}`)
	s.call("group_open_http_svc/create_group", `{"GroupId":"@TGS#_f","Type":"Community","Name":"n","Owner_Account":"alice","SupportTopic":1}`)
	s.call("million_group_open_http_svc/create_topic", `{"GroupId":"@TGS#_f","TopicId":"`+topic+`","TopicName":"tea"}`)
	for n, text := range []string{"a secret", "another secret", "a third secret"} {
		s.call("openim/sendmsg", `{"To_Account":"bob",`+said("alice", text, n+1))
		s.call("group_open_http_svc/send_group_msg", `{"GroupId":"g",`+said("alice", text, n+1))
		s.call("group_open_http_svc/send_group_msg", `{"GroupId":"@TGS#_f","TopicId":"`+topic+`",`+said("alice", text, n+1))
	}
	textOf := func(m any) any {
		body := m.(map[string]any)["MsgBody"].([]any)
		if len(body) == 0 {
			return nil
		}
		return body[0].(map[string]any)["MsgContent"].(map[string]any)["Text"]
	}
	for _, of := range []string{`"From_Account":"bob","To_Account":"alice"`, `"GroupId":"g"`, `"GroupId":"@TGS#_f","TopicId":"` + topic + `"`} {
		page := s.call("timd_message/list", `{`+of+`,"Limit":2}`)
		list := page["MsgList"].([]any)
		require.Len(t, list, 2, of)
		require.Equal(t, "a third secret", textOf(list[0]))
		require.Equal(t, "another secret", textOf(list[1]))
		rest := s.call("timd_message/list", fmt.Sprintf(`{%s,"Next":%q}`, of, page["Next"]))
		require.Equal(t, "a secret", textOf(rest["MsgList"].([]any)[0]))
		require.Empty(t, rest["Next"])

		position := list[1].(map[string]any)["Position"]
		for _, done := range []bool{true, false} {
			require.Equal(t, done, s.call("timd_message/revoke", fmt.Sprintf(`{%s,"Position":%.0f}`, of, position))["Revoked"])
		}
		after := s.call("timd_message/list", `{`+of+`}`)["MsgList"].([]any)
		require.Nil(t, textOf(after[1]))
		require.EqualValues(t, 1, after[1].(map[string]any)["IsPlaceMsg"])
	}

	log := s.call("timd_audit/list", `{}`)
	require.NotContains(t, fmt.Sprint(log), "secret")
	entry := func(n int) string {
		e := log["EntryList"].([]any)[n].(map[string]any)
		return fmt.Sprintf("%v %v %v", e["Admin"], e["Command"], e["On"])
	}
	require.Equal(t, "administrator timd_message/list [map[More:0 Name:GroupId Values:[@TGS#_f]] map[More:0 Name:TopicId Values:["+topic+"]]]", entry(0))
	require.Regexp(t, `^administrator timd_message/revoke .*`+topic+`.* map\[More:0 Name:Position Values:\[\d+\]\]\]$`, entry(1))

	for body, code := range map[string]fault.Code{
		`{}`:                              fault.BadParameters,
		`{"From_Account":"alice"}`:        fault.BadParameters,
		`{"GroupId":"none"}`:              fault.NoSuchGroup,
		`{"GroupId":"g","Limit":51}`:      fault.BadParameters,
		`{"GroupId":"g","Next":"?"}`:      fault.BadParameters,
		`{"GroupId":"g","TopicId":"tea"}`: fault.BadParameters,
		`{"GroupId":"g","From_Account":"alice","To_Account":"bob"}`: fault.BadParameters,
	} {
		require.EqualValues(t, code, s.post("timd_message/list", good(), body).code(), body)
	}
	for _, body := range []string{`{}`, `{"GroupId":"g"}`, `{"GroupId":"g","Position":0}`, `{"GroupId":"g","Position":99999}`} {
		require.EqualValues(t, fault.BadParameters, s.post("timd_message/revoke", good(), body).code(), body)
	}
}
