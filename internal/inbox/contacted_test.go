package inbox

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// TestContacted: the server API lists a user's conversations as their pages do, and
// takes one from the list on all of them.
func TestContacted(t *testing.T) {
	now := &clock{now: time.Unix(1_700_000_000, 0)}
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{Now: now.Now})
	groups.make("g", 1, false)
	require.NoError(t, groups.change(in, "g", []string{"alice", "bob"}, nil))
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	now.forward(time.Second)
	b.send("alice", "first")
	now.forward(time.Second)
	login(t, in, "carol", "c1").send("alice", "second")
	a.must(frame.ConversationPin, conversationParams{ConversationID: "C2Cbob", IsPinned: true}, nil)
	alice := place.User{SDKAppID: app, UserID: "alice"}
	want := []Contacted{
		{UserID: "carol", At: now.Now().Unix()}, {UserID: "bob", At: now.Now().Unix() - 1, Pinned: true}, {GroupID: "g", At: now.Now().Unix() - 2},
	}
	listed := func() []Contacted {
		t.Helper()
		out, err := in.ContactedBy(t.Context(), alice)
		require.NoError(t, err)
		return out
	}
	require.Equal(t, want, listed())

	a.until("bob", func() bool { return a.field("bob", "unreadCount") != nil })
	require.NoError(t, in.ForgetContact(t.Context(), alice, Contacted{UserID: "bob"}, true))
	a.until("that it is gone", func() bool { return a.field("bob", "unreadCount") == nil })
	require.Equal(t, []Contacted{want[0], want[2]}, listed())
	require.NoError(t, in.ForgetContact(t.Context(), alice, Contacted{GroupID: "g"}, false))
	require.Equal(t, want[:1], listed())

	now.forward(time.Second)
	b.send("alice", "third")
	require.Equal(t, []Contacted{{UserID: "bob", At: now.Now().Unix()}, want[0]}, listed())
	page, err := in.Roam(t.Context(), alice, "bob", RoamQuery{MaxTime: now.Now().Unix(), Count: 9})
	require.NoError(t, err)
	require.Len(t, page.Messages, 1, "what was said before is cleared")

	for _, nobody := range []Contacted{{UserID: "dave"}, {GroupID: "h"}} {
		require.ErrorIs(t, in.ForgetContact(t.Context(), alice, nobody, false), fault.New(fault.NoConversation))
	}
	_, err = in.ContactedBy(t.Context(), place.User{SDKAppID: app})
	require.ErrorIs(t, err, fault.New(fault.UnknownAccount))
}
