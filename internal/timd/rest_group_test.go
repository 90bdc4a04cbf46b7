package timd

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// A back end makes a group, changes it and looks at it.
func TestRESTGroups(t *testing.T) {
	s := newStage(t, nil)
	const service = "group_open_http_svc/"
	first := func(a answer, list string) map[string]any { return a[list].([]any)[0].(map[string]any) }
	made := s.call(service+"create_group", `{"Type":"Public","Name":"n","Owner_Account":"alice","GroupId":"g","Introduction":"i",
		"Notification":"o","FaceUrl":"f","MaxMemberCount":20,"ApplyJoinOption":"FreeAccess","AppDefinedData":[{"Key":"k","Value":"v"}],
		"MemberList":[{"Member_Account":"bob","Role":"Admin"},{"Member_Account":"carol"}]}`)
	require.Equal(t, "g", made["GroupId"])
	require.EqualValues(t, fault.GroupIDTaken, s.post(service+"create_group", good(), `{"Type":"Public","Name":"n","GroupId":"g"}`).code())

	added := s.call(service+"add_group_member", `{"GroupId":"g","MemberList":[{"Member_Account":"dave"},{"Member_Account":"bob"}]}`)
	require.Equal(t, []any{
		map[string]any{"Member_Account": "dave", "Result": 1.0}, map[string]any{"Member_Account": "bob", "Result": 2.0},
	}, added["MemberList"])
	s.call(service+"add_group_member", `{"GroupId":"g","Silence":1,"MemberList":[{"Member_Account":"erin"}]}`)
	s.call(service+"delete_group_member", `{"GroupId":"g","Silence":1,"MemberToDel_Account":["erin"]}`)
	s.call(service+"delete_group_member", `{"GroupId":"g","Reason":"spam","MemberToDel_Account":["carol"]}`)
	said := s.call(service+"group_msg_get_simple", `{"GroupId":"g","ReqMsgNumber":20}`)["RspMsgList"].([]any)
	require.Len(t, said, 3, "tips of the first members, dave and carol; nobody is told of erin")
	s.call(service+"modify_group_base_info", `{"GroupId":"g","Name":"m","ShutUpAllMember":"On","MaxMemberNum":3}`)
	require.EqualValues(t, fault.GroupFull, s.post(service+"add_group_member", good(), `{"GroupId":"g","MemberList":[{"Member_Account":"erin"}]}`).code())
	s.call(service+"forbid_send_msg", `{"GroupId":"g","Members_Account":["dave"],"ShutUpTime":4294967295}`)
	s.call(service+"change_group_owner", `{"GroupId":"g","NewOwner_Account":"bob"}`)

	newest := s.call(service+"group_msg_get_simple", `{"GroupId":"g","ReqMsgNumber":1}`)["RspMsgList"].([]any)[0].(map[string]any)["MsgSeq"].(float64)
	info := s.call(service+"get_group_info", `{"GroupIdList":["none","g"]}`)["GroupInfo"].([]any)
	require.EqualValues(t, fault.NoSuchGroup, info[0].(map[string]any)["ErrorCode"])
	g := info[1].(map[string]any)
	for _, varies := range []string{"CreateTime", "LastInfoTime", "LastMsgTime"} {
		require.NotZero(t, g[varies])
		delete(g, varies)
	}
	require.Equal(t, map[string]any{
		"GroupId": "g", "ErrorCode": 0.0, "ErrorInfo": "", "Type": "Public", "Name": "m", "Introduction": "i", "Notification": "o",
		"FaceUrl": "f", "Owner_Account": "bob", "NextMsgSeq": newest + 1, "MemberNum": 3.0, "MaxMemberNum": 3.0,
		"ApplyJoinOption": "FreeAccess", "InviteJoinOption": "DisableInvite", "ShutUpAllMember": "On",
		"AppDefinedData": []any{map[string]any{"Key": "k", "Value": "v"}},
	}, g)

	members := s.call(service+"get_group_member_info", `{"GroupId":"g"}`)
	require.EqualValues(t, 3, members["MemberNum"])
	require.Len(t, members["MemberList"], 3)
	require.Len(t, s.call(service+"get_group_member_info", `{"GroupId":"g","Limit":1,"Offset":1}`)["MemberList"], 1)
	owners := s.call(service+"get_group_member_info", `{"GroupId":"g","MemberRoleFilter":["Owner"]}`)
	require.Equal(t, "bob", first(owners, "MemberList")["Member_Account"])
	require.Equal(t, []any{
		map[string]any{"Member_Account": "bob", "Role": "Owner"}, map[string]any{"Member_Account": "alice", "Role": "Member"},
		map[string]any{"Member_Account": "carol", "Role": "NotMember"},
	}, s.call(service+"get_role_in_group", `{"GroupId":"g","User_Account":["bob","alice","carol"]}`)["UserIdList"])
	joined := s.call(service+"get_joined_group_list", `{"Member_Account":"dave","GroupType":"Public"}`)
	require.EqualValues(t, 1, joined["TotalCount"])
	require.Equal(t, "g", first(joined, "GroupIdList")["GroupId"])
	require.Equal(t, newest+1, first(joined, "GroupIdList")["NextMsgSeq"])
	require.NotZero(t, first(s.call("timd_group/list", `{"Limit":1}`), "GroupList")["LastMsgTime"])
	require.Greater(t, first(joined, "GroupIdList")["SelfInfo"].(map[string]any)["ShutUpUntil"], 4e9)
	require.Empty(t, s.call(service+"get_joined_group_list", `{"Member_Account":"dave","Offset":1}`)["GroupIdList"])
	require.EqualValues(t, 0, s.call(service+"get_online_member_num", `{"GroupId":"g"}`)["OnlineMemberNum"])

	s.call(service+"destroy_group", `{"GroupId":"g"}`)
	require.EqualValues(t, fault.NoSuchGroup, s.post(service+"destroy_group", good(), `{"GroupId":"other"}`).code())
	for command, body := range map[string]string{
		"create_group": `{"Type":"Public","Name":7}`, "destroy_group": `{}`, "add_group_member": `{"GroupId":"g","MemberList":["bob"]}`,
		"delete_group_member": `{"GroupId":"g","MemberToDel_Account":["a"],"Silence":2}`, "modify_group_base_info": `{"GroupId":"g","ShutUpAllMember":"Yes"}`,
		"change_group_owner": `{"GroupId":"g"}`, "forbid_send_msg": `{"GroupId":"g","Members_Account":["bob"]}`,
		"get_group_info": `{"GroupIdList":[7]}`, "get_group_member_info": `{"GroupId":"g","Limit":6001}`,
		"get_role_in_group": `{"GroupId":"g","User_Account":[""]}`, "get_joined_group_list": `{}`, "get_online_member_num": `{"GroupId":7}`,
	} {
		require.EqualValues(t, fault.BadParameters, s.post(service+command, good(), body).code(), command)
	}
}

