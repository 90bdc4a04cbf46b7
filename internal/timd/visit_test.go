package timd

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// A client that is not logged in listens to a live room until that is dismissed. It
// learns of no other group, and is no member.
func TestVisitorOfALiveRoom(t *testing.T) {
	s := newStage(t, func(o *options) { o.visitors = 10 })
	alice := s.enter("alice", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a")
	visitor, err := dial(t, s.url, nil)
	require.NoError(t, err)
	var own, heard []frame.Message
	alice.call(2, frame.GroupCreate, `{"name":"n","groupID":"r","type":"AVChatRoom"}`, &own)
	alice.call(3, frame.GroupCreate, `{"name":"n","groupID":"g","type":"Public"}`, &own)
	alice.call(4, frame.GroupJoin, `{"groupID":"r"}`, &own)
	visit := func(app int, groupID string) frame.Message {
		return visitor.ask(1, frame.RoomVisit, fmt.Sprintf(`{"sdkAppID":%d,"groupID":%q}`, app, groupID), &heard)
	}
	group, none := visit(appA, "g"), visit(appA, "none")
	require.Equal(t, fault.NoSuchGroup, none.Err.Code)
	require.Equal(t, none.Err, group.Err)
	require.Equal(t, fault.NoSuchGroup, visit(appB, "r").Err.Code)
	require.Equal(t, fault.BadGroupID, visit(appA, "").Err.Code)
	require.Nil(t, visit(appA, "r").Err)

	alice.call(5, frame.MessageSend, `{"id":"`+frame.NewMessageID("alice", time.Now().UnixMilli(), [frame.MessageIDRandom]byte{})+
		`","groupID":"r","type":"TIMTextElem","payload":{"text":"hi"}}`, &own)
	hears := func(text string) {
		t.Helper()
		for {
			m := visitor.next()
			require.Equal(t, frame.NoteMessages, m.Method, "%+v", m)
			for _, one := range m.Body.List("messages") {
				if one.Object("payload").Text("text") == text {
					return
				}
			}
		}
	}
	hears("hi")
	s.call("group_open_http_svc/send_group_msg", `{"GroupId":"r","Random":1,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"from afar"}}]}`)
	hears("from afar")
	for _, line := range []string{"tim_room_members 1", "tim_room_visitors 1"} {
		require.Contains(t, body(t, s.opsURL+"/metrics"), "\n"+line+"\n")
	}
	require.EqualValues(t, 1, decoded(t, alice.call(6, frame.GroupOnline, `{"groupID":"r"}`, &own))["memberCount"])
	require.EqualValues(t, fault.NotLoggedIn, visitor.try(2, frame.GroupMembers, `{"groupID":"r"}`))

	alice.call(7, frame.GroupDismiss, `{"groupID":"r"}`, &own)
	require.Equal(t, frame.CloseRoomOver, <-visitor.closed)
	late, err := dial(t, s.url, nil)
	require.NoError(t, err)
	require.EqualValues(t, fault.NoSuchGroup, late.try(1, frame.RoomVisit, fmt.Sprintf(`{"sdkAppID":%d,"groupID":"r"}`, appA)))
}
