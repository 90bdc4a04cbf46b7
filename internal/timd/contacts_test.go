package timd

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// decoded returns the result of a call.
func decoded(t *testing.T, m frame.Message) (v map[string]any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(m.Body.(*jsonframe.Object).Raw, &v))
	return v
}

// enter logs a user in on a socket of their own.
func (s *stage) enter(user, instance string) *socket {
	s.t.Helper()
	so, err := dial(s.t, s.url, nil)
	require.NoError(s.t, err)
	require.Nil(s.t, so.login(user, sign(user), instance, frame.IntentNew).Err)
	return so
}

// Two users become friends over their sockets and are notified of it. A blacklist ends
// the friendship, and so does the deletion of an account.
func TestContacts(t *testing.T) {
	s := newStage(t, nil)
	alice, bob := s.enter("alice", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"), s.enter("bob", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b")
	var notes []frame.Message
	friends := func(so *socket, id int64) []any {
		return decoded(t, so.call(id, frame.FriendList, `{}`, &notes))["items"].([]any)
	}
	bob.call(2, frame.ProfileSet, `{"nick":"Bob","allowType":"AllowType_Type_NeedConfirm"}`, &notes)
	require.EqualValues(t, 30539, decoded(t, alice.call(2, frame.FriendAdd, `{"userID":"bob","wording":"it is me"}`, &notes))["added"].(map[string]any)["code"])
	m := bob.next()
	require.Equal(t, frame.NoteContacts, m.Method)
	require.Equal(t, []string{"applications"}, m.Body.Texts("lists"))
	bob.call(3, frame.FriendAccept, `{"userID":"alice"}`, &notes)
	require.Len(t, friends(alice, 3), 1)
	require.Equal(t, "Bob", friends(alice, 4)[0].(map[string]any)["profile"].(map[string]any)["nick"])
	require.Len(t, friends(bob, 4), 1)

	bob.call(5, frame.BlacklistAdd, `{"userIDs":["alice"]}`, &notes)
	require.Empty(t, friends(alice, 5))
	require.Empty(t, friends(bob, 6))

	alice.call(6, frame.FriendAdd, `{"userID":"carol"}`, &notes)
	require.Len(t, friends(alice, 7), 1)
	s.call("im_open_login_svc/account_import", `{"UserID":"carol"}`)
	require.Zero(t, s.call("im_open_login_svc/account_delete", `{"DeleteItem":[{"UserID":"carol"}]}`)["ResultItem"].([]any)[0].(map[string]any)["ResultCode"])
	require.Empty(t, friends(alice, 8))
}
