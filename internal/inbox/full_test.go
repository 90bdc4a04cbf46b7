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

// fill makes a user's list of conversations size bytes large.
func fill(t testing.TB, in *Inbox, u place.User, size int) {
	t.Helper()
	_, _, err := update(t.Context(), in, u, docPeers, func(v *peers) (bool, error) {
		if *v == nil {
			*v = peers{}
		}
		for n := range (size - len(encode(*v))) / 1030 {
			(*v)["filler"+strconv.Itoa(n)] = settings{Draft: strings.Repeat("x", 1000)}
		}
		(*v)["pad"] = settings{Draft: "x"}
		(*v)["pad"] = settings{Draft: strings.Repeat("x", 1+size-len(encode(*v)))}
		return true, nil
	})
	require.NoError(t, err)
}

// TestSettingsThatDoNotFit: what would make a user's list of conversations too
// large is refused with a code of its own, and what makes it smaller is not.
func TestSettingsThatDoNotFit(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	fill(t, in, place.User{SDKAppID: app, UserID: "alice"}, maxSettings)
	a := login(t, in, "alice", "a1")
	a.send("bob", "1")
	a.send("carol", "1")
	draft := func(peer, text string) fault.Code {
		if f := a.call("conversation.draft", conversationParams{ConversationID: c2c + peer, DraftText: text}, nil); f != nil {
			return f.Code
		}
		return 0
	}
	long := strings.Repeat("<", 1000)
	require.Equal(t, fault.ConversationsFull, draft("bob", long))
	require.Zero(t, draft("filler0", ""))
	require.Zero(t, draft("filler1", "short"))
	require.Zero(t, draft("bob", long), "there is room for one again, and < takes one byte")
	require.Equal(t, fault.ConversationsFull, draft("carol", long))

	login(t, in, "dave", "d1").send("alice", "a stranger's first")
	require.Equal(t, "a stranger's first", textOf(a.history("dave")[0]))
	a.send("erin", "my first")
}

// TestALargeListOfAnEarlierVersion: one that can hardly be written any more
// fails first messages with a code that says so, and no others.
func TestALargeListOfAnEarlierVersion(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	b := login(t, in, "bob", "b1")
	b.send("alice", "1")
	fill(t, in, place.User{SDKAppID: app, UserID: "alice"}, maxDoc)
	a := login(t, in, "alice", "a1")
	b.send("alice", "2")
	dave := login(t, in, "dave", "d1")
	f := dave.call("message.send", sendText(freshID(), "alice", "a stranger's first"), nil)
	require.NotNil(t, f)
	require.Equal(t, fault.ConversationsFull, f.Code)
	require.Contains(t, f.Message, "of alice")
	a.must("conversation.draft", conversationParams{ConversationID: "C2Cfiller0"}, nil)
	dave.send("alice", "a stranger's first")
}

// TestSettingsOfManyConversations: those whose settings say something stay in a
// user's list, so their number has a bound.
func TestSettingsOfManyConversations(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Peers: 4})
	a := login(t, in, "alice", "a1")
	pin := func(peer string, pinned bool) *fault.Error {
		return a.call("conversation.pin", conversationParams{ConversationID: c2c + peer, IsPinned: pinned}, nil)
	}
	for n := range 8 {
		a.send("u"+strconv.Itoa(n), "x")
		require.Nil(t, pin("u"+strconv.Itoa(n), true))
	}
	a.send("bob", "x")
	f := pin("bob", true)
	require.NotNil(t, f)
	require.Equal(t, fault.ConversationsFull, f.Code)
	require.Nil(t, pin("u3", false))
	require.Nil(t, pin("bob", true))
	require.NoError(t, in.Forget(t.Context(), a.s.user.User))
}
