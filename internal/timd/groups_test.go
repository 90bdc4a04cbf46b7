package timd

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// A group that is made over one socket reaches its members over theirs. When its owner's
// account is deleted, another member owns it.
func TestGroups(t *testing.T) {
	s := newStage(t, nil)
	alice, bob := s.enter("alice", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"), s.enter("bob", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b")
	var notes []frame.Message
	bob.call(2, frame.ProfileSet, `{"nick":"Bob"}`, &notes)
	require.Empty(t, decoded(t, bob.call(3, frame.GroupList, `{}`, &notes))["groups"])
	alice.call(2, frame.GroupCreate, `{"name":"n","groupID":"p","type":"Public","memberList":[{"userID":"bob"}]}`, &notes)
	m := bob.next()
	for m.Method != frame.NoteGroupJoined {
		m = bob.next()
	}
	require.Equal(t, "p", m.Body.Object("group").Text("groupID"))
	list := decoded(t, alice.call(3, frame.GroupMembers, `{"groupID":"p"}`, &notes))["memberList"].([]any)
	require.Len(t, list, 2)
	var nicks []any
	for _, one := range list {
		nicks = append(nicks, one.(map[string]any)["nick"])
	}
	require.ElementsMatch(t, []any{"Bob", nil}, nicks)
	require.EqualValues(t, 2, decoded(t, alice.call(4, frame.GroupOnline, `{"groupID":"p"}`, &notes))["memberCount"])

	s.call("im_open_login_svc/account_import", `{"UserID":"alice"}`)
	require.Zero(t, s.call("im_open_login_svc/account_delete", `{"DeleteItem":[{"UserID":"alice"}]}`)["ResultItem"].([]any)[0].(map[string]any)["ResultCode"])
	groups := decoded(t, bob.call(4, frame.GroupGet, `{"groupIDs":["p"]}`, &notes))["groups"].([]any)
	require.Equal(t, "bob", groups[0].(map[string]any)["ownerID"])
	require.EqualValues(t, 1, groups[0].(map[string]any)["memberCount"])
}

// What happens in a group is among its messages, and what concerns one user is among
// their notices. A user who was removed cannot read the group's messages.
func TestGroupEventsAreMessagesAndNotices(t *testing.T) {
	s := newStage(t, nil)
	alice, bob := s.enter("alice", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"), s.enter("bob", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b")
	var notes []frame.Message
	payloads := func(id int64, conversation string) (out []any) {
		t.Helper()
		list := decoded(t, bob.call(id, frame.MessageList, `{"conversationID":"`+conversation+`"}`, &notes))["messages"].([]any)
		for _, one := range list {
			p := one.(map[string]any)["payload"].(map[string]any)
			out = append(out, p["operationType"])
		}
		return out
	}
	alice.call(2, frame.GroupCreate, `{"name":"n","groupID":"p","type":"Public","memberList":[{"userID":"bob"}]}`, &notes)
	alice.call(3, frame.GroupMute, `{"groupID":"p","userID":"bob","muteTime":60}`, &notes)
	require.Equal(t, []any{1.0, 7.0}, payloads(2, "GROUPp"))
	alice.call(4, frame.GroupKick, `{"groupID":"p","userIDs":["bob"]}`, &notes)
	require.Equal(t, []any{7.0, 4.0}, payloads(3, "@TIM#SYSTEM"))
	require.EqualValues(t, fault.GroupNotPermitted, bob.try(4, frame.MessageList, `{"conversationID":"GROUPp"}`))
}
