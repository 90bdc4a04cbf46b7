package inbox

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// fill creates conversations for a user, whose drafts have so many bytes together.
func fill(t testing.TB, in *Inbox, u place.User, size int) {
	t.Helper()
	const one = 1000
	write(t, in, u, numbered("filler", size/one), document{settings: settings{Draft: strings.Repeat("x", one)}})
}

// TestTextsThatDoNotFit: drafts and custom data that would take too much together
// are refused with a code of their own; a change that makes them less is accepted.
func TestTextsThatDoNotFit(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	fill(t, in, place.User{SDKAppID: app, UserID: "alice"}, maxTexts)
	a := login(t, in, "alice", "a1")
	a.send("bob", "1")
	draft := func(peer, text string) fault.Code {
		if f := a.call("conversation.draft", conversationParams{ConversationID: c2c + peer, DraftText: text}, nil); f != nil {
			return f.Code
		}
		return 0
	}
	long := strings.Repeat("<", 1000)
	require.Equal(t, fault.ConversationsFull, draft("bob", long))
	require.Zero(t, draft("bob", "short"))
	require.Zero(t, draft("filler0", ""))
	require.Zero(t, draft("bob", long), "there is room for one again")
	require.Equal(t, fault.ConversationsFull, draft("filler0", long))
	require.Zero(t, draft("filler1", ""))
	require.NotNil(t, a.s.user.peers["bob"])
	a.s.Close()
	a = login(t, in, "alice", "a2")
	require.Equal(t, maxTexts/1000*1000-1000, a.s.user.keptTexts())

	login(t, in, "dave", "d1").send("alice", "a stranger's first")
	require.Equal(t, "a stranger's first", textOf(a.history("dave")[0]))
	a.send("erin", "my first")
}

// TestConversationsThatAllSaySomething: conversations with settings do not give
// way, unless the conversation itself has expired.
func TestConversationsThatAllSaySomething(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Conversations: 2 * classes})
	a := login(t, in, "alice", "a1")
	var same []string
	for n := 0; len(same) < 4; n++ {
		if name := "u" + strconv.Itoa(n); classOf(convToken(name)) == 7 {
			same = append(same, name)
		}
	}
	pin := func(peer string, pinned bool) {
		a.must("conversation.pin", conversationParams{ConversationID: c2c + peer, IsPinned: pinned}, nil)
	}
	for _, peer := range same[:2] {
		a.send(peer, "x")
		pin(peer, true)
	}
	f := a.call("message.send", sendText(freshID(), same[2], "x"), nil)
	require.NotNil(t, f)
	require.Equal(t, fault.ConversationsFull, f.Code)
	require.Contains(t, f.Message, "of alice")
	f = login(t, in, same[2], "i").call("message.send", sendText(freshID(), "alice", "x"), nil)
	require.NotNil(t, f)
	require.Equal(t, fault.ConversationsFull, f.Code)
	require.Contains(t, f.Message, "of alice")
	pin(same[0], false)
	a.send(same[2], "x")
	pin(same[2], true)
	old, err := in.load(t.Context(), pairOf(app, "alice", same[1]))
	require.NoError(t, err)
	require.NoError(t, in.store.messages[0].Remove(t.Context(), old.pair.subject(), old.pos))
	a.send(same[3], "x")
	again := login(t, in, "alice", "a2")
	require.NotNil(t, again.conv(same[2]))
	require.NotNil(t, again.conv(same[3]))
	require.NoError(t, in.Forget(t.Context(), a.s.user.User))
}
