//go:build unix

package group

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/worst"
)

// crowded is a store in which user "alice" is in nearly as many groups as one may
// be, and owns "big", which has 2,000 members. The users rich0 to rich19 are in as
// many groups, but not in "big".
type crowded struct {
	tb    testing.TB
	r     *Room
	clock *clock
}

const (
	bigGroup = 2000
	inGroups = maxJoined - 20
)

// as makes a call in a user's name. It must succeed and is charged to nobody.
func (w *crowded) as(userID, method string, params any) {
	_, err := w.r.Do(w.tb.Context(), place.User{SDKAppID: app, UserID: userID}, method, params)
	require.NoError(w.tb, err, method)
}

func numbered(prefix string, from, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(prefix, from+i)
	}
	return out
}

func firsts(ids []string) []obj {
	out := make([]obj, len(ids))
	for i, id := range ids {
		out[i] = obj{"userID": id}
	}
	return out
}

// fullFields returns n custom fields, each as long as it may be.
func fullFields(most, n int) []obj {
	out := make([]obj, most)
	for i := range out {
		out[i] = obj{"key": fmt.Sprint("key", i), "value": strings.Repeat(fmt.Sprint(n%10), maxFieldValue)}
	}
	return out
}

// fullProfile adds the longest profile that a group may have to p; another n makes
// another profile.
func fullProfile(p obj, n int) obj {
	long := func(size int) string { return strings.Repeat(fmt.Sprint(n%10), size) }
	p["name"], p["introduction"], p["notification"], p["avatar"] = long(maxName), long(maxIntroduction), long(maxNotification), long(maxAvatar)
	p["groupCustomField"] = fullFields(maxGroupFields, n)
	return p
}

// fullAttributes returns as many and as long attributes as a group may have.
func fullAttributes(n int) map[string]string {
	out := map[string]string{}
	for i := range maxAttributeKeys {
		out[fmt.Sprint("key", i)] = strings.Repeat(fmt.Sprint(n%10), maxAttributes/maxAttributeKeys-10)
	}
	return out
}

func fullCounters(n int) map[string]int64 {
	out := map[string]int64{}
	for i := range maxCounters {
		out[fmt.Sprint("counter", i)] = int64(n)
	}
	return out
}

func (w *crowded) fill() {
	for i := range inGroups {
		id := fmt.Sprint("small", i)
		w.as("alice", frame.GroupCreate, fullProfile(obj{"groupID": id, "type": Public, "memberList": firsts(numbered("rich", 0, maxMoved))}, i))
	}
	w.as("alice", frame.GroupCreate, fullProfile(obj{"groupID": "big", "type": Public, "inviteOption": Approval, "maxMemberNum": 6000}, 0))
	w.as("m0", frame.GroupCreate, fullProfile(obj{"groupID": "given", "type": Public, "memberList": firsts(numbered("m", 1, maxInvited))}, 0))
	for n := 0; n < bigGroup; n += maxInvited {
		w.as("alice", frame.GroupInvite, obj{"groupID": "big", "userIDs": numbered("m", n, maxInvited)})
	}
	w.as("alice", frame.GroupCreate, obj{"groupID": manyTopics, "type": Community, "isSupportTopic": true, "name": "n"})
	w.as("alice", frame.GroupAttributesInit, obj{"groupID": "big", "groupAttributes": fullAttributes(0)})
	w.as("alice", frame.GroupCountersSet, obj{"groupID": "big", "counters": fullCounters(0)})
	for i := range maxWaiting - 10 {
		w.apply(fmt.Sprint("waits", i))
	}
}

func (w *crowded) apply(userID string) {
	w.as(userID, frame.GroupJoin, obj{"groupID": "big", "applyMessage": strings.Repeat("m", maxNote)})
}

// mark returns the authentication of a user's application, which handling it needs.
func (w *crowded) mark(userID string) string {
	k := keyOf(place.User{SDKAppID: app}, "big")
	a, _, err := get[application](w.tb.Context(), w.r, k.applicationSubject(userID))
	require.NoError(w.tb, err)
	return a.Key
}

