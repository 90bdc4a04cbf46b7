package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// TestHostileParams: whatever a client sends, the answer's code says that the
// mistake was the client's, and the session goes on.
func TestHostileParams(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	a.send("bob", "x")
	deep := strings.Repeat(`{"payload":`, 40) + "1" + strings.Repeat("}", 40)
	for _, method := range Methods() {
		for _, params := range []string{
			``, `null`, `[]`, `1`, `"x"`, `{`, `{"conversationID":1}`, deep,
			`{"conversationID":"C2C"}`, `{"conversationID":"GROUPx"}`, `{"conversationID":"C2C` + strings.Repeat("x", 40) + `"}`,
			`{"conversationID":"C2Cbob","position":99999999,"positions":[0,99999999],"before":18446744073709551615,"count":-5}`,
			`{"conversationIDs":["x"],"conversationID":"C2C*.>"}`,
			`{"userIDs":["a\u0000b",""," ","*",">","` + strings.Repeat("u", 33) + `"]}`,
			`{"positions":["1"],"userIDs":[1],"conversationIDs":{},"count":"1"}`, `{"userIDs":"bob","to":1}`, `{"customStatus":[],"draftText":1,"isPinned":1}`,
			`{"cursor":"99999999999999999999.1"}`, `{"cursor":"-1.-1"}`, `{"cursor":"99999.99999"}`,
			`{"id":"0000000000000001","to":"*.>","type":"TIMTextElem","payload":{"text":"x"}}`,
			`{"id":"","to":"bob","type":"TIMTextElem","payload":{"text":"x"}}`,
			`{"id":"` + strings.Repeat("i", 200) + `","to":"bob","type":"TIMTextElem","payload":{"text":"x"}}`,
			`{"id":"0000000000000002","to":"bob","type":"TIMTextElem","payload":"x"}`,
			`{"id":"0000000000000003","to":"bob","type":"TIMTextElem","payload":null}`,
			`{"id":"0000000000000004","to":"bob","type":"TIMCustomElem","payload":{"data":{}}}`,
			`{"nick":1,"gender":"x","profileCustomField":{"a":1}}`,
		} {
			out, f := a.s.Call(context.Background(), method, json.RawMessage(params))
			if f == nil {
				require.True(t, json.Valid(out), "%s %s: %s", method, params, out)
				continue
			}
			require.NotContains(t, []fault.Code{fault.Internal, fault.ServerTimeout}, f.Code, "%s %s: %s", method, params, f.Message)
			require.NotEmpty(t, f.Message)
			for _, word := range []string{"Go ", "json:", "struct", "conversationParams", "An unknown error", "none of ours"} {
				require.NotContains(t, f.Message, word, "%s %s", method, params)
			}
		}
	}
	a.must("session.sync", nothing{}, nil)
	a.send("bob", "still here")
}

// TestExpiredConversation: a conversation that has expired entirely begins anew,
// and settings of the old one do not count.
func TestExpiredConversation(t *testing.T) {
	nats := openNATS(t, bus.Memory)
	in := open(t, nats, Options{MaxAge: 3 * time.Second})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	for i := range 3 {
		a.send("bob", fmt.Sprint(i))
	}
	b.until("three", func() bool { return b.field("alice", "unreadCount") == 3.0 })
	b.must("conversation.clear", conversationParams{ConversationID: "C2Calice"}, nil)
	b.until("cleared", func() bool { return b.field("alice", "unreadCount") == 0.0 })
	s, err := nats.JetStream().Stream(t.Context(), bus.StreamMessages)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		info, err := s.Info(t.Context())
		return err == nil && info.State.Msgs == 0
	}, time.Minute, 50*time.Millisecond)
	require.Empty(t, a.history("bob"))
	require.Empty(t, login(t, in, "bob", "b2").list())
	m := a.send("bob", "anew")
	require.EqualValues(t, 1, m.Sequence)
	b.until("one unread", func() bool { return b.field("alice", "unreadCount") == 1.0 })
	require.Equal(t, "anew", textOf(b.history("alice")[0]))
}

func FuzzKeys(f *testing.F) {
	f.Add("alice", "bob", uint32(1))
	f.Add("a.*>", " ", uint32(1400000000))
	f.Fuzz(func(t *testing.T, x, y string, app uint32) {
		p := pairOf(app, x, y)
		got, err := parsePair(p.subject())
		require.NoError(t, err)
		require.Equal(t, p, got)
		require.Equal(t, p, pairOf(app, y, x))
		require.Equal(t, x, p.users[p.side(x)])
		require.NotContains(t, strings.TrimPrefix(p.subject(), bus.SubjectMessages), "*")
		u, kind, err := parseDoc(docSubject(place.User{SDKAppID: app, UserID: x}, docStatus))
		require.NoError(t, err)
		require.Equal(t, place.User{SDKAppID: app, UserID: x}, u)
		require.Equal(t, docStatus, kind)
		u, other, err := parseConv(convSubject(place.User{SDKAppID: app, UserID: x}, y))
		require.NoError(t, err)
		require.Equal(t, place.User{SDKAppID: app, UserID: x}, u)
		require.Equal(t, y, other)
	})
}
