package inbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// halfSynced makes a page with more of its sync to come.
func halfSynced(t testing.TB, in *Inbox, userID, instance string) *client {
	t.Helper()
	c := newClient(t, userID, instance)
	c.attach(in)
	r, f := c.part()
	require.Nil(t, f)
	require.True(t, r.More)
	return c
}

// sendLong sends enough for a sync of several parts.
func sendLong(a *client, to string, n int) (sent []Message) {
	long := strings.Repeat("x", 8000)
	for i := range n {
		sent = append(sent, a.send(to, fmt.Sprintf("%02d%s", i, long)))
	}
	return sent
}

// hoarded returns how many bytes syncs of missed messages hold whose clients
// never ask for more.
func hoarded(t testing.TB, in *Inbox, messages, sessions int) int64 {
	t.Helper()
	a := login(t, in, "alice", "a1")
	text := strings.Repeat("x", 11800)
	for range messages {
		unlimit(in, a.s.user.User)
		a.send("bob", text)
	}
	a.s.Close()
	before := heap()
	all := make([]*Session, sessions)
	bob := place.User{SDKAppID: app, UserID: "bob"}
	for i := range all {
		unlimit(in, bob)
		all[i] = in.Attach(bob, fmt.Sprint(i), func(string, json.RawMessage) bool { return true })
		out, f := all[i].Call(t.Context(), "session.sync", encode(syncParams{Cursor: "0.0"}))
		require.Nil(t, f)
		require.Contains(t, string(out), `"more":true`)
	}
	after := heap()
	for _, s := range all {
		s.Close()
	}
	return after - before
}

// unlimit gives a user all of their allowances back.
func unlimit(in *Inbox, u place.User) {
	in.rates.mu.Lock()
	defer in.rates.mu.Unlock()
	delete(in.rates.users, u)
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // a second time, for what a pool still held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestHoarders: a client that begins a sync and never asks for the rest costs
// the gateway no composed message.
func TestHoarders(t *testing.T) {
	in := open(t, openBus(t, t.TempDir()), Options{})
	const sessions = 20
	n := hoarded(t, in, 50, sessions)
	t.Logf("%d KB", n>>10)
	require.Less(t, n, int64(sessions*128<<10), "composed, each would be 600 KB")
	require.Zero(t, in.waiting.bytes)
	require.Empty(t, in.waiting.at)
}

// BenchmarkHoarders reports what 100 syncs of 5,000 messages hold.
func BenchmarkHoarders(b *testing.B) {
	for range b.N {
		in := open(b, openBus(b, b.TempDir()), Options{})
		b.ReportMetric(float64(hoarded(b, in, resumedMissed, 100))/(1<<20), "MB")
	}
}

// TestSyncGivenUp: a sync whose client does not ask for more is dropped, and the
// client gets everything when it begins again.
func TestSyncGivenUp(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{SyncIdle: 20 * time.Millisecond})
	sendLong(login(t, in, "alice", "a1"), "bob", 60)
	b := halfSynced(t, in, "bob", "b1")
	require.Eventually(t, func() bool {
		in.waiting.mu.Lock()
		defer in.waiting.mu.Unlock()
		return len(in.waiting.at) == 0
	}, time.Minute, time.Millisecond)
	_, f := b.part()
	require.Equal(t, fault.InvalidOperation, f.Code)
	in.o.SyncIdle = time.Minute
	b.sync()
	require.Len(t, b.messages, 60)
	for i, m := range b.messages {
		require.EqualValues(t, i+1, m.Sequence)
	}
}

// TestSyncsTogether: when waiting syncs hold too much, the one that has waited
// longest is given up.
func TestSyncsTogether(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	sendLong(login(t, in, "alice", "a1"), "bob", 60)
	one := halfSynced(t, in, "bob", "b1")
	in.waiting.mu.Lock()
	in.waiting.bytes += syncsWaiting - 1
	in.waiting.mu.Unlock()
	two := halfSynced(t, in, "bob", "b2")
	_, f := one.part()
	require.Equal(t, fault.InvalidOperation, f.Code)
	two.sync()
	require.Len(t, two.messages, 60)
	one.sync()
	require.Len(t, one.messages, 60)
}

// TestSyncThatFails: what is left of a sync whose link is gone is given up, too.
func TestSyncThatFails(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{SyncIdle: 20 * time.Millisecond})
	b := newClient(t, "bob", "b1")
	b.attach(in)
	b.broken = true
	require.Equal(t, fault.ServerTimeout, b.call("session.sync", nothing{}, nil).Code)
	require.Eventually(t, func() bool {
		b.s.user.mu.Lock()
		defer b.s.user.mu.Unlock()
		return b.s.syncing == nil
	}, time.Minute, time.Millisecond)
	in.waiting.mu.Lock()
	defer in.waiting.mu.Unlock()
	require.Empty(t, in.waiting.at)
	require.Zero(t, in.waiting.bytes)
}

