package inbox

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/place"
)

// endsAfter is a context that is over once it was asked a number of times.
type endsAfter struct {
	context.Context
	left atomic.Int64
}

func (c *endsAfter) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// TestHistoryNeverEndsEarly: if the store does not answer that is an error, and
// never the end of the history.
func TestHistoryNeverEndsEarly(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	a.send("bob", "old")
	newer := a.send("bob", "new")
	p := pairOf(app, "alice", "bob")
	whole := 0
	for n := range int64(20) {
		ctx := &endsAfter{Context: t.Context()}
		ctx.left.Store(n)
		got, err := in.history(ctx, p.user(p.side("alice")), p, newer.Position, window)
		if err == nil {
			require.Len(t, got.messages, 1, "after %d", n)
			whole++
		}
	}
	require.Positive(t, whole)
	require.Less(t, whole, 20)
}

// TestBrokenSyncKeepsRevocations: a link that breaks between the messages and
// the revocations of a sync brings the latter at the next one.
func TestBrokenSyncKeepsRevocations(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), newClient(t, "bob", "b1")
	b.attach(in)
	b.sync()
	var gone []Message
	for i := range 3 {
		gone = append(gone, a.send("bob", fmt.Sprint(i)))
	}
	b.until("three", func() bool { return len(b.messages) == 3 })
	b.drop()
	for _, m := range gone {
		a.must("message.revoke", map[string]any{"conversationID": "C2Cbob", "position": m.Position}, nil)
		a.send("bob", "after")
	}
	for range 3 { // one revocation gets through each time
		revoked := 0
		b.mu.Lock()
		b.refuses = func(method string) bool {
			if method != frame.NoteRevoked {
				return false
			}
			revoked++
			return revoked > 1
		}
		b.mu.Unlock()
		b.attach(in)
		_, _ = b.part()
		b.drop()
	}
	b.refuses = nil
	b.attach(in)
	b.sync()
	require.Len(t, b.revoked, 3)
	for i, m := range gone {
		require.Equal(t, m.ID, b.revoked[i].ID)
	}
	require.Equal(t, []string{"0", "1", "2", "after", "after", "after"}, b.texts())
}

// TestAcknowledgedTwiceIsKeptNowhere: once a user's cursor is stored, a gateway
// keeps nothing about them.
func TestAcknowledgedTwiceIsKeptNowhere(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.send("bob", "x")
	b.until("it", func() bool { return len(b.messages) == 1 })
	u := in.local(place.User{SDKAppID: app, UserID: "bob"})
	u.mu.Lock()
	u.ofAcks().writing = true // as if store were running
	u.mu.Unlock()
	b.ack()
	require.Equal(t, 1, in.unsaved.len())
	u.mu.Lock()
	u.acks.writing = false
	u.mu.Unlock()
	u.store()
	require.Eventually(t, func() bool { return in.unsaved.len() == 0 }, time.Minute, 10*time.Millisecond)
	b.must("message.ack", ackParams{b.cursorText()}, nil)
	require.Zero(t, in.unsaved.len())
}

// TestAcknowledgingHoldsUpNobodyElse: who acknowledges while their user is being
// told of something waits without a lock that others need.
func TestAcknowledgingHoldsUpNobodyElse(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b, c := login(t, in, "alice", "a1"), login(t, in, "bob", "b1"), login(t, in, "carol", "c1")
	m := a.send("bob", "x")
	b.until("it", func() bool { return len(b.messages) == 1 })
	u := b.s.user
	acknowledged := make(chan struct{})
	u.mu.Lock()
	func() {
		defer u.mu.Unlock()
		go func() {
			defer close(acknowledged)
			u.ack(upTo(m.Position))
		}()
		require.Eventually(t, func() bool {
			stacks := make([]byte, 1<<20)
			return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "inbox.(*user).ack(")
		}, 30*time.Second, time.Millisecond)
		a.send("carol", "y")
		c.until("it", func() bool { return len(c.messages) == 1 })
	}()
	<-acknowledged
}

// TestAcknowledgedAheadOfTheFollower: an instance that comes from a gateway
// that was ahead of this one acknowledges what it has seen there.
func TestAcknowledgedAheadOfTheFollower(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	in.mu.Lock() // the follower stands still at the first of them
	a.send("carol", "hello")
	m := a.send("bob", "seen elsewhere")
	at := in.messages.Pos()
	time.AfterFunc(100*time.Millisecond, in.mu.Unlock)
	require.False(t, at.covers(m.Position))
	b.must("message.ack", ackParams{cursorAt(m.Position)}, nil)
	require.Equal(t, fault.BadParameters, b.call("message.ack", ackParams{cursorAt(m.Position + 1)}, nil).Code)
	b.drop()
	require.Empty(t, login(t, in, "bob", "b2").texts())
}

