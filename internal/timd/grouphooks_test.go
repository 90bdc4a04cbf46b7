package timd

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/rest"
)

// groupBackEnd starts a back end that is asked and told about groups. judge answers the
// questions.
func groupBackEnd(t *testing.T, judge func(command string, body answer) string) (flags webhookOptions, told <-chan answer) {
	all := make(chan answer, 100)
	var accepted sync.Map // IDs of notices: one whose answer is late is sent again
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		q, body := r.URL.Query(), answer{}
		signed := "v1=" + rest.SignWebhook(keyA, r.Header.Get(rest.TimestampHeader), r.Header.Get(rest.IDHeader), r.URL.RawQuery, data)
		if json.Unmarshal(data, &body) != nil || r.Header.Get(rest.SignatureHeader) != signed || body["EventTime"] == nil {
			t.Errorf("the webhook is wrong: %s %s", r.URL, data)
		}
		command := q.Get("CallbackCommand")
		if strings.Contains(command, "Before") {
			_, _ = io.WriteString(w, judge(command, body))
			return
		}
		if _, again := accepted.LoadOrStore(r.Header.Get(rest.IDHeader), true); again {
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
		t.Fatal("the back end was told nothing")
		return nil
	}
}

const (
	groupService = "group_open_http_svc/"
	allowed      = `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`
)

// A back end may refuse a message of a group or replace its text, and is told of each
// message that is sent.
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
	flags.wanted = map[string]bool{rest.BeforeGroupMessage: true, rest.AfterGroupMessage: true, rest.AfterGroupRecall: true, rest.AfterC2CRecall: true}
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

	s.call(groupService+"group_msg_recall", fmt.Sprintf(`{"GroupId":"g","MsgSeqList":[{"MsgSeq":%v}]}`, sent["MsgSeq"]))
	require.Equal(t, answer{
		"CallbackCommand": rest.AfterGroupRecall, "GroupId": "g", "Type": "Public", "Operator_Account": "administrator",
		"MsgSeqList": []any{map[string]any{"MsgSeq": sent["MsgSeq"]}}, "MsgId": sent["MsgId"], "OptPlatform": "RESTAPI",
	}, nextTold(t, told))
	sent = s.call("openim/sendmsg", `{"From_Account":"alice","To_Account":"bob","MsgRandom":7,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]}`)
	s.call("openim/admin_msgwithdraw", fmt.Sprintf(`{"From_Account":"alice","To_Account":"bob","MsgKey":%q}`, sent["MsgKey"]))
	require.Equal(t, answer{
		"CallbackCommand": rest.AfterC2CRecall, "From_Account": "alice", "To_Account": "bob", "MsgKey": sent["MsgKey"], "MsgId": sent["MsgId"], "OptPlatform": "RESTAPI",
	}, nextTold(t, told))
}

// A back end may refuse a topic, and is told of each that is made, changed or deleted.
func TestTopicsAreAskedAbout(t *testing.T) {
	const community, topic, service = "@TGS#_f", "@TGS#_f@TOPIC#_tea", "million_group_open_http_svc/"
	flags, told := groupBackEnd(t, func(command string, body answer) string {
		if command == rest.BeforeTopicCreate && body["Name"] == "beer" {
			return `{"ErrorCode":10123,"ErrorInfo":"We have tea."}`
		}
		return allowed
	})
	flags.wanted = map[string]bool{rest.BeforeTopicCreate: true, rest.AfterTopicCreate: true, rest.AfterTopicChange: true, rest.AfterTopicEnd: true}
	s := newStage(t, func(o *options) { o.webhook = flags })
	s.call(groupService+"create_group", `{"GroupId":"`+community+`","Type":"Community","Name":"n","Owner_Account":"alice","SupportTopic":1}`)
	refused := s.post(service+"create_topic", good(), `{"GroupId":"`+community+`","TopicName":"beer"}`)
	require.Equal(t, []any{10123, "We have tea."}, []any{refused.code(), refused["ErrorInfo"]})
	where := `{"GroupId":"` + community + `","TopicId":"` + topic + `"`
	s.call(service+"create_topic", where+`,"TopicName":"tea"}`)
	s.call(service+"modify_topic", where+`,"Introduction":"i"}`)
	s.call(service+"destroy_topic", `{"GroupId":"`+community+`","TopicIdList":["`+topic+`"]}`)
	for _, want := range []answer{
		{"CallbackCommand": rest.AfterTopicCreate, "Name": "tea", "Owner_Account": "alice"},
		{"CallbackCommand": rest.AfterTopicChange, "Introduction": "i"},
		{"CallbackCommand": rest.AfterTopicEnd, "Name": "tea", "Owner_Account": "alice"},
	} {
		maps.Copy(want, answer{"GroupId": community, "TopicId": topic, "Type": "Community", "Operator_Account": "administrator", "OptPlatform": "RESTAPI"})
		require.Equal(t, want, nextTold(t, told))
	}
}

