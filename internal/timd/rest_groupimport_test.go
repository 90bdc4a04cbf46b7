package timd

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

// A back end moves a group in from another system, as often as it likes.
func TestRESTImportGroup(t *testing.T) {
	s := newStage(t, nil)
	const service = "group_open_http_svc/"
	said := func(from, text, time string) string {
		return `{"From_Account":"` + from + `","SendTime":` + time + `,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"` + text + `"}}]}`
	}
	for _, skipped := range []float64{0, 1} {
		require.Equal(t, "g", s.call(service+"import_group", `{"GroupId":"g","Type":"Private","Name":"n","Owner_Account":"alice","CreateTime":1500000000}`)["GroupId"])
		members := s.call(service+"import_group_member", `{"GroupId":"g","MemberList":[{"Member_Account":"bob","JoinTime":1500000001,"NameCard":"Bobby"}]}`)
		require.Equal(t, []any{map[string]any{"Member_Account": "bob", "Result": 1 + skipped}}, members["MemberList"])
		results := s.call(service+"import_group_msg", `{"GroupId":"g","MsgList":[`+
			said("alice", "one", "1500000002")+`,`+said("alice", "early", "1400000000")+`,{"From_Account":"bob","SendTime":1500000003,"MsgBody":[]},`+
			said("bob", "two", "1500000003")+`]}`)["ImportMsgResult"].([]any)
		for i, code := range []fault.Code{0, 0, fault.BodyMalformed, 0} {
			require.EqualValues(t, code, results[i].(map[string]any)["Result"], i)
		}
		require.Equal(t, skipped, results[0].(map[string]any)["Skipped"])
		require.EqualValues(t, 1, results[1].(map[string]any)["Skipped"], "older than what was imported")
		require.Equal(t, 1500000003., results[3].(map[string]any)["MsgTime"])
	}
	g := s.call(service+"get_group_info", `{"GroupIdList":["g"]}`)["GroupInfo"].([]any)[0].(map[string]any)
	require.Equal(t, []any{1500000000., 2.}, []any{g["CreateTime"], g["MemberNum"]})
	bob := s.call(service+"get_group_member_info", `{"GroupId":"g","MemberRoleFilter":["Member"]}`)["MemberList"].([]any)[0].(map[string]any)
	require.Equal(t, []any{1500000001., "Bobby"}, []any{bob["JoinTime"], bob["NameCard"]})

	one := said("alice", "x", "1500000004")
	for command, bodies := range map[string][]string{
		"import_group":        {`{"GroupId":7}`, `{"GroupId":"h","CreateTime":-1}`},
		"import_group_member": {`{"GroupId":"g"}`, `{"MemberList":[]}`, `{"GroupId":"g","MemberList":[{"Member_Account":"bob","JoinTime":"now"}]}`},
		"import_group_msg":    {`{"MsgList":[` + one + `]}`, `{"GroupId":"g"}`, `{"GroupId":"g","MsgList":[{"From_Account":"alice"}]}`, `{"GroupId":"g","MsgList":[{"SendTime":1}]}`},
	} {
		for _, body := range bodies {
			require.EqualValues(t, fault.BadParameters, s.post(service+command, good(), body).code(), "%s %s", command, body)
		}
	}
	require.EqualValues(t, fault.NoSuchGroup, s.post(service+"import_group_msg", good(), `{"GroupId":"none","MsgList":[`+one+`]}`).code())
}
