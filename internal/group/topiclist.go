package group

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

type topicsParams struct {
	GroupID  string   `json:"groupID"`
	TopicIDs []string `json:"topicIDs"`
	Next     string   `json:"next"`
}

type topicFailure struct {
	TopicID string     `json:"topicID"`
	Code    fault.Code `json:"code"`
	Message string     `json:"message"`
}

type topicsResult struct {
	Topics   []Topic        `json:"topics"`
	Failures []topicFailure `json:"failures,omitempty"`
	Next     string         `json:"next,omitempty"`
}

// chosen returns those of a community's topics that a call names, or all.
func (p topicsParams) chosen(all []namedTopic) (some []namedTopic, failures []topicFailure, err error) {
	if len(p.TopicIDs) > maxTopics {
		return nil, nil, fault.With(fault.GroupBadParameters, "topicIDs names "+strconv.Itoa(maxTopics)+" topics at most")
	}
	if len(p.TopicIDs) == 0 {
		return all, nil, nil
	}
	for _, id := range p.TopicIDs {
		if i := slices.IndexFunc(all, func(t namedTopic) bool { return t.id == id }); i >= 0 {
			some = append(some, all[i])
		} else {
			f := bus.Fault(noSuchTopic(id))
			failures = append(failures, topicFailure{id, f.Code, f.Message})
		}
	}
	slices.SortFunc(some, oldestFirst)
	return slices.CompactFunc(some, func(a, b namedTopic) bool { return a.id == b.id }), failures, nil
}

// chosen reads the topics that a call is about, in a community where its user must be
// allowed to do a.
func (r *Room) chosen(ctx context.Context, u place.User, p topicsParams, a Action) (g group, some []namedTopic, failures []topicFailure, err error) {
	k := keyOf(u, p.GroupID)
	if g, err = r.community(ctx, k, u, a); err != nil {
		return g, nil, nil, err
	}
	all, _, err := r.topics(ctx, k, g)
	if err != nil {
		return g, nil, nil, err
	}
	some, failures, err = p.chosen(all)
	return g, some, failures, err
}

// place returns where a topic stands among those of its community, as text.
func (t namedTopic) place() string { return strconv.FormatInt(t.Born, 10) + " " + t.id }

// after returns those of some topics that stand at a place or behind it.
func after(some []namedTopic, place string) ([]namedTopic, error) {
	born, id, _ := strings.Cut(place, " ")
	at, err := strconv.ParseInt(born, 10, 64)
	if err != nil {
		return nil, fault.With(fault.GroupBadParameters, "next is not one that the gateway has given")
	}
	from := namedTopic{id, topic{Born: at}}
	return slices.DeleteFunc(some, func(t namedTopic) bool { return oldestFirst(t, from) < 0 }), nil
}

// listTopics lists topics of a community, the oldest first, as many as fit a frame.
func listTopics(ctx context.Context, r *Room, u place.User, p topicsParams) (any, error) {
	_, some, failures, err := r.chosen(ctx, u, p, Read)
	if err != nil {
		return nil, err
	}
	if p.Next != "" {
		if some, err = after(some, p.Next); err != nil {
			return nil, err
		}
		failures = nil
	}
	out := topicsResult{Topics: []Topic{}, Failures: failures}
	size := len(encode(failures))
	for _, t := range some {
		one := t.shape(t.id)
		if size += len(encode(one)) + 1; size > r.o.Frame && len(out.Topics) > 0 {
			out.Next = t.place()
			break
		}
		out.Topics = append(out.Topics, one)
	}
	return out, nil
}

type deletedTopics struct {
	Done     []topicResult  `json:"done"`
	Failures []topicFailure `json:"failures,omitempty"`
}

// deleteTopics deletes topics of a community, or all of them.
func deleteTopics(ctx context.Context, r *Room, u place.User, p topicsParams) (any, error) {
	g, some, failures, err := r.chosen(ctx, u, p, Update)
	if err != nil {
		return nil, err
	}
	k := keyOf(u, p.GroupID)
	out := deletedTopics{Done: make([]topicResult, len(some)), Failures: failures}
	return out, bus.Spread(len(some), func(i int) error {
		out.Done[i] = topicResult{some[i].id}
		t, err := change(ctx, r, k.topicSubject(some[i].id), func(t *topic) (bool, error) {
			if !t.in(g) {
				return false, nil // somebody else was faster
			}
			*t = topic{Of: t.Of, Info: t.Info + 1, Born: t.Born, Gone: r.now().UnixMilli()}
			return true, nil
		})
		if err != nil || t.Gone == 0 {
			return err
		}
		t.Name = some[i].Name
		if err := r.endTopic(ctx, k, some[i].id, t.Born); err != nil {
			return err
		}
		r.afterTopic(ctx, k, g, Event{Kind: AfterTopicEnd, Operator: u.UserID}, namedTopic{some[i].id, t})
		return nil
	})
}

// topicNote tells of a topic that was made or changed.
type topicNote struct {
	GroupID string `json:"groupID"`
	Topic   Topic  `json:"topic"`
	Created bool   `json:"created,omitempty"`
}

// topicGoneNote tells of a topic that was deleted.
type topicGoneNote struct {
	GroupID string `json:"groupID"`
	TopicID string `json:"topicID"`
}
