package inbox

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// What a user has sent to a group is revoked, though they have left it; what was
// revoked by a call that was cut off is told, and a repetition changes nothing.
func TestServerRevokesASender(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	all := team(t, in, groups, "g", "boss", "bob", "carol")
	boss, bob, carol := all[0], all[1], all[2]
	revoke := func(sender string) (int, error) { return in.RevokeOfSender(t.Context(), app, "g", sender, "root") }

	var theirs []Message
	for _, text := range []string{"one", "two", "three", "four"} {
		theirs = append(theirs, bob.says("g", text))
		carol.says("g", "not "+text)
	}
	bob.must(frame.MessageRevoke, conversationParams{ConversationID: "GROUPg", Position: theirs[0].Position}, nil)
	boss.until("bob's own revocation", func() bool { return len(boss.revoked) == 1 })
	_, f := bob.modifies("g", theirs[1], 0, "edited", "")
	require.Nil(t, f)
	cut, err := in.messageAt(t.Context(), pairOf(app, "", groupName("g")), theirs[1].Position)
	require.NoError(t, err)
	require.NoError(t, in.flagAll(t.Context(), []*record{cut}, func(_ *record, f *flags) bool {
		f.Revoked, f.By = true, "boss"
		return true
	}, func(*record, flags) {}))
	require.NoError(t, groups.change(in, "g", nil, []string{"bob"}))

	n, err := revoke("bob")
	require.NoError(t, err)
	require.Equal(t, 3, n)
	n, err = revoke("bob")
	require.NoError(t, err)
	require.Zero(t, n, "a repetition")
	boss.until("the revocations", func() bool { return len(boss.revoked) == 4 })
	by := map[string]string{}
	boss.mu.Lock()
	for _, m := range boss.revoked {
		by[textOf(m)] = m.Revoker
	}
	boss.mu.Unlock()
	require.Equal(t, map[string]string{"one": "bob", "edited": "boss", "three": "root", "four": "root"}, by)
	boss.unreads("g", 4)
	var r listResult
	boss.must(frame.MessageList, conversationParams{ConversationID: "GROUPg", Count: window}, &r)
	for _, m := range r.Messages {
		require.Equal(t, m.From == "bob" && m.Type != typeGroupTip, m.IsRevoked, textOf(m))
	}

	n, err = revoke("nobody")
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = in.RevokeOfSender(t.Context(), app, "h", "bob", "root")
	require.ErrorIs(t, err, fault.New(fault.NoSuchGroup))
	_, err = in.RevokeOfSender(t.Context(), app, "", "bob", "root")
	require.ErrorIs(t, err, fault.New(fault.BadGroupID))
	groups.make("room", 1, false)
	groups.mu.Lock()
	groups.groups["room"].Live = true
	groups.mu.Unlock()
	n, err = in.RevokeOfSender(t.Context(), app, "room", "bob", "root")
	require.NoError(t, err)
	require.Zero(t, n, "a live room keeps nothing")
}

// An administrator sets how many messages of a group are unread for a member.
func TestServerSetsUnread(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	all := team(t, in, groups, "g", "alice", "bob")
	alice, bob := all[0], place.User{SDKAppID: app, UserID: "bob"}
	set := func(n uint64) uint64 {
		t.Helper()
		now, err := in.SetUnread(t.Context(), bob, "g", n)
		require.NoError(t, err)
		return now
	}
	require.Zero(t, set(3), "there are no messages that count")
	var said []Message
	for _, text := range []string{"one", "two", "three", "four", "five"} {
		said = append(said, alice.says("g", text))
	}
	all[1].unreads("g", 5)
	alice.must(frame.MessageRevoke, conversationParams{ConversationID: "GROUPg", Position: said[3].Position}, nil)
	all[1].unreads("g", 4)

	require.EqualValues(t, 2, set(2), "the revoked one is none of them")
	all[1].unreads("g", 2)
	require.Zero(t, set(0))
	all[1].unreads("g", 0)
	for _, n := range []uint64{1, 3, 4, 9} {
		want := min(n, 4)
		require.Equal(t, want, set(n))
		require.Equal(t, want, set(n), "a repetition")
		again := listen(t, in, "bob", freshID())
		again.unreads("g", want)
		again.drop()
	}
	all[1].unreads("g", 0) // what this page has read stays read
	alice.says("g", "six")
	again := listen(t, in, "bob", "b2")
	again.unreads("g", 5)
	again.must(frame.ConversationClear, conversationParams{ConversationID: "GROUPg"}, nil)
	require.Zero(t, set(5), "what they have cleared does not come back")

	for id, want := range map[string]fault.Code{"": fault.BadGroupID, "h": fault.NoSuchGroup} {
		_, err := in.SetUnread(t.Context(), bob, id, 1)
		require.ErrorIs(t, err, fault.New(want))
	}
	for _, userID := range []string{"eve", "root"} {
		_, err := in.SetUnread(t.Context(), place.User{SDKAppID: app, UserID: userID}, "g", 1)
		require.ErrorIs(t, err, fault.New(fault.GroupNotPermitted), userID)
	}
	groups.mu.Lock()
	groups.groups["g"].Counts = false
	groups.mu.Unlock()
	require.Zero(t, set(1), "nothing counts here")
}

// A member who was added later does not get messages that they may not see as unread.
func TestServerSetsUnreadOfANewcomer(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	alice := team(t, in, groups, "g", "alice")[0]
	alice.says("g", "before")
	require.NoError(t, groups.change(in, "g", []string{"bob"}, nil))
	alice.says("g", "after")
	n, err := in.SetUnread(t.Context(), place.User{SDKAppID: app, UserID: "bob"}, "g", 2)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	listen(t, in, "bob", "b1").unreads("g", 1)
}