// TestWhatComesDuringASync: messages, a revocation and settings that come
// between the parts of a sync follow it, in order, whether the queue holds them
// or not.
func TestWhatComesDuringASync(t *testing.T) {
	for _, over := range []bool{false, true} {
		t.Run(fmt.Sprintf("over=%v", over), func(t *testing.T) {
			in := open(t, openBus(t, bus.Memory), Options{})
			a, other := login(t, in, "alice", "a1"), login(t, in, "bob", "b2")
			sent := sendLong(a, "bob", 30)
			b := halfSynced(t, in, "bob", "b1")
			for i := range 20 {
				a.send("bob", fmt.Sprint(30+i))
			}
			id := "C2Cbob"
			a.must("message.revoke", conversationParams{ConversationID: id, Position: sent[0].Position}, nil)
			other.must("conversation.pin", conversationParams{ConversationID: "C2Calice", IsPinned: true}, nil)
			other.until("the last", func() bool { return len(other.messages) == 50 && len(other.revoked) == 1 })
			u := in.local(place.User{SDKAppID: app, UserID: "bob"})
			u.mu.Lock()
			require.GreaterOrEqual(t, len(b.s.syncing.queue), 21)
			if over {
				b.s.syncing.over, b.s.syncing.queue = true, nil
			}
			u.mu.Unlock()
			b.sync()
			b.until("all of it", func() bool { return len(b.messages) == 50 && len(b.revoked) == 1 })
			for i, m := range b.messages {
				require.EqualValues(t, i+1, m.Sequence)
			}
			require.Equal(t, sent[0].Position, b.revoked[0].Position)
			b.until("pinned", func() bool { return b.field("alice", "isPinned") == true })
			a.send("bob", "live")
			b.until("live", func() bool { return len(b.messages) == 51 })
			b.until("a cursor that says that all was told", func() bool {
				at, _ := in.parse(b.cursor)
				return at.rev != 0
			})
		})
	}
}

// TestBrokenAnywhere breaks a link after any part of a sync, with messages,
// revocations and settings under way, and goes on from where the client is: it
// gets each message and each revocation once.
func TestBrokenAnywhere(t *testing.T) {
	for _, partitions := range []int{1, 4} {
		t.Run(fmt.Sprintf("partitions=%d", partitions), func(t *testing.T) { brokenAnywhere(t, partitions) })
	}
}

func brokenAnywhere(t *testing.T, partitions int) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	in := open(t, openBus(t, bus.Memory), Options{Missed: 1e6, Partitions: partitions})
	a, c := login(t, in, "alice", "a1"), login(t, in, "carol", "c1")
	b := newClient(t, "bob", "b1")
	b.attach(in)
	b.sync()
	var sent []uint64
	revoked := map[uint64]bool{}
	for range 8 {
		b.drop()
		for range r.IntN(20) {
			from := []*client{a, c}[r.IntN(2)]
			m := sendLong(from, "bob", 1)[0]
			sent = append(sent, m.Position)
			if r.IntN(4) == 0 {
				from.must("message.revoke", conversationParams{ConversationID: "C2Cbob", Position: m.Position}, nil)
				revoked[m.Position] = true
			}
		}
		b.attach(in)
		for syncs := r.IntN(4); syncs > 0; syncs-- {
			res, f := b.part()
			require.Nil(t, f)
			for n := r.IntN(3); res.More && n > 0; n-- {
				res, f = b.part()
				require.Nil(t, f)
			}
			b.mu.Lock()
			b.begin() // again, as after a time-out
			b.mu.Unlock()
		}
	}
	b.sync()
	var got []uint64
	for _, m := range b.messages {
		got = append(got, m.Position)
	}
	if partitions > 1 { // one order in each
		slices.Sort(sent)
		byPartition := func(a, b uint64) int { return cmp.Compare(partitionOf(a), partitionOf(b)) }
		slices.SortStableFunc(got, byPartition)
		require.NotEqual(t, partitionOf(sent[0]), partitionOf(sent[len(sent)-1]), "all lie in one partition")
	}
	require.Equal(t, sent, got)
	undone := map[uint64]bool{}
	for _, m := range b.revoked {
		undone[m.Position] = true
	}
	require.Equal(t, revoked, undone)
}
