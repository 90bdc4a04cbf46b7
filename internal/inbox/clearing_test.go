package inbox

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
)

// TestClearedUpToWhatThePageHasSeen: a call that has waited for a lost link, or is made
// again since its answer was lost, clears nothing that its page was not shown.
func TestClearedUpToWhatThePageHasSeen(t *testing.T) {
	type obj = map[string]any
	for name, call := range map[string]struct {
		method string
		params obj
		left   []string
	}{
		"deleted with its history":    {"conversation.delete", obj{"conversationIDs": []string{"C2Calice"}, "clearHistory": true}, []string{"later"}},
		"deleted without its history": {"conversation.delete", obj{"conversationIDs": []string{"C2Calice"}}, []string{"read", "shown", "later"}},
		"cleared":                     {"conversation.clear", obj{"conversationID": "C2Calice"}, []string{"later"}},
	} {
		for _, partitions := range []int{1, 3} {
			in := open(t, openBus(t, bus.Memory), Options{Partitions: partitions})
			a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
			a.send("bob", "read")
			b.until("the first", func() bool { return len(b.messages) == 1 })
			b.must("message.read", obj{"conversationID": "C2Calice"}, nil)
			a.send("bob", "shown")
			b.until("the second", func() bool { return len(b.messages) == 2 })
			call.params["cursor"] = b.cursorText()
			b.drop()
			a.send("bob", "later")

			b = login(t, in, "bob", "b1")
			b.must(call.method, call.params, nil)
			b.must(call.method, call.params, nil) // the answer was lost
			again := login(t, in, "bob", "b2")
			require.Equal(t, call.left, textsOf(again.history("alice")), name)
			require.EqualValues(t, 1, again.conv("alice")["unreadCount"], name)
		}
	}
}

// TestOneselfIsAlwaysShown: what a user has written themself is cleared, too, though their
// page has not been told of it yet; but not what somebody else has written before it.
func TestOneselfIsAlwaysShown(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Rate: 1 << 20})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.send("bob", "shown")
	b.until("the first", func() bool { return len(b.messages) == 1 })
	cursor := b.cursorText()
	for n := range 2 * window {
		b.send("alice", strconv.Itoa(n))
	}
	gone := map[string]any{"conversationIDs": []string{"C2Calice"}, "clearHistory": true, "cursor": cursor}
	b.must("conversation.delete", gone, nil)
	again := login(t, in, "bob", "b2")
	require.Empty(t, again.list())
	require.Empty(t, again.history("alice"))

	cursor = again.cursorText()
	b.send("alice", "own")
	a.send("bob", "not shown")
	b.send("alice", "own, too")
	gone["cursor"] = cursor
	b.must("conversation.delete", gone, nil)
	again = login(t, in, "bob", "b3")
	require.Equal(t, []string{"not shown", "own, too"}, textsOf(again.history("alice")))
	require.Len(t, again.list(), 1)
}

// TestClearedBehindMuch: what the page has seen lies behind more than one record names.
func TestClearedBehindMuch(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Rate: 1 << 20})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.send("bob", "shown")
	b.until("the first", func() bool { return len(b.messages) == 1 })
	cursor := b.cursorText()
	b.drop()
	for range 3 * window {
		a.send("bob", "later")
	}
	b = login(t, in, "bob", "b1")
	b.must("conversation.clear", map[string]any{"conversationID": "C2Calice", "cursor": cursor}, nil)
	require.EqualValues(t, 3*window, login(t, in, "bob", "b2").conv("alice")["unreadCount"])
}

// TestWhatIsDeletedAfterAReturn: a conversation that was deleted once and has come back
// stays in the list when its messages are deleted or cleared, as any other does.
func TestWhatIsDeletedAfterAReturn(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.send("bob", "one")
	b.until("the first", func() bool { return len(b.messages) == 1 })
	b.must("conversation.delete", conversationParams{ConversationIDs: []string{"C2Calice"}, ClearHistory: true}, nil)
	require.Empty(t, login(t, in, "bob", "b2").list())
	back := a.send("bob", "two")
	b.until("the second", func() bool { return len(b.messages) == 2 })
	b.must("message.delete", conversationParams{ConversationID: "C2Calice", Positions: []uint64{back.Position}}, nil)
	require.Len(t, login(t, in, "bob", "b3").list(), 1)
	b.must("conversation.clear", conversationParams{ConversationID: "C2Calice"}, nil)
	require.Len(t, login(t, in, "bob", "b4").list(), 1)
	b.must("conversation.delete", conversationParams{ConversationIDs: []string{"C2Calice"}}, nil)
	require.Empty(t, login(t, in, "bob", "b5").list())
}
