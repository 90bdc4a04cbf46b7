package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

const (
	forum = "@TGS#_f"
	tea   = forum + "@TOPIC#_tea"
	cake  = forum + "@TOPIC#_cake"
)

// forumGroups is modelGroups in which the members of a topic are those of its
// community, and each community has topics.
type forumGroups struct{ *modelGroups }

func (f forumGroups) Standing(ctx context.Context, u place.User, groupID string) (Standing, error) {
	of, _, topic := strings.Cut(groupID, frame.TopicMark)
	as, err := f.modelGroups.Standing(ctx, u, of)
	if strings.HasPrefix(of, forum) {
		as.Readers, as.Topics = 0, !topic
	}
	if !topic || err != nil {
		return as, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.groups[groupID]
	if g == nil {
		return Standing{}, fault.New(fault.NoSuchGroup)
	}
	as.Born, as.Older = g.Born, g.Older
	return as, nil
}

// openForum makes a community with two topics and members who listen.
func openForum(t *testing.T, userIDs ...string) (*Inbox, *modelGroups, []*ear) {
	t.Helper()
	groups := &modelGroups{}
	in, _ := openGroups(t, openBus(t, bus.Memory), Options{Groups: forumGroups{groups}})
	all := team(t, in, groups, forum, userIDs...)
	for n, id := range []string{tea, cake} {
		groups.makeTopic(t, in, id, int64(10+n))
	}
	return in, groups, all
}

// makeTopic makes a topic of a community, as package group does.
func (m *modelGroups) makeTopic(t *testing.T, in *Inbox, id string, born int64) {
	t.Helper()
	m.make(id, born, true)
	require.NoError(t, in.GroupChanged(t.Context(), GroupChange{App: app, Group: id, Born: born, Key: "topic", Older: true}))
}

// enters lists topics, as getTopicList does.
func (e *ear) enters(topics ...string) (ids []string) {
	e.t.Helper()
	asked := make([]string, len(topics))
	for i, id := range topics {
		asked[i] = groupKind + id
	}
	var r enteredResult
	e.must(frame.ConversationEnter, conversationParams{ConversationIDs: asked}, &r)
	for _, c := range r.Conversations {
		ids = append(ids, c.ConversationID)
	}
	for _, f := range r.Failures {
		ids = append(ids, fmt.Sprint("-", f.Code))
	}
	return ids
}

// leaveForum has a member leave the community, as package group does.
func leaveForum(t *testing.T, in *Inbox, groups *modelGroups, userID string) {
	t.Helper()
	require.NoError(t, groups.leaveForum(in, userID))
}

func (m *modelGroups) leaveForum(in *Inbox, userID string) error {
	m.mu.Lock()
	delete(m.groups[forum].members, userID)
	m.mu.Unlock()
	return in.GroupChanged(context.Background(), GroupChange{App: app, Group: forum, Born: 1, Key: freshID(), Left: []string{userID}, Topics: []string{tea, cake}})
}

// Members who have listed topics hear of them; others do not, and lose nothing.
func TestTopicTalk(t *testing.T) {
	_, _, all := openForum(t, "boss", "bob", "carol")
	boss, bob, carol := all[0], all[1], all[2]
	require.Equal(t, []string{"GROUP" + tea, "GROUP" + cake}, bob.enters(tea, cake))
	require.Equal(t, []string{"GROUP" + tea, "GROUP" + cake}, bob.enters(tea, cake))
	require.Equal(t, []string{"-10010"}, bob.enters(tea+"x"))

	m := boss.says(tea, "one")
	boss.says(cake, "two")
	bob.hears("one", "two")
	bob.unreads(tea, 1)
	bob.unreads(cake, 1)
	boss.unreads(tea, 0)
	require.Equal(t, []string{"one"}, carol.history(tea), "who has never listed it reads what was said")
	carol.unreads(tea, 0)
	boss.says(tea, "three")
	carol.hears("three")
	carol.unreads(tea, 1)
	bob.unreads(tea, 2)
	bob.must(frame.MessageRead, conversationParams{ConversationID: "GROUP" + tea}, nil)
	bob.unreads(tea, 0)
	bob.unreads(cake, 1)
	carol.says(tea, "four")
	bob.hears("one", "two", "three", "four")

	require.Nil(t, boss.pins(tea, m, true))
	bob.hearsPins("+one by boss")
	boss.must(frame.MessageRevoke, conversationParams{ConversationID: "GROUP" + tea, Position: m.Position}, nil)
	bob.until("the revocation", func() bool { return len(bob.revoked) == 1 })

	_, f := boss.s.Call(t.Context(), frame.MessageSend, encode(toGroup(boss.id("x"), forum, "x")))
	require.Equal(t, fault.OnlyInTopics, code(f))
}

// The server API sends, revokes and imports in topics, and not in their community.
func TestServerAPIInATopic(t *testing.T) {
	in, _, all := openForum(t, "boss", "bob")
	bob := all[1]
	bob.enters(tea)
	m := GroupMessage{SDKAppID: app, From: "root", Group: tea, Type: typeText, Payload: json.RawMessage(`{"text":"two"}`), Random: 7}
	old := m
	old.From, old.Payload = "boss", json.RawMessage(`{"text":"one"}`)
	_, stored, err := in.ImportToGroup(t.Context(), "root", old, time.Now())
	require.NoError(t, err)
	require.True(t, stored)
	sent, err := in.SendToGroup(t.Context(), m)
	require.NoError(t, err)
	bob.hears("two")
	bob.unreads(tea, 1)
	require.Equal(t, []string{"one", "two"}, bob.history(tea))
	require.NoError(t, in.RevokeInGroup(t.Context(), app, tea, "root", sent.Seq))
	bob.until("the revocation", func() bool { return len(bob.revoked) == 1 })

	m.Group, old.Group = forum, forum
	_, err = in.SendToGroup(t.Context(), m)
	require.ErrorIs(t, err, fault.New(fault.OnlyInTopics))
	_, _, err = in.ImportToGroup(t.Context(), "root", old, time.Now())
	require.ErrorIs(t, err, fault.New(fault.OnlyInTopics))
}

// What is said as soon as somebody has entered a topic reaches them, wherever their
// document is by then.
func TestTopicsAreHeardAtOnce(t *testing.T) {
	in, groups, all := openForum(t, "boss", "bob")
	var want []string
	for n := range 10 {
		id := fmt.Sprint(forum, "@TOPIC#_", n)
		groups.makeTopic(t, in, id, int64(20+n))
		require.Len(t, all[1].enters(id), 1)
		all[0].says(id, fmt.Sprint(n))
		want = append(want, fmt.Sprint(n))
	}
	all[1].hears(want...)
}

// Who was away catches up with the topics that they have listed.
func TestMissedInTopics(t *testing.T) {
	in, _, all := openForum(t, "boss", "bob")
	boss, bob := all[0], all[1]
	bob.enters(tea, cake)
	bob.drop()
	boss.says(tea, "one")
	boss.says(cake, "two")
	bob.attach(in)
	bob.sync()
	bob.hears("one", "two")
	again := listen(t, in, "bob", "b2")
	again.unreads(tea, 1)
	again.unreads(cake, 1)
}

// Nobody hears of topics who is not in the community, or is no longer.
func TestWhoHearsOfTopics(t *testing.T) {
	in, groups, all := openForum(t, "boss", "bob", "carol")
	boss, bob, carol := all[0], all[1], all[2]
	eve := listen(t, in, "eve", "e1")
	require.Equal(t, []string{"-10007"}, eve.enters(tea))
	for method, p := range map[string]conversationParams{
		frame.MessageList: {ConversationID: "GROUP" + tea, Count: 1}, frame.MessagePinned: {ConversationID: "GROUP" + tea},
	} {
		require.Equal(t, fault.GroupNotPermitted, code(eve.call(method, p, nil)), method)
	}
	for _, id := range []string{"C2Cbob", "GROUP" + forum, "GROUPg", "GROUPg@TOPIC#x"} {
		require.NotNil(t, bob.call(frame.ConversationEnter, conversationParams{ConversationIDs: []string{id}}, nil), id)
	}
	bob.enters(tea)
	carol.enters(tea)
	boss.says(tea, "one")
	bob.hears("one")
	leaveForum(t, in, groups, "bob")
	leaveForum(t, in, groups, "bob") // repeated
	boss.says(tea, "two")
	carol.hears("one", "two")
	in.delivery.reach(t.Context(), bob.s.user.User, in.messages.Pos()[0])
	bob.hears("one")
	bob.until("the topic to be gone", func() bool { return bob.convs[groupKind+tea] == nil })
	require.Equal(t, fault.GroupNotPermitted, code(bob.call(frame.MessageList, conversationParams{ConversationID: "GROUP" + tea, Count: 1}, nil)))

	require.NoError(t, groups.change(in, forum, []string{"bob"}, nil))
	require.Equal(t, []string{"GROUP" + tea}, bob.enters(tea))
	bob.unreads(tea, 0)
	require.Equal(t, []string{"one", "two"}, bob.history(tea))

	require.NoError(t, in.GroupChanged(t.Context(), GroupChange{App: app, Group: forum, Born: 1, Key: "gone", Gone: true, Topics: []string{tea, cake}}))
	for _, e := range []*ear{bob, carol} {
		e.until("the topic to be gone", func() bool { return e.convs[groupKind+tea] == nil })
		require.Equal(t, fault.NoSuchGroup, code(e.call(frame.MessageList, conversationParams{ConversationID: "GROUP" + tea, Count: 1}, nil)))
	}
}

// Whoever leaves a community with many topics costs a few reads, and leaves those that
// they have entered.
func TestLeavingManyTopics(t *testing.T) {
	groups := &modelGroups{}
	in, _ := openGroups(t, openBus(t, bus.Memory), Options{Groups: forumGroups{groups}})
	reads := countDocuments(in)
	bob := team(t, in, groups, forum, "bob", "carol")[0]
	topics := make([]string, 40)
	for n := range topics {
		topics[n] = fmt.Sprint(forum, "@TOPIC#_", n)
		groups.makeTopic(t, in, topics[n], int64(20+n))
	}
	require.Len(t, bob.enters(topics[:3]...), 3)
	before := reads.n.Load()
	c := GroupChange{App: app, Group: forum, Born: 1, Key: "kick", Left: []string{"carol", "bob"}, Topics: topics}
	require.NoError(t, in.GroupChanged(t.Context(), c))
	require.Less(t, reads.n.Load()-before, int64(5))
	bob.until("the topics to be gone", func() bool {
		return !slices.ContainsFunc(topics, func(id string) bool { return bob.convs[groupKind+id] != nil })
	})
}

// A message to a topic that was deleted and made anew meanwhile is refused, and leaves
// the new one as it is.
func TestSendToATopicMadeAnew(t *testing.T) {
	in, _, all := openForum(t, "boss")
	boss := all[0]
	boss.says(tea, "one")
	// Package group of another gateway has done that, which this gateway's does not know.
	require.NoError(t, in.GroupChanged(t.Context(), GroupChange{App: app, Group: tea, Born: 20, Key: "anew", Older: true}))
	require.Equal(t, fault.NoSuchGroup, code(boss.call(frame.MessageSend, toGroup(boss.id("two"), tea, "two"), nil)))
	head, err := in.load(t.Context(), pairOf(app, "", groupName(tea)))
	require.NoError(t, err)
	require.Equal(t, []any{int64(20), uint64(0)}, []any{head.Born, head.Seq})
}
