package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// TestLargeSync: what is too much for one call comes in parts, no notification
// exceeds a frame, and what is sent meanwhile follows in order.
func TestLargeSync(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	long := strings.Repeat("x", 8000)
	for i := range 60 {
		a.send("bob", fmt.Sprintf("%02d%s", i, long))
	}
	b := newClient(t, "bob", "b1")
	b.attach(in)
	r, _ := b.part()
	require.True(t, r.More)
	require.Positive(t, b.reached["messages C2Calice"])
	require.Empty(t, b.messages, "a page is given them when all have come")
	a.send("bob", "60")
	require.NotEmpty(t, b.sync().Cursor)
	b.until("all of them", func() bool { return len(b.messages) == 61 })
	for i, m := range b.messages {
		require.EqualValues(t, i+1, m.Sequence)
	}
	for _, n := range b.notes {
		require.LessOrEqual(t, len(n.params), frame.MaxFrame)
	}
}

// TestBrokenSyncGoesOn: if a link breaks between the parts of a sync, the next sync
// goes on after what has come.
func TestBrokenSyncGoesOn(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	long := strings.Repeat("x", 8000)
	for i := range 60 {
		a.send("bob", fmt.Sprintf("%02d%s", i, long))
	}
	b := newClient(t, "bob", "b1")
	b.attach(in)
	r, _ := b.part()
	require.True(t, r.More)
	b.drop()
	b.attach(in)
	b.sync()
	require.Len(t, b.messages, 60)
	for i, m := range b.messages {
		require.EqualValues(t, i+1, m.Sequence)
	}
}

// TestStall: a gateway that may not deliver for a while delivers afterwards
// what came meanwhile, without the client's asking.
func TestStall(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	b := newClient(t, "bob", "b1")
	var refuse atomic.Bool
	b.refuses = func(string) bool { return refuse.Load() }
	b.attach(in)
	b.sync()
	a.send("bob", "0")
	b.until("the first", func() bool { return len(b.messages) == 1 })
	refuse.Store(true)
	for i := 1; i <= 5; i++ {
		a.send("bob", fmt.Sprint(i))
	}
	refuse.Store(false)
	b.until("the rest", func() bool { return len(b.messages) == 6 })
	a.send("bob", "6")
	b.until("live again", func() bool { return len(b.messages) == 7 })
	require.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6"}, b.texts())
}

// TestStallKeepsSettings: settings that another instance changes while a session
// cannot be told are told afterwards.
func TestStallKeepsSettings(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, other := login(t, in, "alice", "a1"), login(t, in, "bob", "b2")
	b := newClient(t, "bob", "b1")
	var refuse atomic.Bool
	refused := make(chan struct{}, 10)
	b.refuses = func(string) bool {
		if refuse.Load() {
			refused <- struct{}{}
			return true
		}
		return false
	}
	b.attach(in)
	b.sync()
	a.send("bob", "0")
	b.until("the first", func() bool { return len(b.messages) == 1 })
	refuse.Store(true)
	other.must("conversation.pin", conversationParams{ConversationID: "C2Calice", IsPinned: true}, nil)
	<-refused
	refuse.Store(false)
	b.until("pinned", func() bool { return b.field("alice", "isPinned") == true })
}

// TestUntoldSettings: a link that breaks between a message and the settings
// that were changed before it brings the settings, too.
func TestUntoldSettings(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, c := login(t, in, "alice", "a1"), login(t, in, "carol", "c1")
	a.send("bob", "0")
	b, other := login(t, in, "bob", "b1"), login(t, in, "bob", "b2")
	u := in.local(place.User{SDKAppID: app, UserID: "bob"})
	done, err := u.refreshing.Take(t.Context())
	require.NoError(t, err)
	was := u.rev
	pinned := make(chan struct{})
	go func() {
		defer close(pinned)
		other.must("conversation.pin", conversationParams{ConversationID: "C2Calice", IsPinned: true}, nil)
	}()
	require.Eventually(t, func() bool {
		u.mu.Lock()
		defer u.mu.Unlock()
		return u.rev > was
	}, time.Minute, time.Millisecond)
	c.send("bob", "1")
	b.until("carol's", func() bool { return len(b.messages) == 2 })
	b.drop()
	done()
	<-pinned
	b.attach(in)
	b.sync()
	require.Equal(t, true, b.conv("alice")["isPinned"])
	at, _ := in.parse(b.cursorText())
	require.NotZero(t, at.rev, "all was told")
}

