package inbox

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

func TestSendReachesEveryInstanceButTheSending(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a1, a2 := login(t, in, "alice", "a1"), login(t, in, "alice", "a2")
	b1, b2 := login(t, in, "bob", "b1"), login(t, in, "bob", "b2")

	m := a1.send("bob", "hello")
	require.Equal(t, "out", m.Flow)
	require.EqualValues(t, 1, m.Sequence)
	require.Equal(t, "C2Cbob", m.ConversationID)

	for _, c := range []*client{a2, b1, b2} {
		c.until("the message", func() bool { return len(c.messages) == 1 })
	}
	require.Equal(t, "out", a2.messages[0].Flow)
	require.Equal(t, "in", b1.messages[0].Flow)
	require.Equal(t, "C2Calice", b1.messages[0].ConversationID)
	require.Equal(t, m.ID, b1.messages[0].ID)
	require.EqualValues(t, 1, b1.conv("alice")["unreadCount"])

	a1.until("its own conversation", func() bool { return a1.field("bob", "unreadCount") == 0.0 })
	require.Empty(t, a1.texts(), "the sending instance does not get its own message")
	require.Equal(t, "hello", a1.conv("bob")["lastMessage"].(map[string]any)["messageForShow"])
}

func TestRepetitionIsStoredOnce(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	var first, again messageResult
	a.must("message.send", a.text("same", "bob", "one"), &first)
	a.send("bob", "two")
	a.must("message.send", a.text("same", "bob", "one"), &again)
	require.Equal(t, first, again)
	require.Len(t, a.history("bob"), 2)
	// Another sender's same id is another message.
	b, id := login(t, in, "bob", "b1"), "0123456789abcdef"
	a.must("message.send", sendText(id, "bob", "three"), &first)
	b.must("message.send", sendText(id, "alice", "four"), &again)
	require.Equal(t, "bob", again.Message.From)
	require.Len(t, a.history("bob"), 4)
}

func TestOfflineReceiverGetsABoundedBatchOnce(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Missed: 5})
	a := login(t, in, "alice", "a1")
	for i := range 8 {
		a.send("bob", fmt.Sprint(i))
	}
	b := login(t, in, "bob", "b1")
	require.Equal(t, []string{"3", "4", "5", "6", "7"}, b.texts())
	require.EqualValues(t, 8, b.conv("alice")["unreadCount"])
	require.Len(t, b.history("alice"), 8)
	b.ack()
	b.s.Close()

	a.send("bob", "8")
	again := login(t, in, "bob", "b2")
	require.Equal(t, []string{"8"}, again.texts())
	// Nothing was acknowledged this time: a third page gets it, too.
	again.s.Close()
	require.Equal(t, []string{"8"}, login(t, in, "bob", "b3").texts())
}

func TestReconnectBringsWhatWasMissedInOrder(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, c := login(t, in, "alice", "a1"), login(t, in, "carol", "c1")
	b := login(t, in, "bob", "b1")
	a.send("bob", "seen")
	b.until("the first", func() bool { return len(b.messages) == 1 })
	gone := a.send("bob", "to be revoked")
	b.until("the second", func() bool { return len(b.messages) == 2 })
	b.drop()
	a.send("bob", "1")
	c.send("bob", "2")
	a.send("bob", "3")
	a.must("message.revoke", map[string]any{"conversationID": "C2Cbob", "position": gone.Position}, nil)
	b.attach(in)
	r := b.sync()
	require.True(t, r.Resumed)
	require.Equal(t, []string{"seen", "to be revoked", "1", "2", "3"}, b.texts())
	require.Len(t, b.revoked, 1)
	require.True(t, b.revoked[0].IsRevoked)
	require.Equal(t, gone.ID, b.revoked[0].ID)
	require.EqualValues(t, 3, b.conv("alice")["unreadCount"])
	a.send("bob", "4")
	b.until("live again", func() bool { return len(b.messages) == 6 })
}

func TestClosedSessionGetsNothing(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b1, b2 := login(t, in, "alice", "a1"), login(t, in, "bob", "b1"), login(t, in, "bob", "b2")
	b1.s.Close()
	a.send("bob", "x")
	b2.until("the message", func() bool { return len(b2.messages) == 1 })
	require.Empty(t, b1.texts())
	f := b1.call("message.send", b1.text("x", "alice", "y"), nil)
	require.Equal(t, fault.NotLoggedIn, f.Code)
	b1.s.Close() // twice is harmless
}

