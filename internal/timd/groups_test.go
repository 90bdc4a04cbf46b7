package timd

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
)

// A group is made over a socket, its members are told of it over theirs, and a
// deleted account leaves its groups to others.
func TestGroups(t *testing.T) {
	s := newStage(t, nil)
	alice, bob := s.enter("alice", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"), s.enter("bob", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b")
	var notes []frame.Message
	bob.call(2, frame.ProfileSet, `{"nick":"Bob"}`, &notes)
	require.Empty(t, decoded(t, bob.call(3, frame.GroupList, `{}`, &notes))["groups"])
	alice.call(2, frame.GroupCreate, `{"name":"n","groupID":"p","type":"Public","memberList":[{"userID":"bob"}]}`, &notes)
	m := bob.next()
	require.Equal(t, frame.NoteGroupJoined, m.Method)
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