// A back end changes members, sends a message to a group and recalls it.
func TestRESTGroupMessages(t *testing.T) {
	s := newStage(t, nil)
	const service = "group_open_http_svc/"
	s.call(service+"create_group", `{"Type":"Public","Name":"n","Owner_Account":"alice","GroupId":"g","MemberList":[{"Member_Account":"bob","AppMemberDefinedData":[{"Key":"l","Value":"w"}]}]}`)
	s.call(service+"modify_group_member_info", `{"GroupId":"g","Member_Account":"bob","Role":"Admin","NameCard":"Bobby","ShutUpTime":60,"AppMemberDefinedData":[{"Key":"k","Value":"v"}]}`)
	members := s.call(service+"get_group_member_info", `{"GroupId":"g","MemberRoleFilter":["Admin"]}`)["MemberList"].([]any)
	bob := members[0].(map[string]any)
	require.Equal(t, "Bobby", bob["NameCard"])
	require.Equal(t, []any{map[string]any{"Key": "l", "Value": "w"}, map[string]any{"Key": "k", "Value": "v"}}, bob["AppMemberDefinedData"])
	muted := s.call(service+"get_group_shutted_uin", `{"GroupId":"g"}`)["ShuttedUinList"]
	require.Equal(t, []any{map[string]any{"Member_Account": "bob", "ShuttedUntil": bob["ShutUpUntil"]}}, muted)
	named := s.call(service+"get_group_muted_account", `{"GroupId":"g"}`) // its name since 2023
	require.Equal(t, []any{map[string]any{"Member_Account": "bob", "MutedUntil": bob["ShutUpUntil"]}}, named["MutedAccountList"])
	require.Equal(t, "g", named["GroupId"])

	said := `{"GroupId":"g","Random":7,"From_Account":"alice","SendMsgControl":["NoUnread"],
		"GroupAtInfo":[{"GroupAtAllFlag":1},{"GroupAtAllFlag":0,"GroupAt_Account":"bob"}],"CloudCustomData":"c",
		"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hello"}}]}`
	sent := s.call(service+"send_group_msg", said)
	require.Equal(t, sent["MsgSeq"], s.call(service+"send_group_msg", said)["MsgSeq"], "a repetition")
	seq := int(sent["MsgSeq"].(float64))
	user, notes := s.enter("bob", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), []frame.Message{}
	texts := func(id int64) (out []string) {
		list := decoded(t, user.call(id, frame.MessageList, `{"conversationID":"GROUPg"}`, &notes))["messages"].([]any)
		for _, one := range list {
			m := one.(map[string]any)
			if revoked, _ := m["isRevoked"].(bool); m["type"] == "TIMTextElem" && !revoked {
				out = append(out, m["payload"].(map[string]any)["text"].(string))
			}
		}
		return out
	}
	require.Equal(t, []string{"hello"}, texts(2))
	recalled := s.call(service+"group_msg_recall", fmt.Sprintf(`{"GroupId":"g","MsgSeqList":[{"MsgSeq":%d},{"MsgSeq":999}]}`, seq))["RecallRetList"].([]any)
	require.Zero(t, recalled[0].(map[string]any)["RetCode"])
	require.NotZero(t, recalled[1].(map[string]any)["RetCode"])
	require.Empty(t, texts(3))

	for command, body := range map[string]string{
		"send_group_msg": `{"GroupId":"g"}`, "group_msg_recall": `{"GroupId":"g","MsgSeqList":[{}]}`,
		"modify_group_member_info": `{"GroupId":"g"}`, "get_group_shutted_uin": `{}`, "get_group_muted_account": `{}`,
	} {
		require.EqualValues(t, fault.BadParameters, s.post(service+command, good(), body).code(), command)
	}
	require.EqualValues(t, fault.GroupNotPermitted, s.post(service+"send_group_msg", good(),
		`{"GroupId":"g","Random":8,"From_Account":"carol","MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"x"}}]}`).code())
}

