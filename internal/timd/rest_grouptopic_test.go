package timd

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

// A back end makes topics of a community, changes, shows and deletes them.
func TestRESTTopics(t *testing.T) {
	s := newStage(t, nil)
	const service = "million_group_open_http_svc/"
	tea, cake := "@TGS#_f@TOPIC#_tea", "@TGS#_f@TOPIC#_cake"
	s.call("group_open_http_svc/create_group", `{"GroupId":"@TGS#_f","Type":"Community","Name":"n","Owner_Account":"alice","SupportTopic":1}`)
	info := s.call("group_open_http_svc/get_group_info", `{"GroupIdList":["@TGS#_f"]}`)["GroupInfo"].([]any)[0]
	require.EqualValues(t, 1, info.(map[string]any)["SupportTopic"])

	made := s.call(service+"create_topic", `{"GroupId":"@TGS#_f","TopicId":"`+tea+`","TopicName":"tea","FaceUrl":"u","Introduction":"i","CustomString":"c"}`)
	require.Equal(t, tea, made["TopicId"])
	made = s.call(service+"create_topic", `{"GroupId":"@TGS#_f","TopicName":"other"}`)
	other := made["TopicId"].(string)
	require.NotEmpty(t, other)
	s.call(service+"modify_topic", `{"GroupId":"@TGS#_f","TopicId":"`+tea+`","TopicName":"green tea","Notification":"o","MuteAllMember":"On"}`)
	want := map[string]any{"ErrorCode": 0.0, "ErrorInfo": "", "TopicInfo": map[string]any{
		"GroupId": "@TGS#_f", "TopicId": tea, "TopicName": "green tea", "FaceUrl": "u", "Introduction": "i", "Notification": "o", "CustomString": "c", "MuteAllMember": "On",
	}}
	all := s.call(service+"get_topic", `{"GroupId":"@TGS#_f"}`)["TopicAndSelfInfo"].([]any)
	require.Len(t, all, 2)
	require.Contains(t, all, want)
	some := s.call(service+"get_topic", `{"GroupId":"@TGS#_f","TopicIdList":["`+cake+`","`+tea+`"]}`)["TopicAndSelfInfo"].([]any)
	require.Equal(t, want, some[0])
	require.EqualValues(t, fault.NoSuchGroup, some[1].(map[string]any)["ErrorCode"])
	require.Equal(t, map[string]any{"TopicId": cake}, some[1].(map[string]any)["TopicInfo"])

	items := s.call(service+"destroy_topic", `{"GroupId":"@TGS#_f","TopicIdList":["`+cake+`","`+tea+`"]}`)["DestroyResultItem"].([]any)
	require.Equal(t, cake, items[0].(map[string]any)["TopicId"])
	require.EqualValues(t, fault.NoSuchGroup, items[0].(map[string]any)["ErrorCode"])
	require.Equal(t, map[string]any{"TopicId": tea, "ErrorCode": 0.0, "ErrorInfo": ""}, items[1])
	require.Len(t, s.call(service+"get_topic", `{"GroupId":"@TGS#_f"}`)["TopicAndSelfInfo"], 1)

	s.call("group_open_http_svc/create_group", `{"GroupId":"g","Type":"Public","Name":"n"}`)
	for _, bad := range []struct {
		command, body string
		code          fault.Code
	}{
		{"create_topic", `{"TopicName":"n"}`, fault.BadParameters},
		{"create_topic", `{"GroupId":"@TGS#_f"}`, fault.GroupBadParameters},
		{"create_topic", `{"GroupId":"@TGS#_f","TopicName":7}`, fault.BadParameters},
		{"create_topic", `{"GroupId":"@TGS#_f","TopicName":"n","MuteAllMember":"Yes"}`, fault.BadParameters},
		{"create_topic", `{"GroupId":"@TGS#_f","TopicName":"n","TopicId":"x"}`, fault.BadGroupID},
		{"create_topic", `{"GroupId":"@TGS#_f","TopicName":"n","TopicId":"` + other + `"}`, fault.GroupIDTaken},
		{"create_topic", `{"GroupId":"g","TopicName":"n"}`, fault.GroupBadParameters},
		{"modify_topic", `{"GroupId":"@TGS#_f","TopicName":"n"}`, fault.BadParameters},
		{"modify_topic", `{"GroupId":"@TGS#_f","TopicId":"` + tea + `","TopicName":"n"}`, fault.NoSuchGroup},
		{"get_topic", `{}`, fault.BadParameters},
		{"get_topic", `{"GroupId":"@TGS#_none"}`, fault.NoSuchGroup},
		{"get_topic", `{"GroupId":"@TGS#_f","TopicIdList":[]}`, fault.BadParameters},
		{"destroy_topic", `{"GroupId":"@TGS#_f"}`, fault.BadParameters},
		{"destroy_topic", `{"GroupId":"@TGS#_f","TopicIdList":[7]}`, fault.BadParameters},
	} {
		require.EqualValues(t, bad.code, s.post(service+bad.command, good(), bad.body).code(), bad.command+bad.body)
	}
	for body, code := range map[string]fault.Code{
		`{"Type":"Public","Name":"n","SupportTopic":1}`: fault.GroupBadParameters, `{"Type":"Community","Name":"n","SupportTopic":2}`: fault.BadParameters,
	} {
		require.EqualValues(t, code, s.post("group_open_http_svc/create_group", good(), body).code(), body)
	}
}

