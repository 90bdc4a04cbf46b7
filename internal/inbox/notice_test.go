package inbox

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// TestNotices: notices are messages of a conversation of their own, which counts
// unread ones and to which nobody can write.
func TestNotices(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	alice := listen(t, in, "alice", "a1")
	n := Notice{App: app, To: []string{"alice", "bob"}, Group: "g", Key: "k", Payload: json.RawMessage(`{"operationType":4}`)}
	require.NoError(t, in.Notify(t.Context(), n))
	require.NoError(t, in.Notify(t.Context(), n), "once more")
	var got messagesNote
	alice.until("the notice", func() bool {
		for _, note := range alice.notes {
			if note.method == frame.NoteMessages {
				got = valuesOf[messagesNote](t, note.params)
			}
		}
		return len(got.Messages) == 1
	})
	m := got.Messages[0]
	require.Equal(t, []string{systemUser, systemUser, systemUser, "g", typeGroupNotice}, []string{m.ConversationID, m.ConversationType, m.From, m.To, m.Type})
	require.JSONEq(t, `{"operationType":4}`, string(m.Payload))
	require.EqualValues(t, 1, got.Conversations[0].UnreadCount)
	require.Equal(t, systemUser, got.Conversations[0].Type)
	require.Equal(t, "[group notice]", got.Conversations[0].LastMessage.MessageForShow)
	require.Equal(t, "[group tip]", forShow(typeGroupTip, nil))
	var r listResult
	alice.must(frame.MessageList, conversationParams{ConversationID: systemUser}, &r)
	require.Len(t, r.Messages, 1)
	alice.must(frame.MessageRead, conversationParams{ConversationID: systemUser}, nil)
	require.Equal(t, fault.UnknownAccount, code(alice.call(frame.MessageSend, sendText(alice.id("x"), systemUser, "x"), nil)))
	require.Equal(t, fault.InvalidOperation, code(alice.call(frame.MessageRevoke, conversationParams{ConversationID: systemUser, Position: m.Position}, nil)))

	all, err := in.peersOf(t.Context(), alice.s.user.User)
	require.NoError(t, err)
	require.Contains(t, all, systemUser)
	subjects, err := in.store.conversations.Subjects(t.Context(), documentsOf(pairOf(app, systemUser, "x").user(0)))
	require.NoError(t, err)
	require.Empty(t, subjects, "the system keeps no conversations")

	bob := newEar(t, "bob", "b1")
	bob.attach(in)
	bob.sync()
	bob.must(frame.ConversationDelete, conversationParams{ConversationIDs: []string{systemUser}}, nil)
}
