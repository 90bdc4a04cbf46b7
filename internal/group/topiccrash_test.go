package group

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

const plazaTea, plazaCake = plaza + topicPrefix + "tea", plaza + topicPrefix + "cake"

// topicChanges are the calls that change topics, or a community with the topic tea, in
// which bob is a member. alice makes them.
var topicChanges = []struct {
	method string
	params obj
}{
	{frame.TopicCreate, obj{"groupID": plaza, "topicID": plazaCake, "topicName": "cake", "nonce": "x"}},
	{frame.TopicUpdate, obj{"groupID": plaza, "topicID": plazaTea, "topicName": "green tea"}},
	{frame.TopicDelete, obj{"groupID": plaza, "topicIDs": []string{plazaTea}}},
	{frame.TopicList, obj{"groupID": plaza}},
	{frame.GroupKick, obj{"groupID": plaza, "userIDs": []string{"bob"}}},
	{frame.GroupDismiss, obj{"groupID": plaza}},
}

// newTopics makes the community of topicChanges on the second of two gateways, of
// which the first has another store.
func newTopics(t *testing.T, first Bus, b *busmodel.Bus) *world {
	w := &world{t: t, clock: newClock()}
	w.rooms = [2]*Room{w.open(first), w.open(b)}
	alice := w.login(1, "alice")
	alice.must("group.create", obj{"groupID": plaza, "name": "n", "type": "Community", "isSupportTopic": true, "memberList": []obj{{"userID": "bob"}}}, nil)
	alice.must("topic.create", obj{"groupID": plaza, "topicID": plazaTea, "topicName": "tea"}, nil)
	return w
}

// topicsInOrder checks, after a while, that the log of a topic goes on if the topic is
// listed, and that it has ended otherwise.
func (w *world) topicsInOrder(name string) {
	w.t.Helper()
	w.clock.pass((repeatedWithin + turnAge) * time.Millisecond)
	root := w.login(1, "root")
	w.login(1, "alice").groups() // removes what a dismissed community has left
	w.rooms[1].behind()
	var listed []string
	for range 2 { // the first time removes what is old
		var page topicsResult
		f := root.call("topic.list", obj{"groupID": plaza}, &page)
		require.True(w.t, f == nil || f.Code == fault.NoSuchGroup, "%s: %v", name, f)
		w.rooms[1].behind()
		listed = nil
		for _, one := range page.Topics {
			listed = append(listed, one.TopicID)
		}
	}
	for _, id := range []string{plazaTea, plazaCake} {
		there, _ := w.chat.topic(id)
		require.Equal(w.t, slices.Contains(listed, id), there, "%s: %s", name, id)
	}
	left, err := w.rooms[1].log.Subjects(w.t.Context(), key{app, plaza}.topicPattern())
	require.NoError(w.t, err)
	require.Len(w.t, left, len(listed), name)
}

// A client that hangs up at any operation of a call leaves topics in order.
func TestHangUpInEachCallOfTopics(t *testing.T) {
	for _, c := range topicChanges {
		for n, over := 0, false; !over; n++ {
			name := fmt.Sprintf("%s, operation %d", c.method, n)
			b := &hangup{Bus: busmodel.New(busmodel.Options{})}
			w := newTopics(t, b, b.Bus)
			ctx, cancel := context.WithCancel(t.Context())
			b.set(n, cancel)
			caller := w.login(0, "alice")
			_, err := caller.session.Call(ctx, c.method, json.RawMessage(encode(c.params)))
			over = ctx.Err() == nil
			cancel()
			caller.session.Close()
			w.rooms[0].behind()
			if err != nil {
				require.NotEqual(t, fault.Internal, bus.Fault(err).Code, "%s: %v", name, err)
			}
			w.comesBack(name, c.method, c.params)
			w.topicsInOrder(name)
		}
	}
}

// comesBack has alice repeat her call, as a client does after a lost link.
func (w *world) comesBack(name, method string, params obj) {
	w.t.Helper()
	f := w.login(1, "alice").call(method, params, nil)
	require.True(w.t, f == nil || f.Code == fault.NoSuchGroup, "%s: %v", name, f)
}

// A call that fails at any of its operations, or whose gateway dies there, leaves
// topics in order once it was repeated.
func TestATopicCallFailsAnywhere(t *testing.T) {
	for _, c := range topicChanges {
		for _, how := range []struct{ after, dead bool }{{false, false}, {true, false}, {true, true}} {
			for n, over := 0, false; !over; n++ {
				name := fmt.Sprintf("%s fails at operation %d: %+v", c.method, n, how)
				b := &faulty{Bus: busmodel.New(busmodel.Options{})}
				w := newTopics(t, b, b.Bus)
				caller := w.login(0, "alice")
				b.arm(n, how.after, how.dead)
				f := caller.call(c.method, c.params, nil)
				if how.dead {
					w.rooms[0].Close()
				} else {
					w.rooms[0].behind()
				}
				if over = !b.failed(); over {
					require.Nil(t, f, name)
				}
				w.clock.pass((turnAge + 1) * time.Millisecond) // an abandoned turn is taken over
				w.comesBack(name, c.method, c.params)
				w.topicsInOrder(name)
				w.rooms[0].Close()
				w.rooms[1].Close()
			}
		}
	}
}

// during is a store that does something before it writes a document.
type during struct {
	*busmodel.Bus
	mu      sync.Mutex // guards what follows
	subject string
	do      func()
}

func (d *during) OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error) {
	l, err := d.Bus.OpenLog(ctx, c)
	return duringLog{l, d}, err
}

type duringLog struct {
	bus.Log
	d *during
}

func (l duringLog) Append(ctx context.Context, subject string, data []byte, expect uint64, id string) (uint64, bool, error) {
	l.d.mu.Lock()
	do := l.d.do
	if subject != l.d.subject {
		do = nil
	} else {
		l.d.do = nil
	}
	l.d.mu.Unlock()
	if do != nil {
		do()
	}
	return l.Log.Append(ctx, subject, data, expect, id)
}

// A topic that is made while its community is dismissed, and all its documents are
// removed, is refused and leaves neither a document nor a log that goes on.
func TestATopicOfACommunityThatEnds(t *testing.T) {
	b := &during{Bus: busmodel.New(busmodel.Options{})}
	w := newTopics(t, b, b.Bus)
	admin := w.login(0, "alice")
	b.mu.Lock()
	b.subject = key{app, plaza}.topicSubject(plazaCake)
	b.do = func() {
		w.login(1, "alice").must("group.dismiss", obj{"groupID": plaza}, nil)
		w.rooms[1].behind()
	}
	b.mu.Unlock()
	admin.refused(fault.NoSuchGroup, "topic.create", obj{"groupID": plaza, "topicID": plazaCake, "topicName": "cake"})
	w.topicsInOrder("dismissed")
}
