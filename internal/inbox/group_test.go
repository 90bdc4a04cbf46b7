package inbox

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// TestGroupTalk: a message of a member reaches every instance of every member once,
// and counts as unread for those who have not read it.
func TestGroupTalk(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	alice, phone := listen(t, in, "alice", "a1"), listen(t, in, "alice", "a2")
	bob, eve := listen(t, in, "bob", "b1"), listen(t, in, "eve", "e1")
	require.NoError(t, groups.change(in, "g", []string{"alice", "bob"}, nil))

	sent := alice.says("g", "one")
	require.Equal(t, "GROUPg", sent.ConversationID)
	require.Equal(t, "g", sent.To)
	require.Equal(t, "alice", sent.From)
	bob.hears("one")
	phone.hears("one")
	bob.unreads("g", 1)
	alice.until("its own", func() bool {
		return alice.of("GROUPg").last != nil && alice.of("GROUPg").last.Position == sent.Position
	})
	alice.unreads("g", 0)
	phone.unreads("g", 0)

	bob.says("g", "two")
	alice.hears("two")
	phone.hears("one", "two")
	alice.unreads("g", 1)
	bob.unreads("g", 0)
	alice.must(frame.MessageRead, conversationParams{ConversationID: "GROUPg"}, nil)
	phone.unreads("g", 0)

	require.Equal(t, []string{"*", "one", "two"}, alice.history("g"))
	require.Equal(t, fault.GroupNotPermitted, code(eve.call(frame.MessageList, conversationParams{ConversationID: "GROUPg"}, nil)))
	require.Equal(t, fault.GroupNotPermitted, code(eve.call(frame.MessageSend, toGroup(eve.id("x"), "g", "x"), nil)))
	require.Equal(t, fault.NoSuchGroup, code(alice.call(frame.MessageSend, toGroup(alice.id("y"), "nowhere", "y"), nil)))
	require.Empty(t, eve.messages)
	require.False(t, eve.lists("g"))
}

// TestGroupFramesAreTheSame: all members get the same bytes.
func TestGroupFramesAreTheSame(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	var all []*ear
	var names []string
	for n := range 5 {
		names = append(names, fmt.Sprint("m", n))
		all = append(all, listen(t, in, names[n], "i"))
	}
	require.NoError(t, groups.change(in, "g", names, nil))
	all[0].says("g", "hello")
	var first string
	for _, e := range all[1:] {
		e.hears("hello")
		e.mu.Lock()
		for _, n := range e.notes {
			if n.method == frame.NoteMessages && len(valuesOf[messagesNote](t, n.params).Messages) == 1 && textOf(valuesOf[messagesNote](t, n.params).Messages[0]) == "hello" {
				if first == "" {
					first = string(n.params)
				}
				require.Equal(t, first, string(n.params))
			}
		}
		e.mu.Unlock()
	}
	require.NotEmpty(t, first)
	require.NotContains(t, first, "unreadCount")
}

// TestGroupRepetition: a message that is sent again, at once or much later, is stored
// only once.
func TestGroupRepetition(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	alice, bob := listen(t, in, "alice", "a1"), listen(t, in, "bob", "b1")
	require.NoError(t, groups.change(in, "g", []string{"alice", "bob"}, nil))
	first := alice.says("g", "once")
	var again messageResult
	alice.must(frame.MessageSend, toGroup(first.ID, "g", "once"), &again)
	require.Equal(t, first.Position, again.Message.Position)
	alice.must(frame.MessageSend, toGroup(first.ID, "g", "once", map[string]any{"resend": true}), &again)
	require.Equal(t, first.Position, again.Message.Position)
	alice.says("g", "then")
	bob.hears("once", "then")
	require.Equal(t, []string{"*", "once", "then"}, bob.history("g"))
}

