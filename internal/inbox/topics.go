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
	return bus.Spread(len(c.Topics), func(i int) error {
		p := pairOf(c.App, "", groupName(c.Topics[i]))
		head, err := in.load(ctx, p)
		if err != nil || head == nil || head.Gone {
			return err
		}
		one := GroupChange{App: c.App, Group: c.Topics[i], Born: head.Born, Key: c.Key, Gone: c.Gone}
		if one.Left, err = in.everIn(ctx, p, head, c.Left); err != nil || len(one.Left) == 0 && !one.Gone {
			return err
		}
		return in.groupChanged(ctx, one)
	})
}

// everIn returns those of some users who have ever had a topic's conversation.
func (in *Inbox) everIn(ctx context.Context, p pair, head *record, userIDs []string) (out []string, err error) {
	subjects := make([]string, len(userIDs))
	for i, id := range userIDs {
		subjects[i] = convSubject(place.User{SDKAppID: p.app, UserID: id}, p.users[0])
	}
	values, err := in.store.conversations.LastAll(ctx, subjects)
	if err != nil {
		return nil, err
	}
	for i, v := range values {
		d, err := decodePeer(v.Seq, v.Data)
		if err != nil {
			return nil, err
		}
		if v.Seq != 0 && d.Group.Born == head.Born {
			out = append(out, userIDs[i])
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