// TestSameIDToAnother: an ID names a message of one conversation. A message to
// somebody else under the same ID is not taken for a repetition.
func TestSameIDToAnother(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	a.must("message.send", a.text("same", "bob", "to bob"), nil)
	var r messageResult
	a.must("message.send", a.text("same", "carol", "to carol"), &r)
	require.Equal(t, "carol", r.Message.To)
	require.Equal(t, []string{"to carol"}, login(t, in, "carol", "c1").texts())
}

// TestRevokedTwiceCountsOnce: a message that is revoked twice counts once, however
// much later, since an operator may let messages be revoked for longer than the
// stream recognises repetitions.
func TestRevokedTwiceCountsOnce(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Dedup: 100 * time.Millisecond, Revoke: time.Hour})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.send("bob", "stays")
	m := a.send("bob", "goes")
	var first, again messageResult
	revoke := map[string]any{"conversationID": "C2Cbob", "position": m.Position}
	a.must("message.revoke", revoke, &first)
	a.send("bob", "after")
	time.Sleep(300 * time.Millisecond) // the window is the server's: there is no event to wait for
	a.must("message.revoke", revoke, &again)
	require.Equal(t, first, again)
	a.send("bob", "last")
	b.until("all of it", func() bool { return len(b.messages) == 4 })
	require.Len(t, b.revoked, 1)
	require.EqualValues(t, 3, b.conv("alice")["unreadCount"])
}

// TestOnlineOnlyRepeatedComesOnce: a send that is tried again after a lost
// connection reaches a listener once.
func TestOnlineOnlyRepeatedComesOnce(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	send := func(id string) {
		p := a.text(id, "bob", id)
		p["onlineUserOnly"] = true
		a.must("message.send", p, nil)
	}
	send("one")
	send("one")
	for i := range 2 * keptLive {
		send(fmt.Sprint(i))
	}
	b.until("the last", func() bool { return len(b.messages) == 2*keptLive+1 })
	require.Equal(t, "one", b.texts()[0])
	require.Equal(t, "0", b.texts()[1])
	u := in.local(place.User{SDKAppID: app, UserID: "bob"})
	u.mu.Lock()
	defer u.mu.Unlock()
	require.LessOrEqual(t, len(u.lives), keptLive)
}

// TestServerOnlineOnlyRepeated: a repetition by the server API is recognised for
// online-only messages, too; a later one is a new message.
func TestServerOnlineOnlyRepeated(t *testing.T) {
	var late atomic.Int64
	in := open(t, openBus(t, bus.Memory), Options{Now: func() time.Time { return time.Now().Add(time.Duration(late.Load())) }})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	send := func() {
		_, err := in.Send(t.Context(), ServerMessage{SDKAppID: app, From: "alice", To: "bob", Type: typeText, Payload: []byte(`{"text":"x"}`), Random: 1, OnlineOnly: true})
		require.NoError(t, err)
	}
	send()
	late.Add(int64(time.Second))
	send()
	late.Add(int64(3 * time.Minute))
	send()
	p := a.text(freshID(), "bob", "last")
	p["onlineUserOnly"] = true
	a.must("message.send", p, nil)
	b.until("the last", func() bool { texts := b.textsLocked(); return len(texts) > 0 && texts[len(texts)-1] == "last" })
	require.Equal(t, []string{"x", "x", "last"}, b.texts())
	require.NotEqual(t, b.messages[0].ID, b.messages[1].ID)
}

// TestStatusAfterReconnect: a session that comes back is told the present statuses
// of those whom it watches, which may have changed meanwhile.
func TestStatusAfterReconnect(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, c := login(t, in, "alice", "a1"), login(t, in, "carol", "c1")
	for _, w := range []*client{a, c} {
		s, _ := w.do(func(call mailbox.Call) mailbox.Input { return mailbox.Watch{Call: call, IDs: []string{"bob"}} })
		require.Nil(t, s.Err)
	}
	a.drop()
	login(t, in, "bob", "b1")
	c.until("bob came", func() bool { return len(c.statuses) == 1 })
	a.attach(in)
	a.sync()
	a.until("told", func() bool { return len(a.statuses) == 1 && a.statuses[0].StatusType == statusOnline })
}