// TestGroupLeaveAndComeBack: a former member gets and reads no more messages; one who
// comes back sees the messages from then on.
func TestGroupLeaveAndComeBack(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	alice, bob := listen(t, in, "alice", "a1"), listen(t, in, "bob", "b1")
	require.NoError(t, groups.change(in, "g", []string{"alice", "bob"}, nil))
	old := alice.says("g", "one")
	bob.hears("one")
	require.NoError(t, groups.change(in, "g", nil, []string{"bob"}))
	bob.until("that it is gone", func() bool { return bob.convs["GROUPg"] == nil })
	late, err := in.messageAt(t.Context(), pairOf(app, "", groupName("g")), old.Position)
	require.NoError(t, err)
	require.NotContains(t, in.crowds.hearing(in.delivery.number(bob.s.user.User), late), bob.s.user, "the log may come later than the document")
	alice.says("g", "two")
	for method, params := range map[string]any{
		frame.MessageList:     conversationParams{ConversationID: "GROUPg"},
		frame.MessageRead:     conversationParams{ConversationID: "GROUPg"},
		frame.MessageRevoke:   conversationParams{ConversationID: "GROUPg", Position: old.Position},
		frame.MessageDelete:   conversationParams{ConversationID: "GROUPg", Positions: []uint64{old.Position}},
		frame.MessageSend:     toGroup(bob.id("three"), "g", "three"),
		frame.MessageSearch:   searchParams{KeywordList: []string{"two"}, ConversationID: "GROUPg"},
		frame.ConversationPin: conversationParams{ConversationID: "GROUPg", IsPinned: true},
	} {
		require.NotZero(t, code(bob.call(method, params, nil)), method)
	}
	fresh := listen(t, in, "bob", "b2")
	require.False(t, fresh.lists("g"))
	require.Empty(t, fresh.messages)

	require.NoError(t, groups.change(in, "g", []string{"bob"}, nil))
	alice.says("g", "four")
	bob.hears("one", "four")
	fresh.hears("four")
	require.Equal(t, []string{"*", "four"}, bob.history("g"))
	fresh.unreads("g", 1)
	require.Equal(t, fault.BadParameters, code(bob.call(frame.MessageDelete, conversationParams{ConversationID: "GROUPg", Positions: []uint64{old.Position}}, nil)))
	require.Equal(t, []string{"*", "one", "*", "two", "*", "four"}, alice.history("g"))
}

// TestGroupOlder: a type of group may let members read messages from before they
// joined, which do not count as unread.
func TestGroupOlder(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, true)
	alice := listen(t, in, "alice", "a1")
	require.NoError(t, groups.change(in, "g", []string{"alice"}, nil))
	alice.says("g", "before")
	require.NoError(t, groups.change(in, "g", []string{"bob"}, nil))
	bob := listen(t, in, "bob", "b1")
	require.Equal(t, []string{"*", "before", "*"}, bob.history("g"))
	require.True(t, bob.lists("g"))
	bob.unreads("g", 0)
}

// TestGroupOffline: a member who was away gets the messages sent meanwhile, once, and
// a fresh login counts them.
func TestGroupOffline(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	alice, bob := listen(t, in, "alice", "a1"), listen(t, in, "bob", "b1")
	require.NoError(t, groups.change(in, "g", []string{"alice", "bob", "carol"}, nil))
	alice.says("g", "one")
	bob.hears("one")
	bob.unreads("g", 1)
	bob.drop()
	for n := range 30 {
		alice.says("g", fmt.Sprint(n))
	}
	taken := alice.says("g", "gone")
	alice.must(frame.MessageRevoke, conversationParams{ConversationID: "GROUPg", Position: taken.Position}, nil)
	bob.attach(in)
	bob.sync()
	bob.until("all of it", func() bool { return len(bob.messages) == 32 })
	bob.unreads("g", 31)
	require.Len(t, bob.revoked, 1)
	carol := listen(t, in, "carol", "c1")
	carol.unreads("g", 31)
	require.EqualValues(t, 31, carol.known("GROUPg").unreadCount)
	require.Equal(t, bob.texts(), carol.texts())
}

// TestGroupRevoke: a message can be revoked by its sender and by whoever manages the
// group, and then no longer counts as unread.
func TestGroupRevoke(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	boss, bob, carol := listen(t, in, "boss", "x"), listen(t, in, "bob", "b1"), listen(t, in, "carol", "c1")
	require.NoError(t, groups.change(in, "g", []string{"boss", "bob", "carol"}, nil))
	first, second := bob.says("g", "one"), bob.says("g", "two")
	carol.hears("one", "two")
	revoke := func(e *ear, m Message) fault.Code {
		return code(e.call(frame.MessageRevoke, conversationParams{ConversationID: "GROUPg", Position: m.Position}, nil))
	}
	require.Equal(t, fault.GroupNotPermitted, revoke(carol, first))
	require.Zero(t, revoke(boss, first))
	require.Zero(t, revoke(boss, first), "once more")
	require.Zero(t, revoke(bob, second))
	carol.until("both", func() bool { return len(carol.revoked) == 2 })
	require.Equal(t, "boss", carol.revoked[0].Revoker)
	carol.unreads("g", 0)
	listen(t, in, "carol", "c2").unreads("g", 0)
	var r listResult
	carol.must(frame.MessageList, conversationParams{ConversationID: "GROUPg"}, &r)
	require.True(t, r.Messages[1].IsRevoked)
	require.True(t, r.Messages[2].IsRevoked)
	require.Equal(t, fault.InvalidOperation, revoke(boss, r.Messages[0]), "a tip")
}

