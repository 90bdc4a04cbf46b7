//go:build linux

package inbox

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// BenchmarkCold measures the first call of each kind on a large store of which
// nothing is cached: NATS is restarted and the kernel's page cache is dropped, which
// needs root. TIM_COLD_GB is the size of the store; with -benchtime 1x it is created
// once.
func BenchmarkCold(b *testing.B) {
	gb, err := strconv.ParseFloat(os.Getenv("TIM_COLD_GB"), 64)
	if err != nil {
		b.Skip("set TIM_COLD_GB to the size of the store, 10 for instance")
	}
	dir := b.TempDir()
	sizes := []int{10, 1_500, 10_000}
	fillCold(b, dir, gb, sizes)
	for _, size := range sizes {
		b.Run(strconv.Itoa(size), func(b *testing.B) { coldCalls(b, dir, size) })
	}
}

func coldAccount(size int) place.User {
	return place.User{SDKAppID: app, UserID: fmt.Sprint("account", size)}
}

// fillCold creates a store of messages of 11 KB in 30,000 conversations. The
// messages of the measured accounts are scattered among them, as in a store that has
// grown for months. All others are copies of one record, since sending so many
// through the inbox would take an hour.
func fillCold(b *testing.B, dir string, gb float64, sizes []int) {
	const body, rounds, pairs = 11_000, 50, 30_000
	nats := openNATS(b, dir)
	defer nats.Close()
	letters := make([]byte, body)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range letters { // random letters hardly compress
		letters[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"[r.IntN(64)]
	}
	send := func(in *Inbox, from, to, payload string) {
		_, err := in.Send(b.Context(), ServerMessage{SDKAppID: app, From: from, To: to, Type: typeText, Payload: []byte(payload), Random: rand.Uint32()})
		require.NoError(b, err)
	}
	var record []byte
	js := nats.JetStream()
	each := int(gb * (1 << 30) / body / rounds)
	for round := range rounds {
		in := open(b, nats, Options{Presence: nobody{}})
		for _, size := range sizes {
			for n := size * round / rounds; n < size*(round+1)/rounds; n++ {
				send(in, fmt.Sprint("peer", n), coldAccount(size).UserID, `{"text":"x"}`)
			}
		}
		if record == nil {
			send(in, "u", "v", `{"text":"`+string(letters)+`"}`)
			log, err := js.Stream(b.Context(), bus.StreamMessages)
			require.NoError(b, err)
			m, err := log.GetLastMsgForSubject(b.Context(), pairOf(app, "u", "v").subject())
			require.NoError(b, err)
			record = m.Data
		}
		in.Close() // so that it does not follow the records below
		for i := range each {
			if i%500 == 0 {
				<-js.PublishAsyncComplete()
			}
			n := r.IntN(pairs)
			_, err := js.PublishAsync(pairOf(app, fmt.Sprint("u", n), fmt.Sprint("v", n)).subject(), record)
			require.NoError(b, err)
		}
		<-js.PublishAsyncComplete()
	}
}

// coldCalls times one call of each kind, each on a store that was just opened.
func coldCalls(b *testing.B, dir string, size int) {
	alice := coldAccount(size)
	login := func(in *Inbox) {
		s := attachBench(in, alice)
		defer s.Close()
		catchUpBench(b, s, "")
	}
	cold := func(do func(in *Inbox)) {
		syscall.Sync()
		require.NoError(b, os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0), "this needs root")
		nats, err := bus.Open(b.Context(), bus.Options{Data: dir, Name: "test"})
		require.NoError(b, err)
		defer nats.Close()
		in := open(b, nats, Options{Presence: nobody{}})
		defer in.Close()
		do(in)
	}
	milliseconds := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	timed := func(name string, call func(s *Session)) {
		cold(func(in *Inbox) {
			s := attachBench(in, alice)
			defer s.Close()
			began := time.Now()
			call(s)
			b.ReportMetric(milliseconds(time.Since(began)), name+"-ms")
		})
	}
	for b.Loop() {
		timed("first-message", func(s *Session) {
			callBench(b, s, frame.MessageSend, sendText(freshID(), fmt.Sprint("new", rand.Uint32()), "x"))
		})
		timed("message", func(s *Session) { callBench(b, s, frame.MessageSend, sendText(freshID(), "peer1", "x")) })
		timed("pin", func(s *Session) {
			callBench(b, s, frame.ConversationPin, conversationParams{ConversationID: "C2Cpeer2", IsPinned: true})
		})
		timed("draft", func(s *Session) {
			callBench(b, s, frame.ConversationDraft, conversationParams{ConversationID: "C2Cpeer3", DraftText: "x"})
		})
		cold(func(in *Inbox) {
			began := time.Now()
			login(in)
			b.ReportMetric(milliseconds(time.Since(began)), "login-ms")
		})
		cold(func(in *Inbox) { // what others notice of such a login
			publish, setting := worstBeside(b, in, func() { login(in) })
			b.ReportMetric(milliseconds(publish), "worst-publish-ms")
			b.ReportMetric(milliseconds(setting), "worst-setting-ms")
		})
	}
}