// TestWatchingAgain: a user who is watched already does not count twice, since a
// repeated sync names all of them again.
func TestWatchingAgain(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	ids := make([]string, maxWatches)
	for i := range ids {
		ids[i] = fmt.Sprintf("u%d", i)
	}
	a.must("session.sync", syncParams{Watch: ids}, nil)
	a.must("session.sync", syncParams{Watch: ids}, nil)
	require.Equal(t, fault.BadParameters, a.call("status.watch", usersParams{[]string{"onemore"}}, nil).Code)
}

// TestLargestMessage: a body of 12 KB is accepted, one byte more is refused.
func TestLargestMessage(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	text := strings.Repeat("x", 12<<10-len(`{"text":""}`)-4)
	p := a.text("1", "bob", text)
	p["cloudCustomData"] = "1234"
	a.must("message.send", p, nil)
	p["id"], p["cloudCustomData"] = a.text("2", "", "")["id"], "12345"
	require.Equal(t, fault.BodyTooLarge, a.call("message.send", p, nil).Code)
	require.Len(t, a.history("bob"), 1)
}

// TestCharactersThatTakeSixBytes: a body that grows when it is stored fits a frame, or is
// refused.
func TestCharactersThatTakeSixBytes(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	for n, c := range []struct {
		text, cloud string
		code        fault.Code
	}{
		{"x", strings.Repeat("\x01", 10_800), fault.BodyTooLarge},
		{"x", strings.Repeat("\x01", 2700), 0},
		{"x", strings.Repeat(`"`, 8000), 0},
	} {
		p := a.text(strconv.Itoa(n), "bob", c.text)
		p["cloudCustomData"] = c.cloud
		require.Equal(t, c.code, code(a.call("message.send", p, nil)), n)
	}
	m := a.send("bob", "short")
	f := a.call("message.modify", map[string]any{"conversationID": "C2Cbob", "position": m.Position, "cloudCustomData": strings.Repeat("\x01", 10_800)}, nil)
	require.Equal(t, fault.BodyTooLarge, code(f))
	b.until("the last one", func() bool { return slices.Contains(b.textsLocked(), "short") })
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.notes {
		require.Less(t, len(n.params), frame.MaxFrame, n.method)
	}
}

// TestRevokedAfterDeletion: a message that a user has deleted unread no longer
// counts as unread, so its revocation does not lower the count.
func TestRevokedAfterDeletion(t *testing.T) {
	for _, history := range []bool{true, false} {
		in := open(t, openBus(t, bus.Memory), Options{})
		a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
		a.send("bob", "read")
		b.until("it", func() bool { return len(b.messages) == 1 })
		b.must("message.read", conversationParams{ConversationID: "C2Calice"}, nil)
		gone, also := a.send("bob", "gone"), a.send("bob", "also")
		b.must("conversation.delete", conversationParams{ConversationIDs: []string{"C2Calice"}, ClearHistory: history}, nil)
		revoke := func(m Message) {
			a.must("message.revoke", map[string]any{"conversationID": "C2Cbob", "position": m.Position}, nil)
		}
		revoke(gone)
		later := a.send("bob", "later")
		b.until("the last", func() bool { return len(b.messages) == 4 })
		require.EqualValues(t, 1, b.conv("alice")["unreadCount"])
		require.EqualValues(t, 1, login(t, in, "bob", "b2").conv("alice")["unreadCount"])
		revoke(also)
		require.EqualValues(t, 1, login(t, in, "bob", "b3").conv("alice")["unreadCount"])
		revoke(later)
		require.EqualValues(t, 0, login(t, in, "bob", "b4").conv("alice")["unreadCount"])
	}
}

// TestRepetitionTellsWhatBecameOfTheFirst: a send that is tried again may have
// been read, or taken back, by the time of its answer.
func TestRepetitionTellsWhatBecameOfTheFirst(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	again := func(more map[string]any) Message {
		p := a.text("one", "bob", "x")
		for k, v := range more {
			p[k] = v
		}
		var r messageResult
		a.must("message.send", p, &r)
		return r.Message
	}
	m := again(nil)
	require.False(t, m.IsPeerRead)
	b.must("message.read", conversationParams{ConversationID: "C2Calice"}, nil)
	require.True(t, again(nil).IsPeerRead)
	a.must("message.revoke", map[string]any{"conversationID": "C2Cbob", "position": m.Position}, nil)
	require.True(t, again(nil).IsRevoked)
	require.True(t, again(map[string]any{"resend": true}).IsRevoked)
}
