package inbox

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// old returns a message of another system, n hours after a time long ago.
func old(from, to string, n int) (ServerMessage, time.Time) {
	return ServerMessage{
		SDKAppID: app, From: from, To: to, Type: typeText, Payload: json.RawMessage(fmt.Sprintf(`{"text":"old %d"}`, n)), Random: uint32(n),
	}, time.Date(2020, 1, 1, n, 0, 0, 0, time.UTC)
}

func importOld(t *testing.T, in *Inbox, from, to string, n int, unread bool) bool {
	t.Helper()
	m, at := old(from, to, n)
	sent, stored, err := in.ImportMessage(t.Context(), m, at, unread)
	require.NoError(t, err)
	require.Equal(t, at.Unix(), sent.Time)
	return stored
}

// An imported message is in the history of both users with its own time. It is
// neither unread nor new for anybody, even for users who come back. A second import
// changes nothing.
func TestImport(t *testing.T) {
	h := &hookedBy{}
	in := open(t, openBus(t, bus.Memory), Options{Hooks: h})
	b := login(t, in, "bob", "b1")
	for round := range 2 {
		for n := range 40 {
			from, to := "alice", "bob"
			if n%3 == 0 {
				from, to = to, from
			}
			require.Equal(t, round == 0, importOld(t, in, from, to, n, false), n)
		}
	}
	a := login(t, in, "alice", "a1")
	for c, peer := range map[*client]string{a: "bob", b: "alice"} {
		c.until("the list", func() bool { return c.field(peer, "unreadCount") == 0. })
		got := c.history(peer)
		require.Len(t, got, 40)
		for n, m := range got {
			require.Equal(t, fmt.Sprintf("old %d", n), textOf(m))
			require.Equal(t, time.Date(2020, 1, 1, n, 0, 0, 0, time.UTC).Unix(), m.Time)
			require.True(t, m.IsRead, n)
			require.True(t, m.Flow == "in" || m.IsPeerRead, n)
		}
	}
	require.Empty(t, b.texts())
	require.Empty(t, a.texts())
	require.Empty(t, h.texts())

	// Users then go on as usual.
	a.send("bob", "new")
	b.until("the message", func() bool { return len(b.messages) == 1 && b.field("alice", "unreadCount") == 1. })
	m, at := old("alice", "bob", 50)
	_, _, err := in.ImportMessage(t.Context(), m, at, false)
	require.ErrorIs(t, err, fault.New(fault.BadParameters), "older than what is there")
	require.False(t, importOld(t, in, "alice", "bob", 39, false))
}

// A message that is imported with unread counts and is delivered.
func TestImportUnread(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	b := login(t, in, "bob", "b1")
	require.True(t, importOld(t, in, "alice", "bob", 1, true))
	b.until("the message", func() bool { return len(b.messages) == 1 && b.field("alice", "unreadCount") == 1. })
	// A later message that is imported as history leaves it unread.
	require.True(t, importOld(t, in, "alice", "bob", 2, false))
	m, _ := old("alice", "bob", 3)
	m.OnlineOnly = true
	_, err := in.Send(t.Context(), m)
	require.NoError(t, err)
	b.until("what was sent after it", func() bool { return len(b.messages) == 2 })
	require.Equal(t, []string{"old 1", "old 3"}, b.texts())
	require.Len(t, b.history("alice"), 2)
	b.mu.Lock()
	defer b.mu.Unlock()
	require.EqualValues(t, 1, b.field("alice", "unreadCount"))
}

// The order of an import is by time, then by the numbers of the server API, then by
// the side of the sender.
func TestImportOrder(t *testing.T) {
	list := []imported{{1, 5, 9, 1}, {2, 1, 0, 0}, {2, 2, 0, 0}, {2, 2, 1, 0}, {2, 2, 1, 1}, {3, 0, 0, 0}}
	for i := range list {
		require.True(t, list[i].after(nil))
		for k := range list {
			require.Equal(t, i > k, list[i].after(&list[k]))
		}
	}
	in := open(t, openBus(t, bus.Memory), Options{})
	m, _ := old("alice", "bob", 1)
	_, _, err := in.ImportMessage(t.Context(), m, time.Now().Add(time.Hour), false)
	require.ErrorIs(t, err, fault.New(fault.BadParameters))
	m.Type = typeImage
	_, _, err = in.ImportMessage(t.Context(), m, time.Now(), false)
	require.ErrorIs(t, err, fault.New(fault.BodyMalformed))
}
