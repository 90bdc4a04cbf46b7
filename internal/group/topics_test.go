package group

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

const plaza = communityPrefix + "plaza"

// newPlaza makes a community with topics, of alice's with bob as an administrator.
func newPlaza(w *world) (alice, bob, carol *client) {
	alice, bob, carol = w.login(0, "alice"), w.login(1, "bob"), w.login(1, "carol")
	alice.must("group.create", obj{
		"groupID": plaza, "name": "n", "type": "Community", "isSupportTopic": true,
		"memberList": []obj{{"userID": "bob", "role": "Admin"}, {"userID": "carol"}},
	}, nil)
	for _, c := range []*client{alice, bob, carol} {
		require.Equal(w.t, []string{plaza}, c.groups())
	}
	return alice, bob, carol
}

// topics returns the names of a community's topics, from all pages.
func (c *client) topics() (names []string) {
	c.t.Helper()
	names = []string{}
	for next := ""; ; {
		var page topicsResult
		c.must("topic.list", obj{"groupID": plaza, "next": next}, &page)
		for _, t := range page.Topics {
			names = append(names, t.TopicName)
		}
		if next = page.Next; next == "" {
			return names
		}
	}
}

// Topics are made, changed and deleted, and every member is told.
func TestTopics(t *testing.T) {
	w := newWorld(t)
	alice, bob, carol := newPlaza(w)
	require.True(t, carol.group(plaza).IsSupportTopic)
	var tea, cake topicResult
	alice.must("topic.create", obj{"groupID": plaza, "topicName": "tea", "introduction": "i", "customData": "c", "nonce": "x"}, &tea)
	require.True(t, strings.HasPrefix(tea.TopicID, plaza+topicPrefix))
	w.clock.pass(1e9)
	bob.must("topic.create", obj{"groupID": plaza, "topicName": "cake", "topicID": plaza + topicPrefix + "cake"}, &cake)
	require.Equal(t, plaza+"@TOPIC#_cake", cake.TopicID)
	require.Equal(t, []string{"tea", "cake"}, carol.topics())
	want := obj{"groupID": plaza, "created": true, "topic": obj{"topicID": tea.TopicID, "topicName": "tea", "introduction": "i", "customData": "c"}}
	require.Equal(t, want, carol.toldOf(frame.NoteTopic).params)
	carol.toldOf(frame.NoteTopic)

	var again topicResult
	alice.must("topic.create", obj{"groupID": plaza, "topicName": "tea", "nonce": "x"}, &again)
	require.Equal(t, tea, again, "repeated after a lost answer")
	bob.refused(fault.GroupIDTaken, "topic.create", obj{"groupID": plaza, "topicName": "cake", "topicID": cake.TopicID})

	var now topicNote
	bob.must("topic.update", obj{"groupID": plaza, "topicID": tea.TopicID, "topicName": "coffee", "muteAllMembers": true}, &now)
	require.Equal(t, Topic{TopicID: tea.TopicID, TopicName: "coffee", Introduction: "i", CustomData: "c", MuteAllMembers: true}, now.Topic)
	require.Equal(t, obj{"groupID": plaza, "topic": obj{
		"topicID": tea.TopicID, "topicName": "coffee", "introduction": "i", "customData": "c", "muteAllMembers": true,
	}}, carol.told("the change", func(n note) bool { return n.method == frame.NoteTopic && n.params["created"] == nil }).params)

	var some topicsResult
	carol.must("topic.list", obj{"groupID": plaza, "topicIDs": []string{cake.TopicID, "x"}}, &some)
	require.Len(t, some.Topics, 1)
	require.Equal(t, fault.NoSuchGroup, some.Failures[0].Code)

	var gone deletedTopics
	alice.must("topic.delete", obj{"groupID": plaza, "topicIDs": []string{cake.TopicID}}, &gone)
	require.Equal(t, []topicResult{cake}, gone.Done)
	require.Equal(t, obj{"groupID": plaza, "topicID": cake.TopicID}, carol.toldOf(frame.NoteTopicGone).params)
	require.Equal(t, []string{"coffee"}, carol.topics())
	alice.must("topic.delete", obj{"groupID": plaza, "topicIDs": []string{cake.TopicID}}, &gone)
	require.Empty(t, gone.Done)
	require.Len(t, gone.Failures, 1)
	alice.must("topic.delete", obj{"groupID": plaza}, &gone)
	require.Equal(t, []topicResult{tea}, gone.Done)
	require.Empty(t, carol.topics())
	alice.must("topic.create", obj{"groupID": plaza, "topicName": "cake again", "topicID": cake.TopicID}, nil)
	require.Equal(t, []string{"cake again"}, carol.topics())
	w.chat.mu.Lock()
	require.False(t, w.chat.groups[cake.TopicID].gone, "it is another one")
	w.chat.mu.Unlock()
}

