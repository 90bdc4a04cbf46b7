package inbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

func numbered(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = prefix + strconv.Itoa(i)
	}
	return out
}

func numbers(n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(i + 1)
	}
	return out
}

// TestListsAreBounded: a list over its bound is refused with that bound, before
// anything is done for it.
func TestListsAreBounded(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	a.send("bob", "x")
	for _, c := range []struct {
		method string
		most   int
		params func(n int) any
	}{
		{"message.delete", maxDelete, func(n int) any {
			positions := make([]uint64, n)
			for i := range positions {
				positions[i] = uint64(1000 + i)
			}
			return conversationParams{ConversationID: "C2Cbob", Positions: positions}
		}},
		{"conversation.delete", maxConversations, func(n int) any { return conversationParams{ConversationIDs: numbered("C2Cu", n)} }},
		{"conversation.custom", maxConversations, func(n int) any { return conversationParams{ConversationIDs: numbered("C2Cu", n)} }},
		{"conversation.mark", maxConversations, func(n int) any {
			return conversationParams{ConversationIDs: numbered("C2Cu", n), MarkType: 1}
		}},
		{"conversation.remind", maxConversations, func(n int) any {
			return conversationParams{ConversationIDs: numbered("C2Cu", n), RemindType: remindTypes[1]}
		}},
		{"profile.get", maxUsers, func(n int) any { return usersParams{numbered("u", n)} }},
		{"blacklist.add", maxBlacklist, func(n int) any { return usersParams{numbered("u", n)} }},
		{"blacklist.remove", maxBlacklist, func(n int) any { return usersParams{numbered("u", n)} }},
		{"status.get", maxUsers, func(n int) any { return usersParams{numbered("u", n)} }},
		{"status.watch", maxUsers, func(n int) any { return usersParams{numbered("u", n)} }},
		{"status.unwatch", maxWatches, func(n int) any { return usersParams{numbered("u", n)} }},
		{"session.sync", maxWatches, func(n int) any { return syncParams{Watch: numbered("u", n)} }},
	} {
		f := a.call(c.method, c.params(c.most+1), nil)
		require.NotNil(t, f, c.method)
		require.Equal(t, fault.BadParameters, f.Code, "%s: %s", c.method, f.Message)
		require.Contains(t, f.Message, fmt.Sprintf("1 to %d", c.most), c.method)
		if f = a.call(c.method, c.params(c.most), nil); f != nil {
			require.NotContains(t, f.Message, fmt.Sprintf("1 to %d", c.most), c.method)
		}
	}
}

// TestRepetitionsInListsAreOne: naming something many times is naming it once.
func TestRepetitionsInListsAreOne(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	m := a.send("bob", "x")
	many := slices.Repeat([]string{"bob"}, 5000)
	a.must("message.delete", conversationParams{ConversationID: "C2Cbob", Positions: slices.Repeat([]uint64{m.Position}, 5000)}, nil)
	require.Empty(t, a.history("bob"))
	a.must("conversation.custom", conversationParams{ConversationIDs: slices.Repeat([]string{"C2Cbob"}, 5000), CustomData: "c"}, nil)
	var r blacklist
	a.must("blacklist.add", usersParams{many}, &r)
	require.Equal(t, []string{"bob"}, r.UserIDs)
	a.must("blacklist.remove", usersParams{many}, &r)
	require.Empty(t, r.UserIDs)
	a.must("status.watch", usersParams{many}, nil)
	a.must("status.unwatch", usersParams{many}, nil)
	a.must("conversation.delete", conversationParams{ConversationIDs: slices.Repeat([]string{"C2Cbob"}, 5000)}, nil)
	a.until("deleted", func() bool { return a.field("bob", "conversationID") == nil })
}

// TestConversationsAreClearedTogether: conversations that are deleted by one
// call cost a write each, and are told of together.
func TestConversationsAreClearedTogether(t *testing.T) {
	nats := openNATS(t, bus.Memory)
	in := open(t, nats, Options{})
	a := login(t, in, "alice", "a1")
	ids := make([]string, 20)
	for i := range ids {
		ids[i] = c2c + "u" + strconv.Itoa(i)
		a.send("u"+strconv.Itoa(i), "x")
	}
	a.until("all of them", func() bool { return len(a.page.Conversations()) == len(ids) })
	s, err := nats.JetStream().Stream(t.Context(), bus.StreamConversations)
	require.NoError(t, err)
	before, err := s.Info(t.Context())
	require.NoError(t, err)
	notes := a.count()
	a.must("conversation.delete", conversationParams{ConversationIDs: ids, ClearHistory: true}, nil)
	after, err := s.Info(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, len(ids), after.State.LastSeq-before.State.LastSeq)
	require.Empty(t, a.list())
	require.Equal(t, 1, a.count()-notes)
	require.Empty(t, a.history("u3"))
}

// TestLargeConversationsAreToldInSeveralFrames, and are read once for it.
func TestLargeConversationsAreToldInSeveralFrames(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	in := open(t, openBus(t, bus.Memory), Options{Now: func() time.Time { return now }})
	a := login(t, in, "alice", "a1")
	var ids []string
	for n := range 20 {
		ids = append(ids, c2c+"u"+strconv.Itoa(n))
		a.send("u"+strconv.Itoa(n), strings.Repeat("x", 11_000))
	}
	a.until("all of them", func() bool { return len(a.page.Conversations()) == len(ids) })
	seen := a.count()
	left := func() float64 {
		in.rates.mu.Lock()
		defer in.rates.mu.Unlock()
		return in.rates.of(a.s.user.User, now).work.TokensAt(now)
	}
	before := left()
	a.must("conversation.custom", conversationParams{ConversationIDs: ids, CustomData: "c"}, nil)
	require.Less(t, before-left(), float64(6*len(ids)))
	a.mu.Lock()
	defer a.mu.Unlock()
	require.Greater(t, len(a.notes)-seen, 4)
	for _, n := range a.notes[seen:] {
		require.LessOrEqual(t, len(n.params), frame.MaxFrame)
	}
	for n := range ids {
		require.Equal(t, "c", a.field("u"+strconv.Itoa(n), "customData"))
	}
}
