package inbox

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/mailbox"
)

// TestReadUpToWhatWasSeen: if a page marks a conversation as read, messages that it
// has not been given yet stay unread.
func TestReadUpToWhatWasSeen(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.send("bob", "seen")
	gone := a.send("bob", "taken back")
	b.until("both", func() bool { return len(b.messages) == 2 })
	seen := b.cursorText()
	b.drop()
	var later []Message
	for n := range 40 {
		later = append(later, a.send("bob", fmt.Sprint(n)))
	}
	for _, m := range []Message{gone, later[3]} {
		a.must("message.revoke", map[string]any{"conversationID": "C2Cbob", "position": m.Position}, nil)
	}
	b.attach(in)
	b.must("message.read", map[string]any{"conversationID": "C2Calice", "cursor": seen}, nil)
	b.sync()
	require.EqualValues(t, 39, b.conv("alice")["unreadCount"])
	a.until("told", func() bool { return a.field("bob", "peerReadSequence") == 2.0 })
	h := b.history("alice")
	require.Equal(t, []bool{true, true, false, false}, []bool{h[0].IsRead, h[1].IsRead, h[2].IsRead, h[41].IsRead})

	at := cursorAt(later[9].Position)
	b.must("message.readAll", map[string]any{"cursor": at}, nil)
	require.EqualValues(t, 30, b.conv("alice")["unreadCount"])
	b.must("message.read", map[string]any{"conversationID": "C2Calice", "cursor": seen}, nil)
	require.EqualValues(t, 30, b.conv("alice")["unreadCount"], "nothing is unread again")
	b.must("message.read", map[string]any{"conversationID": "C2Calice", "cursor": b.cursorText()}, nil)
	require.EqualValues(t, 0, b.conv("alice")["unreadCount"])
	a.send("bob", "new")
	b.until("the new one", func() bool { return b.field("alice", "unreadCount") == 1.0 })
}

// TestReadWithAForeignCursor: a cursor of a store with other partitions, or one
// that is none, does not say what was seen here: nothing is marked as read.
func TestReadWithAForeignCursor(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.send("bob", "hello")
	b.until("it", func() bool { return len(b.messages) == 1 })
	for _, foreign := range []string{"2.1.9.9", "2.1.18446744073709551615", "nonsense"} {
		for _, method := range []string{"message.read", "message.readAll"} {
			f := b.call(method, map[string]any{"conversationID": "C2Calice", "cursor": foreign}, nil)
			require.NotNil(t, f, "%s %s", method, foreign)
			require.Equal(t, fault.BadParameters, f.Code)
		}
	}
	require.EqualValues(t, 1, b.conv("alice")["unreadCount"])
	b.must("message.read", map[string]any{"conversationID": "C2Calice", "cursor": b.cursorText()}, nil)
	require.EqualValues(t, 0, b.conv("alice")["unreadCount"])
}

// TestReadOfLongAgo: a late read mark does not search through messages that are
// read already.
func TestReadOfLongAgo(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Rate: 1000, Burst: 1000})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	first := a.send("bob", "first")
	for n := range 300 {
		a.send("bob", fmt.Sprint(n))
	}
	b.must("message.read", conversationParams{ConversationID: "C2Calice"}, nil)
	a.send("bob", "unread")
	p, ctx := pairOf(app, "alice", "bob"), counted(t.Context())
	require.NoError(t, in.markRead(ctx, p, p.side("bob"), upTo(first.Position)))
	require.Less(t, spent(ctx), int64(60))
}

// TestReadAllInParts: conversations that one call does not reach are marked by the
// next ones, which the mailbox makes; what nobody has seen stays unread.
func TestReadAllInParts(t *testing.T) {
	const peers = syncHeads + 30
	in := open(t, openBus(t, bus.Memory), Options{})
	for n := range peers {
		_, err := in.Send(t.Context(), ServerMessage{SDKAppID: app, From: "u" + strconv.Itoa(n), To: "bob", Type: typeText, Payload: []byte(`{"text":"x"}`)})
		require.NoError(t, err)
	}
	b := login(t, in, "bob", "b1")
	unread := func() (n int) { // for until
		for _, c := range b.page.Conversations() {
			if c["unreadCount"] != 0.0 {
				n++
			}
		}
		return n
	}
	b.until("all unread", func() bool { return unread() == peers })
	var first readAllResult
	b.must("message.readAll", ackParams{b.cursorText()}, &first)
	require.NotZero(t, first.Next)
	b.until("some", func() bool { n := unread(); return n > 0 && n < peers })
	s, _ := b.do(func(c mailbox.Call) mailbox.Input { return mailbox.MarkAllRead{Call: c} })
	require.Nil(t, s.Err)
	b.until("all", func() bool { return unread() == 0 })
	var last readAllResult
	b.must("message.readAll", readAllParams{b.cursorText(), 1}, &last)
	require.Zero(t, last.Next)
}

// TestReadAllOfManyConversations: finding out where to go on is charged, even if
// there is nothing to go on with.
func TestReadAllOfManyConversations(t *testing.T) {
	in := open(t, busmodel.New(busmodel.Options{}), Options{Now: (&clock{now: time.Now()}).Now})
	b := login(t, in, "bob", "b1")
	u := b.s.user
	u.mu.Lock()
	for n := range 10_000 {
		put(&u.peers, "u"+strconv.Itoa(n), peer{rev: uint64(n + 2)})
	}
	u.mu.Unlock()
	ctx := counted(t.Context())
	got, err := b.s.readAll(ctx, everything, 1)
	require.NoError(t, err)
	require.Equal(t, readAllResult{}, got)
	require.Greater(t, spent(ctx), int64(20))
}
