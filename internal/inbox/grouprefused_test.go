package inbox

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// TestSearchInGroups: a search goes on in a group where the previous page ended, and a
// dismissed group does not end it.
func TestSearchInGroups(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	alice := listen(t, in, "alice", "a1")
	for _, id := range []string{"g", "h"} {
		groups.make(id, 1, false)
		require.NoError(t, groups.change(in, id, []string{"alice"}, nil))
		alice.says(id, "cat 1")
		alice.says(id, "cat 2")
	}
	find := func(p searchParams) (lines []string) {
		p.KeywordList = []string{"cat"}
		for calls := 0; ; calls++ {
			require.Less(t, calls, 10)
			var r searchResult
			alice.must(frame.MessageSearch, p, &r)
			lines = append(lines, told(r)...)
			if p.Cursor = r.Cursor; p.Cursor == "" {
				return lines
			}
		}
	}
	require.Equal(t, []string{"GROUPg: cat 2", "GROUPg: cat 1"}, find(searchParams{ConversationID: "GROUPg", Count: 1}))
	require.Equal(t, []string{"GROUPh: 2", "GROUPg: 2"}, find(searchParams{Count: 1}))
	require.NoError(t, in.GroupChanged(t.Context(), GroupChange{App: app, Group: "h", Born: 1, Key: "gone", Gone: true}))
	require.Equal(t, []string{"GROUPg: 2"}, find(searchParams{}))
	inside := searchCursor{rev: 1 << 40, before: 1, other: groupName("h")}.text()
	require.Equal(t, []string{"GROUPg: 2"}, find(searchParams{Cursor: inside}))
	f := alice.call(frame.MessageSearch, searchParams{Cursor: searchCursor{before: 1, other: groupMark}.text()}, nil)
	require.Equal(t, fault.BadParameters, code(f))
}

// nameIn returns the name of a user whose conversation with others is in a class.
func nameIn(class uint32) string {
	for n := 0; ; n++ {
		if name := "u" + strconv.Itoa(n); classOf(convToken(name)) == class {
			return name
		}
	}
}

// TestGroupOfAFullUser: if a user has no room for a group's conversation or a notice,
// all others still get theirs.
func TestGroupOfAFullUser(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{Conversations: classes})
	alice, f := listen(t, in, "alice", "a1"), listen(t, in, "full", "f1")
	for class := range uint32(classes) {
		other := nameIn(class)
		f.must(frame.MessageSend, sendText(f.id(other), other, "x"), nil)
		f.must(frame.ConversationPin, conversationParams{ConversationID: c2c + other, IsPinned: true}, nil)
	}
	groups.make("g", 1, false)
	require.NoError(t, groups.change(in, "g", []string{"full", "alice"}, nil))
	alice.says("g", "one")
	require.Equal(t, []string{"*", "one"}, alice.history("g"))
	require.Equal(t, fault.ConversationsFull, code(f.call(frame.MessageSend, toGroup(f.id("x"), "g", "x"), nil)))

	n := Notice{App: app, To: []string{"full", "alice"}, Group: "g", Key: "k", Payload: json.RawMessage(`{}`)}
	require.NoError(t, in.Notify(t.Context(), n))
	var r listResult
	alice.must(frame.MessageList, conversationParams{ConversationID: systemUser}, &r)
	require.Len(t, r.Messages, 1)
}

// TestDismissedGroupsGiveWay: dismissed groups make room for other conversations.
func TestDismissedGroupsGiveWay(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{Conversations: 2 * classes})
	alice := listen(t, in, "alice", "a1")
	for n := 0; n < 3*2*classes; n++ {
		id := "g" + strconv.Itoa(n)
		groups.make(id, 1, false)
		require.NoError(t, groups.change(in, id, []string{"alice"}, nil))
		require.NoError(t, in.GroupChanged(t.Context(), GroupChange{App: app, Group: id, Born: 1, Key: "gone", Gone: true}))
	}
	groups.make("last", 1, false)
	require.NoError(t, groups.change(in, "last", []string{"alice"}, nil))
	alice.says("last", "one")
	for class := range uint32(classes) {
		other := nameIn(class)
		alice.must(frame.MessageSend, sendText(alice.id(other), other, "x"), nil)
	}
	require.Equal(t, []string{"*", "one"}, alice.history("last"))
}

// leaving is a Groups in which a user leaves the group right after the first call of
// Standing.
type leaving struct {
	*modelGroups
	leave func()
	once  sync.Once
}

func (l *leaving) Standing(ctx context.Context, u place.User, groupID string) (Standing, error) {
	as, err := l.modelGroups.Standing(ctx, u, groupID)
	l.once.Do(l.leave)
	return as, err
}

// TestSendWhileLeaving: a message that a user sends while they are removed from a group
// does not bring them back.
func TestSendWhileLeaving(t *testing.T) {
	l := &leaving{modelGroups: &modelGroups{}}
	in, _ := openGroups(t, openBus(t, bus.Memory), Options{Groups: l})
	l.make("g", 1, false)
	alice, bob := listen(t, in, "alice", "a1"), listen(t, in, "bob", "b1")
	require.NoError(t, l.change(in, "g", []string{"alice", "bob"}, nil))
	l.leave = func() { require.NoError(t, l.change(in, "g", nil, []string{"bob"})) }
	require.Equal(t, fault.GroupNotPermitted, code(bob.call(frame.MessageSend, toGroup(bob.id("x"), "g", "x"), nil)))
	alice.says("g", "secret")
	require.Equal(t, fault.GroupNotPermitted, code(bob.call(frame.MessageList, conversationParams{ConversationID: "GROUPg"}, nil)))
	require.False(t, listen(t, in, "bob", "b2").lists("g"))
	require.Equal(t, []string{"*", "*", "secret"}, alice.history("g"))
}
