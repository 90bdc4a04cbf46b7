package inbox

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// TestChecker sends between random users on two gateways while links break, move
// between gateways and come back, and receivers refuse pushes. Then it counts:
// every acknowledged message is in both histories once, in one order without
// gaps, and has reached each page of its receiver once, in order.
func TestChecker(t *testing.T) {
	for _, partitions := range []int{1, 4} {
		t.Run(fmt.Sprintf("partitions=%d", partitions), func(t *testing.T) {
			seed := rand.Uint64()
			t.Log("seed", seed)
			b := openBus(t, bus.Memory)
			o := Options{Missed: 1e6, Partitions: partitions}
			check(t, seed, 4, rounds(20), open(t, b, o), open(t, b, o))
		})
	}
}

func check(t *testing.T, seed uint64, users, each int, gateways ...*Inbox) {
	const pages = 2

	type sent struct{ from, to, text, instance string }
	var mu sync.Mutex
	var acked []sent
	var all []*client
	var wg sync.WaitGroup
	start := make(chan struct{}) // an instance does not miss messages that were sent before its first sync
	for u := range users {
		for i := range pages {
			c := newClient(t, fmt.Sprintf("user%d", u), fmt.Sprintf("i%d", i))
			all = append(all, c)
			r := rand.New(rand.NewPCG(seed, uint64(u*pages+i)))
			slow := rand.New(rand.NewPCG(seed, uint64(1000+u*pages+i)))
			// Pushes of a sync are not refused: it would begin again, and the mailbox
			// drop what comes twice.
			c.refuses = func(string) bool { return c.s.live && slow.IntN(100) == 0 }
			c.attach(gateways[r.IntN(2)])
			c.sync()
			wg.Add(1)
			go func() {
				defer wg.Done()
				<-start
				for n := range each {
					if r.IntN(10) == 0 {
						c.drop()
						c.attach(gateways[r.IntN(2)])
						c.sync()
					}
					to := fmt.Sprintf("user%d", r.IntN(users))
					text := fmt.Sprintf("%s/%s/%d", c.userID, c.instance, n)
					p := c.text(text, to, text)
					c.must("message.send", p, nil)
					if r.IntN(8) == 0 { // the answer got lost: the client repeats
						c.must("message.send", p, nil)
					}
					if r.IntN(6) == 0 {
						c.must("message.read", conversationParams{ConversationID: c2c + to}, nil)
					}
					mu.Lock()
					acked = append(acked, sent{c.userID, to, text, c.instance})
					mu.Unlock()
				}
			}()
		}
	}
	close(start)
	wg.Wait()
	require.Len(t, acked, users*pages*each)

	for _, c := range all {
		want := map[string]bool{}
		for _, m := range acked {
			if m.to == c.userID && m.from != c.userID || m.from == c.userID && m.instance != c.instance {
				want[m.text] = true
			}
		}
		c.until("everything", func() bool { return len(c.messages) >= len(want) })
		seen, last := map[string]bool{}, map[string]uint64{}
		for _, m := range c.messages {
			require.False(t, seen[m.ID], "%s/%s got %s twice", c.userID, c.instance, m.ID)
			seen[m.ID] = true
			require.True(t, want[textOf(m)], "%s/%s got %s", c.userID, c.instance, textOf(m))
			require.Greater(t, m.Sequence, last[m.ConversationID])
			last[m.ConversationID] = m.Sequence
		}
		require.Len(t, c.messages, len(want))
	}
	total := 0
	for u := range users {
		for v := u; v < users; v++ {
			x, y := fmt.Sprintf("user%d", u), fmt.Sprintf("user%d", v)
			one := login(t, gateways[0], x, "reader").history(y)
			two := login(t, gateways[1], y, "reader").history(x)
			require.Len(t, two, len(one))
			ids := map[string]bool{}
			for i, m := range one {
				require.EqualValues(t, i+1, m.Sequence)
				require.Equal(t, m.ID, two[i].ID)
				require.False(t, ids[m.ID])
				ids[m.ID] = true
			}
			total += len(one)
		}
	}
	require.Equal(t, len(acked), total)
}

// Where the process that TestKill9 kills keeps its store, and the time in ms at
// which it creates its messages, which is the same for both processes.
const (
	senderDir = "TIM_INBOX_SENDER_DIR"
	senderAt  = "TIM_INBOX_SENDER_AT"
)

// TestMain runs the process that TestKill9 kills, when asked to.
func TestMain(m *testing.M) {
	if dir := os.Getenv(senderDir); dir != "" {
		sendUntilKilled(dir)
		return
	}
	os.Exit(m.Run())
}

// sendUntilKilled prints each message's text and sequence once it is
// acknowledged.
func sendUntilKilled(dir string) {
	ms, err := strconv.ParseInt(os.Getenv(senderAt), 10, 64)
	if err != nil {
		panic(err)
	}
	b, err := bus.Open(context.Background(), bus.Options{Data: dir, Name: "sender"})
	if err != nil {
		panic(err)
	}
	in, err := Open(context.Background(), b, Options{Rate: 1e9, Burst: 1e9})
	if err != nil {
		panic(err)
	}
	for g := range 4 {
		go func() {
			s := in.Attach(place.User{SDKAppID: app, UserID: "alice"}, fmt.Sprint(g), func(string, json.RawMessage) bool { return true })
			for n := 0; ; n++ {
				text := fmt.Sprintf("%d-%d", g, n)
				raw, _ := json.Marshal(sendText(messageID("alice", time.UnixMilli(ms), text), "bob", text))
				out, f := s.Call(context.Background(), "message.send", raw)
				if f != nil {
					fmt.Println("failed", f)
					return
				}
				var r messageResult
				_ = json.Unmarshal(out, &r)
				fmt.Printf("acked %s %d\n", text, r.Message.Sequence)
			}
		}()
	}
	select {}
}

