package timd

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// A message to a live room, also one of the server API, reaches the members over their
// sockets and is in no history.
func TestLiveRoom(t *testing.T) {
	s := newStage(t, nil)
	alice, bob := s.enter("alice", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"), s.enter("bob", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b")
	var notes []frame.Message
	hears := func(text string) frame.Body {
		t.Helper()
		for {
			if len(notes) == 0 {
				notes = append(notes, bob.next())
			}
			m := notes[0]
			notes = notes[1:]
			for _, one := range m.Body.List("messages") {
				if m.Method == frame.NoteMessages && one.Object("payload").Text("text") == text {
					return one
				}
			}
		}
	}
	var own []frame.Message
	alice.call(2, frame.GroupCreate, `{"name":"n","groupID":"r","type":"AVChatRoom"}`, &own)
	send := `{"id":"` + frame.NewMessageID("alice", time.Now().UnixMilli(), [frame.MessageIDRandom]byte{}) + `","groupID":"r","type":"TIMTextElem","payload":{"text":"hi"}}`
	require.EqualValues(t, fault.GroupNotPermitted, alice.try(3, frame.MessageSend, send))
	alice.call(4, frame.GroupJoin, `{"groupID":"r"}`, &own)
	bob.call(2, frame.GroupJoin, `{"groupID":"r"}`, &notes)
	alice.call(5, frame.MessageSend, send, &own)
	hears("hi")
	got := s.call("group_open_http_svc/send_group_msg", `{"GroupId":"r","Random":1,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"from afar"}}]}`)
	require.Equal(t, "OK", got["ActionStatus"], got)
	hears("from afar")
	got = s.call("group_open_http_svc/send_group_msg", `{"GroupId":"r","Random":3,"MsgPriority":"High","MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"urgent"}}]}`)
	require.Equal(t, "OK", got["ActionStatus"], got)
	require.Equal(t, "High", hears("urgent").Text("priority"))
	require.EqualValues(t, fault.BadParameters, s.post("group_open_http_svc/send_group_msg", good(), `{"GroupId":"r","Random":4,"MsgPriority":"Highest","MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"x"}}]}`).code())
	got = s.call("group_open_http_svc/send_broadcast_msg", `{"Random":2,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"to all"}}]}`)
	require.Equal(t, "OK", got["ActionStatus"], got)
	hears("to all")
	for _, line := range []string{"tim_rooms 1", "tim_room_members 2", "tim_room_thinned_total 0", "tim_room_missed_total 0"} {
		require.Contains(t, body(t, s.opsURL+"/metrics"), "\n"+line+"\n")
	}
	require.EqualValues(t, 2, decoded(t, alice.call(6, frame.GroupOnline, `{"groupID":"r"}`, &own))["memberCount"])
	bob.call(9, frame.ProfileSet, `{"nick":"Bob","avatar":"https://example.com/b"}`, &notes)
	there := s.call("group_open_avchatroom_http_svc/get_members", `{"GroupId":"r","Timestamp":0}`)
	require.EqualValues(t, 0, there["NextTimestamp"])
	require.Len(t, there["MemberList"], 2)
	newest := there["MemberList"].([]any)[0].(map[string]any)
	require.NotZero(t, newest["JoinTime"])
	delete(newest, "JoinTime")
	require.Equal(t, map[string]any{"Member_Account": "bob", "NickName": "Bob", "Avatar": "https://example.com/b"}, newest)
	s.call("group_open_http_svc/create_group", `{"Type":"Public","Name":"n","GroupId":"g"}`)
	for _, body := range []string{`{"GroupId":"g","Timestamp":0}`, `{"GroupId":"none"}`, `{}`, `{"GroupId":"r","Timestamp":"x"}`} {
		require.NotZero(t, s.post("group_open_avchatroom_http_svc/get_members", good(), body).code(), body)
	}
	require.Empty(t, decoded(t, bob.call(3, frame.MessageList, `{"conversationID":"GROUPr"}`, &notes))["messages"])
	alice.call(7, frame.GroupDismiss, `{"groupID":"r"}`, &own)
	for m := bob.next(); m.Method != frame.NoteGroupLeft; {
		m = bob.next()
	}
}