// What is said in a topic is asked about and told as the community's, with the topic
// beside it.
func TestTopicMessagesAreAskedAbout(t *testing.T) {
	const community, topic = "@TGS#_f", "@TGS#_f@TOPIC#_tea"
	where := func(body answer) []any { return []any{body["GroupId"], body["TopicId"], body["Type"]} }
	flags, told := groupBackEnd(t, func(_ string, body answer) string {
		if !assert.ObjectsAreEqual([]any{community, topic, "Community"}, where(body)) {
			t.Errorf("asked about %v", where(body))
		}
		return allowed
	})
	flags.wanted = map[string]bool{rest.BeforeGroupMessage: true, rest.AfterGroupMessage: true}
	s := newStage(t, func(o *options) { o.webhook = flags })
	s.call(groupService+"create_group", `{"GroupId":"`+community+`","Type":"Community","Name":"n","Owner_Account":"alice","SupportTopic":1}`)
	s.call("million_group_open_http_svc/create_topic", `{"GroupId":"`+community+`","TopicId":"`+topic+`","TopicName":"tea"}`)
	s.call(groupService+"send_group_msg", `{"GroupId":"`+community+`","TopicId":"`+topic+`","From_Account":"alice","Random":1,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"x"}}]}`)
	require.Equal(t, []any{community, topic, "Community"}, where(nextTold(t, told)))
}