// Who may do what with topics, and what they may say.
func TestWhoMakesTopics(t *testing.T) {
	w := newWorld(t)
	alice, _, carol := newPlaza(w)
	eve := w.login(0, "eve")
	var made topicResult
	alice.must("topic.create", obj{"groupID": plaza, "topicName": "tea"}, &made)
	for method, params := range map[string]obj{
		"topic.create": {"groupID": plaza, "topicName": "t"},
		"topic.update": {"groupID": plaza, "topicID": made.TopicID, "topicName": "t"},
		"topic.delete": {"groupID": plaza},
	} {
		carol.refused(fault.GroupNotPermitted, method, params)
		eve.refused(fault.GroupNotPermitted, method, params)
	}
	eve.refused(fault.GroupNotPermitted, "topic.list", obj{"groupID": plaza})
	for _, bad := range []obj{
		{}, {"topicName": ""}, {"topicName": strings.Repeat("n", maxName+1)}, {"topicName": "t", "customData": strings.Repeat("n", maxTopicData+1)}, {"topicName": "t", "nonce": "a b"},
	} {
		bad["groupID"] = plaza
		alice.refused(fault.GroupBadParameters, "topic.create", bad)
	}
	for _, id := range []string{"x", plaza, plaza + topicPrefix, plaza + "x" + topicPrefix + "y", plaza + topicPrefix + "x" + topicMark + "y", plaza + topicPrefix + strings.Repeat("x", 49), plaza + topicPrefix + "ü"} {
		alice.refused(fault.BadGroupID, "topic.create", obj{"groupID": plaza, "topicName": "t", "topicID": id})
		alice.refused(fault.BadGroupID, "topic.update", obj{"groupID": plaza, "topicName": "t", "topicID": id})
	}
	alice.refused(fault.NoSuchGroup, "topic.update", obj{"groupID": plaza, "topicName": "t", "topicID": plaza + topicPrefix + "none"})
	alice.refused(fault.GroupBadParameters, "topic.list", obj{"groupID": plaza, "next": "x"})
	alice.refused(fault.GroupBadParameters, "topic.list", obj{"groupID": plaza, "topicIDs": make([]string, maxTopics+1)})

	alice.must("group.create", obj{"groupID": "g", "name": "n", "type": "Public"}, nil)
	alice.refused(fault.GroupBadParameters, "topic.create", obj{"groupID": "g", "topicName": "t"})
	alice.refused(fault.GroupBadParameters, "topic.list", obj{"groupID": "g"})
}

// What package inbox needs to know of a member of a topic.
func TestStandingInATopic(t *testing.T) {
	w := newWorld(t)
	alice, _, _ := newPlaza(w)
	var made topicResult
	alice.must("topic.create", obj{"groupID": plaza, "topicName": "tea"}, &made)
	as := func(userID, id string) Standing {
		t.Helper()
		s, err := w.rooms[0].Standing(t.Context(), place.User{SDKAppID: app, UserID: userID}, id)
		require.NoError(t, err)
		return s
	}
	born := w.clock.Now().UnixMilli()
	require.Equal(t, Standing{Born: born, Member: true, Counts: true, Older: true, Manages: true, Pins: true, AtAll: true}, as("bob", made.TopicID))
	require.Equal(t, Standing{Born: born, Member: true, Counts: true, Older: true}, as("carol", made.TopicID))
	require.True(t, as("carol", plaza).Topics)
	alice.must("topic.update", obj{"groupID": plaza, "topicID": made.TopicID, "muteAllMembers": true}, nil)
	require.True(t, as("carol", made.TopicID).Muted)
	require.False(t, as("bob", made.TopicID).Muted)
	require.False(t, as("carol", plaza).Muted)
	for id, code := range map[string]fault.Code{
		plaza + topicPrefix + "none": fault.NoSuchGroup, topicPrefix + "x": fault.BadGroupID, "g" + topicPrefix + "x": fault.NoSuchGroup,
	} {
		_, err := w.rooms[0].Standing(t.Context(), place.User{SDKAppID: app, UserID: "alice"}, id)
		require.ErrorIs(t, err, fault.New(code), id)
	}
	_, err := w.rooms[0].Standing(t.Context(), place.User{SDKAppID: app, UserID: "eve"}, made.TopicID)
	require.ErrorIs(t, err, fault.New(fault.GroupNotPermitted))
}

// Who leaves a community leaves its topics, and these end with it.
func TestTopicsEndWithTheirCommunity(t *testing.T) {
	w := newWorld(t)
	alice, bob, carol := newPlaza(w)
	var made topicResult
	alice.must("topic.create", obj{"groupID": plaza, "topicName": "tea"}, &made)
	carol.must("group.quit", obj{"groupID": plaza}, nil)
	alice.must("group.kick", obj{"groupID": plaza, "userIDs": []string{"bob"}}, nil)
	w.chat.mu.Lock()
	require.Equal(t, []string{"carol", "bob"}, w.chat.groups[made.TopicID].left)
	w.chat.mu.Unlock()
	bob.refused(fault.GroupNotPermitted, "topic.list", obj{"groupID": plaza})
	alice.must("group.dismiss", obj{"groupID": plaza}, nil)
	w.chat.mu.Lock()
	require.True(t, w.chat.groups[made.TopicID].gone)
	w.chat.mu.Unlock()
	w.rooms[0].behind()
	left, err := w.rooms[0].log.Subjects(t.Context(), key{app, plaza}.topicPattern())
	require.NoError(t, err)
	require.Empty(t, left)
	alice.must("group.create", obj{"groupID": plaza, "name": "n", "type": "Community", "isSupportTopic": true}, nil)
	require.Empty(t, alice.topics())
}

