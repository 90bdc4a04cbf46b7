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

func (c *client) react(peer string, position uint64, id string, remove bool) fault.Code {
	f := c.call(frame.MessageReact, reactParams{c2c + peer, position, id, remove}, nil)
	if f == nil {
		return 0
	}
	return f.Code
}

// saw waits until a page was told of reactions so many times, and returns what it was
// told last.
func (c *client) saw(times int) reactionData {
	c.t.Helper()
	c.until("reactions", func() bool { return len(c.reactions) >= times })
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reactions[times-1]
}

func (c *client) reactionsTo(peer string, messages ...Message) (r reactionsResult) {
	c.t.Helper()
	c.must(frame.MessageReactions, at(peer, messages...), &r)
	return r
}

// All instances of both users are told of a reaction, and it is stored.
func TestReactions(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, a2, b := login(t, in, "alice", "a1"), login(t, in, "alice", "a2"), login(t, in, "bob", "b1")
	b.must(frame.ProfileSet, map[string]any{"nick": "Bob", "avatar": "b.png"}, nil)
	m, plain := a.send("bob", "hello"), a.send("bob", "plain")
	alice, bob := UserInfo{UserID: "alice"}, UserInfo{"bob", "Bob", "b.png"}
	smile := func(mine bool, users ...UserInfo) reactionData {
		return reactionData{m.ID, []Reaction{{"smile", len(users), append([]UserInfo{}, users...), mine}}}
	}
	require.Zero(t, b.react("alice", m.Position, "smile", false))
	for _, c := range []*client{a, a2} {
		require.Equal(t, smile(false, bob), c.saw(1))
	}
	require.Equal(t, smile(true, bob), b.saw(1))
	require.Zero(t, a.react("bob", m.Position, "smile", false))
	require.Equal(t, smile(true, bob, alice), a2.saw(2))
	require.Zero(t, b.react("alice", m.Position, "frown", false))
	require.Equal(t, "frown", a.saw(3).ReactionList[0].ReactionID)

	want := reactionsResult{
		Reactions: []storedReactions{{m.Position, []reactionsBy{{ReactionID: "smile", UserIDs: []string{"bob", "alice"}}, {ReactionID: "frown", UserIDs: []string{"bob"}}}}},
		Users:     []UserInfo{alice, bob},
	}
	for c, peer := range map[*client]string{a: "bob", b: "alice"} {
		require.Equal(t, want, c.reactionsTo(peer, plain, m, m))
	}

	require.Zero(t, b.react("alice", m.Position, "smile", true))
	require.Equal(t, smile(true, alice), a.saw(4))
	require.Zero(t, a.react("bob", m.Position, "smile", true))
	require.Equal(t, smile(false), b.saw(5), "nobody reacts so any more")
	require.Zero(t, a.react("bob", m.Position, "smile", true), "repeated")
	require.Equal(t, []reactionsBy{{ReactionID: "frown", UserIDs: []string{"bob"}}}, a.reactionsTo("bob", m).Reactions[0].ReactionList)

	// A revoked message loses its reactions, and takes no more.
	a.must(frame.MessageRevoke, conversationParams{ConversationID: "C2Cbob", Position: m.Position}, nil)
	require.Empty(t, b.reactionsTo("alice", m).Reactions)
	require.Equal(t, fault.InvalidOperation, b.react("alice", m.Position, "smile", false))
}

// TestReactionsAtOneTime: who reacts second is listed second, though both react in
// the same millisecond, or the second by a gateway whose clock is behind.
func TestReactionsAtOneTime(t *testing.T) {
	for _, late := range []int64{7, 6} {
		var f flags
		_, _, err := f.react("smile", 1, false, 7)
		require.NoError(t, err)
		_, is, err := f.react("smile", 0, false, late)
		require.NoError(t, err)
		require.Equal(t, []int{1, 0}, is.sides())
	}
}

