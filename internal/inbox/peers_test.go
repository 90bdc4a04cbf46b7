package inbox

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// TestManyPeers: who writes to everybody has a list that is bounded, with the
// newest conversations and all that has settings; an old one comes back with
// its next message, and what was deleted stays deleted.
func TestManyPeers(t *testing.T) {
	b := openBus(t, bus.Memory)
	in := open(t, b, Options{Peers: 16})
	admin := login(t, in, "admin", "x1")
	user := func(n int) string { return fmt.Sprintf("u%03d", n) }
	id := func(n int) string { return c2c + user(n) }
	for n := range 100 {
		admin.send(user(n), fmt.Sprint(n))
		switch n {
		case 1:
			admin.must("conversation.pin", conversationParams{ConversationID: id(n), IsPinned: true}, nil)
		case 2:
			admin.must("conversation.delete", conversationParams{ConversationIDs: []string{id(n)}, ClearHistory: true}, nil)
		}
	}
	again := login(t, in, "admin", "x2")
	require.LessOrEqual(t, len(again.page.Conversations()), 16+2)
	for n := 90; n < 100; n++ {
		require.NotNil(t, again.conv(user(n)))
	}
	require.Equal(t, true, again.conv(user(1))["isPinned"])
	require.Nil(t, again.conv(user(2)))
	require.Nil(t, again.conv(user(3)))
	require.NotNil(t, login(t, in, user(3), "i").conv("admin"), "the other one's list is his own")

	other := open(t, b, Options{Peers: 16}) // another gateway
	c := login(t, other, user(3), "c")
	c.send("admin", "answer")
	c2 := login(t, other, user(2), "c2")
	c2.send("admin", "new")
	last := login(t, in, "admin", "x3")
	require.Equal(t, []string{"answer", "new"}, last.texts()[len(last.texts())-2:])
	require.EqualValues(t, 1, last.conv(user(3))["unreadCount"])
	require.Len(t, last.history(user(3)), 2)
	require.Len(t, last.history(user(2)), 1, "what was deleted stays deleted")
}

// TestOneWhoseNameIsInADraft is not taken for one who is in the list.
func TestOneWhoseNameIsInADraft(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Peers: 1})
	a := login(t, in, "alice", "a1")
	a.send("old", "1")
	a.send("bob", "1")
	a.must("conversation.draft", conversationParams{ConversationID: "C2Cbob", DraftText: `{"old":{}}`}, nil)
	a.send("carol", "1")
	require.Nil(t, login(t, in, "alice", "a2").conv("old"))
	a.send("old", "2")
	require.NotNil(t, login(t, in, "alice", "a3").conv("old"))
}

// TestOneWhoseNameIsPartOfAnother is not taken for one who is in the list, and
// neither is one who is called like a field of the settings.
func TestOneWhoseNameIsPartOfAnother(t *testing.T) {
	for _, c := range []struct{ gone, stays string }{{"old", `an"old`}, {"old", `},"old`}, {"p", "bob"}, {"<", "bob"}} {
		in := open(t, openBus(t, bus.Memory), Options{Peers: 1})
		a := login(t, in, "alice", "a1")
		a.send(c.gone, "1")
		a.send(c.stays, "1")
		a.must("conversation.pin", conversationParams{ConversationID: c2c + c.stays, IsPinned: true}, nil)
		a.send("carol", "1")
		require.Nil(t, login(t, in, "alice", "a2").conv(c.gone), c)
		a.send(c.gone, "2")
		require.NotNil(t, login(t, in, "alice", "a3").conv(c.gone), c)
	}
}