// A community has so many topics and no more; those that were deleted are removed.
func TestTooManyTopics(t *testing.T) {
	w := newWorld(t)
	alice, bob, _ := newPlaza(w)
	for n := range maxTopics - 1 {
		w.server("alice", "topic.create", obj{"groupID": plaza, "topicName": fmt.Sprint(n), "introduction": strings.Repeat("i", maxIntroduction), "avatar": strings.Repeat("a", maxAvatar)})
	}
	var last sync.WaitGroup
	for i, c := range []*client{alice, bob, w.login(1, "alice"), w.login(0, "bob")} { // both on both gateways
		last.Go(func() {
			_ = c.call("topic.create", obj{"groupID": plaza, "topicName": fmt.Sprint("last ", i), "introduction": strings.Repeat("i", maxIntroduction)}, nil)
		})
	}
	last.Wait()
	alice.refused(fault.GroupBadParameters, "topic.create", obj{"groupID": plaza, "topicName": "one more"})
	require.Len(t, alice.topics(), maxTopics, "in several frames")
	alice.must("topic.delete", obj{"groupID": plaza}, nil)
	w.clock.pass(2 * repeatedWithin * 1e6)
	alice.must("topic.create", obj{"groupID": plaza, "topicName": "one more"}, nil)
	for range maxTopics/removedAtOnce + 1 { // some at a time
		w.rooms[0].behind()
		require.Equal(t, []string{"one more"}, alice.topics())
	}
	w.rooms[0].behind()
	left, err := w.rooms[0].log.Subjects(t.Context(), key{app, plaza}.topicPattern())
	require.NoError(t, err)
	require.Len(t, left, 1)
}

// TestHooksOfTopics: the back end is asked before topics are made, and told of each
// change of them once; it hears nothing of imported ones.
func TestHooksOfTopics(t *testing.T) {
	w, b := newHookedWorld(t)
	alice, bob, carol := newPlaza(w)
	b.heard()
	tea := obj{"groupID": plaza, "topicID": plazaTea, "topicName": "tea", "nonce": "1"}
	alice.must("topic.create", tea, nil)
	alice.must("topic.create", tea, nil)
	bob.must("topic.update", obj{"groupID": plaza, "topicID": plazaTea, "topicName": "green tea", "muteAllMembers": true}, nil)
	bob.must("topic.update", obj{"groupID": plaza, "topicID": plazaTea, "topicName": "green tea", "muteAllMembers": true}, nil)
	bob.must("topic.update", obj{"groupID": plaza, "topicID": plazaTea, "customData": "c"}, nil)
	alice.must("topic.delete", obj{"groupID": plaza, "topicIDs": []string{plazaTea}}, nil)
	alice.must("topic.delete", obj{"groupID": plaza, "topicIDs": []string{plazaTea}}, nil)
	of := plaza + plazaTea + " Community "
	require.Equal(t, []string{
		"topic? " + of + "tea alice alice ", "topic made " + of + "tea alice alice ",
		"topic changed " + of + `green tea alice bob  {"muteAllMembers":true,"groupName":"green tea"}`, "topic ended " + of + "green tea alice alice ",
	}, b.heard())

	b.say(func(Event) ([]string, error) { return nil, fault.New(fault.GroupRefusedByApp) })
	alice.refused(fault.GroupRefusedByApp, "topic.create", obj{"groupID": plaza, "topicName": "tea"})
	carol.refused(fault.GroupNotPermitted, "topic.create", obj{"groupID": plaza, "topicName": "tea"})
	require.Equal(t, []string{"topic? " + plaza + " Community tea alice alice "}, b.heard(), "without an ID of its own, and not for those who may not")
	w.server("root", ServerImportTopic, obj{"groupID": plaza, "topicID": plazaTea, "topicName": "old", "createTime": 1500000000})
	w.server("root", ServerImportTopic, obj{"groupID": plaza, "topicID": plazaTea, "topicName": "old", "createTime": 1500000000})
	require.Empty(t, b.heard())
	require.Equal(t, []string{"old"}, alice.topics())
	for _, bad := range []obj{{"groupID": plaza}, {"groupID": plaza, "topicName": "n", "createTime": -1}, {"groupID": plaza, "topicName": "n", "createTime": 4000000000}} {
		_, err := w.rooms[0].Do(t.Context(), place.User{SDKAppID: app, UserID: "root"}, ServerImportTopic, bad)
		require.ErrorIs(t, err, fault.New(fault.GroupBadParameters), "%v", bad)
	}
}
