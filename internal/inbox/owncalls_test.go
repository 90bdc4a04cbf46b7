package inbox

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// shows waits until the page of an instance shows a field of a conversation as want.
func (c *client) shows(conversationID, key string, want any) {
	c.t.Helper()
	c.until(key+" of "+conversationID, func() bool {
		return string(encode(c.page.Conversation(conversationID)[key])) == string(encode(want))
	})
}

func marking(markType float64, on bool, ids ...string) conversationParams {
	return conversationParams{ConversationIDs: ids, MarkType: markType, EnableMark: on}
}

// TestMarks: marks are shown to all of a user's instances, and only to those; they
// survive messages, lost links and logins.
func TestMarks(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a1, a2, b := login(t, in, "alice", "a1"), login(t, in, "alice", "a2"), login(t, in, "bob", "b1")
	a1.send("bob", "x")
	a2.shows("C2Cbob", "isPinned", false)
	a1.must(frame.ConversationMark, marking(1, true, "C2Cbob"), nil)
	a1.must(frame.ConversationMark, marking(8, true, "C2Cbob"), nil)
	a1.must(frame.ConversationMark, marking(1<<62, true, "C2Cbob"), nil)
	all := []float64{1, 8, 1 << 62}
	a1.shows("C2Cbob", "markList", all)
	a2.shows("C2Cbob", "markList", all)
	b.send("alice", "y")
	a1.until("the message", func() bool { return len(a1.messages) == 1 })
	a1.shows("C2Cbob", "markList", all)
	require.Nil(t, a1.conv("bob")["own"], "it is none of the page's")
	b.shows("C2Calice", "isPinned", false)
	require.NotContains(t, b.conv("alice"), "markList")

	a2.drop()
	a1.must(frame.ConversationMark, marking(8, false, "C2Cbob"), nil)
	a1.must(frame.ConversationMark, marking(1<<62, false, "C2Cbob"), nil)
	a2.attach(in)
	a2.sync()
	a2.shows("C2Cbob", "markList", []uint64{1})
	a1.must(frame.ConversationMark, marking(1, false, "C2Cbob"), nil)
	a1.shows("C2Cbob", "markList", []uint64{})
	require.NotContains(t, login(t, in, "alice", "a3").conv("bob"), "markList")

	for _, markType := range []float64{0, -1, 3, 0.5, 16, 1 << 31, 1 << 63, 1 << 64, 1e300} {
		f := a1.call(frame.ConversationMark, marking(markType, true, "C2Cbob"), nil)
		require.Equal(t, fault.BadParameters, code(f), "%v", markType)
	}
}

// TestMarksOfAGroup: a member's marks come with what is theirs alone, and a message
// to the group leaves them.
func TestMarksOfAGroup(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	require.NoError(t, groups.change(in, "g", []string{"alice", "bob"}, nil))
	a.must(frame.ConversationMark, marking(2, true, "GROUPg"), nil)
	a.shows("GROUPg", "markList", []uint64{2})
	b.must(frame.MessageSend, toGroup(messageID("bob", in.now(), "x"), "g", "x"), nil)
	a.until("the message", func() bool { return len(a.messages) > 0 && textOf(a.messages[len(a.messages)-1]) == "x" })
	a.shows("GROUPg", "markList", []uint64{2})
	f := login(t, in, "carol", "c1").call(frame.ConversationMark, marking(2, true, "GROUPg"), nil)
	require.Equal(t, fault.NoConversation, code(f), "only members have it")
}

// TestRefusedOneByOne: a call about several conversations says which were refused,
// and fails if all were.
func TestRefusedOneByOne(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	a.send("bob", "x")
	for method, p := range map[string]conversationParams{
		frame.ConversationMark:   marking(1, true, "C2Cnobody", "C2Cbob", "GROUPg"),
		frame.ConversationCustom: {ConversationIDs: []string{"C2Cnobody", "C2Cbob", "GROUPg"}, CustomData: "c"},
	} {
		var r eachResult
		a.must(method, p, &r)
		require.Equal(t, eachResult{[]string{"C2Cbob"}, []refusal{{"C2Cnobody", fault.NoConversation}, {"GROUPg", fault.NoConversation}}}, r, method)
		p.ConversationIDs = []string{"C2Cnobody", "GROUPg"}
		f := a.call(method, p, nil)
		require.Equal(t, fault.NoConversation, code(f), method)
		require.Contains(t, f.Message, "C2Cnobody", method)
	}
	a.shows("C2Cbob", "markList", []uint64{1})
	a.shows("C2Cbob", "customData", "c")
}