// The server API may make more groups than a user may: it has rates of its own.
func TestRESTMakesManyGroups(t *testing.T) {
	s := newStage(t, nil)
	for range 25 {
		s.call("group_open_http_svc/create_group", `{"Type":"Private","Name":"n"}`)
	}
}

// A back end reads what was said in a group, page by page, the newest first.
func TestRESTReadsGroupMessages(t *testing.T) {
	s := newStage(t, nil)
	const service = "group_open_http_svc/"
	s.call(service+"create_group", `{"Type":"Public","Name":"n","Owner_Account":"alice","GroupId":"g","MemberList":[{"Member_Account":"bob"}]}`)
	for n := range 40 {
		s.call(service+"send_group_msg", fmt.Sprintf(`{"GroupId":"g","Random":%d,"From_Account":"bob","MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"%d"}}]}`, n, n))
	}
	s.call(service+"group_msg_recall", `{"GroupId":"g","MsgSeqList":[{"MsgSeq":41}]}`)
	var seqs []int
	all := map[int]map[string]any{}
	read := func(body string) (next string) {
		got := s.call(service+"group_msg_get_simple", body)
		require.EqualValues(t, 1, got["IsFinished"])
		for _, one := range got["RspMsgList"].([]any) {
			m := one.(map[string]any)
			seq := int(m["MsgSeq"].(float64))
			seqs, all[seq] = append(seqs, seq), m
		}
		return got["Next"].(string)
	}
	want := func(newest, oldest int) {
		t.Helper()
		var list []int
		for n := newest; n >= oldest; n-- {
			list = append(list, n)
		}
		require.Equal(t, list, seqs)
		seqs = nil
	}
	for next, pages := "", 0; pages == 0 || next != ""; pages++ {
		next = read(`{"GroupId":"g","ReqMsgNumber":18,"Next":"` + next + `"}`)
	}
	want(41, 1)
	require.Equal(t, []any{1., []any{}}, []any{all[41]["IsPlaceMsg"], all[41]["MsgBody"]})
	require.Equal(t, []any{map[string]any{"MsgType": "TIMTextElem", "MsgContent": map[string]any{"Text": "38"}}}, all[40]["MsgBody"])
	require.Equal(t, []any{"bob", 0., 0., 38.}, []any{all[40]["From_Account"], all[40]["IsPlaceMsg"], all[40]["IsSystemMsg"], all[40]["MsgRandom"]})
	require.EqualValues(t, 1, all[1]["IsSystemMsg"])
	require.NotEmpty(t, read(`{"GroupId":"g","ReqMsgNumber":3,"ReqMsgSeq":20}`))
	want(20, 18)
	require.Empty(t, read(`{"GroupId":"g","ReqMsgSeq":20}`))
	want(20, 1)

	for body, code := range map[string]fault.Code{
		`{"GroupId":"g","ReqMsgNumber":21}`: fault.BadParameters, `{}`: fault.BadParameters, `{"GroupId":"g","Next":"!"}`: fault.BadParameters,
		`{"GroupId":"g","Next":"1"}`: fault.BadParameters, `{"GroupId":"none"}`: fault.NoSuchGroup, `{"GroupId":""}`: fault.BadGroupID,
	} {
		require.EqualValues(t, code, s.post(service+"group_msg_get_simple", good(), body).code(), body)
	}
}
