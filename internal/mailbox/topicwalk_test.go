package mailbox_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
)

// forum is a gateway with one community, whose topics change while a page lists them.
// What it says of topics, and what it says of their conversations, each has an order;
// how the two mix with each other, and with its answers, is random.
type forum struct {
	r       *rand.Rand
	w       *world
	made    int
	topics  map[string]*forumTopic
	notes   [2][]mailbox.Input // of topics, of conversations
	answers []mailbox.Input
}

type forumTopic struct {
	name    string
	counted int
	entered bool // the user has its conversation
}

func (t *forumTopic) conversation(id string) string {
	return fmt.Sprintf("{conversationID:GROUP%s,type:GROUP,counted:%d,read:0,readSequence:0,unreadCount:%d}", id, t.counted, t.counted)
}

func (f *forum) say(order int, method, format string, args ...any) {
	f.notes[order] = append(f.notes[order], mailbox.Noticed{Method: method, Body: body(format, args...)})
}

func (f *forum) ids() []string { return slices.Sorted(maps.Keys(f.topics)) }

// changes changes a topic.
func (f *forum) changes() {
	id := ""
	if ids := f.ids(); len(ids) > 0 {
		id = ids[f.r.IntN(len(ids))]
	}
	t := f.topics[id]
	switch n := f.r.IntN(5); {
	case t == nil || n == 0:
		f.made++
		id = fmt.Sprint("g1@TOPIC#_", f.made)
		f.topics[id] = &forumTopic{name: fmt.Sprint("n", f.r.IntN(100))}
		f.say(0, frame.NoteTopic, "{groupID:g1,created:true,topic:{topicID:%s,topicName:%s}}", id, f.topics[id].name)
	case n == 1:
		delete(f.topics, id)
		f.say(0, frame.NoteTopicGone, "{groupID:g1,topicID:%s}", id)
		if t.entered {
			f.say(1, frame.NoteConversations, "{removed:[GROUP%s]}", id)
		}
	case n == 2:
		t.name = fmt.Sprint("n", f.r.IntN(100))
		f.say(0, frame.NoteTopic, "{groupID:g1,topic:{topicID:%s,topicName:%s}}", id, t.name)
	default:
		if t.counted++; t.entered {
			f.say(1, frame.NoteConversations, "{conversations:[{conversationID:GROUP%s,type:GROUP,counted:%d}]}", id, t.counted)
		}
	}
}

// serves carries out the next call of the page, whose answer is then on its way.
func (f *forum) serves() {
	if len(f.w.asked) == 0 {
		return
	}
	a := f.w.asked[0]
	f.w.asked = f.w.asked[1:]
	result := frame.Body(frame.Fields{})
	switch a.Method {
	case frame.GroupList:
		result = body("{groups:[{groupID:g1,infoSequence:1,selfInfo:{role:Member}}]}")
	case frame.TopicList:
		var list []string
		for _, id := range f.ids() {
			list = append(list, fmt.Sprintf("{topicID:%s,topicName:%s}", id, f.topics[id].name))
		}
		result = body("{topics:[%s]}", strings.Join(list, ","))
	case frame.ConversationEnter:
		var list, failures []string
		for _, id := range a.Params.Texts("conversationIDs") {
			if t := f.topics[strings.TrimPrefix(id, "GROUP")]; t != nil {
				t.entered = true
				list = append(list, t.conversation(strings.TrimPrefix(id, "GROUP")))
			} else {
				failures = append(failures, "{conversationID:"+id+",code:10010}")
			}
		}
		result = body("{conversations:[%s],failures:[%s]}", strings.Join(list, ","), strings.Join(failures, ","))
	}
	f.answers = append(f.answers, mailbox.Answered{Request: a.Request, Result: result})
}

// delivers has the page get something that is on its way, and reports whether there
// was anything.
func (f *forum) delivers() bool {
	var queues []*[]mailbox.Input
	for _, q := range []*[]mailbox.Input{&f.notes[0], &f.notes[1], &f.answers} {
		if len(*q) > 0 {
			queues = append(queues, q)
		}
	}
	if len(queues) == 0 {
		return false
	}
	q := queues[f.r.IntN(len(queues))]
	in := (*q)[0]
	*q = (*q)[1:]
	f.w.step(in)
	return true
}

// A page that gets events of topics in any order, beside the answers of its calls, ends
// with what a fresh page sees.
func TestTopicEventsInAnyOrder(t *testing.T) {
	for seed := range uint64(200) {
		f := &forum{r: rand.New(rand.NewPCG(seed, 21)), w: newWorld(t), topics: map[string]*forumTopic{}}
		f.w.sane = true
		f.w.step(f.w.begin())
		f.w.step(mailbox.Answered{Request: f.w.asked[0].Request, Result: body("{cursor:2.0.1}")})
		f.w.asked = f.w.asked[1:]
		f.w.step(mailbox.ListTopics{Call: f.w.call(), Group: "g1"})
		for range 60 {
			switch f.r.IntN(6) {
			case 0, 1:
				f.changes()
			case 2:
				f.serves()
			case 3:
				if f.r.IntN(4) == 0 {
					f.w.step(mailbox.ListTopics{Call: f.w.call(), Group: "g1"})
				}
			default:
				f.delivers()
			}
		}
		for len(f.w.asked) > 0 || len(f.answers)+len(f.notes[0])+len(f.notes[1]) > 0 {
			if f.r.IntN(2) == 0 {
				f.serves()
			}
			f.delivers()
		}
		known := f.w.page.Topics()
		for id, want := range f.topics {
			if !slices.Contains(known, id) {
				f.w.fatal("seed %d: the page does not know %s", seed, id)
			}
			got := f.w.page.Topic(id)
			if unread, _ := got["unreadCount"].(float64); got["topicName"] != want.name || int(unread) != want.counted {
				f.w.fatal("seed %d: %s is %v and not %+v", seed, id, got, want)
			}
		}
		for n := range f.made {
			id := fmt.Sprint("g1@TOPIC#_", n+1)
			if c := f.w.page.Conversation("GROUP" + id); c != nil && f.topics[id] == nil {
				f.w.fatal("seed %d: %s is gone, and its conversation is not", seed, id)
			}
		}
		if len(known) != len(f.topics) {
			f.w.fatal("seed %d: the page knows %v, and there are %d", seed, known, len(f.topics))
		}
	}
}
