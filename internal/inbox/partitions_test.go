package inbox

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// TestCursorForms: the second form says where an instance is in each partition,
// the first one where there is one.
func TestCursorForms(t *testing.T) {
	three := cursor{pos: positions{7, 0, 9}, rev: 5}
	require.Equal(t, "2.5.7.0.9", three.text(3))
	behind := cursor{}
	behind.pos[0] = 1<<64 - 1
	for _, c := range []struct {
		text       string
		partitions int
		want       cursor
		ok         bool
	}{
		{"2.5.7.0.9", 3, three, true},
		{"2.5.7", 1, cursor{pos: positions{7}, rev: 5}, true},
		{"7.5", 1, cursor{pos: positions{7}}, true},
		{"2.5", 1, cursor{pos: positions{2}}, true},
		// With another number of partitions: beyond the end.
		{"2.5.7", 3, behind, true},
		{"7.5", 3, behind, true},
		{"2.5.7.0.9", 1, behind, true},
		{"", 1, cursor{}, false},
		{"7", 1, cursor{}, false},
		{"2..7", 1, cursor{}, false},
		{"3.5.7", 1, cursor{}, false},
		{"2.5.-7", 1, cursor{}, false},
		{"2.5.18446744073709551616", 1, cursor{}, false},
		{"2.5.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1", 16, cursor{}, false},
	} {
		got, ok := parseCursor(c.text, c.partitions)
		require.Equal(t, c.ok, ok, c.text)
		require.Equal(t, c.want, got, c.text)
	}
}

// apart returns peers of bob whose conversations with him lie in different
// partitions.
func apart(in *Inbox) (one, other string) {
	of := func(peer string) int { return in.store.messages.of(pairOf(app, "bob", peer).subject()) }
	one = "peer0"
	for n := 1; ; n++ {
		if other = fmt.Sprintf("peer%d", n); of(other) != of(one) {
			return one, other
		}
	}
}

// TestPartitions: what comes in one partition does not hide what comes in another:
// history, revocations, read marks and acknowledgements.
func TestPartitions(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Partitions: 4})
	one, other := apart(in)
	a, c, b := login(t, in, one, "a1"), login(t, in, other, "c1"), login(t, in, "bob", "b1")
	for n := range 3 { // the one partition is ahead of the other
		a.send("bob", fmt.Sprint(n))
	}
	first := c.send("bob", "3")
	b.until("all of them", func() bool { return len(b.messages) == 4 })
	b.must("message.ack", ackParams{b.stands().text(4)}, nil)

	b.drop()
	second := c.send("bob", "4")
	c.must("message.revoke", conversationParams{ConversationID: "C2Cbob", Position: first.Position}, nil)
	a.send("bob", "5")
	b.attach(in)
	require.True(t, b.sync().Resumed)
	b.until("what was missed", func() bool { return len(b.messages) == 6 && len(b.revoked) == 1 })
	require.ElementsMatch(t, []string{"0", "1", "2", "3", "4", "5"}, b.texts())

	// Up to where the page stood, in the conversation's own partition.
	stood := b.stands()
	c.send("bob", "6")
	b.until("it", func() bool { return len(b.messages) == 7 })
	b.must("message.read", conversationParams{ConversationID: c2c + other, Cursor: stood.text(4)}, nil)
	b.until("one is left", func() bool { return b.field(other, "unreadCount") == float64(1) })
	nothing := stood
	nothing.pos[partitionOf(second.Position)] = 0
	b.must("message.read", conversationParams{ConversationID: c2c + other, Cursor: nothing.text(4)}, nil)
	require.EqualValues(t, 1, b.conv(other)["unreadCount"], "nothing of this partition was seen")

	require.Len(t, b.history(one), 4)
	require.Len(t, b.history(other), 3)
	b.must("message.ack", ackParams{b.stands().text(4)}, nil)
	b.drop()
	require.Empty(t, login(t, in, "bob", "b2").texts(), "all was acknowledged")

	ahead := b.stands()
	ahead.pos[3] += 100
	d := login(t, in, "bob", "b3")
	require.Equal(t, fault.BadParameters, d.call("message.ack", ackParams{ahead.text(4)}, nil).Code)
	require.Equal(t, fault.BadParameters, d.call("message.ack", ackParams{cursorAt(1)}, nil).Code)
}

// TestMissedInPartitions: the newest of what was missed come, from all of them.
func TestMissedInPartitions(t *testing.T) {
	began, looked := time.Now(), atomic.Int64{}
	in := open(t, openBus(t, bus.Memory), Options{Partitions: 4, Missed: 5, Now: func() time.Time {
		return began.Add(time.Duration(looked.Add(1)) * 10 * time.Millisecond) // no two messages at one time
	}})
	one, other := apart(in)
	a, c := login(t, in, one, "a1"), login(t, in, other, "c1")
	for n := range 4 {
		in.messages.Reach(t.Context(), upTo(a.send("bob", fmt.Sprint("old", n)).Position))
	}
	for n := range 3 {
		in.messages.Reach(t.Context(), upTo(c.send("bob", fmt.Sprint("new", n)).Position))
	}
	b := login(t, in, "bob", "b1")
	require.Len(t, b.messages, 5)
	require.Subset(t, b.texts(), []string{"new0", "new1", "new2"})
}

// TestAnotherNumberOfPartitions: a cursor of a store with fewer partitions means
// nothing in this one, so its instance begins anew.
func TestAnotherNumberOfPartitions(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Partitions: 4})
	for _, cursor := range []string{"2.1.9", "9.1"} {
		b := newClient(t, "bob", "b1")
		b.attach(in)
		var r syncResult
		b.must("session.sync", syncParams{Cursor: cursor}, &r)
		require.False(t, r.Resumed, cursor)
		require.Contains(t, string(b.notes[0].params), `"reset":true`)
	}
}

// TestAStoredCursorOfAnotherNumber: what a user has acknowledged in other partitions says
// nothing of these, so messages that come now are missed ones.
func TestAStoredCursorOfAnotherNumber(t *testing.T) {
	b := openBus(t, bus.Memory)
	in := open(t, b, Options{Partitions: 4})
	a, bob := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.send("bob", "old")
	bob.until("the message", func() bool { return len(bob.messages) == 1 })
	bob.must("message.ack", ackParams{bob.stands().text(4)}, nil)
	a.drop()
	bob.drop()
	in.Close()

	in = open(t, b, Options{Partitions: 1})
	a = login(t, in, "alice", "a1")
	a.send("bob", "new")
	bob = login(t, in, "bob", "b2")
	require.Contains(t, bob.texts(), "new")
	bob.must("message.ack", ackParams{bob.stands().text(1)}, nil)
	bob.drop()
	require.NotContains(t, login(t, in, "bob", "b3").texts(), "new", "it is acknowledged now")
}

// TestTheNewestChangesOfPartitions: of more changes than are told, the oldest are left
// out, whatever partition they are in.
func TestTheNewestChangesOfPartitions(t *testing.T) {
	s := &search{}
	for i := range uint64(resumedMissed) {
		s.changes = append(s.changes, found{pos: position(1, i+1), at: int64(i)})
	}
	newest := found{pos: position(0, 9), at: resumedMissed}
	s.changes = append(s.changes, newest)
	got := s.changed()
	require.Len(t, got, resumedMissed)
	require.Equal(t, []uint64{newest.pos, position(1, 2)}, got[:2])
}