func serverText(text string) ServerEdit {
	return ServerEdit{Type: typeText, Payload: json.RawMessage(`{"text":"` + text + `"}`)}
}

// An administrator edits a message of a group in its sender's name.
func TestServerEditsInAGroup(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	all := team(t, in, groups, "g", "alice", "bob")
	alice, bob := all[0], all[1]
	m := alice.says("g", "before")
	edit := func(e ServerEdit) error { return in.EditInGroup(t.Context(), app, "g", m.Sequence, e) }
	told := func(n int, text, cloud string) {
		t.Helper()
		for _, e := range all {
			e.until("the edit", func() bool { return len(e.modified) == n })
			e.mu.Lock()
			last := e.modified[n-1]
			e.mu.Unlock()
			require.Equal(t, []any{text, cloud, "alice", n}, []any{textOf(last), last.CloudCustomData, last.From, last.Version})
		}
	}
	require.NoError(t, edit(serverText("after")))
	told(1, "after", "")
	cloud := "data"
	require.NoError(t, edit(ServerEdit{CloudCustomData: &cloud}))
	told(2, "after", "data")
	require.NoError(t, edit(serverText("again")))
	told(3, "again", "data")
	require.NoError(t, edit(serverText("again")), "repeated after a lost answer")
	_, f := bob.modifies("g", m, 3, "", "answered")
	require.Nil(t, f)
	told(4, "again", "answered")
	require.NoError(t, edit(serverText("again")), "nothing is changed")
	_, f = alice.modifies("g", m, 4, "mine", "")
	require.Nil(t, f)
	told(5, "mine", "")

	image := ServerEdit{Type: typeImage, Payload: json.RawMessage(`{}`)}
	long := serverText(strings.Repeat("x", 20<<10))
	for code, err := range map[fault.Code]error{
		fault.InvalidOperation: edit(image),
		fault.BodyTooLarge:     edit(long),
		fault.BodyMalformed:    edit(ServerEdit{Type: typeText, Payload: json.RawMessage(`{}`)}),
		fault.BadParameters:    in.EditInGroup(t.Context(), app, "g", 99, serverText("x")),
		fault.NoSuchGroup:      in.EditInGroup(t.Context(), app, "h", 1, serverText("x")),
		fault.BadGroupID:       in.EditInGroup(t.Context(), app, "", 1, serverText("x")),
	} {
		require.ErrorIs(t, err, fault.New(code))
	}
	require.ErrorIs(t, in.EditInGroup(t.Context(), app, "g", 1, serverText("x")), fault.New(fault.InvalidOperation), "a tip")
	require.NoError(t, in.RevokeInGroup(t.Context(), app, "g", "root", m.Sequence))
	require.ErrorIs(t, edit(serverText("late")), fault.New(fault.InvalidOperation))
	require.ErrorIs(t, edit(serverText("mine")), fault.New(fault.InvalidOperation), "what it says already")
}

// An administrator edits a message between two users in its sender's name.
func TestServerEditsByKey(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	alice := place.User{SDKAppID: app, UserID: "alice"}
	m := a.send("bob", "before")
	require.NoError(t, in.EditByKey(t.Context(), alice, "bob", m.Key(), serverText("after")))
	for _, c := range []*client{a, b} {
		c.until("told", func() bool {
			return len(c.modified) == 1 && textOf(c.modified[0]) == "after" && c.modified[0].From == "alice"
		})
	}
	require.Equal(t, 2, a.edited("bob", m.Position, 1, "mine").Message.Version, "the page has heard of it")
	require.ErrorIs(t, in.EditByKey(t.Context(), alice, "bob", "x", serverText("x")), fault.New(fault.MsgKeyMalformed))
	require.ErrorIs(t, in.EditByKey(t.Context(), alice, "bob", "1_2_3", serverText("x")), fault.New(fault.NoMessageOfKey))
	bob := place.User{SDKAppID: app, UserID: "bob"}
	require.ErrorIs(t, in.EditByKey(t.Context(), bob, "alice", m.Key(), serverText("x")), fault.New(fault.NoMessageOfKey), "it is alice's")
}

// The same in a topic, whose members are those of its community.
func TestServerChangesATopic(t *testing.T) {
	in, _, all := openForum(t, "boss", "bob")
	boss, bob := all[0], all[1]
	bob.enters(tea)
	m := boss.says(tea, "before")
	boss.says(cake, "elsewhere")
	require.NoError(t, in.EditInGroup(t.Context(), app, tea, m.Sequence, serverText("after")))
	bob.until("the edit", func() bool { return len(bob.modified) == 1 && textOf(bob.modified[0]) == "after" })
	bob.unreads(tea, 1)
	n, err := in.SetUnread(t.Context(), place.User{SDKAppID: app, UserID: "bob"}, tea, 0)
	require.NoError(t, err)
	require.Zero(t, n)
	bob.unreads(tea, 0)
	for id, want := range map[string]int{tea: 1, forum: 0} {
		revoked, err := in.RevokeOfSender(t.Context(), app, id, "boss", "root")
		require.NoError(t, err)
		require.Equal(t, want, revoked, id)
	}
	bob.until("the revocation", func() bool { return len(bob.revoked) == 1 })
	require.Equal(t, []string{"elsewhere"}, bob.history(cake))
}