// A back end is asked before a group is made and before users are invited, and is told of
// each change.
func TestGroupsAreAskedAbout(t *testing.T) {
	flags, told := groupBackEnd(t, func(command string, body answer) string {
		switch {
		case command == rest.BeforeGroupCreate && body["Name"] == "bad":
			return `{"ErrorCode":10200,"ErrorInfo":"Another name, please."}`
		case command == rest.BeforeGroupCreate && body["Name"] == "dropped":
			return `{"ErrorCode":2}`
		case command == rest.BeforeGroupInvite:
			if body["GroupId"] != "g" || body["Type"] != "Public" || body["Operator_Account"] != "administrator" {
				t.Errorf("asked %v", body)
			}
			return `{"ErrorCode":0,"RefusedMembers_Account":["dave"]}`
		}
		return allowed
	})
	s := newStage(t, func(o *options) { o.webhook = flags })
	create := func(name string) answer {
		return s.post(groupService+"create_group", good(), `{"Type":"Public","Name":"`+name+`","Owner_Account":"alice","GroupId":"g","MaxMemberCount":2,"AppDefinedData":[{"Key":"k","Value":"v"}]}`)
	}
	refused := create("bad")
	require.Equal(t, []any{10200, "Another name, please."}, []any{refused.code(), refused["ErrorInfo"]})
	require.EqualValues(t, fault.GroupRefusedByApp, create("dropped").code())
	require.Zero(t, create("n").code())
	account := func(id string) []any { return []any{map[string]any{"Member_Account": id}} }
	about := func(command string, more answer) answer {
		a := answer{"CallbackCommand": command, "GroupId": "g", "Type": "Public", "Operator_Account": "administrator", "OptPlatform": "RESTAPI"}
		for k, v := range more {
			if a[k] = v; v == nil {
				delete(a, k)
			}
		}
		return a
	}
	fields := []any{map[string]any{"Key": "k", "Value": "v"}}
	require.Equal(t, about(rest.AfterGroupCreate, answer{
		"Owner_Account": "alice", "Name": "n", "MemberList": account("alice"), "UserDefinedDataList": fields,
	}), nextTold(t, told))
	added := s.call(groupService+"add_group_member", `{"GroupId":"g","MemberList":[{"Member_Account":"dave"},{"Member_Account":"bob"}]}`)
	require.Equal(t, []any{
		map[string]any{"Member_Account": "dave", "Result": 0.0}, map[string]any{"Member_Account": "bob", "Result": 1.0},
	}, added["MemberList"])
	require.Equal(t, about(rest.AfterGroupJoin, answer{"JoinType": "Invited", "NewMemberList": account("bob")}), nextTold(t, told))
	require.Equal(t, about(rest.AfterGroupFull, answer{"Type": nil, "Operator_Account": nil}), nextTold(t, told))
	s.call(groupService+"modify_group_base_info", `{"GroupId":"g","Notification":"","Introduction":"i","ShutUpAllMember":"On"}`)
	require.Equal(t, about(rest.AfterGroupChange, answer{"Introduction": "i", "ShutUpAllMember": "On"}), nextTold(t, told))
	s.call(groupService+"modify_group_member_info", `{"GroupId":"g","Member_Account":"bob","Role":"Admin"}`)
	require.Equal(t, about(rest.AfterGroupMember, answer{"MemberList": []any{map[string]any{"Member_Account": "bob", "Role": "Admin"}}}), nextTold(t, told))
	s.call(groupService+"delete_group_member", `{"GroupId":"g","MemberToDel_Account":["bob"]}`)
	require.Equal(t, about(rest.AfterGroupExit, answer{"ExitType": "Kicked", "ExitMemberList": account("bob")}), nextTold(t, told))
	s.call(groupService+"destroy_group", `{"GroupId":"g"}`)
	require.Equal(t, about(rest.AfterGroupEnd, answer{"Owner_Account": "alice", "Name": "n", "MemberList": account("alice")}), nextTold(t, told))
}

// A back end is told who comes into a live room and leaves it.
func TestMembersOfALiveRoomAreTold(t *testing.T) {
	flags, told := groupBackEnd(t, func(string, answer) string { return allowed })
	s := newStage(t, func(o *options) { o.webhook = flags })
	alice := s.enter("alice", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a")
	var notes []frame.Message
	alice.call(2, frame.GroupCreate, `{"name":"n","groupID":"r","type":"AVChatRoom"}`, &notes)
	require.Equal(t, rest.AfterGroupCreate, nextTold(t, told)["CallbackCommand"])
	alice.call(3, frame.GroupJoin, `{"groupID":"r"}`, &notes)
	list := []any{map[string]any{"Member_Account": "alice"}}
	require.Equal(t, answer{
		"CallbackCommand": rest.AfterGroupJoin, "GroupId": "r", "Type": "AVChatRoom", "Operator_Account": "alice",
		"JoinType": "Apply", "NewMemberList": list, "OptPlatform": "",
	}, nextTold(t, told))
	state := answer{
		"CallbackCommand": rest.GroupMemberState, "GroupId": "r",
		"EventType": "Online", "EventCause": "Join", "MemberList": list, "OptPlatform": "",
	}
	require.Equal(t, state, nextTold(t, told))
	require.NoError(t, alice.conn.NetConn().Close())
	left := nextTold(t, told)
	require.Equal(t, []any{"Quit", list}, []any{left["ExitType"], left["ExitMemberList"]})
	state["EventType"], state["EventCause"] = "Offline", "HeartbeatInterrupt"
	require.Equal(t, state, nextTold(t, told))
}