func TestReadMarks(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b1, b2 := login(t, in, "alice", "a1"), login(t, in, "bob", "b1"), login(t, in, "bob", "b2")
	for i := range 3 {
		a.send("bob", fmt.Sprint(i))
	}
	b1.send("alice", "reply") // a message of one's own does not count
	b1.until("unread", func() bool { return len(b1.messages) == 3 && b1.field("alice", "unreadCount") == 3.0 })
	b1.must("message.read", conversationParams{ConversationID: "C2Calice"}, nil)
	b1.must("message.read", conversationParams{ConversationID: "C2Calice"}, nil) // nothing new
	for _, b := range []*client{b1, b2} {
		b.until("read here", func() bool { return b.field("alice", "unreadCount") == 0.0 })
	}
	a.until("read by peer", func() bool { return a.field("bob", "peerReadSequence") == 4.0 })
	h := a.history("bob")
	require.Len(t, h, 4)
	require.True(t, h[0].IsPeerRead && h[2].IsPeerRead)
	require.False(t, h[3].IsRead, "bob's reply is not read yet")
	a.must("message.readAll", nothing{}, nil)
	a.until("all read", func() bool { return a.field("bob", "unreadCount") == 0.0 })
	require.True(t, a.history("bob")[3].IsRead)
}

func TestHistoryPages(t *testing.T) {
	for name, o := range map[string]Options{
		"by count": {},
		"by size":  {Frame: 4000},
	} {
		t.Run(name, func(t *testing.T) {
			in := open(t, openBus(t, bus.Memory), o)
			a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
			for i := range 47 {
				a.send("bob", fmt.Sprint(i))
				if i%5 == 0 {
					b.must("message.read", conversationParams{ConversationID: "C2Calice"}, nil)
				}
			}
			for _, c := range []*client{a, b} {
				peer := map[string]string{"alice": "bob", "bob": "alice"}[c.userID]
				got := c.history(peer)
				require.Len(t, got, 47)
				for i, m := range got {
					require.EqualValues(t, i+1, m.Sequence)
					require.Equal(t, fmt.Sprint(i), textOf(m))
				}
			}
			var r listResult
			a.must("message.list", map[string]any{"conversationID": "C2Cnobody"}, &r)
			require.True(t, r.IsCompleted)
			require.Empty(t, r.Messages)
		})
	}
}

func TestRevoke(t *testing.T) {
	now := time.Now()
	in := open(t, openBus(t, bus.Memory), Options{Now: func() time.Time { return now }})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.send("bob", "stays")
	m := a.send("bob", "goes")
	b.until("two", func() bool { return b.field("alice", "unreadCount") == 2.0 })
	f := b.call("message.revoke", map[string]any{"conversationID": "C2Calice", "position": m.Position}, nil)
	require.Equal(t, fault.InvalidOperation, f.Code)
	var r messageResult
	a.must("message.revoke", map[string]any{"conversationID": "C2Cbob", "position": m.Position}, &r)
	require.True(t, r.Message.IsRevoked)
	a.must("message.revoke", map[string]any{"conversationID": "C2Cbob", "position": m.Position}, nil) // repeated after a lost answer
	b.until("revoked", func() bool { return len(b.revoked) == 1 && b.field("alice", "unreadCount") == 1.0 })
	require.Equal(t, true, b.conv("alice")["lastMessage"].(map[string]any)["isRevoked"])
	h := b.history("alice")
	require.False(t, h[0].IsRevoked)
	require.True(t, h[1].IsRevoked)
	require.Equal(t, "alice", h[1].Revoker)
	now = now.Add(3 * time.Minute)
	f = a.call("message.revoke", map[string]any{"conversationID": "C2Cbob", "position": h[0].Position}, nil)
	require.Equal(t, fault.RevokeTooLate, f.Code)
}