// Who may react, to what, and how.
func TestWhoReacts(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b, eve := login(t, in, "alice", "a1"), login(t, in, "bob", "b1"), login(t, in, "eve", "e1")
	m, own := a.send("bob", "hello"), a.send("alice", "a note")
	require.Equal(t, fault.BadParameters, eve.react("alice", m.Position, "smile", false), "of another conversation")
	require.Equal(t, fault.NoConversation, a.react("", m.Position, "smile", false))
	for _, id := range []string{systemUser} {
		for _, method := range []string{frame.MessageReact, frame.MessageReactions} {
			p := map[string]any{"conversationID": id, "position": 1, "positions": []int{1}, "reactionID": "smile"}
			require.Equal(t, fault.NotBuiltYet, a.call(method, p, nil).Code)
		}
	}
	require.Equal(t, fault.BadParameters, a.react("bob", m.Position+100, "smile", false))
	for _, id := range []string{"", strings.Repeat("x", maxReactionID+1), "\n", "a\x00"} {
		require.Equal(t, fault.BadParameters, a.react("bob", m.Position, id, false), "%q", id)
	}
	for n := range maxReactions {
		require.Zero(t, b.react("alice", m.Position, fmt.Sprint("emoji", n), false))
	}
	require.Equal(t, fault.InvalidOperation, b.react("alice", m.Position, "one more", false))
	require.Zero(t, a.react("bob", m.Position, "emoji0", false), "one that is there")
	require.Zero(t, b.react("alice", m.Position, "emoji1", true))
	require.Zero(t, b.react("alice", m.Position, "one more", false))

	require.Zero(t, a.react("alice", own.Position, "smile", false))
	require.Equal(t, []reactionsBy{{ReactionID: "smile", UserIDs: []string{"alice"}}}, a.reactionsTo("alice", own).Reactions[0].ReactionList)

	b.must(frame.BlacklistAdd, usersParams{[]string{"alice"}}, nil)
	require.Equal(t, fault.Blocked, a.react("bob", m.Position, "emoji2", false))
}

// Reactions cost as much of a user's rate as messages.
func TestReactionsAreCharged(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Rate: 1, Burst: 3, Now: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	a := login(t, in, "alice", "a1")
	m := a.send("bob", "hello")
	require.Zero(t, a.react("bob", m.Position, "smile", false))
	require.Zero(t, a.react("bob", m.Position, "smile", true))
	require.Equal(t, fault.TooFrequent, a.react("bob", m.Position, "smile", false))
}

// Two users who react at once do not overwrite each other, and the largest answer
// fits into a frame.
func TestReactionsFromTwo(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	longA, longB := strings.Repeat("\"", 32), strings.Repeat("\\", 32)
	a, b := login(t, in, longA, "a1"), login(t, in, longB, "b1")
	for _, c := range []*client{a, b} {
		c.must(frame.ProfileSet, map[string]any{"nick": strings.Repeat("\"", 500), "avatar": strings.Repeat("\"", 500)}, nil)
	}
	var messages []Message
	for range window {
		m := a.send(longB, "hello")
		messages = append(messages, m)
		done := make(chan fault.Code)
		for c, peer := range map[*client]string{a: longB, b: longA} {
			go func() {
				for n := range maxReactions {
					done <- c.react(peer, m.Position, fmt.Sprintf("%d%s", n, strings.Repeat("\"", maxReactionID-1)), false)
				}
			}()
		}
		for range 2 * maxReactions {
			require.Zero(t, <-done)
		}
	}
	r := a.reactionsTo(longB, messages...)
	require.Len(t, r.Reactions, window)
	for _, one := range r.Reactions {
		require.Len(t, one.ReactionList, maxReactions)
		for _, by := range one.ReactionList {
			require.ElementsMatch(t, []string{longA, longB}, by.UserIDs)
		}
	}
	require.Less(t, len(encode(r)), frame.MaxFrame)
}
