package inbox

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
)

// A list of users may ask for more than a frame holds: the answer has the first
// of them, at least one, and the client asks for the rest.
func TestAnswersFitAFrame(t *testing.T) {
	const frame = 4 << 10
	in := open(t, openBus(t, bus.Memory), Options{Frame: frame})
	var ids []string
	for n := range 20 {
		u := login(t, in, "u"+strconv.Itoa(n), "i")
		ids = append(ids, u.userID)
		u.must("profile.set", map[string]any{"nick": strings.Repeat(`"`, 300)}, nil)
		u.must("status.set", statusParams{strings.Repeat("\n", 120)}, nil)
	}
	a := login(t, in, "alice", "a1")
	for method, key := range map[string]string{"profile.get": "profiles", "status.get": "statuses"} {
		var got []string
		for len(got) < len(ids) {
			var r map[string][]json.RawMessage
			a.must(method, usersParams{ids[len(got):]}, &r)
			require.NotEmpty(t, r[key])
			size := 0
			for _, v := range r[key] {
				size += len(v)
				var u struct {
					UserID string `json:"userID"`
				}
				require.NoError(t, json.Unmarshal(v, &u))
				got = append(got, u.UserID)
			}
			require.LessOrEqual(t, size, frame, method)
		}
		require.Equal(t, ids, got, method)
	}
	in.o.Frame = 10
	var r profilesResult
	a.must("profile.get", usersParams{ids}, &r)
	require.Len(t, r.Profiles, 1)
}

// A synchronisation and a page of the history fill their frames, and never exceed
// one, whatever the messages contain.
func TestFramesAreFilled(t *testing.T) {
	const frame, most = 4 << 10, 128 // most: what stands around a list
	in := open(t, openBus(t, bus.Memory), Options{Frame: frame})
	a := login(t, in, "alice", "a1")
	a.must("profile.set", map[string]any{"nick": strings.Repeat(`"`, 200), "avatar": strings.Repeat("\\", 200)}, nil)
	for n := range 40 {
		a.send("bob", strings.Repeat("\n", n*10))
	}
	plain := login(t, in, "carol", "c1")
	for n := range 40 {
		plain.send("bob", "some words of usual length "+strconv.Itoa(n))
	}
	for n := range 20 {
		other := login(t, in, "user"+strconv.Itoa(n), "u1")
		other.must("profile.set", map[string]any{"nick": strings.Repeat(`"`, 10*n)}, nil)
		other.send("bob", "x")
	}

	b := login(t, in, "bob", "b1")
	fits := func(key string, raw []byte) {
		require.LessOrEqual(t, len(raw), frame+most, "%s: a frame is too large", key)
	}
	filled := func(key string, raw []byte, next json.RawMessage) {
		require.Greater(t, len(raw)+len(next), frame, "%s: what comes next would fit a frame", key)
	}
	b.mu.Lock()
	notes := slices.Clone(b.notes)
	b.mu.Unlock()
	for _, key := range []string{"messages", "conversations"} { // of the notifications of these names
		var last []byte
		for _, n := range notes {
			var lists map[string]json.RawMessage
			var list []json.RawMessage
			require.NoError(t, json.Unmarshal(n.params, &lists))
			if n.method != key || json.Unmarshal(lists[key], &list) != nil || len(list) == 0 {
				continue
			}
			fits(key, n.params)
			if last != nil {
				filled(key, last, list[0])
			}
			last = n.params
		}
		require.NotNil(t, last, key)
	}
	var last []byte
	for before, done := uint64(0), false; !done; {
		raw, f := b.s.Call(t.Context(), "message.list", encode(conversationParams{ConversationID: "C2Calice", Before: before}))
		require.Nil(t, f)
		fits("message.list", raw)
		var r struct {
			Messages    []json.RawMessage
			Next        uint64
			IsCompleted bool
		}
		require.NoError(t, json.Unmarshal(raw, &r))
		if last != nil {
			filled("message.list", last, r.Messages[len(r.Messages)-1])
		}
		before, done, last = r.Next, r.IsCompleted, nil
		if len(r.Messages) < window {
			last = raw
		}
	}
}