func TestDeleteIsOneSided(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.send("bob", "1")
	m := a.send("bob", "2")
	b.until("two", func() bool { return len(b.messages) == 2 })
	b.must("message.delete", map[string]any{"conversationID": "C2Calice", "positions": []uint64{m.Position}}, nil)
	require.Len(t, b.history("alice"), 1)
	require.Len(t, a.history("bob"), 2)
	b.until("the one before is the last", func() bool {
		l, _ := b.field("alice", "lastMessage").(map[string]any)
		return l["messageForShow"] == "1"
	})
	require.Equal(t, "1", login(t, in, "bob", "b2").conv("alice")["lastMessage"].(map[string]any)["messageForShow"])
}

func TestConversationSettings(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b, b2 := login(t, in, "alice", "a1"), login(t, in, "bob", "b1"), login(t, in, "bob", "b2")
	a.send("bob", "1")
	a.send("bob", "2")
	b.until("two", func() bool { return b.field("alice", "unreadCount") == 2.0 })
	b.must("conversation.pin", conversationParams{ConversationID: "C2Calice", IsPinned: true}, nil)
	b.must("conversation.draft", conversationParams{ConversationID: "C2Calice", DraftText: "dear"}, nil)
	b2.until("pinned elsewhere", func() bool {
		return b2.field("alice", "isPinned") == true && b2.field("alice", "draftText") == "dear"
	})
	require.Equal(t, fault.NoConversation, b.call("conversation.pin", conversationParams{ConversationID: "C2Cnobody"}, nil).Code)

	b.must("conversation.delete", conversationParams{ConversationIDs: []string{"C2Calice"}, ClearHistory: true}, nil)
	for _, c := range []*client{b, b2} {
		c.until("removed", func() bool { return c.field("alice", "conversationID") == nil })
	}
	require.Empty(t, b.history("alice"))
	require.Len(t, a.history("bob"), 2)
	require.Empty(t, login(t, in, "bob", "b3").list())
	a.send("bob", "3")
	b.until("listed again", func() bool { return b.field("alice", "unreadCount") == 1.0 })
	require.Len(t, b.history("alice"), 1)
	b4 := login(t, in, "bob", "b4")
	require.EqualValues(t, 1, b4.conv("alice")["unreadCount"])
	require.Equal(t, false, b4.conv("alice")["isPinned"])
}

func TestLimits(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Rate: 0.001, Burst: 4})
	a := login(t, in, "alice", "a1")
	for _, c := range []struct {
		name   string
		params map[string]any
		code   fault.Code
	}{
		{"too large", a.text("1", "bob", strings.Repeat("x", 12<<10)), fault.BodyTooLarge},
		{"no text", map[string]any{"id": a.text("2", "", "")["id"], "to": "bob", "type": typeText, "payload": map[string]any{}}, fault.BodyMalformed},
		{"no receiver", a.text("3", "", "x"), fault.UnknownAccount},
		{"unknown type", map[string]any{"id": a.text("4", "", "")["id"], "to": "bob", "type": "TIMImageElem", "payload": map[string]any{}}, fault.BodyMalformed},
		{"too many", a.text("5", "bob", "x"), fault.TooFrequent},
	} {
		f := a.call("message.send", c.params, nil)
		require.NotNil(t, f, c.name)
		require.Equal(t, c.code, f.Code, c.name)
	}
	require.Empty(t, a.history("bob"))
}

func TestRepetitionIsNotTooFrequent(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Rate: 0.001, Burst: 1})
	a := login(t, in, "alice", "a1")
	var first, again messageResult
	a.must("message.send", a.text("1", "bob", "x"), &first)
	a.must("message.send", a.text("1", "bob", "x"), &again)
	require.Equal(t, first, again)
	require.Equal(t, fault.TooFrequent, a.call("message.send", a.text("2", "bob", "y"), nil).Code)
}

// TestRefusedCostsLittle: a flood is refused without a look into the store for
// each of it.
func TestRefusedCostsLittle(t *testing.T) {
	b := openNATS(t, bus.Memory)
	in := open(t, b, Options{Rate: 0.001, Burst: 5})
	a := login(t, in, "alice", "a1")
	refused := 0
	before := b.Conn().Stats().OutMsgs
	for n := range 100 {
		if a.call("message.send", a.text(fmt.Sprint(n), "bob", "x"), nil) != nil {
			refused++
		}
	}
	require.Equal(t, 95, refused)
	require.Less(t, b.Conn().Stats().OutMsgs-before, uint64(150))
}