func (w *crowded) frames() map[string]worst.Frame {
	in := func(more obj) func(int) any {
		more["groupID"] = "big"
		return func(int) any { return more }
	}
	by := func(prefix string) func(int) string { return func(n int) string { return fmt.Sprint(prefix, n) } }
	member := func(more func(n int) obj) func(int) any {
		return func(n int) any {
			p := more(n)
			p["groupID"], p["userID"] = "big", "m1"
			return p
		}
	}
	owners := []string{"m0", "m1"}
	return map[string]worst.Frame{
		frame.GroupCreate: {User: by("maker"), Params: func(n int) any {
			return fullProfile(obj{"type": Public, "memberList": firsts(numbered(fmt.Sprint("first", n, "-"), 0, maxMoved))}, n)
		}},
		frame.GroupList:   {Params: func(int) any { return obj{} }},
		frame.GroupGet:    {Params: func(n int) any { return obj{"groupIDs": numbered("small", n%8*maxGroups, maxGroups)} }},
		frame.GroupSearch: {Params: in(obj{})},
		frame.GroupJoin: {
			Before: func(n int) {
				if last := fmt.Sprint("joins", n-1); n > 0 {
					w.as("alice", frame.GroupHandle, obj{"groupID": "big", "userID": last, "handleAction": actionReject, "authentication": w.mark(last)})
				}
			},
			User:   by("joins"),
			Params: in(obj{"applyMessage": strings.Repeat("m", maxNote)}),
		},
		frame.GroupQuit: {
			Before: func(n int) {
				w.as("alice", frame.GroupInvite, obj{"groupID": "big", "userIDs": numbered("quits", n, 1)})
			},
			User:   by("quits"),
			Params: in(obj{}),
		},
		frame.GroupDismiss: {
			Before: func(n int) {
				w.as(fmt.Sprint("ends", n), frame.GroupCreate, fullProfile(obj{"groupID": fmt.Sprint("ends", n), "type": Public, "memberList": firsts(numbered("e", 0, maxInvited))}, n))
			},
			User:   by("ends"),
			Params: func(n int) any { return obj{"groupID": fmt.Sprint("ends", n)} },
		},
		frame.GroupUpdate: {Params: func(n int) any { return fullProfile(obj{"groupID": "big"}, n+1) }},
		frame.GroupOwner: {
			User:   func(n int) string { return owners[n%2] },
			Params: func(n int) any { return obj{"groupID": "given", "newOwnerID": owners[1-n%2]} },
		},
		frame.GroupMembers:   {Params: in(obj{"count": maxMembersPage})},
		frame.GroupMemberGet: {Params: in(obj{"userIDs": numbered("m", 0, maxProfiles)})},
		frame.GroupInvite: {
			Before: func(n int) { w.remove("rich", n) },
			Params: in(obj{"userIDs": numbered("rich", 0, maxMoved)}),
		},
		frame.GroupKick: {
			Before: func(n int) {
				w.as("alice", frame.GroupInvite, obj{"groupID": "big", "userIDs": numbered(fmt.Sprint("kicked", n, "-"), 0, maxMoved)})
			},
			Params: func(n int) any {
				return obj{"groupID": "big", "userIDs": numbered(fmt.Sprint("kicked", n, "-"), 0, maxMoved)}
			},
		},
		frame.GroupMute: {Params: member(func(n int) obj { return obj{"muteTime": 60 + n} })},
		frame.GroupRole: {Params: member(func(n int) obj {
			return obj{"role": []string{Admin.String(), Member.String()}[n%2]}
		})},
		frame.GroupCard:         {Params: member(func(n int) obj { return obj{"nameCard": strings.Repeat(fmt.Sprint(n%10), maxNameCard)} })},
		frame.GroupCustom:       {Params: member(func(n int) obj { return obj{"memberCustomField": fullFields(maxMemberFields, n)} })},
		frame.GroupApplications: {Params: func(int) any { return obj{} }},
		frame.GroupHandle: {
			Before: func(n int) { w.apply(fmt.Sprint("let-in", n)) },
			Params: func(n int) any {
				in := fmt.Sprint("let-in", n)
				return obj{"groupID": "big", "userID": in, "handleAction": actionAgree, "handleMessage": strings.Repeat("m", maxNote), "authentication": w.mark(in)}
			},
		},
		frame.GroupOnline:        {Params: in(obj{})},
		frame.GroupAttributesGet: {Params: in(obj{})},
		frame.GroupAttributesInit: {Params: func(n int) any {
			return obj{"groupID": "big", "groupAttributes": fullAttributes(n + 1)}
		}},
		frame.GroupAttributesSet: {Params: func(n int) any {
			return obj{"groupID": "big", "groupAttributes": fullAttributes(n + 2)}
		}},
		frame.GroupAttributesDelete: {
			Before: func(n int) {
				w.as("alice", frame.GroupAttributesInit, obj{"groupID": "big", "groupAttributes": fullAttributes(n)})
			},
			Params: in(obj{}),
		},
		frame.GroupCountersGet: {Params: in(obj{})},
		frame.GroupCountersSet: {Params: func(n int) any { return obj{"groupID": "big", "counters": fullCounters(n + 1)} }},
		frame.GroupCountersAdd: {Params: in(obj{"key": "counter1", "value": 1})},

		frame.TopicCreate: {Before: func(n int) {
			if n%(maxTopics/2) == 0 {
				w.as("alice", frame.TopicDelete, obj{"groupID": manyTopics})
			}
		}, Params: func(n int) any {
			return obj{"groupID": manyTopics, "topicID": fmt.Sprint(manyTopics, topicPrefix, "new", n), "topicName": strings.Repeat("n", maxName)}
		}},
		frame.TopicUpdate: {Before: func(n int) {
			if n == 0 {
				w.fillTopics()
			}
		}, Params: func(n int) any {
			return obj{"groupID": manyTopics, "topicID": fmt.Sprint(manyTopics, topicPrefix, 0), "customData": fmt.Sprintf("%0*d", maxTopicData, n)}
		}},
		frame.TopicDelete: {
			Before: func(int) { w.fillTopics() },
			Params: func(int) any { return obj{"groupID": manyTopics} },
		},
		frame.TopicList: {
			Before: func(int) { w.fillTopics() },
			Params: func(int) any { return obj{"groupID": manyTopics} },
		},
	}
}