// A back end bans users from a live room, reads who is banned, and lets them back in.
func TestBansOfALiveRoom(t *testing.T) {
	s := newStage(t, nil)
	alice, bob := s.enter("alice", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"), s.enter("bob", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b")
	var notes []frame.Message
	const service = "group_open_http_svc/"
	alice.call(2, frame.GroupCreate, `{"name":"n","groupID":"r","type":"AVChatRoom"}`, &notes)
	alice.call(3, frame.GroupCreate, `{"name":"n","groupID":"g","type":"Private"}`, &notes)
	bob.call(2, frame.GroupJoin, `{"groupID":"r"}`, &notes)
	s.call(service+"ban_group_member", `{"GroupId":"r","Members_Account":["bob","carol"],"Duration":3600,"Description":"spam"}`)
	for m := bob.next(); m.Method != frame.NoteGroupLeft; {
		m = bob.next()
	}
	require.Equal(t, "spam", bob.next().Body.List("messages")[0].Object("payload").Text("handleMessage"))
	require.EqualValues(t, fault.GroupNotPermitted, bob.try(3, frame.GroupJoin, `{"groupID":"r"}`))
	var names []any
	for next := 0.0; ; {
		got := s.call(service+"get_group_ban_member", fmt.Sprintf(`{"GroupId":"r","Offset":%v,"Limit":1}`, next))
		for _, one := range got["BannedAccountList"].([]any) {
			names = append(names, one.(map[string]any)["Member_Account"])
			require.Greater(t, one.(map[string]any)["BannedUntil"], float64(time.Now().Unix()))
		}
		if next = got["NextOffset"].(float64); next == 0 {
			break
		}
	}
	require.Equal(t, []any{"bob", "carol"}, names)
	s.call(service+"unban_group_member", `{"GroupId":"r","Members_Account":["bob"]}`)
	bob.call(4, frame.GroupJoin, `{"groupID":"r"}`, &notes)

	for _, c := range []struct{ command, body string }{
		{"ban_group_member", `{"GroupId":"r","Members_Account":["bob"]}`},
		{"ban_group_member", `{"GroupId":"r","Members_Account":["bob"],"Duration":0}`},
		{"ban_group_member", `{"GroupId":"r","Duration":5}`},
		{"ban_group_member", `{"GroupId":"g","Members_Account":["bob"],"Duration":5}`},
		{"unban_group_member", `{"Members_Account":["bob"]}`},
		{"unban_group_member", `{"GroupId":"g","Members_Account":["bob"]}`},
		{"get_group_ban_member", `{"GroupId":"none"}`},
		{"get_group_ban_member", `{"GroupId":"r","Limit":0}`},
	} {
		require.NotZero(t, s.post(service+c.command, good(), c.body).code(), "%v", c)
	}
}

// Whoever is in a live room, or only listens to it, hears at once that it was dismissed,
// on every gateway and whoever has dismissed it; and a member that they were removed.
func TestMembersHearOfTheEndOfALiveRoom(t *testing.T) {
	t.Parallel()
	both := twoStages(t, func(o *options) { o.visitors = 10 })
	const service = "group_open_http_svc/"
	alice := both[0].enter("alice", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a")
	var own []frame.Message
	number := int64(1)
	ask := func(so *socket, method, params string) {
		t.Helper()
		number++
		so.call(number, method, params, &own)
	}
	notice := func(so *socket) frame.Body {
		t.Helper()
		for {
			for _, one := range so.next().Body.List("messages") {
				if one.Text("type") == "TIMGroupSystemNoticeElem" {
					return one
				}
			}
		}
	}
	says := func(one frame.Body, operation int64, by, room string) {
		t.Helper()
		payload := one.Object("payload")
		require.Equal(t, operation, payload.Number("operationType"))
		require.Equal(t, by, payload.Text("operatorID"))
		require.Equal(t, room+" Show AVChatRoom", payload.Object("groupProfile").Text("groupID")+" "+payload.Object("groupProfile").Text("name")+" "+payload.Object("groupProfile").Text("type"))
		require.Equal(t, "@TIM#SYSTEM @TIM#SYSTEM @TIM#SYSTEM "+room+" in", one.Text("conversationID")+" "+one.Text("conversationType")+" "+one.Text("from")+" "+one.Text("to")+" "+one.Text("flow"))
		require.NotZero(t, one.Number("time"))
		require.True(t, one.Bool("onlineOnlyFlag"), "it is in no history")
	}
	for room, dismiss := range map[string]func(string){
		"owner":  func(room string) { ask(alice, frame.GroupDismiss, `{"groupID":"`+room+`"}`) },
		"server": func(room string) { both[0].call(service+"destroy_group", `{"GroupId":"`+room+`"}`) },
	} {
		ask(alice, frame.GroupCreate, `{"name":"Show","groupID":"`+room+`","type":"AVChatRoom"}`)
		var ids []string
		var members, visitors []*socket
		for i, s := range both {
			bob := s.enter(fmt.Sprint("bob", i, room), strings.Repeat(fmt.Sprint("b", i), 16))
			ask(bob, frame.GroupJoin, `{"groupID":"`+room+`"}`)
			carol := s.enter(fmt.Sprint("carol", i, room), strings.Repeat(fmt.Sprint("c", i), 16))
			ask(carol, frame.GroupJoin, `{"groupID":"`+room+`"}`)
			ask(alice, frame.GroupKick, `{"groupID":"`+room+`","userIDs":["carol`+fmt.Sprint(i)+room+`"],"duration":60}`)
			says(notice(carol), 4, "alice", room)
			visitor, err := dial(t, s.url, nil)
			require.NoError(t, err)
			ask(visitor, frame.RoomVisit, fmt.Sprintf(`{"sdkAppID":%d,"groupID":%q}`, appA, room))
			members, visitors = append(members, bob), append(visitors, visitor)
		}
		dismiss(room)
		by := map[string]string{"owner": "alice", "server": "administrator"}[room]
		for _, so := range append(members, visitors...) {
			one := notice(so)
			says(one, 5, by, room)
			ids = append(ids, one.Text("ID"))
		}
		require.Equal(t, slices.Repeat(ids[:1], len(ids)), ids, "one message, wherever it is read")
		for _, so := range visitors {
			require.Equal(t, frame.CloseRoomOver, <-so.closed)
		}
		for _, so := range members { // it is not kept
			ask(so, frame.MessageList, `{"conversationID":"@TIM#SYSTEM"}`)
		}
	}
}