func TestBlacklist(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.send("bob", "before") // alice's gateway has bob's list in its cache
	b.must("blacklist.add", usersParams{[]string{"alice"}}, nil)
	require.Equal(t, fault.Blocked, a.call("message.send", a.text(freshID(), "bob", "x"), nil).Code)
	b.send("alice", "the other way round is free")
	b.must("blacklist.remove", usersParams{[]string{"alice"}}, nil)
	a.send("bob", "again")
}

func TestProfile(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.must("profile.set", map[string]any{"nick": "Alice", "avatar": "https://x/a.png"}, nil)
	var r profilesResult
	b.must("profile.get", usersParams{[]string{"bob", "alice"}}, &r)
	require.Equal(t, "Alice", r.Profiles[1].Nick)
	require.Equal(t, "Gender_Type_Unknown", r.Profiles[0].Gender)
	a.send("bob", "x")
	b.until("the message", func() bool { return len(b.messages) == 1 })
	require.Equal(t, "Alice", b.messages[0].Nick)
	require.Equal(t, fault.BadParameters, a.call("profile.set", map[string]any{"nick": strings.Repeat("x", 501)}, nil).Code)
	b2 := login(t, in, "bob", "b2")
	require.Equal(t, "Alice", b2.conv("alice")["userProfile"].(map[string]any)["nick"])
}

func TestStatus(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	a.must("status.watch", usersParams{[]string{"bob"}}, nil)
	b := login(t, in, "bob", "b1")
	a.until("bob came", func() bool { return len(a.statuses) == 1 && a.statuses[0].StatusType == statusOnline })
	b.must("status.set", statusParams{"busy"}, nil)
	a.until("bob is busy", func() bool { return a.statuses[len(a.statuses)-1].CustomStatus == "busy" })
	b.s.Close()
	a.until("bob went", func() bool { return a.statuses[len(a.statuses)-1].StatusType == statusOffline })
	a.must("status.unwatch", usersParams{}, nil)
	require.Empty(t, in.watch)
}

func TestOnlineOnlyIsNeverStored(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	p := a.text("live", "bob", "now or never")
	p["onlineUserOnly"] = true
	a.must("message.send", p, nil)
	b.until("the message", func() bool { return len(b.messages) == 1 })
	require.True(t, b.messages[0].OnlineOnly)
	require.Empty(t, b.history("alice"))
	require.Empty(t, login(t, in, "bob", "b2").texts())
}

func TestServerAPISend(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	m := ServerMessage{SDKAppID: app, From: "alice", To: "bob", Type: typeText, Payload: []byte(`{"text":"from the server"}`), Seq: 7, Random: 9, NoSync: true}
	first, err := in.Send(t.Context(), m)
	require.NoError(t, err)
	again, err := in.Send(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.Contains(t, first.Key, "7_9_")
	at, ok := frame.ParseMessageID(first.ID, "alice")
	require.True(t, ok, first.ID)
	require.Equal(t, first.Time, at/1000)
	m.Payload = []byte(`{"text":"another"}`)
	other, err := in.Send(t.Context(), m)
	require.NoError(t, err)
	require.NotEqual(t, first.ID, other.ID)
	b.until("two messages", func() bool { return len(b.messages) == 2 })
	require.Empty(t, a.texts(), "SyncOtherMachine 2 keeps it from the sender")
	_, err = in.Send(t.Context(), ServerMessage{SDKAppID: app, From: "alice", To: "bob", Type: "TIMImageElem"})
	require.ErrorIs(t, err, fault.New(fault.BodyMalformed))
}

func TestRetention(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{MaxCount: 20})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	for i := range 50 { // what retention removes before the follower comes by is nobody's
		a.send("bob", fmt.Sprint(i))
		b.until("each", func() bool { return len(b.messages) == i+1 })
	}
	h := a.history("bob")
	require.Len(t, h, 20)
	require.EqualValues(t, 31, h[0].Sequence)
}

func TestMethods(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	require.ElementsMatch(t, frame.InboxMethods, Methods(), "internal/gen/wire.json lists what is served")
	f := login(t, in, "alice", "a1").call("message.fly", nil, nil)
	require.EqualValues(t, -32601, f.Code)
}
