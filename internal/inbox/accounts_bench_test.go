//go:build unix

package inbox

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// BenchmarkAccounts measures, on disk and warm, what grows with the number of an
// account's conversations, and what should not: CPU and time of one call, or of
// all calls of a login and a resume.
func BenchmarkAccounts(b *testing.B) {
	for _, size := range []int{10, 1_500, 10_000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			in := open(b, openBus(b, b.TempDir()), Options{Presence: nobody{}})
			for n := range size {
				_, err := in.Send(b.Context(), ServerMessage{SDKAppID: app, From: fmt.Sprint("u", n), To: "alice", Type: typeText, Payload: []byte(`{"text":"x"}`), Random: 1})
				require.NoError(b, err)
			}
			accountCalls(b, in)
		})
	}
}

func accountCalls(b *testing.B, in *Inbox) {
	alice := place.User{SDKAppID: app, UserID: "alice"}
	attach := func() *Session {
		return in.Attach(alice, "a1", func(string, json.RawMessage) bool { return true })
	}
	must := func(s *Session, method string, params any) string {
		in.rates.mu.Lock()
		delete(in.rates.users, s.user.User) // so that no call is refused
		in.rates.mu.Unlock()
		out, f := s.Call(b.Context(), method, encode(params))
		require.Nil(b, f)
		return string(out)
	}
	catchUp := func(s *Session, at string) (cursor string) {
		out := must(s, frame.SessionSync, syncParams{Cursor: at})
		for strings.Contains(out, `"more":true`) {
			out = must(s, frame.SessionMore, nothing{})
		}
		var r syncResult
		require.NoError(b, json.Unmarshal([]byte(out), &r))
		return r.Cursor
	}
	s := attach()
	at := catchUp(s, "")
	n := 0
	measure := func(name string, call func()) {
		b.Run(name, func(b *testing.B) {
			before := cpu(b)
			for b.Loop() {
				n++
				call()
			}
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/call")
		})
	}
	measure("first message", func() { must(s, frame.MessageSend, sendText(freshID(), fmt.Sprint("new", n), "x")) })
	measure("stranger's first message", func() {
		_, err := in.Send(b.Context(), ServerMessage{SDKAppID: app, From: fmt.Sprint("stranger", n), To: "alice", Type: typeText, Payload: []byte(`{"text":"x"}`), Random: 1})
		require.NoError(b, err)
	})
	measure("message", func() { must(s, frame.MessageSend, sendText(freshID(), "u1", "x")) })
	measure("pin", func() {
		must(s, frame.ConversationPin, conversationParams{ConversationID: "C2Cu1", IsPinned: n%2 == 0})
	})
	measure("draft", func() {
		must(s, frame.ConversationDraft, conversationParams{ConversationID: "C2Cu1", DraftText: strconv.Itoa(n)})
	})
	at = catchUp(s, "")
	s.Close()
	measure("resume", func() {
		s := attach()
		at = catchUp(s, at)
		s.Close()
	})
	measure("login", func() {
		s := attach()
		catchUp(s, "")
		s.Close()
	})
}
