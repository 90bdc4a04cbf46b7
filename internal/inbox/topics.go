package inbox

import (
	"context"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// A topic of a community is a group for the inbox, with a log of its own and the ID
// that package group has given it. Its members are the community's, of whom most
// never look into it. So nobody has a document there before they list the
// community's topics, or read or write in it: from then on they hear of it, and what
// comes counts as unread.

// ofTopic reports whether it is the conversation of a topic.
func (p pair) ofTopic() bool {
	id, group := p.group()
	return group && strings.Contains(id, frame.TopicMark)
}

// enterTopic gives a topic's conversation to a user who is a member of its community.
func (in *Inbox) enterTopic(ctx context.Context, u place.User, p pair) error {
	id, _ := p.group()
	as, err := in.standing(ctx, u, id)
	if err == nil && !as.Member {
		err = fault.With(fault.GroupNotPermitted, "only members of the community read and write in its topics")
	}
	if err != nil {
		return err
	}
	return in.ensureIn(ctx, u, p, as)
}

// topicsChanged takes a community's topics from those who have left it, and ends them
// with it. It can be repeated.
func (in *Inbox) topicsChanged(ctx context.Context, c GroupChange) error {
	if len(c.Topics) == 0 {
		return nil
	}
	names := make([]string, len(c.Topics))
	for i, id := range c.Topics {
		names[i] = groupName(id)
	}
	heads, err := in.headsOf(ctx, place.User{SDKAppID: c.App}, names)
	if err != nil {
		return err
	}
	left, err := in.everIn(ctx, c, names, heads)
	if err != nil {
		return err
	}
	return bus.Spread(len(heads), func(i int) error {
		if heads[i] == nil || heads[i].Gone || len(left[i]) == 0 && !c.Gone {
			return nil
		}
		return in.groupChanged(ctx, GroupChange{App: c.App, Group: c.Topics[i], Born: heads[i].Born, Key: c.Key, Gone: c.Gone, Left: left[i]})
	})
}

// everIn returns, for each topic of a community, which of those who have left the
// community have ever had its conversation. All of it is one read, however many topics
// there are.
func (in *Inbox) everIn(ctx context.Context, c GroupChange, names []string, heads []*record) ([][]string, error) {
	subjects := make([]string, 0, len(names)*len(c.Left))
	for _, name := range names {
		for _, id := range c.Left {
			subjects = append(subjects, convSubject(place.User{SDKAppID: c.App, UserID: id}, name))
		}
	}
	values, err := in.store.conversations.LastAll(ctx, subjects)
	if err != nil {
		return nil, err
	}
	out := make([][]string, len(names))
	for i, v := range values {
		topic, userID := i/len(c.Left), c.Left[i%len(c.Left)]
		d, err := decodePeer(v.Seq, v.Data)
		if err != nil {
			return nil, err
		}
		if h := heads[topic]; v.Seq != 0 && h != nil && d.Group.Born == h.Born {
			out[topic] = append(out[topic], userID)
		}
	}
	return out, nil
}

type enteredResult struct {
	Conversations []Conversation `json:"conversations"`
	Failures      []refusal      `json:"failures,omitempty"`
}

// enterTopics gives a user the conversations of topics, and returns as many of them as
// fit a frame.
func (s *Session) enterTopics(ctx context.Context, conversationIDs []string) (any, error) {
	in, u := s.in, s.user.User
	names, err := peersIn(conversationIDs)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !pairOf(u.SDKAppID, "", name).ofTopic() {
			return nil, fault.With(fault.InvalidOperation, "only topics are entered so, and "+strconv.Quote(idOf(name))+" is none")
		}
	}
	heads, err := in.headsOf(ctx, u, names)
	if err != nil {
		return nil, err
	}
	out, size := enteredResult{Conversations: []Conversation{}}, 0
	kept := make([]peer, len(names))
	refused := make([]error, len(names))
	if err := bus.Spread(len(names), func(i int) (err error) {
		if kept[i], err = in.document(ctx, u, names[i]); err != nil {
			return err
		}
		if heads[i] != nil && kept[i].sees(heads[i]) {
			in.adoptHere(u, names[i], kept[i])
			return nil
		}
		if refused[i] = in.enterTopic(ctx, u, pairOf(u.SDKAppID, "", names[i])); refused[i] != nil {
			return nil
		}
		kept[i], err = in.document(ctx, u, names[i])
		return err
	}); err != nil {
		return nil, err
	}
	// What is not in these heads comes to the user's sessions.
	if heads, err = in.headsOf(ctx, u, names); err != nil {
		return nil, err
	}
	for i := range names {
		if refused[i] != nil {
			out.Failures = append(out.Failures, refusal{idOf(names[i]), in.failed("a topic", refused[i]).Code})
			continue
		}
		kept[i].Hidden = 0 // it is asked for, even if it was deleted from a list
		list, err := in.compose(ctx, u, heads[i:i+1], kept[i:i+1])
		if err != nil {
			return nil, err
		}
		if list[0] == nil { // the topic was deleted meanwhile
			out.Failures = append(out.Failures, refusal{idOf(names[i]), fault.NoSuchGroup})
			continue
		}
		if size += sizeOf(list[0]); size > in.o.Frame && len(out.Conversations) > 0 {
			break
		}
		out.Conversations = append(out.Conversations, *list[0])
	}
	return out, nil
}

// topicCalls are the calls about topics.
var topicCalls = map[string]call{
	frame.ConversationEnter: with(func(ctx context.Context, s *Session, p conversationParams) (any, error) {
		return s.enterTopics(ctx, p.ConversationIDs)
	}),
}