// TestGroupDelete: a message that a member deletes is gone for that member only.
func TestGroupDelete(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	alice, bob := listen(t, in, "alice", "a1"), listen(t, in, "bob", "b1")
	require.NoError(t, groups.change(in, "g", []string{"alice", "bob"}, nil))
	one := alice.says("g", "one")
	two := alice.says("g", "two")
	bob.must(frame.MessageDelete, conversationParams{ConversationID: "GROUPg", Positions: []uint64{one.Position, two.Position}}, nil)
	require.Equal(t, []string{"*"}, bob.history("g"))
	require.Equal(t, []string{"*", "one", "two"}, alice.history("g"))
	bob.must(frame.ConversationClear, conversationParams{ConversationID: "GROUPg"}, nil)
	require.Empty(t, bob.history("g"))
	bob.unreads("g", 0)
	alice.says("g", "three")
	require.Equal(t, []string{"three"}, bob.history("g"))
}

// TestGroupSettings: the settings of a group's conversation are each member's own.
func TestGroupSettings(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	alice, bob := listen(t, in, "alice", "a1"), listen(t, in, "bob", "b1")
	require.NoError(t, groups.change(in, "g", []string{"alice", "bob"}, nil))
	bob.must(frame.ConversationPin, conversationParams{ConversationID: "GROUPg", IsPinned: true}, nil)
	bob.until("the pin", func() bool { return bob.of("GROUPg").pinned })
	alice.says("g", "one")
	require.False(t, listen(t, in, "alice", "a2").known("GROUPg").pinned)
	bob.must(frame.ConversationDelete, conversationParams{ConversationIDs: []string{"GROUPg"}}, nil)
	bob.until("that it is not listed", func() bool { return bob.convs["GROUPg"] == nil })
	alice.says("g", "two")
	bob.hears("one", "two")
}

// TestGroupGone: nobody has the conversation of a dismissed group, and a later group
// with its ID begins anew.
func TestGroupGone(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, true)
	alice, bob := listen(t, in, "alice", "a1"), listen(t, in, "bob", "b1")
	require.NoError(t, groups.change(in, "g", []string{"alice", "bob"}, nil))
	old := alice.says("g", "one")
	require.NoError(t, in.GroupChanged(t.Context(), GroupChange{App: app, Group: "g", Born: 1, Key: "gone", Gone: true}))
	for _, e := range []*ear{alice, bob} {
		e.until("that it is gone", func() bool { return e.convs["GROUPg"] == nil })
	}
	require.Equal(t, fault.NoSuchGroup, code(alice.call(frame.MessageList, conversationParams{ConversationID: "GROUPg"}, nil)))
	require.Equal(t, fault.NoSuchGroup, code(alice.call(frame.MessageSend, toGroup(alice.id("late"), "g", "late"), nil)))
	require.False(t, listen(t, in, "alice", "a2").lists("g"))

	groups.make("g", 2, true)
	require.NoError(t, groups.change(in, "g", []string{"bob"}, nil))
	again := bob.says("g", "anew")
	require.EqualValues(t, 2, again.Sequence)
	require.Equal(t, []string{"*", "anew"}, bob.history("g"))
	require.Equal(t, fault.GroupNotPermitted, code(alice.call(frame.MessageList, conversationParams{ConversationID: "GROUPg"}, nil)))
	require.Empty(t, alice.messages, "of a group that she is not in")
	require.Equal(t, fault.BadParameters, code(bob.call(frame.MessageDelete, conversationParams{ConversationID: "GROUPg", Positions: []uint64{old.Position}}, nil)))
	var r listResult
	bob.must(frame.MessageList, conversationParams{ConversationID: "GROUPg", Before: again.Position - 1}, &r)
	require.NotContains(t, textsOf(r.Messages), "one")
}

// TestGroupLimits: what a client may and may not send to a group.
func TestGroupLimits(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	alice, boss := listen(t, in, "alice", "a1"), listen(t, in, "boss", "x")
	require.NoError(t, groups.change(in, "g", []string{"alice", "boss"}, nil))
	at := func(ids ...string) map[string]any { return map[string]any{"atUserList": ids} }
	require.Equal(t, fault.BadParameters, code(alice.call(frame.MessageSend, toGroup(alice.id("1"), "g", "x", at(numbered("u", maxAt+1)...)), nil)))
	require.Equal(t, fault.BadParameters, code(alice.call(frame.MessageSend, toGroup(alice.id("2"), "g", "x", at("")), nil)))
	require.Equal(t, fault.GroupNotPermitted, code(alice.call(frame.MessageSend, toGroup(alice.id("3"), "g", "x", at(atAll)), nil)))
	require.Equal(t, []string{atAll, "alice"}, boss.says("g", "all", at(atAll, "alice", atAll)).AtUserList)
	require.Equal(t, fault.BadGroupID, code(alice.call(frame.MessageSend, toGroup(alice.id("4"), "\x00", "x"), nil)))
	require.Equal(t, fault.BadParameters, code(alice.call(frame.MessageSend, toGroup(messageID("boss", in.now(), "5"), "g", "x"), nil)), "somebody else's ID")
	groups.mu.Lock()
	groups.groups["g"].muted["alice"] = true
	groups.mu.Unlock()
	require.Equal(t, fault.GroupMuted, code(alice.call(frame.MessageSend, toGroup(alice.id("6"), "g", "x"), nil)))
}