// remove removes the guests whom the frame before n has brought in.
func (w *crowded) remove(prefix string, n int) {
	if n > 0 {
		w.as("alice", frame.GroupKick, obj{"groupID": "big", "userIDs": numbered(prefix, 0, maxMoved)})
	}
}

// manyTopics is a community with maxTopics topics.
const manyTopics = communityPrefix + "topics"

func (w *crowded) fillTopics() {
	w.as("alice", frame.TopicDelete, obj{"groupID": manyTopics})
	for n := range maxTopics {
		w.as("alice", frame.TopicCreate, obj{"groupID": manyTopics, "topicID": fmt.Sprint(manyTopics, topicPrefix, n), "topicName": "n"})
	}
}

// TestEachMethodHasAWorstFrame fails when a method is missing in the benchmark.
func TestEachMethodHasAWorstFrame(t *testing.T) {
	w := &crowded{tb: t}
	require.Empty(t, worst.Missing(Methods(), w.frames()))
}

// BenchmarkWorstFrames measures the CPU time of the worst frame of each method.
func BenchmarkWorstFrames(b *testing.B) {
	nats, err := bus.Open(b.Context(), bus.Options{Data: bus.Memory, Log: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	b.Cleanup(nats.Close)
	w := &crowded{tb: b, clock: newClock()}
	w.r, err = Open(b.Context(), nats, Options{
		Known:  func(context.Context, place.User) (bool, error) { return true, nil },
		Log:    newChat(),
		Now:    w.clock.Now,
		Report: func(err error) { b.Log("reported:", err) },
		Profiles: func(_ context.Context, _ uint32, ids []string) ([]Profile, error) {
			return make([]Profile, len(ids)), nil
		},
		Online: func(_ context.Context, _ uint32, ids []string) ([]bool, error) { return make([]bool, len(ids)), nil },
	})
	require.NoError(b, err)
	b.Cleanup(w.r.Close)
	w.fill()
	worst.Run(b, Methods(), w.frames(), func(userID, method string, params json.RawMessage) error {
		if userID == "" {
			userID = "alice"
		}
		w.clock.pass(1e12) // so that nobody's rate is used up
		s := w.r.Attach(place.User{SDKAppID: app, UserID: userID}, func(string, json.RawMessage) bool { return true })
		defer s.Close()
		v, err := s.Call(b.Context(), method, params)
		if err == nil && encode(v) == nil {
			err = fmt.Errorf("the result of %s has no JSON form", method)
		}
		return err
	})
}
