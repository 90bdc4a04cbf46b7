package mailbox

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// topics are those of communities that the page has listed. The conversation of a
// topic is kept like that of a group, but stands in no list and counts in no total.
type topics struct {
	listed  map[string]bool   // communities that the page has listed
	of      map[string]string // the community, by the topic's ID
	changed []string          // IDs of which the page is to be told
	asking  int               // how many lists are on their way
	noted   map[string]bool   // topics of which notifications have come meanwhile
}

// isTopic reports whether a conversation is that of a topic: GROUP, a community's ID,
// @TOPIC#_ and more.
func isTopic(id string) bool {
	_, _, ok := frame.CutTopic(id)
	return ok && isGroup(id)
}

// topicsAtOnce is how many topics one call of the gateway enters.
const topicsAtOnce = 100

// listTopics asks for profiles first, then for the conversations, which begin for this
// user with that.
func (m *Machine) listTopics(in ListTopics) {
	m.whenListed(in.Call, func() {
		m.topics.asking++
		m.topicsFrom(in, "", nil, nil)
	})
}

// topicsCame ends what listTopics has begun.
func (m *Machine) topicsCame() {
	if m.topics.asking = max(0, m.topics.asking-1); m.topics.asking == 0 {
		m.topics.noted = nil
	}
}

// topicsFrom asks for the part of the list that begins at a place, of which ids have
// come; failures are those of the first part.
func (m *Machine) topicsFrom(in ListTopics, next string, ids []string, failures []frame.Body) {
	params := append(text("groupID", in.Group), frame.Field{Key: "next", Value: next})
	if len(in.IDs) > 0 {
		params = append(params, texts("topicIDs", in.IDs)...)
	}
	m.ask(frame.TopicList, params, 0, func(result frame.Body, err *fault.Error) {
		if err != nil {
			m.topicsCame()
			m.fail(in.Call, err)
			return
		}
		for _, b := range result.List("topics") {
			id := b.Text("topicID")
			if !m.topics.noted[id] { // else the answer may be older than the notification
				m.keepTopic(in.Group, b)
			}
			ids = append(ids, id)
		}
		if next == "" {
			failures = result.List("failures")
		}
		if more := result.Text("next"); more != "" && more != next {
			m.topicsFrom(in, more, ids, failures)
			return
		}
		m.topicsCame()
		if m.topics.listed == nil {
			m.topics.listed = map[string]bool{}
		}
		m.topics.listed[in.Group] = true
		m.enterTopics(ids, func(err *fault.Error) {
			if err != nil {
				m.fail(in.Call, err)
				return
			}
			shown := []string{}
			for _, id := range ids {
				if m.topics.of[id] != "" { // it was not deleted meanwhile
					shown = append(shown, id)
				}
			}
			m.settle(Settle{Call: in.Call, Topics: shown, Result: frame.Fields{{Key: "failures", Value: failures}}})
		})
	})
}

func (m *Machine) keepTopic(group string, b frame.Body) {
	if m.topics.of == nil {
		m.topics.of = map[string]string{}
	}
	m.topics.of[b.Text("topicID")] = group
	m.do(UpdateTopic{Topic: b.Text("topicID"), Body: b})
}

// dropTopic forgets a topic that was deleted, and its conversation: what the gateway says
// of that may have come before.
func (m *Machine) dropTopic(id string) {
	if m.topics.of[id] != "" {
		delete(m.topics.of, id)
		m.do(DropTopic{Topic: id})
		m.remove(groupChat + id)
	}
}

// enterTopics asks for the conversations of topics, of which the gateway returns as
// many as fit a frame, and then calls then.
func (m *Machine) enterTopics(ids []string, then func(err *fault.Error)) {
	if len(ids) == 0 {
		then(nil)
		return
	}
	some := make([]string, 0, topicsAtOnce)
	for _, id := range ids[:min(len(ids), topicsAtOnce)] {
		some = append(some, groupChat+id)
	}
	m.ask(frame.ConversationEnter, texts("conversationIDs", some), 0, func(result frame.Body, err *fault.Error) {
		list, failures := result.List("conversations"), result.List("failures")
		if err == nil && len(list)+len(failures) == 0 {
			err = fault.New(fault.Internal)
		}
		if err != nil {
			then(err)
			return
		}
		told := m.topics.changed // the call's answer shows these
		for _, b := range list {
			if id := b.Text("conversationID"); isTopic(id) && m.topics.of[groupIn(id)] != "" {
				c := m.known(id)
				m.enter(c)
				m.update(c, b)
			}
		}
		m.topics.changed = told
		m.flush()
		m.enterTopics(ids[min(len(ids), len(list)+len(failures)):], then)
	})
}

// topicChanged notes that the page is to be told of a topic, if it knows of that.
func (m *Machine) topicChanged(conversationID string) {
	if !isTopic(conversationID) {
		return
	}
	id := groupIn(conversationID)
	if m.topics.of[id] == "" {
		return
	}
	for _, told := range m.topics.changed {
		if told == id {
			return
		}
	}
	m.topics.changed = append(m.topics.changed, id)
}

// tellTopics tells the page of topics that have changed.
func (m *Machine) tellTopics() {
	for _, id := range m.topics.changed {
		if group := m.topics.of[id]; group != "" {
			m.do(EmitTopic{Group: group, Topic: id})
		}
	}
	m.topics.changed = nil
}

// topicNote takes a topic that was made, changed or deleted.
func (m *Machine) topicNote(method string, note frame.Body) {
	group, id, topic := note.Text("groupID"), note.Text("topicID"), note.Object("topic")
	if topic != nil {
		id = topic.Text("topicID")
	}
	if m.topics.asking > 0 {
		if m.topics.noted == nil {
			m.topics.noted = map[string]bool{}
		}
		m.topics.noted[id] = true
	}
	switch {
	case method == frame.NoteTopicGone:
		m.dropTopic(id)
		m.emit(Emit{Name: frame.EventTopicDeleted, Data: frame.Fields{{Key: "groupID", Value: group}, {Key: "topicIDList", Value: []string{id}}}})
	case topic == nil:
	case note.Bool("created"):
		if m.topics.listed[group] || m.topics.asking > 0 { // the page expects to hear of this one
			m.keepTopic(group, topic)
			m.enterTopics([]string{id}, func(*fault.Error) {})
		}
		m.emit(Emit{Name: frame.EventTopicCreated, Data: frame.Fields{{Key: "groupID", Value: group}, {Key: "topicID", Value: id}}})
	default:
		m.keepTopic(group, topic)
		m.topicChanged(groupChat + id)
	}
}
