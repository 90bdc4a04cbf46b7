package inbox

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// TestServerAPIInAGroup: an administrator of the app sends and revokes messages of a
// group.
func TestServerAPIInAGroup(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	alice := listen(t, in, "alice", "a1")
	require.NoError(t, groups.change(in, "g", []string{"alice"}, nil))
	m := GroupMessage{SDKAppID: app, From: "root", Group: "g", Type: typeText, Payload: json.RawMessage(`{"text":"one"}`), Random: 7, At: []string{atAll}}
	sent, err := in.SendToGroup(t.Context(), m)
	require.NoError(t, err)
	again, err := in.SendToGroup(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, sent, again)
	alice.hears("one")
	alice.unreads("g", 1)
	require.Equal(t, []string{atAll}, alice.messages[0].AtUserList)

	silent := m
	silent.NoUnread, silent.Payload = true, json.RawMessage(`{"text":"two"}`)
	second, err := in.SendToGroup(t.Context(), silent)
	require.NoError(t, err)
	require.Equal(t, sent.Seq+1, second.Seq)
	alice.hears("one", "two")
	alice.unreads("g", 1)
	live := m
	live.OnlineOnly, live.Payload = true, json.RawMessage(`{"text":"three"}`)
	_, err = in.SendToGroup(t.Context(), live)
	require.NoError(t, err)
	alice.hears("one", "two", "three")

	require.NoError(t, in.RevokeInGroup(t.Context(), app, "g", "root", sent.Seq))
	require.NoError(t, in.RevokeInGroup(t.Context(), app, "g", "root", sent.Seq), "once more")
	alice.until("the revocation", func() bool { return len(alice.revoked) == 1 })
	alice.unreads("g", 0)
	require.ErrorIs(t, in.RevokeInGroup(t.Context(), app, "g", "root", 1), fault.New(fault.InvalidOperation), "a tip")
	require.ErrorIs(t, in.RevokeInGroup(t.Context(), app, "g", "root", 99), fault.New(fault.BadParameters))
	require.ErrorIs(t, in.RevokeInGroup(t.Context(), app, "h", "root", 1), fault.New(fault.NoSuchGroup))
	for code, change := range map[fault.Code]func(m *GroupMessage){
		fault.UnknownAccount:    func(m *GroupMessage) { m.From = "" },
		fault.BadGroupID:        func(m *GroupMessage) { m.Group = "" },
		fault.NoSuchGroup:       func(m *GroupMessage) { m.Group = "h" },
		fault.GroupNotPermitted: func(m *GroupMessage) { m.From = "eve" },
		fault.BodyMalformed:     func(m *GroupMessage) { m.Type = typeImage },
		fault.BadParameters:     func(m *GroupMessage) { m.At = []string{""} },
	} {
		bad := m
		change(&bad)
		_, err := in.SendToGroup(t.Context(), bad)
		require.ErrorIs(t, err, fault.New(code))
	}
	subjects, err := in.store.conversations.Subjects(t.Context(), documentsOf(place.User{SDKAppID: app, UserID: "root"}))
	require.NoError(t, err)
	require.Empty(t, subjects, "root is no member")
}

// TestForgetInGroups: a new account with the UserID of a deleted one is in no group.
func TestForgetInGroups(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	alice := listen(t, in, "alice", "a1")
	require.NoError(t, groups.change(in, "g", []string{"alice", "bob"}, nil))
	alice.says("g", "one")
	require.NoError(t, in.Forget(t.Context(), place.User{SDKAppID: app, UserID: "bob"}))
	bob := listen(t, in, "bob", "b1")
	require.False(t, bob.lists("g"))
	require.Empty(t, bob.messages)
	require.Equal(t, fault.GroupNotPermitted, code(bob.call("message.list", conversationParams{ConversationID: "GROUPg"}, nil)))
}

// TestServerSendsInAName: what the server API sends in the name of a member is not
// unread for them, whether they are online or log in later.
func TestServerSendsInAName(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	alice, bob := listen(t, in, "alice", "a1"), listen(t, in, "bob", "b1")
	require.NoError(t, groups.change(in, "g", []string{"alice", "bob"}, nil))
	bob.drop()
	m := GroupMessage{SDKAppID: app, From: "bob", Group: "g", Type: typeText, Payload: json.RawMessage(`{"text":"one"}`)}
	for n := range 2 {
		m.Random = uint32(n)
		_, err := in.SendToGroup(t.Context(), m)
		require.NoError(t, err)
	}
	alice.hears("one", "one")
	alice.unreads("g", 2)
	back := listen(t, in, "bob", "b2")
	back.unreads("g", 0)
	require.Zero(t, back.known("GROUPg").unreadCount)
	m.NoUnread, m.Random = true, 7
	_, err := in.SendToGroup(t.Context(), m)
	require.NoError(t, err)
	alice.says("g", "two")
	back.unreads("g", 1)
}
