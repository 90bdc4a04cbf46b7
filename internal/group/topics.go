package group

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// A topic is a place for messages of its own in a community. Its members are the
// community's: it has a profile, and a log that package inbox keeps like that of a
// group. Whoever may change the community's profile makes, changes and deletes topics.

const (
	// maxTopics is how many topics a community has at most.
	maxTopics = 100
	// maxTopicDocuments bounds them together with those that were deleted a moment ago,
	// so that one read brings all of them.
	maxTopicDocuments = 500
	// maxTopicData is how many bytes the custom data of a topic has at most.
	maxTopicData = 1000
	// topicPrefix follows the community's ID in that of a topic.
	topicPrefix = topicMark + "_"
)

// topic is the document of one topic.
type topic struct {
	Of           int64  `json:"b"` // Born of the community
	Name         string `json:"n,omitempty"`
	Avatar       string `json:"a,omitempty"`
	Introduction string `json:"i,omitempty"`
	Notification string `json:"o,omitempty"`
	Custom       string `json:"f,omitempty"`
	MuteAll      bool   `json:"u,omitempty"`
	Info         uint64 `json:"s"` // counts the versions

	// Born sets it apart from an earlier topic with the same ID, in Unix ms.
	Born int64 `json:"at"`
	// By and Nonce identify the repetition of the call that made it.
	By    string `json:"by,omitempty"`
	Nonce string `json:"nc,omitempty"`

	Gone int64 `json:"g,omitempty"` // when it was deleted, in Unix ms
}

// in reports whether a topic is one of a community.
func (t topic) in(g group) bool { return t.Born != 0 && t.Of == g.Born && t.Gone == 0 }

// Topic is a topic as clients see it.
type Topic struct {
	TopicID        string `json:"topicID"`
	TopicName      string `json:"topicName,omitempty"`
	Avatar         string `json:"avatar,omitempty"`
	Introduction   string `json:"introduction,omitempty"`
	Notification   string `json:"notification,omitempty"`
	CustomData     string `json:"customData,omitempty"`
	MuteAllMembers bool   `json:"muteAllMembers,omitempty"`
}

func (t topic) shape(id string) Topic {
	return Topic{id, t.Name, t.Avatar, t.Introduction, t.Notification, t.Custom, t.MuteAll}
}

// community returns the community of a topic's ID; ok is false for the ID of a group.
func (k key) community() (of key, ok bool) {
	id, _, ok := strings.Cut(k.id, topicMark)
	return key{k.app, id}, ok
}

// community reads the community that a user names, in which they must be allowed to
// do a.
func (r *Room) community(ctx context.Context, k key, u place.User, a Action) (group, error) {
	g, _, _, err := r.may(ctx, k, u, a)
	if err == nil && !g.Topics {
		err = fault.With(fault.GroupBadParameters, "the group has no topics: only a community has that was made with isSupportTopic")
	}
	return g, err
}

// namedTopic is a topic and its ID.
type namedTopic struct {
	id string
	topic
}

// topics reads the topics of a community, the oldest first, and how many documents
// they and those that were deleted take. What was deleted a while ago is removed, once
// the log is sure to know of it.
func (r *Room) topics(ctx context.Context, k key, g group) (all []namedTopic, documents int, err error) {
	values, err := r.log.LastUnder(ctx, k.topicPattern())
	if err != nil {
		return nil, 0, err
	}
	var gone []namedTopic
	var old []bus.Value
	for _, v := range values {
		t, err := decode[topic](v.Data)
		if err != nil {
			return nil, 0, err
		}
		p, err := parse(v.Subject)
		switch {
		case err != nil:
			return nil, 0, err
		case t.in(g):
			all = append(all, namedTopic{p.topic, t})
		case t.Of < g.Born || t.Gone != 0 && r.now().UnixMilli()-t.Gone >= repeatedWithin:
			gone, old = append(gone, namedTopic{p.topic, t}), append(old, v)
		}
	}
	if len(old) > 0 {
		r.chores.add(func(ctx context.Context) {
			for _, t := range gone {
				if err := r.endTopic(ctx, k, t.id, t.Born); err != nil {
					r.report("a deleted topic", err)
					return
				}
			}
			r.remove(ctx, old)
		})
	}
	slices.SortFunc(all, oldestFirst)
	return all, len(values), nil
}

func oldestFirst(a, b namedTopic) int {
	return cmp.Or(cmp.Compare(a.Born, b.Born), cmp.Compare(a.id, b.id))
}

type topicParams struct {
	GroupID        string  `json:"groupID"`
	TopicID        string  `json:"topicID"`
	TopicName      *string `json:"topicName"`
	Avatar         *string `json:"avatar"`
	Introduction   *string `json:"introduction"`
	Notification   *string `json:"notification"`
	CustomData     *string `json:"customData"`
	MuteAllMembers *bool   `json:"muteAllMembers"`
	Nonce          string  `json:"nonce"`
}

