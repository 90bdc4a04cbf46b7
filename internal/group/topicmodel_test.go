package group

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// refCommunity is the group of the reference that is a community with topics,
// whenever it is there.
const refCommunity = communityPrefix + "c"

var refTopics = []string{refCommunity + topicPrefix + "a", refCommunity + topicPrefix + "b", refCommunity + topicPrefix + "c"}

type refTopic struct {
	name  string
	muted bool
	left  []string // who has left the community since the topic was made
}

// leave takes a member out of a group, and out of its topics.
func (g *refGroup) leave(user string) {
	delete(g.members, user)
	for _, t := range g.topics {
		t.left = append(t.left, user)
	}
}

// drawTopic draws a call about topics, or the dismissal of their community.
func (m *reference) drawTopic(r *rand.Rand, user string, pick func([]string) string) operation {
	g, id := m.groups[refCommunity], pick(refTopics)
	p := obj{"groupID": refCommunity}
	on := func(method string, do func() bool) operation {
		return operation{method, p, func() bool { return g != nil && g.may(Update, user) && do() }}
	}
	name, muted := "t"+strconv.Itoa(r.IntN(9)), r.IntN(2) == 0
	switch r.IntN(6) {
	case 0, 1:
		p["topicID"], p["topicName"], p["muteAllMembers"] = id, name, muted
		return on("topic.create", func() bool {
			if g.topics[id] != nil {
				return false
			}
			g.topics[id] = &refTopic{name: name, muted: muted}
			return true
		})
	case 2, 3:
		p["topicID"], p["topicName"], p["muteAllMembers"] = id, name, muted
		return on("topic.update", func() bool {
			if g.topics[id] == nil {
				return false
			}
			g.topics[id].name, g.topics[id].muted = name, muted
			return true
		})
	case 4:
		return operation{"group.dismiss", p, func() bool {
			if g == nil || !g.may(Dismiss, user) {
				return false
			}
			delete(m.groups, refCommunity)
			return true
		}}
	default:
		if r.IntN(4) > 0 {
			p["topicIDs"] = []string{id, pick(refTopics)}
		}
		return on("topic.delete", func() bool {
			named, some := p["topicIDs"].([]string)
			maps.DeleteFunc(g.topics, func(id string, _ *refTopic) bool { return !some || slices.Contains(named, id) })
			return true
		})
	}
}

// compareTopics compares what a gateway shows of the community's topics, and what the
// log was told of them, with the reference.
func (m *reference) compareTopics(t *testing.T, log *chat, root *client, name string) {
	g := m.groups[refCommunity]
	if g != nil {
		var page topicsResult
		root.must("topic.list", obj{"groupID": refCommunity}, &page)
		var want []Topic
		for id, one := range g.topics {
			want = append(want, Topic{TopicID: id, TopicName: one.name, MuteAllMembers: one.muted})
		}
		require.ElementsMatch(t, want, page.Topics, name)
	}
	for _, id := range refTopics {
		told, left := log.topic(id)
		if g == nil || g.topics[id] == nil {
			require.False(t, told, "%s: the log of %s goes on", name, id)
			continue
		}
		require.True(t, told, "%s: %s has no log", name, id)
		require.Equal(t, g.topics[id].left, left, "%s: who has left %s", name, id)
		for _, user := range modelUsers {
			as, err := root.session.r.Standing(t.Context(), place.User{SDKAppID: app, UserID: user}, id)
			role, member := g.role(user), g.members[user]
			if role == Stranger {
				require.ErrorIs(t, err, fault.New(fault.GroupNotPermitted), "%s: %s in %s", name, user, id)
				continue
			}
			require.NoError(t, err, "%s: %s in %s", name, user, id)
			require.Equal(t, member != nil, as.Member, "%s: %s in %s", name, user, id)
			if member == nil || !member.mute { // else their own mute may be over by now
				require.Equal(t, role == Member && (g.muted || g.topics[id].muted), as.Muted, "%s: %s in %s", name, user, id)
			}
		}
	}
}

// topic reports whether a topic has a log that goes on, and who has left it since it
// was made.
func (c *chat) topic(id string) (there bool, left []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.groups[id]
	if t == nil {
		return false, nil
	}
	return !t.gone, slices.Clone(t.left)
}