// TestHangUpBeforeItsTurnToTell: a call whose session hangs up while others of
// its user are told of something does not wait for that; what it has changed is
// told of afterwards.
func TestHangUpBeforeItsTurnToTell(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b, other := login(t, in, "alice", "a1"), login(t, in, "bob", "b1"), login(t, in, "bob", "b2")
	var sent []Message
	for n := range 3 {
		sent = append(sent, a.send("bob", fmt.Sprint(n)))
	}
	b.until("all of them", func() bool { return len(b.messages) == len(sent) })
	u := b.s.user
	for n := 2; n > 0; n-- { // the second one changes no settings
		done, err := u.refreshing.Take(t.Context())
		require.NoError(t, err)
		ctx, hangUp := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = other.s.Call(ctx, frame.MessageDelete, encode(conversationParams{ConversationID: "C2Calice", Positions: []uint64{sent[n].Position}}))
		}()
		require.Eventually(t, func() bool {
			_, err := in.store.marks.Last(t.Context(), pairOf(app, "alice", "bob").markSubject(sent[n].Position))
			return err == nil
		}, 30*time.Second, time.Millisecond)
		hangUp()
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Fatal("the call waits for its turn")
		}
		done()
		b.until("what is the newest one now", func() bool {
			last := valuesOf[LastMessage](t, b.field("alice", "lastMessage"))
			return last.MessageForShow == fmt.Sprint(n-1)
		})
	}
}

// TestSettingsThatCouldNotBeTold: a session catches up with settings that it was
// not told because the store failed.
func TestSettingsThatCouldNotBeTold(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b, other := login(t, in, "alice", "a1"), login(t, in, "bob", "b1"), login(t, in, "bob", "b2")
	m, also := a.send("bob", "0"), a.send("bob", "1")
	b.until("both", func() bool { return len(b.messages) == 2 })
	id := "C2Calice"
	other.must("message.delete", conversationParams{ConversationID: id, Positions: []uint64{also.Position}}, nil)
	mark := pairOf(app, "alice", "bob").markSubject(m.Position)
	at, _, err := in.store.marks.Append(t.Context(), mark, []byte(`"unreadable"`), 0, "")
	require.NoError(t, err)
	other.must("conversation.pin", conversationParams{ConversationID: id, IsPinned: true}, nil)
	require.NotEqual(t, true, b.conv("alice")["isPinned"])
	_, _, err = in.store.marks.Append(t.Context(), mark, []byte(`{}`), at, "")
	require.NoError(t, err)
	b.until("pinned", func() bool { return b.field("alice", "isPinned") == true })
	a.send("bob", "2")
	b.until("it", func() bool { return len(b.messages) == 3 })
	c, _ := in.parse(b.cursorText())
	require.NotZero(t, c.rev, "all was told")
}

// TestStoresSetBack: an instance that has seen more than there is, because a
// backup was restored, begins anew instead of waiting for positions that will
// not come.
func TestStoresSetBack(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.send("bob", "lost")
	a.send("bob", "lost, too")
	b.until("both", func() bool { return len(b.messages) == 2 })
	b.drop()
	in = open(t, openBus(t, bus.Memory), Options{})
	a = login(t, in, "alice", "a1")
	a.send("bob", "1")
	came := len(b.notes)
	b.attach(in)
	require.False(t, b.sync().Resumed)
	require.Equal(t, []string{"lost", "lost, too", "1"}, b.texts())
	var first conversationsNote
	require.NoError(t, json.Unmarshal(b.notes[came].params, &first))
	require.True(t, first.Reset)
	a.send("bob", "2")
	b.until("live", func() bool { return len(b.messages) == 4 })
}

// TestResendLongAfter: a message that was stored although its sender was told
// that it failed is found again, after the stream has forgotten its ID.
func TestResendLongAfter(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Dedup: 100 * time.Millisecond})
	a := login(t, in, "alice", "a1")
	p := sendText("00112233445566ff", "bob", "once") // as version 0.1.0 made them
	var first, again messageResult
	a.must("message.send", p, &first)
	for i := range 20 {
		a.send("bob", fmt.Sprint(i))
	}
	time.Sleep(300 * time.Millisecond) // the window is the server's: there is no event to wait for
	p["resend"] = true
	a.must("message.send", p, &again)
	require.Equal(t, first, again)
	require.Len(t, a.history("bob"), 21)
}

// TestOnlineOnlyDuringASync: a session that is still catching up gets online-only
// messages, too.
func TestOnlineOnlyDuringASync(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, c := login(t, in, "alice", "a1"), login(t, in, "carol", "c1")
	for range 30 {
		a.send("bob", strings.Repeat("x", 10<<10))
	}
	b := newClient(t, "bob", "b1")
	b.attach(in)
	r, _ := b.part()
	require.True(t, r.More)
	live := c.text(freshID(), "bob", "now")
	live["onlineUserOnly"] = true
	c.must("message.send", live, nil)
	live["to"] = "alice"
	c.must("message.send", live, nil) // it takes the same way, so once it has come the first one has
	a.until("hers", func() bool { return len(a.messages) == 1 })
	b.mu.Lock()
	b.begin() // again, as after a time-out
	b.mu.Unlock()
	b.sync()
	b.until("it", func() bool { texts := b.textsLocked(); return texts[len(texts)-1] == "now" })
}