// check checks what the call sets.
func (p topicParams) check() error {
	if p.TopicName != nil && *p.TopicName == "" {
		return fault.With(fault.GroupBadParameters, "topicName must not be empty")
	}
	for _, c := range []struct {
		name string
		text *string
		most int
	}{
		{"topicName", p.TopicName, maxName}, {"avatar", p.Avatar, maxAvatar}, {"introduction", p.Introduction, maxIntroduction},
		{"notification", p.Notification, maxNotification}, {"customData", p.CustomData, maxTopicData},
	} {
		if err := checkText(c.name, c.text, c.most); err != nil {
			return err
		}
	}
	return nil
}

// checkNew checks what a new topic is to have.
func (p topicParams) checkNew() error {
	if p.TopicName == nil {
		return fault.With(fault.GroupBadParameters, "topicName is missing")
	}
	return p.check()
}

// apply sets what the call sets.
func (p topicParams) apply(t *topic) {
	for _, f := range []struct{ to, from *string }{
		{&t.Name, p.TopicName}, {&t.Avatar, p.Avatar}, {&t.Introduction, p.Introduction}, {&t.Notification, p.Notification}, {&t.Custom, p.CustomData},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if p.MuteAllMembers != nil {
		t.MuteAll = *p.MuteAllMembers
	}
}

// id returns the ID of a new topic: the one asked for, or one that the gateway makes.
// The repetition of a call gets the same ID.
func (p topicParams) id(u place.User) (string, error) {
	if p.TopicID != "" {
		return p.TopicID, checkTopicID(p.GroupID, p.TopicID)
	}
	hash := sha256.Sum256([]byte(strconv.FormatUint(uint64(u.SDKAppID), 10) + " " + p.Nonce + " " + u.UserID + " " + p.GroupID))
	return p.GroupID + topicPrefix + base64.RawURLEncoding.EncodeToString(hash[:12]), nil
}

func checkTopicID(groupID, topicID string) error {
	if rest, ok := strings.CutPrefix(topicID, groupID+topicPrefix); !ok || rest == "" || strings.Contains(rest, topicMark) || !validGroupID(topicID) {
		return fault.With(fault.BadGroupID, "a topic's is the community's and behind it @TOPIC#_ and up to 48 bytes of printable ASCII")
	}
	return nil
}

type topicResult struct {
	TopicID string `json:"topicID"`
}

// createTopic makes a topic.
func createTopic(ctx context.Context, r *Room, u place.User, p topicParams) (any, error) {
	err := p.checkNew()
	if err == nil {
		err = checkNonce(p.Nonce)
	}
	if err != nil {
		return nil, err
	}
	k := keyOf(u, p.GroupID)
	g, err := r.community(ctx, k, u, Update)
	if err != nil {
		return nil, err
	}
	p.Nonce = cmp.Or(p.Nonce, r.random())
	id, err := p.id(u)
	if err != nil {
		return nil, err
	}
	if err := r.beforeTopic(ctx, k, g, u, id, p); err != nil {
		return nil, err
	}
	t, err := r.makeTopic(ctx, k, u, id, p, 0)
	if err != nil {
		return nil, err
	}
	r.afterTopic(ctx, k, g, Event{Kind: AfterTopic, Operator: u.UserID}, namedTopic{id, t})
	return topicResult{id}, nil
}

// beforeTopic asks whether a topic may be made, unless there is one with its ID: then
// this is the repetition of a call, or is refused anyway.
func (r *Room) beforeTopic(ctx context.Context, k key, g group, u place.User, id string, p topicParams) error {
	if !r.wants(BeforeTopic) {
		return nil
	}
	t, _, err := get[topic](ctx, r, k.topicSubject(id))
	if err != nil || t.in(g) {
		return err
	}
	e := Event{Kind: BeforeTopic, Operator: u.UserID, Name: *p.TopicName, Topic: p.TopicID}
	_, err = r.before(ctx, k, g, e)
	return err
}

// afterTopic tells the hooks of what has happened to a topic.
func (r *Room) afterTopic(ctx context.Context, k key, g group, e Event, t namedTopic) {
	e.Topic, e.Name = t.id, t.Name
	e.Key = "topic " + t.id + " " + strconv.FormatInt(t.Born, 10) + " " + strconv.FormatUint(t.Info, 10)
	r.after(ctx, k, g, e)
}

// makeTopic makes a topic in its community's turn: so two callers never get the last
// one that there is room for, and a community that is dismissed meanwhile leaves none.
// began is when the topic was made in another system from which it is imported, in Unix
// seconds; 0: now.
func (r *Room) makeTopic(ctx context.Context, k key, u place.User, id string, p topicParams, began int64) (t topic, err error) {
	_, err = r.inTurn(ctx, k, func(ctx context.Context, g group) (e effect, err error) {
		_, role, err := r.role(ctx, k, g, u.UserID)
		if err == nil {
			err = g.Type.May(Update, role, Stranger)
		}
		if err != nil {
			return e, err
		}
		t, err = change(ctx, r, k.topicSubject(id), func(t *topic) (bool, error) {
			switch {
			case t.in(g) && (t.By == u.UserID || p.Nonce == importNonce) && t.Nonce == p.Nonce:
				return false, nil // the repetition of a call
			case t.in(g):
				return false, fault.With(fault.GroupIDTaken, "there is such a topic")
			}
			if err := r.hasRoomForTopic(ctx, k, g); err != nil {
				return false, err
			}
			*t = topic{Of: g.Born, Info: 1, Born: max(r.now().UnixMilli(), t.Born+1), By: u.UserID, Nonce: p.Nonce}
			p.apply(t)
			return true, nil
		})
		if err != nil {
			t = topic{}
			return e, err
		}
		return e, r.beginTopic(ctx, k, id, t.Born, began)
	})
	if t.Born != 0 && errors.Is(err, fault.New(fault.NoSuchGroup)) { // the community was dismissed meanwhile
		r.dropTopic(ctx, k, id, t.Born)
	}
	return t, err
}

// dropTopic ends a topic of a community that was dismissed while the topic was made.
func (r *Room) dropTopic(ctx context.Context, k key, id string, born int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	t, rev, err := get[topic](ctx, r, k.topicSubject(id))
	if err == nil {
		err = r.endTopic(ctx, k, id, born)
	}
	if err == nil && t.Born == born {
		err = r.log.Remove(ctx, k.topicSubject(id), rev)
	}
	if err != nil {
		r.report("a topic of a dismissed community", err)
	}
}

func (r *Room) hasRoomForTopic(ctx context.Context, k key, g group) error {
	all, documents, err := r.topics(ctx, k, g)
	switch {
	case err != nil && !errors.Is(err, bus.ErrTooMany):
		return err
	case len(all) >= maxTopics:
		return fault.With(fault.GroupBadParameters, "the community has "+strconv.Itoa(maxTopics)+" topics, and may have no more")
	case err != nil || documents >= maxTopicDocuments:
		return fault.With(fault.GroupTooFrequent, "many topics of the community were deleted just now")
	}
	return nil
}

// beginTopic tells the log of a topic that it begins, endTopic that it ends. They can be
// repeated.
func (r *Room) beginTopic(ctx context.Context, k key, id string, born, began int64) error {
	return r.tellTopic(ctx, k, Change{Group: id, Born: born, Began: began})
}

func (r *Room) endTopic(ctx context.Context, k key, id string, born int64) error {
	return r.tellTopic(ctx, k, Change{Group: id, Born: born, Gone: true})
}

func (r *Room) tellTopic(ctx context.Context, k key, c Change) error {
	if r.o.Log == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	c.App, c.Older, c.Key = k.app, true, "topic "+strconv.FormatInt(c.Born, 10)
	return r.o.Log.GroupChanged(ctx, c)
}

func updateTopic(ctx context.Context, r *Room, u place.User, p topicParams) (any, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	k := keyOf(u, p.GroupID)
	g, err := r.community(ctx, k, u, Update)
	if err == nil {
		err = checkTopicID(p.GroupID, p.TopicID)
	}
	if err != nil {
		return nil, err
	}
	var changed *ProfileChange
	t, err := change(ctx, r, k.topicSubject(p.TopicID), func(t *topic) (bool, error) {
		if !t.in(g) {
			return false, noSuchTopic(p.TopicID)
		}
		was := *t
		if p.apply(t); *t == was {
			return false, nil
		}
		t.Info++
		changed = was.asGroup().changedTo(t.asGroup())
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	if changed != nil {
		r.afterTopic(ctx, k, g, Event{Kind: AfterTopicChange, Operator: u.UserID, Profile: changed}, namedTopic{p.TopicID, t})
	}
	return topicNote{GroupID: p.GroupID, Topic: t.shape(p.TopicID)}, nil
}

// asGroup returns a group with the profile of a topic.
func (t topic) asGroup() group {
	return group{Name: t.Name, Avatar: t.Avatar, Introduction: t.Introduction, Notification: t.Notification, MuteAll: t.MuteAll}
}

func noSuchTopic(id string) error {
	return fault.With(fault.NoSuchGroup, "the community has no topic "+strconv.Quote(id))
}