// TestKill9 kills a gateway between sends and acknowledgements, twice over,
// and looks for every acknowledged message afterwards.
func TestKill9(t *testing.T) {
	dir := t.TempDir()
	acked := map[string]uint64{}
	var first map[string]uint64
	now := time.Now().UnixMilli()
	for range 2 {
		round := map[string]uint64{}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), senderDir+"="+dir, senderAt+"="+strconv.FormatInt(now, 10))
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var id string
			var seq uint64
			_, err := fmt.Sscanf(lines.Text(), "acked %s %d", &id, &seq)
			require.NoError(t, err, lines.Text())
			round[id] = seq
			if len(round) == 400 {
				require.NoError(t, cmd.Process.Kill())
			}
		}
		_ = cmd.Wait()
		require.GreaterOrEqual(t, len(round), 400)
		if first == nil {
			first = round
		} else {
			// The second process began with the same IDs. Within the window they name the
			// first one's messages, though the process is new.
			for id, seq := range first {
				if again, ok := round[id]; ok {
					require.Equal(t, seq, again, id)
				}
			}
		}
		for id, seq := range round {
			acked[id] = seq
		}
	}
	in := open(t, openBus(t, dir), Options{})
	h := login(t, in, "bob", "b1").history("alice")
	found := map[string]uint64{}
	for i, m := range h {
		require.EqualValues(t, i+1, m.Sequence)
		_, twice := found[textOf(m)]
		require.False(t, twice, textOf(m))
		found[textOf(m)] = m.Sequence
	}
	for id, seq := range acked {
		require.Equal(t, seq, found[id], id)
	}
	t.Logf("%d acknowledged, %d stored", len(acked), len(h))
}

// TestRestart closes and reopens everything: cursors, unread and settings are
// still there.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	b := openNATS(t, dir)
	in, err := Open(t.Context(), b, Options{})
	require.NoError(t, err)
	a, c := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.send("bob", "1")
	c.until("the message", func() bool { return len(c.messages) == 1 })
	c.ack()
	c.must("conversation.pin", conversationParams{ConversationID: "C2Calice", IsPinned: true}, nil)
	c.mu.Lock()
	c.broken = true
	c.mu.Unlock()
	a.send("bob", "2")
	in.Close()
	b.Close()

	b = openNATS(t, dir)
	in = open(t, b, Options{})
	d := login(t, in, "bob", "b2")
	require.Equal(t, []string{"2"}, d.texts(), "the acknowledged one does not come again")
	require.EqualValues(t, 2, d.conv("alice")["unreadCount"])
	require.Equal(t, true, d.conv("alice")["isPinned"])
	c.attach(in)
	require.True(t, c.sync().Resumed)
	require.Equal(t, []string{"1", "2"}, c.texts())
}

// TestFollowerRecovers deletes a follower's consumer while it follows.
func TestFollowerRecovers(t *testing.T) {
	b := openNATS(t, bus.Memory)
	in := open(t, b, Options{Report: func(error) {}})
	a, c := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.send("bob", "1")
	c.until("the first", func() bool { return len(c.messages) == 1 })
	s, err := b.JetStream().Stream(t.Context(), bus.StreamMessages)
	require.NoError(t, err)
	for name := range s.ConsumerNames(t.Context()).Name() {
		require.NoError(t, s.DeleteConsumer(t.Context(), name))
	}
	for i := range 20 {
		a.send("bob", fmt.Sprint(i))
	}
	c.until("the others", func() bool { return len(c.messages) == 21 })
	require.Equal(t, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19", strings.Join(c.texts()[1:], " "))
}

// BenchmarkSend measures acknowledged sends on disk, and from a send to the
// other page's listener.
func BenchmarkSend(b *testing.B) {
	for _, senders := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) {
			in := open(b, openBus(b, b.TempDir()), Options{})
			var wg sync.WaitGroup
			per := b.N/senders + 1
			pairs := make([]*client, senders)
			for i := range senders {
				pairs[i] = login(b, in, fmt.Sprintf("from%d", i), "i")
			}
			b.ResetTimer()
			for i := range senders {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for range per {
						pairs[i].send(fmt.Sprintf("to%d", i), "hello")
					}
				}()
			}
			wg.Wait()
			b.ReportMetric(float64(per*senders)/b.Elapsed().Seconds(), "sends/s")
		})
	}
	// What --sync always costs: each write reaches the disk first.
	b.Run("sync=always", func(b *testing.B) {
		always, err := bus.Open(b.Context(), bus.Options{Data: b.TempDir(), Name: "test", SyncAlways: true})
		require.NoError(b, err)
		b.Cleanup(always.Close)
		in := open(b, always, Options{})
		a := login(b, in, "alice", "a1")
		b.ResetTimer()
		for range b.N {
			a.send("bob", "hello")
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sends/s")
	})
	b.Run("latency", func(b *testing.B) {
		in := open(b, openBus(b, b.TempDir()), Options{})
		got := make(chan struct{}, 1)
		s := in.Attach(place.User{SDKAppID: app, UserID: "bob"}, "b1", func(method string, _ json.RawMessage) bool {
			if method == frame.NoteMessages {
				got <- struct{}{}
			}
			return true
		})
		_, f := s.Call(b.Context(), "session.sync", nil)
		require.Nil(b, f)
		a := login(b, in, "alice", "a1")
		var worst time.Duration
		b.ResetTimer()
		for range b.N {
			start := time.Now()
			a.send("bob", "hello")
			<-got
			worst = max(worst, time.Since(start))
		}
		b.ReportMetric(float64(worst.Microseconds()), "worst-µs")
	})
}
