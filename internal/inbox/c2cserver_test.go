package inbox

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// TestServerReads: the server API says what is unread between users, and marks it as
// read.
func TestServerReads(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{Now: func() time.Time { return at }})
	a := login(t, in, "alice", "a1")
	bob := place.User{SDKAppID: app, UserID: "bob"}
	for _, from := range []string{"alice", "carol"} {
		for n := range 2 {
			_, err := in.Send(t.Context(), ServerMessage{SDKAppID: app, From: from, To: "bob", Type: typeText, Random: uint32(n), Payload: json.RawMessage(`{"text":"x"}`)})
			require.NoError(t, err)
		}
	}
	team(t, in, groups, "g", "dave", "bob")[0].says("g", "does not count")
	unread := func() []uint64 {
		list, err := in.UnreadOf(t.Context(), bob, []string{"alice", "nobody", "carol"})
		require.NoError(t, err)
		all, err := in.AllUnread(t.Context(), bob)
		require.NoError(t, err)
		return append(list, all)
	}
	require.Equal(t, []uint64{2, 0, 2, 4}, unread())
	require.NoError(t, in.SetRead(t.Context(), bob, "alice", at.Add(-time.Second)), "before them all")
	require.NoError(t, in.SetRead(t.Context(), bob, "nobody", at))
	require.Equal(t, []uint64{2, 0, 2, 4}, unread())
	require.NoError(t, in.SetRead(t.Context(), bob, "alice", at))
	require.Equal(t, []uint64{0, 0, 2, 2}, unread())
	a.until("that bob has read", func() bool {
		return a.field("bob", "peerReadTime") != nil && a.field("bob", "peerReadTime") != float64(0)
	})

	_, err := in.AllUnread(t.Context(), place.User{SDKAppID: app})
	require.ErrorIs(t, err, fault.New(fault.UnknownAccount))
	_, err = in.UnreadOf(t.Context(), place.User{SDKAppID: app}, []string{"alice"})
	require.ErrorIs(t, err, fault.New(fault.UnknownAccount))
	require.ErrorIs(t, in.SetRead(t.Context(), bob, "", at), fault.New(fault.UnknownAccount))
}

// TestServerRevokes: the server API revokes a message between two users by its key,
// however old it is.
func TestServerRevokes(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Revoke: time.Nanosecond})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	alice := place.User{SDKAppID: app, UserID: "alice"}
	sent, err := in.Send(t.Context(), ServerMessage{SDKAppID: app, From: "alice", To: "bob", Type: typeText, Seq: 5, Random: 7, Payload: json.RawMessage(`{"text":"x"}`)})
	require.NoError(t, err)
	p := a.text(freshID(), "bob", "of a page")
	p["random"] = 1 << 31
	var r messageResult
	a.must(frame.MessageSend, p, &r)
	m := r.Message
	for n := range 2 * window {
		b.send("alice", fmt.Sprint(n))
	}
	for _, key := range []string{sent.Key, fmt.Sprintf("%d_%d_%d", m.Sequence, m.Random, m.Time)} {
		require.ErrorIs(t, in.RevokeByKey(t.Context(), place.User{SDKAppID: app, UserID: "bob"}, "alice", key), fault.New(fault.NoMessageOfKey), "the sender is another")
		require.NoError(t, in.RevokeByKey(t.Context(), alice, "bob", key))
		require.ErrorIs(t, in.RevokeByKey(t.Context(), alice, "bob", key), fault.New(fault.RevokedBefore))
	}
	for _, c := range []*client{a, b} {
		c.until("both revocations", func() bool { return len(c.revoked) == 2 })
	}
	require.EqualValues(t, 0, b.unreadOf(t, in, "alice"))
	for _, bad := range []string{"", "1_2", "1_2_3_4", "1_x_3", "1_-2_3"} {
		require.ErrorIs(t, in.RevokeByKey(t.Context(), alice, "bob", bad), fault.New(fault.MsgKeyMalformed), bad)
	}
	for _, none := range []string{"5_8_" + fmt.Sprint(sent.Time), "5_7_1", "5_7_" + fmt.Sprint(sent.Time+1000)} {
		require.ErrorIs(t, in.RevokeByKey(t.Context(), alice, "bob", none), fault.New(fault.NoMessageOfKey), none)
	}
	require.ErrorIs(t, in.RevokeByKey(t.Context(), alice, "carol", sent.Key), fault.New(fault.NoMessageOfKey))
	require.ErrorIs(t, in.RevokeByKey(t.Context(), alice, "", sent.Key), fault.New(fault.UnknownAccount))
}

func (c *client) unreadOf(t *testing.T, in *Inbox, peer string) uint64 {
	list, err := in.UnreadOf(t.Context(), c.s.user.User, []string{peer})
	require.NoError(t, err)
	return list[0]
}