// TestGroupMentions: a member who was away learns which unread messages mention them.
func TestGroupMentions(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	boss := listen(t, in, "boss", "x")
	require.NoError(t, groups.change(in, "g", []string{"boss", "alice", "bob"}, nil))
	at := func(ids ...string) map[string]any { return map[string]any{"atUserList": ids} }
	one := boss.says("g", "one", at("alice"))
	boss.says("g", "two", at("bob"))
	boss.says("g", "three")
	four := boss.says("g", "four", at(atAll, "alice"))
	five := boss.says("g", "five", at(atAll))
	taken := boss.says("g", "six", at("alice"))
	boss.must(frame.MessageRevoke, conversationParams{ConversationID: "GROUPg", Position: taken.Position}, nil)
	alice := listen(t, in, "alice", "a1")
	require.Equal(t, []Mention{
		{"boss", "g", one.Sequence, []int{atMe}}, {"boss", "g", four.Sequence, []int{atMeAndAll}}, {"boss", "g", five.Sequence, []int{atEverybody}},
	}, alice.known("GROUPg").mentions)
	require.Empty(t, listen(t, in, "boss", "y").known("GROUPg").mentions, "by themself")
	alice.must(frame.MessageRead, conversationParams{ConversationID: "GROUPg"}, nil)
	require.Empty(t, listen(t, in, "alice", "a2").known("GROUPg").mentions)
	for n := range 2 * maxMentions {
		one = boss.says("g", fmt.Sprint(n), at("alice"))
	}
	many := listen(t, in, "alice", "a3").known("GROUPg").mentions
	require.Len(t, many, maxMentions)
	require.Equal(t, one.Sequence, many[maxMentions-1].MessageSequence)
}

// TestGroupRate: the messages a second that a group takes are bounded. Only members
// use them up, and the repetition of a stored message is not refused.
func TestGroupRate(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{GroupRate: 3, Now: func() time.Time { return now }})
	groups.make("g", 1, false)
	alice, bob, eve := listen(t, in, "alice", "a1"), listen(t, in, "bob", "b1"), listen(t, in, "eve", "e1")
	require.NoError(t, groups.change(in, "g", []string{"alice", "bob"}, nil))
	for n := range 10 {
		require.Equal(t, fault.GroupNotPermitted, code(eve.call(frame.MessageSend, toGroup(eve.id(fmt.Sprint(n)), "g", "x"), nil)))
	}
	first := alice.says("g", "1")
	bob.says("g", "2")
	alice.says("g", "3")
	require.Equal(t, fault.GroupTooFrequent, code(bob.call(frame.MessageSend, toGroup(bob.id("4"), "g", "4"), nil)))
	var again messageResult
	alice.must(frame.MessageSend, toGroup(first.ID, "g", "1"), &again)
	require.Equal(t, first.Position, again.Message.Position)
	now = now.Add(time.Second)
	bob.says("g", "4")
}

// TestGroupOnlineOnly: a message for users who are online reaches them and is not
// stored.
func TestGroupOnlineOnly(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	alice, bob := listen(t, in, "alice", "a1"), listen(t, in, "bob", "b1")
	require.NoError(t, groups.change(in, "g", []string{"alice", "bob"}, nil))
	alice.says("g", "stored")
	bob.hears("stored")
	alice.says("g", "fleeting", map[string]any{"onlineUserOnly": true})
	bob.hears("stored", "fleeting")
	require.Equal(t, []string{"*", "stored"}, bob.history("g"))
}

// TestGroupUserWithoutDocument: a member whose document was not written, since the
// gateway died, gets it when they send a message.
func TestGroupUserWithoutDocument(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	alice := listen(t, in, "alice", "a1")
	groups.mu.Lock()
	groups.groups["g"].members["alice"] = true
	groups.mu.Unlock()
	alice.says("g", "one")
	require.Equal(t, []string{"one"}, alice.history("g"))
	alice.until("the conversation", func() bool { return alice.convs["GROUPg"] != nil && alice.convs["GROUPg"].whole })
}