// TestManyBeginAtOnce: a conversation whose first message is being stored while
// another one's bounds the list is not lost.
func TestManyBeginAtOnce(t *testing.T) {
	const listed, senders, each = 32, 4, 40
	in := open(t, openBus(t, bus.Memory), Options{Peers: listed, Rate: 1000, Burst: 1000})
	var wait sync.WaitGroup
	for n := range senders {
		wait.Go(func() {
			for i := range each {
				_, err := in.Send(t.Context(), ServerMessage{SDKAppID: app, From: fmt.Sprintf("u%d-%d", n, i), To: "desk", Type: typeText, Payload: []byte(`{"text":"x"}`), Random: 1})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	all := peers{}
	for n := range senders {
		for i := range each {
			all[fmt.Sprintf("u%d-%d", n, i)] = settings{}
		}
	}
	heads, err := in.heads(t.Context(), place.User{SDKAppID: app, UserID: "desk"}, all)
	require.NoError(t, err)
	require.Len(t, heads, len(all))
	list, err := in.settingsOf(t.Context(), place.User{SDKAppID: app, UserID: "desk"})
	require.NoError(t, err)
	for i, h := range heads[:listed] {
		require.Contains(t, list, h.pair.users[h.pair.other(h.pair.side("desk"))], "the %dth newest of %d", i, len(list))
	}
}

// TestAllWriteToOne: of many who write their first message to the same user at
// the same moment none goes round in vain; with five hundred of them the last
// ones were refused for it.
func TestAllWriteToOne(t *testing.T) {
	const all = 100
	in := open(t, openBus(t, bus.Memory), Options{})
	desk := place.User{SDKAppID: app, UserID: "desk"}
	var tries atomic.Int64
	var wait sync.WaitGroup
	for n := range all {
		wait.Go(func() {
			_, _, err := update(t.Context(), in, desk, docPeers, func(v *peers) (bool, error) {
				tries.Add(1)
				if *v == nil {
					*v = peers{}
				}
				(*v)[fmt.Sprintf("u%d", n)] = settings{}
				return true, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	list, err := in.settingsOf(t.Context(), desk)
	require.NoError(t, err)
	require.Len(t, list, all)
	require.EqualValues(t, all, tries.Load())
	require.Empty(t, in.docs.writing, "nobody waits any more")

	// Who has no time left leaves the queue, and it goes on.
	done, err := in.docs.queue(t.Context(), "a document")
	require.NoError(t, err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = in.docs.queue(ended, "a document")
	require.ErrorIs(t, err, context.Canceled)
	done()
	require.Empty(t, in.docs.writing)
}

// TestDocsAreBounded by their bytes.
func TestDocsAreBounded(t *testing.T) {
	d := &docs{cache: map[string]doc{}}
	large := []byte(strings.Repeat("x", 1<<20))
	for n := range 200 {
		subject := fmt.Sprint(n) + "." + docCursor
		d.put(subject, doc{1, large}, 0)
		d.put(subject, doc{2, large}, 0)
		d.saw(subject, 3, large[1:])
	}
	sum := 0
	for _, v := range d.cache {
		sum += len(v.data)
	}
	require.Equal(t, sum, d.bytes)
	require.LessOrEqual(t, sum, maxCachedBytes+len(large))
}

// TestForget: who gets the UserID of a deleted account finds nothing of it.
func TestForget(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	alice := place.User{SDKAppID: app, UserID: "alice"}
	require.NoError(t, in.Forget(t.Context(), alice), "there is nothing yet")
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.must("profile.set", map[string]any{"nick": "Alice"}, nil)
	a.must("status.set", statusParams{"busy"}, nil)
	a.must("blacklist.add", usersParams{[]string{"carol"}}, nil)
	a.send("bob", "mine")
	b.send("alice", "unread")
	a.must("conversation.pin", conversationParams{ConversationID: "C2Cbob", IsPinned: true}, nil)
	a.drop()
	b.send("alice", "missed")
	for range 2 {
		require.NoError(t, in.Forget(t.Context(), alice))
	}

	a = login(t, in, "alice", "a2")
	require.Empty(t, a.page.Conversations())
	require.Empty(t, a.texts())
	require.Empty(t, a.history("bob"))
	var got profilesResult
	a.must("profile.get", nothing{}, &got)
	require.Equal(t, Profile{}.withDefaults("alice"), got.Profiles[0])
	var black blacklist
	a.must("blacklist.get", nothing{}, &black)
	require.Empty(t, black.UserIDs)
	require.Len(t, b.history("alice"), 3, "it stays with the other one")
	b.send("alice", "to the new one")
	a.until("it", func() bool { return len(a.messages) == 1 })
	require.EqualValues(t, 1, a.conv("bob")["unreadCount"])
	require.Len(t, a.history("bob"), 1)
}
