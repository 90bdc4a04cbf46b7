package timd

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

const tooLong = 13 << 10 // bytes of a CloudCustomData

// A back end edits messages, takes back what a user has sent, and sets what is unread.
func TestRESTModifiesMessages(t *testing.T) {
	s := newStage(t, nil)
	const service = "group_open_http_svc/"
	text := func(text string) string {
		return fmt.Sprintf(`"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":%q}}]`, text)
	}
	s.call(service+"create_group", `{"Type":"Public","Name":"n","Owner_Account":"alice","GroupId":"g","MemberList":[{"Member_Account":"bob"}]}`)
	var seq int
	for n := range 3 {
		sent := s.call(service+"send_group_msg", fmt.Sprintf(`{"GroupId":"g","Random":%d,"From_Account":"alice",%s}`, n, text("before")))
		seq = int(sent["MsgSeq"].(float64))
	}
	s.call("openim/modify_group_msg", fmt.Sprintf(`{"GroupId":"g","MsgSeq":%d,%s}`, seq, text("after")))
	s.call("openim/modify_group_msg", fmt.Sprintf(`{"GroupId":"g","MsgSeq":%d,"CloudCustomData":"c"}`, seq))
	newest := func() map[string]any {
		return s.call(service+"group_msg_get_simple", `{"GroupId":"g","ReqMsgNumber":1}`)["RspMsgList"].([]any)[0].(map[string]any)
	}
	body := []any{map[string]any{"MsgType": "TIMTextElem", "MsgContent": map[string]any{"Text": "after"}}}
	require.Equal(t, []any{body, "c", "alice"}, []any{newest()["MsgBody"], newest()["CloudCustomData"], newest()["From_Account"]})

	unread := func(n int) any {
		return s.call(service+"set_unread_msg_num", fmt.Sprintf(`{"GroupId":"g","Member_Account":"bob","UnreadMsgNum":%d}`, n))["UnreadMsgNum"]
	}
	require.EqualValues(t, 2, unread(2))
	require.EqualValues(t, 0, unread(0))
	require.EqualValues(t, 3, unread(7))
	require.EqualValues(t, 3, s.call(service+"delete_group_msg_by_sender", `{"GroupId":"g","Sender_Account":"alice"}`)["RecalledNum"])
	require.EqualValues(t, 1, newest()["IsPlaceMsg"])
	require.EqualValues(t, 0, s.call(service+"delete_group_msg_by_sender", `{"GroupId":"g","Sender_Account":"alice"}`)["RecalledNum"])

	key := s.call("openim/sendmsg", `{"From_Account":"alice","To_Account":"bob","MsgRandom":7,`+text("before")+`}`)["MsgKey"].(string)
	s.call("openim/modify_c2c_msg", fmt.Sprintf(`{"From_Account":"alice","To_Account":"bob","MsgKey":%q,"CloudCustomData":"c",%s}`, key, text("after")))
	roamed := s.call("openim/admin_getroammsg", `{"Operator_Account":"bob","Peer_Account":"alice"}`)["MsgList"].([]any)[0].(map[string]any)
	require.Equal(t, []any{body, "c"}, []any{roamed["MsgBody"], roamed["CloudCustomData"]})

	const peers = `"From_Account":"alice","To_Account":"bob"`
	for _, c := range []struct {
		command, body string
		code          fault.Code
	}{
		{"openim/modify_c2c_msg", `{"From_Account":"alice","MsgKey":"1_2_3","CloudCustomData":"c"}`, fault.BadParameters},
		{"openim/modify_c2c_msg", `{` + peers + `,"MsgKey":"1_2_3"}`, fault.BadParameters},
		{"openim/modify_c2c_msg", `{` + peers + `,"CloudCustomData":"c"}`, fault.MsgKeyMalformed},
		{"openim/modify_c2c_msg", `{` + peers + `,"MsgKey":"1","CloudCustomData":"c"}`, fault.MsgKeyMalformed},
		{"openim/modify_c2c_msg", `{` + peers + `,"MsgKey":"1_2_3","CloudCustomData":"c"}`, fault.NoMessageOfKey},
		{"openim/modify_c2c_msg", `{` + peers + `,"MsgKey":"` + key + `","MsgBody":[]}`, fault.BodyMalformed},
		{"openim/modify_c2c_msg", `{` + peers + `,"MsgKey":"` + key + `","MsgBody":[{"MsgType":"TIMFaceElem","MsgContent":{"Index":1}}]}`, fault.InvalidOperation},
		{"openim/modify_group_msg", `{"GroupId":"g","CloudCustomData":"c"}`, fault.BadParameters},
		{"openim/modify_group_msg", `{"GroupId":"g","MsgSeq":2}`, fault.BadParameters},
		{"openim/modify_group_msg", `{"GroupId":"g","MsgSeq":99,"CloudCustomData":"c"}`, fault.BadParameters},
		{"openim/modify_group_msg", fmt.Sprintf(`{"GroupId":"g","MsgSeq":2,"CloudCustomData":"%*d"}`, tooLong, 1), fault.BodyTooLarge},
		{"openim/modify_group_msg", `{"GroupId":"h","MsgSeq":2,"CloudCustomData":"c"}`, fault.NoSuchGroup},
		{"openim/modify_group_msg", `{"GroupId":"g","TopicId":"h","MsgSeq":2,"CloudCustomData":"c"}`, fault.BadParameters},
		{service + "delete_group_msg_by_sender", `{"GroupId":"g"}`, fault.BadParameters},
		{service + "delete_group_msg_by_sender", `{"GroupId":"h","Sender_Account":"bob"}`, fault.NoSuchGroup},
		{service + "set_unread_msg_num", `{"GroupId":"g","Member_Account":"bob"}`, fault.BadParameters},
		{service + "set_unread_msg_num", `{"GroupId":"g","Member_Account":"bob","UnreadMsgNum":-1}`, fault.BadParameters},
		{service + "set_unread_msg_num", `{"GroupId":"g","Member_Account":"carol","UnreadMsgNum":1}`, fault.GroupNotPermitted},
	} {
		require.EqualValues(t, c.code, s.post(c.command, good(), c.body).code(), "%s %.80s", c.command, c.body)
	}
	// An administrator's commands are in the audit log, without what the messages say.
	var commands []any
	for _, one := range s.call("timd_audit/list", `{"Limit":200}`)["EntryList"].([]any) {
		e := one.(map[string]any)
		commands = append(commands, e["Command"])
		require.NotContains(t, fmt.Sprint(e), "after")
	}
	for _, command := range []string{"openim/modify_c2c_msg", "openim/modify_group_msg", service + "delete_group_msg_by_sender", service + "set_unread_msg_num"} {
		require.Contains(t, commands, command)
	}
}
