package inbox

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// A caller is a client or an ear.
type caller interface {
	must(method string, params, result any)
}

// hopped makes calls until the place of a page is found.
func hopped(t *testing.T, c caller, p hopParams) (r hopResult, calls int) {
	t.Helper()
	for calls = 1; ; calls++ {
		r = hopResult{}
		c.must(frame.MessageHop, p, &r)
		if r.From == 0 {
			return r, calls
		}
		require.Empty(t, r.Messages)
		require.True(t, p.From == 0 || r.From < p.From, "the search goes on")
		p.From = r.From
	}
}

// hoppedThrough reads page after page from a place, in the order of the conversation.
func hoppedThrough(t *testing.T, c caller, p hopParams) (out []Message) {
	t.Helper()
	for {
		r, _ := hopped(t, c, p)
		require.LessOrEqual(t, len(r.Messages), p.Count)
		if p.Newer {
			out = append(out, r.Messages...)
		} else {
			out = append(r.Messages, out...)
		}
		if r.IsCompleted {
			require.Zero(t, r.Next)
			return out
		}
		p.Sequence, p.Time = uint64(r.Next), r.Next
	}
}

// TestHopToATime: pages from a time on, either way, hold every message once, also
// where many are of one second.
func TestHopToATime(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	in := open(t, openBus(t, bus.Memory), Options{Now: func() time.Time { return now }})
	a := login(t, in, "alice", "a1")
	var all []Message
	for n := range 30 {
		all = append(all, a.send("bob", fmt.Sprint(n)))
		if n < 4 || n >= 20 {
			now = now.Add(400 * time.Millisecond)
		}
	}
	a.must(frame.MessageDelete, conversationParams{ConversationID: "C2Cbob", Positions: []uint64{all[7].Position, all[29].Position}}, nil)
	seen := slices.DeleteFunc(slices.Clone(all), func(m Message) bool { return m.Position == all[7].Position || m.Position == all[29].Position })
	texts := func(wanted func(m Message) bool) []string {
		return textsOf(slices.DeleteFunc(slices.Clone(seen), func(m Message) bool { return !wanted(m) }))
	}
	first, dense, last := all[0].Time, all[10].Time, all[29].Time
	for _, at := range []float64{float64(first) - 1, float64(first), float64(dense), float64(dense) + 0.123, float64(last - 1), float64(last + 1)} {
		p := hopParams{ConversationID: "C2Cbob", Time: at, Count: 7}
		require.Equal(t, texts(func(m Message) bool { return m.Time <= int64(at) }), textsOf(hoppedThrough(t, a, p)), at)
		p.Newer = true
		require.Equal(t, texts(func(m Message) bool { return m.Time >= int64(at) }), textsOf(hoppedThrough(t, a, p)), at)
	}
	p := hopParams{ConversationID: "C2Cbob", Sequence: 7, Count: window}
	require.Equal(t, textsOf(seen), textsOf(hoppedThrough(t, a, p)), "without a time it begins with the newest")
	p.Newer = true
	require.Equal(t, textsOf(seen), textsOf(hoppedThrough(t, a, p)), "or with the oldest")
	a.must(frame.ConversationClear, conversationParams{ConversationID: "C2Cbob"}, nil)
	for _, p := range []hopParams{{ConversationID: "C2Cbob"}, {ConversationID: "C2Cbob", Time: float64(all[3].Time), Newer: true}, {ConversationID: "C2Cnobody", Time: 1}} {
		r, _ := hopped(t, a, p)
		require.Equal(t, hopResult{Messages: []Message{}, IsCompleted: true}, r)
	}
	for wanted, p := range map[fault.Code]hopParams{
		fault.BadParameters:  {ConversationID: "C2Cbob", Time: float64(now.UnixMilli())},
		fault.NoConversation: {ConversationID: "bob", Time: 1},
	} {
		require.Equal(t, wanted, code(a.call(frame.MessageHop, p, nil)))
	}
}

// TestHopToASequence: in a group the place is a sequence, and a member sees what they
// see in the history.
func TestHopToASequence(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{Frame: 3000, GroupRate: 1000})
	groups.make("g", 1, false)
	alice, bob := listen(t, in, "alice", "a1"), listen(t, in, "bob", "b1")
	require.NoError(t, groups.change(in, "g", []string{"alice"}, nil))
	var all []Message
	for n := range 20 {
		all = append(all, alice.says("g", fmt.Sprint(n)))
	}
	require.Equal(t, fault.GroupNotPermitted, code(bob.call(frame.MessageHop, hopParams{ConversationID: "GROUPg"}, nil)))
	require.NoError(t, groups.change(in, "g", []string{"bob"}, nil))
	for n := range 25 {
		all = append(all, alice.says("g", fmt.Sprint(20+n, strings.Repeat("x", 40*n))))
	}
	bob.must(frame.MessageDelete, conversationParams{ConversationID: "GROUPg", Positions: []uint64{all[30].Position}}, nil)
	history := map[*ear][]string{alice: alice.history("g"), bob: bob.history("g")}
	require.Len(t, history[alice], 47)
	require.Len(t, history[bob], 25)
	for _, m := range []Message{all[19], all[30], all[44]} {
		for e, texts := range history {
			split := slices.Index(texts, textOf(m))
			p := hopParams{ConversationID: "GROUPg", Sequence: m.Sequence, Time: 7, Count: 15}
			older, p2 := textsOf(hoppedThrough(t, e, p)), p
			p2.Newer = true
			newer := textsOf(hoppedThrough(t, e, p2))
			if split >= 0 { // otherwise it is one that they do not see
				require.Equal(t, textOf(m), older[len(older)-1])
				require.Equal(t, textOf(m), newer[0])
				newer = newer[1:]
			}
			require.Equal(t, texts, append(older, newer...), "%s at %d", e.userID, m.Sequence)
		}
	}
	require.Equal(t, fault.BadParameters, code(alice.call(frame.MessageHop, hopParams{ConversationID: "GROUPg", Sequence: 1 << 63}, nil)))
	require.Equal(t, fault.BadParameters, code(alice.call(frame.MessageHop, hopParams{ConversationID: "GROUPg", Sequence: 3, From: 1 << 40}, nil)))
}

// TestHopFar: the way to a place of long ago takes several calls, each of which
// costs no more than another.
func TestHopFar(t *testing.T) {
	now := &clock{now: time.Unix(1_700_000_000, 0)}
	in := open(t, openBus(t, bus.Memory), Options{Now: now.Now})
	a := login(t, in, "alice", "a1")
	const messages = 52 * window
	for n := range messages {
		text := fmt.Sprint(n)
		if n%window == 0 { // those that are read on the way
			text += strings.Repeat("x", longSize)
		}
		a.send("bob", text)
		now.forward(time.Second)
	}
	for _, n := range []int64{1, 2, 17, 100} {
		p := hopParams{ConversationID: "C2Cbob", Time: float64(1_700_000_000 + n), Count: 3}
		r, calls := hopped(t, a, p)
		require.EqualValues(t, n+1, r.Messages[len(r.Messages)-1].Sequence)
		require.Greater(t, calls, 1)
		p.Newer = true
		r, calls = hopped(t, a, p)
		require.EqualValues(t, n+1, r.Messages[0].Sequence)
		require.Len(t, r.Messages, 3)
		require.Greater(t, calls, 1)
	}
}