// A back end imports messages into a topic, sends, reads and recalls them.
func TestRESTTopicMessages(t *testing.T) {
	s := newStage(t, nil)
	const service, topic = "group_open_http_svc/", "@TGS#_f@TOPIC#_tea"
	s.call(service+"create_group", `{"GroupId":"@TGS#_f","Type":"Community","Name":"n","Owner_Account":"alice","SupportTopic":1}`)
	s.call("million_group_open_http_svc/create_topic", `{"GroupId":"@TGS#_f","TopicId":"`+topic+`","TopicName":"tea"}`)
	said := func(text string) string {
		return `"From_Account":"alice","Random":1,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"` + text + `"}}]`
	}
	where := `{"GroupId":"@TGS#_f","TopicId":"` + topic + `",`
	sent := s.call(service+"send_group_msg", where+said("one")+`}`)
	seq := sent["MsgSeq"].(float64)
	read := s.call(service+"group_msg_get_simple", where+`"ReqMsgNumber":20}`)
	require.Equal(t, []any{"@TGS#_f", topic}, []any{read["GroupId"], read["TopicId"]})
	require.Len(t, read["RspMsgList"], 1)
	require.Equal(t, seq, read["RspMsgList"].([]any)[0].(map[string]any)["MsgSeq"])
	recalled := s.call(service+"group_msg_recall", where+fmt.Sprintf(`"MsgSeqList":[{"MsgSeq":%v}]}`, seq))["RecallRetList"].([]any)[0]
	require.EqualValues(t, 0, recalled.(map[string]any)["RetCode"])
	read = s.call(service+"group_msg_get_simple", where+`"ReqMsgNumber":20}`)
	require.EqualValues(t, 1, read["RspMsgList"].([]any)[0].(map[string]any)["IsPlaceMsg"])

	old := func(where string) answer {
		return s.post(service+"import_group_msg", good(), where+`"MsgList":[{"SendTime":4000000000,`+said("old")+`}]}`)
	}
	require.EqualValues(t, fault.GroupBadParameters, old(where)["ImportMsgResult"].([]any)[0].(map[string]any)["Result"], "the time lies ahead")
	require.EqualValues(t, fault.BadParameters, old(`{"GroupId":"@TGS#_f","TopicId":"@TGS#_g@TOPIC#_tea",`).code())

	const past = `{"GroupId":"@TGS#_f","TopicId":"@TGS#_f@TOPIC#_past",`
	for _, skipped := range []float64{0, 1} { // a topic of another system, as often as one likes
		require.Equal(t, "@TGS#_f@TOPIC#_past", s.call(service+"import_topic", past+`"TopicName":"past","CreateTime":1500000000}`)["TopicId"])
		result := s.call(service+"import_group_msg", past+`"MsgList":[{"SendTime":1500000002,`+said("old")+`}]}`)["ImportMsgResult"].([]any)[0].(map[string]any)
		require.Equal(t, []any{0., skipped}, []any{result["Result"], result["Skipped"]})
	}
	for body, code := range map[string]fault.Code{
		`"TopicName":"n"}`: fault.GroupIDTaken, `"CreateTime":1}`: fault.GroupBadParameters, `"TopicName":"n","CreateTime":"x"}`: fault.BadParameters,
	} {
		require.EqualValues(t, code, s.post(service+"import_topic", good(), where+body).code(), body)
	}

	for where, code := range map[string]fault.Code{
		`{"GroupId":"@TGS#_f",`:                                fault.OnlyInTopics,
		`{"GroupId":"@TGS#_f","TopicId":7,`:                    fault.BadParameters,
		`{"GroupId":"@TGS#_f","TopicId":"@TGS#_f",`:            fault.BadParameters,
		`{"GroupId":"@TGS#_f","TopicId":"@TGS#_g@TOPIC#_tea",`: fault.BadParameters,
		`{"GroupId":"@TGS#_f","TopicId":"@TGS#_f@TOPIC#_no",`:  fault.NoSuchGroup,
	} {
		require.EqualValues(t, code, s.post(service+"send_group_msg", good(), where+said("two")+`}`).code(), where)
	}
}
