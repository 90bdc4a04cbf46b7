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
	"github.com/tim-wasm/tim/internal/worst"
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
	attach := func() *Session { return attachBench(in, alice) }
	must := func(s *Session, method string, params any) { callBench(b, s, method, params) }
	catchUp := func(s *Session, at string) (cursor string) { return catchUpBench(b, s, at) }
	s := attach()
	at := catchUp(s, "")
	n := 0
	measure := func(name string, call func()) {
		measureBench(b, name, func() {
			n++
			call()
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
		var publish, setting time.Duration
		for b.Loop() {
			p, set := worstBeside(b, in, login)
			publish, setting = max(publish, p), max(setting, set)
		}
		b.ReportMetric(float64(publish.Microseconds())/1000, "worst-publish-ms")
		b.ReportMetric(float64(setting.Microseconds())/1000, "worst-setting-ms")
	})
}

// BenchmarkSync measures, warm, a login with 501 conversations, which brings the newest
// 200 messages that its user has not read, a reconnect that has missed all 1,500, and a
// page of a conversation.
func BenchmarkSync(b *testing.B) {
	in := open(b, openBus(b, b.TempDir()), Options{Presence: nobody{}})
	bob := place.User{SDKAppID: app, UserID: "bob"}
	send := func(from string, n int) {
		_, err := in.Send(b.Context(), ServerMessage{SDKAppID: app, From: from, To: bob.UserID, Type: typeText, Payload: []byte(`{"text":"hello"}`), Random: uint32(n)})
		require.NoError(b, err)
	}
	for i := range 500 {
		send(fmt.Sprint("peer", i), i)
	}
	for i := range 1000 {
		send("alice", i)
	}
	synced := func(at string) func() {
		return func() {
			s := attachBench(in, bob)
			catchUpBench(b, s, at)
			s.Close()
		}
	}
	reader := attachBench(in, bob)
	defer reader.Close()
	synced("")() // loads what bob has
	measureBench(b, "login", synced(""))
	measureBench(b, "reconnect", synced("0.0"))
	measureBench(b, "page", func() {
		callBench(b, reader, frame.MessageList, conversationParams{ConversationID: "C2Calice"})
	})
}

// measureBench reports the CPU of a call, that of the store included.
func measureBench(b *testing.B, name string, call func()) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		before := worst.CPU(b)
		for b.Loop() {
			call()
		}
		b.ReportMetric(float64((worst.CPU(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/call")
	})
}

// attachBench returns a session that takes all that it is told.
func attachBench(in *Inbox, u place.User) *Session {
	return in.Attach(u, "a1", func(string, json.RawMessage) bool { return true })
}

// callBench makes a call that no rate refuses.
func callBench(b *testing.B, s *Session, method string, params any) string {
	unlimit(s.in, s.user.User)
	out, f := s.Call(b.Context(), method, encode(params))
	if f != nil {
		b.Errorf("%s: %v", method, f)
	}
	return string(out)
}

// catchUpBench synchronises a session from a cursor on, and returns the new one.
func catchUpBench(b *testing.B, s *Session, at string) (cursor string) {
	out := callBench(b, s, frame.SessionSync, syncParams{Cursor: at})
	for strings.Contains(out, `"more":true`) {
		out = callBench(b, s, frame.SessionMore, nothing{})
	}
	var r syncResult
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		b.Error(err)
	}
	return r.Cursor
}

// worstBeside runs login, and has another user publish and set beside it, one call
// after the other. It returns how long the slowest of each took.
func worstBeside(b *testing.B, in *Inbox, login func()) (publish, setting time.Duration) {
	other := attachBench(in, place.User{SDKAppID: app, UserID: "other"})
	defer other.Close()
	send := func() { callBench(b, other, frame.MessageSend, sendText(freshID(), "another", "x")) }
	send()
	over := make(chan struct{})
	go func() {
		defer close(over)
		login()
	}()
	for n := 0; ; n++ {
		began := time.Now()
		send()
		publish = max(publish, time.Since(began))
		began = time.Now()
		callBench(b, other, frame.ConversationDraft, conversationParams{ConversationID: "C2Canother", DraftText: strconv.Itoa(n)})
		setting = max(setting, time.Since(began))
		select {
		case <-over:
			return publish, setting
		default:
		}
	}
}
