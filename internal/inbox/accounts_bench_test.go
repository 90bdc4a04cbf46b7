//go:build unix

package inbox

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

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
		if f != nil {
			b.Errorf("%s: %v", method, f)
		}
		return string(out)
	}
	catchUp := func(s *Session, at string) (cursor string) {
		out := must(s, frame.SessionSync, syncParams{Cursor: at})
		for strings.Contains(out, `"more":true`) {
			out = must(s, frame.SessionMore, nothing{})
		}
		var r syncResult
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			b.Error(err)
		}
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
	login := func() {
		s := attach()
		catchUp(s, "")
		s.Close()
	}
	measure("login", login)
	b.Run("heap", func(b *testing.B) { // of the account's documents, once they are loaded
		var before, after runtime.MemStats
		for b.Loop() {
			in.idle.clear()
			runtime.GC()
			runtime.ReadMemStats(&before)
			s := attach()
			require.NoError(b, s.user.loadAll(b.Context()))
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(len(s.user.peers)), "heap-B/conversation")
			s.Close()
		}
	})
	b.Run("beside logins", func(b *testing.B) { // others publish and set, one call after the other
		other := in.Attach(place.User{SDKAppID: app, UserID: "other"}, "o1", func(string, json.RawMessage) bool { return true })
		defer other.Close()
		must(other, frame.MessageSend, sendText(freshID(), "another", "x"))
		publish := func() { must(other, frame.MessageSend, sendText(freshID(), "another", "x")) }
		set := func() {
			n++
			must(other, frame.ConversationDraft, conversationParams{ConversationID: "C2Canother", DraftText: strconv.Itoa(n)})
		}
		var worst [2]time.Duration
		for b.Loop() {
			over := make(chan struct{})
			go func() {
				defer close(over)
				login()
			}()
			for going := true; going; {
				for i, call := range []func(){publish, set} {
					began := time.Now()
					call()
					worst[i] = max(worst[i], time.Since(began))
				}
				select {
				case <-over:
					going = false
				default:
				}
			}
		}
		b.ReportMetric(float64(worst[0].Microseconds())/1000, "worst-publish-ms")
		b.ReportMetric(float64(worst[1].Microseconds())/1000, "worst-setting-ms")
	})
}
