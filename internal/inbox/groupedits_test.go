package inbox

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// team makes a group with members, of whom each has an instance.
func team(t testing.TB, in *Inbox, groups *modelGroups, groupID string, userIDs ...string) []*ear {
	t.Helper()
	groups.make(groupID, 1, false)
	require.NoError(t, groups.change(in, groupID, userIDs, nil))
	out := make([]*ear, len(userIDs))
	for i, id := range userIDs {
		out[i] = listen(t, in, id, id+"1")
	}
	return out
}

// modifies changes a text and its custom data; an empty text leaves it as it is.
func (e *ear) modifies(groupID string, m Message, version int, text, cloud string) (r modifyResult, f *fault.Error) {
	p := map[string]any{"conversationID": groupKind + groupID, "position": m.Position, "version": version, "cloudCustomData": cloud}
	if text != "" {
		p["payload"] = map[string]any{"text": text}
	}
	return r, e.call(frame.MessageModify, p, &r)
}

// An edit in a group is told to all members, and stays.
func TestGroupEdits(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	all := team(t, in, groups, "g", "alice", "bob", "carol")
	alice, bob := all[0], all[1]
	m := alice.says("g", "before")
	r, f := alice.modifies("g", m, 0, "after", "")
	require.Nil(t, f)
	require.Equal(t, []any{"after", true, 1, m.ID, false}, []any{textOf(r.Message), r.Message.IsModified, r.Message.Version, r.Message.ID, r.Conflict})
	for _, e := range all {
		e.until("the edit", func() bool { return len(e.modified) == 1 && textOf(e.modified[0]) == "after" })
	}
	again, f := alice.modifies("g", m, 0, "after", "")
	require.Nil(t, f)
	require.Equal(t, r, again, "repeated after a lost answer")

	// Another member changes its custom data; somebody else was faster.
	r, f = bob.modifies("g", m, 1, "", "answered")
	require.Nil(t, f)
	require.Equal(t, []any{"after", "answered", 2}, []any{textOf(r.Message), r.Message.CloudCustomData, r.Message.Version})
	r, f = alice.modifies("g", m, 1, "", "answered")
	require.Nil(t, f)
	require.True(t, r.Conflict, "the same words of another member are no repetition")
	for _, e := range all {
		e.until("the second edit", func() bool { return len(e.modified) == 2 && e.modified[1].CloudCustomData == "answered" })
		require.Equal(t, []string{"*", "after"}, e.history("g"))
	}
	bob.unreads("g", 1)
	bob.until("the list to say it", func() bool { return bob.convs["GROUPg"].last.MessageForShow == "after" })
}

// Who was away is told of the newest edit, and who has come later of none of what
// they do not see.
func TestMissedGroupEdits(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	all := team(t, in, groups, "g", "alice", "bob")
	alice, bob := all[0], all[1]
	m := alice.says("g", "one")
	bob.hears("one")
	bob.drop()
	for version, text := range []string{"two", "three"} {
		_, f := alice.modifies("g", m, version, text, "")
		require.Nil(t, f)
	}
	bob.attach(in)
	bob.sync()
	bob.until("the edit", func() bool { return len(bob.modified) == 1 && textOf(bob.modified[0]) == "three" })

	require.NoError(t, groups.change(in, "g", []string{"dave"}, nil))
	dave := listen(t, in, "dave", "d1")
	_, f := alice.modifies("g", m, 2, "four", "")
	require.Nil(t, f)
	alice.says("g", "five")
	dave.hears("five")
	dave.mu.Lock()
	require.Empty(t, dave.modified)
	dave.mu.Unlock()
	_, f = dave.modifies("g", m, 3, "", "x")
	require.Equal(t, fault.BadParameters, code(f), "what came before he did")
}

// Who may edit in a group, and how often.
func TestWhoEditsInAGroup(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{GroupRate: 3, Now: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	all := team(t, in, groups, "g", "boss", "bob", "carol")
	boss, bob, carol := all[0], all[1], all[2]
	eve := listen(t, in, "eve", "e1")
	m := bob.says("g", "words")
	refused := func(e *ear, m Message, version int, text, cloud string) fault.Code {
		t.Helper()
		_, f := e.modifies("g", m, version, text, cloud)
		return code(f)
	}
	require.Equal(t, fault.InvalidOperation, refused(boss, m, 0, "theirs", ""), "words of another, whoever manages the group")
	require.Equal(t, fault.GroupNotPermitted, refused(eve, m, 0, "", "x"), "no member")
	require.Equal(t, fault.BadParameters, refused(bob, Message{Position: m.Position + 100}, 0, "x", ""))
	var r listResult
	bob.must(frame.MessageList, conversationParams{ConversationID: "GROUPg"}, &r)
	require.Equal(t, fault.InvalidOperation, refused(bob, r.Messages[0], 0, "", "x"), "a tip")
	groups.mu.Lock()
	groups.groups["g"].muted["carol"] = true
	groups.mu.Unlock()
	require.Equal(t, fault.GroupMuted, refused(carol, m, 0, "", "x"))

	require.Zero(t, refused(bob, m, 0, "the third in this second", ""))
	require.Equal(t, fault.GroupTooFrequent, refused(bob, m, 1, "the fourth", ""), "an edit costs the group as much as a message")

	require.NoError(t, in.GroupChanged(t.Context(), GroupChange{App: app, Group: "g", Born: 1, Key: "gone", Gone: true}))
	require.Equal(t, fault.NoSuchGroup, refused(bob, m, 0, "late", ""))
}
