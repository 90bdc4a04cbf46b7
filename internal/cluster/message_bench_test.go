package cluster

import (
	"bufio"
	enc "encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
)

// BenchmarkMessages is a closed loop of pairs against a timd in a process of
// its own with its embedded store on disk: each sender sends its next message
// when the last one is acknowledged, each receiver acknowledges what it got, as
// an SDK does. It reports acknowledged messages a second, what one costs that
// process, its resident memory at the end, and how long senders wait for the
// acknowledgement and receivers for the message. The generator shares the cores.
// With sync=always the store has each message on the disk before it says so.
func BenchmarkMessages(b *testing.B) {
	for _, c := range []struct {
		name  string
		pairs int
		args  []string
	}{
		{"pairs=128", 128, nil},
		{"pairs=1000", 1000, nil},
		{"sync=always/pairs=128", 128, []string{"--sync", "always"}},
		{"sync=always/pairs=1000", 1000, []string{"--sync", "always"}},
		{"sync=always/partitions=8/pairs=128", 128, []string{"--sync", "always", "--partitions", "8"}},
		{"sync=always/partitions=8/pairs=1000", 1000, []string{"--sync", "always", "--partitions", "8"}},
	} {
		pairs := c.pairs
		b.Run(c.name, func(b *testing.B) {
			g := StartGateway(b, append(c.args, "--data", b.TempDir(), "--message-rate", "100000")...)
			var before, cpu time.Duration
			var resident int64
			var acked, arrived []time.Duration
			took := runLinks(b, g, pairs, func() { before, _ = g.usage(b) }, func(all []*benchPair) {
				now, taken := g.usage(b)
				cpu, resident = cpu+now-before, taken
				for _, p := range all {
					acked, arrived = append(acked, p.acked...), append(arrived, p.arrived...)
				}
			})
			b.ReportMetric(float64(b.N)/took.Seconds(), "messages/s")
			b.ReportMetric(float64(cpu.Microseconds())/float64(b.N), "cpu-µs/message")
			b.ReportMetric(float64(resident)/1e6, "rss-MB")
			reportTimes(b, "ack", acked)
			reportTimes(b, "arrival", arrived)
		})
	}
}

// perLink is how many messages a client sends until it logs in anew: nobody may send more
// than some 50 frames a second for long.
const perLink = 200

// runLinks has pairs of a gateway send b.N messages, and returns how long that took. All
// log in anew as often as perLink asks for; before and after are called around what each
// of these links sends.
func runLinks(b *testing.B, g *Gateway, pairs int, before func(), after func(all []*benchPair)) (took time.Duration) {
	b.ResetTimer()
	for left := b.N; left > 0; left -= perLink * pairs {
		b.StopTimer()
		all := make([]*benchPair, pairs)
		for i := range all {
			all[i] = newBenchPair(b, g, i)
		}
		runPairs(b, all, pairs) // a conversation's first message costs more
		before()
		b.StartTimer()
		took += runPairs(b, all, min(left, perLink*pairs))
		b.StopTimer()
		after(all)
		for _, p := range all {
			p.hangUp()
		}
	}
	return took
}

// runPairs has n messages sent, and returns how long it took until the last was
// acknowledged. It waits until all have arrived.
func runPairs(b *testing.B, all []*benchPair, n int) time.Duration {
	var sending, receiving sync.WaitGroup
	failed := make(chan error, 2*len(all))
	start := time.Now()
	for i, p := range all {
		share := n / len(all)
		if i < n%len(all) {
			share++
		}
		p.acked, p.arrived = p.acked[:0], p.arrived[:0]
		run := func(wait *sync.WaitGroup, f func(n int) error) {
			wait.Go(func() {
				if err := f(share); err != nil {
					failed <- err
					p.hangUp() // ends the other half
				}
			})
		}
		run(&sending, p.send)
		run(&receiving, p.receive)
	}
	sending.Wait()
	took := time.Since(start)
	receiving.Wait()
	close(failed)
	for err := range failed {
		b.Fatal(err)
	}
	return took
}

func reportTimes(b *testing.B, what string, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), what+"-p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), what+"-p99-µs")
}

// benchPair is a sender and a receiver.
type benchPair struct {
	from, to       benchEnd
	acked, arrived []time.Duration
}

// benchEnd is a client of one of the servers that are measured.
type benchEnd interface {
	say(at time.Time) error     // sends a message that names a time, and waits for its acknowledgement
	hear() ([]time.Time, error) // waits for messages and acknowledges them as an SDK does
	hangUp()
}

func newBenchPair(b *testing.B, g *Gateway, i int) *benchPair {
	p, err := openBenchPair(g, i)
	require.NoError(b, err)
	return p
}

func openBenchPair(g *Gateway, i int) (*benchPair, error) {
	from, err := openBenchConn(g, 2*i)
	if err != nil {
		return nil, err
	}
	to, err := openBenchConn(g, 2*i+1)
	if err != nil {
		return nil, err
	}
	from.peer = to.userID
	return &benchPair{from: from, to: to}, nil
}

func (p *benchPair) hangUp() {
	p.from.hangUp()
	p.to.hangUp()
}

// send sends messages one after the other.
func (p *benchPair) send(n int) error {
	for range n {
		start := time.Now()
		if err := p.from.say(start); err != nil {
			return err
		}
		p.acked = append(p.acked, time.Since(start))
	}
	return nil
}

// receive takes messages until n have come.
func (p *benchPair) receive(n int) error {
	for n > 0 {
		sent, err := p.to.hear()
		if err != nil {
			return err
		}
		for _, at := range sent {
			p.arrived = append(p.arrived, time.Since(at))
		}
		n -= len(sent)
	}
	return nil
}

// timesIn returns the times that the messages of a frame name.
func timesIn(text string) (out []time.Time) {
	for {
		at, rest, ok := cut(text, `"text":"at `, `."`)
		if !ok {
			return out
		}
		sent, _ := strconv.ParseInt(at, 10, 64)
		out, text = append(out, time.Unix(0, sent)), rest
	}
}

func (c *benchConn) hangUp() { hangUp(c.conn) }

func (c *benchConn) say(at time.Time) error {
	var random [frame.MessageIDRandom]byte
	enc.BigEndian.PutUint32(random[:], uint32(c.calls))
	id := frame.NewMessageID(c.userID, at.UnixMilli(), random)
	_, err := c.call("message.send", fmt.Sprintf(`{"id":%q,"to":%q,"type":"TIMTextElem","payload":{"text":"at %d."}}`, id, c.peer, at.UnixNano()))
	return err
}

// hear makes one call at a time to acknowledge what came.
func (c *benchConn) hear() (sent []time.Time, err error) {
	for len(sent) == 0 {
		text, err := c.read()
		if err != nil {
			return nil, err
		}
		if c.acking != "" && strings.Contains(text, c.acking) {
			c.acking = ""
		}
		if strings.Contains(text, `"method":"messages"`) {
			messages, _, _ := strings.Cut(text, `"conversations":`) // whose last message is the same one
			sent = timesIn(messages)
			c.cursor, _ = between(text, `"cursor":"`, `"`)
		}
		if c.acking == "" && c.cursor != "" {
			if c.acking, err = c.ask("message.ack", fmt.Sprintf(`{"cursor":%q}`, c.cursor)); err != nil {
				return nil, err
			}
			c.cursor = ""
		}
	}
	return sent, nil
}

// between returns what stands behind before and in front of after.
func between(text, before, after string) (string, bool) {
	part, _, ok := cut(text, before, after)
	return part, ok
}

// cut returns what stands behind before and in front of after, and what follows.
func cut(text, before, after string) (part, rest string, ok bool) {
	if _, text, ok = strings.Cut(text, before); ok {
		part, rest, ok = strings.Cut(text, after)
	}
	return part, rest, ok
}

// benchConn is a session over a bare connection, which costs this side little.
type benchConn struct {
	userID string
	conn   net.Conn
	in     *bufio.Reader
	calls  int
	synced string // the answer of session.sync

	peer           string // whom say writes to
	cursor, acking string // what hear has to acknowledge, and the answer that it waits for
}

func newBenchConn(b *testing.B, g *Gateway, i int) *benchConn {
	c, err := openBenchConn(g, i)
	require.NoError(b, err)
	return c
}

func openBenchConn(g *Gateway, i int) (*benchConn, error) {
	conn, err := loginOnce(g.Addr, i, Sign(benchUser(i)))
	if err != nil {
		return nil, err
	}
	c := &benchConn{userID: benchUser(i), conn: conn, in: bufio.NewReaderSize(conn, 4096), calls: 1}
	_ = conn.SetDeadline(time.Now().Add(5 * time.Minute))
	c.synced, err = c.call("session.sync", "{}")
	return c, err
}

// ask sends a request and returns what its answer holds.
func (c *benchConn) ask(method, params string) (answer string, err error) {
	c.calls++
	_, err = c.conn.Write(textFrame(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, c.calls, method, params)))
	return fmt.Sprintf(`"id":%d,`, c.calls), err
}

// call makes a request and reads up to its answer.
func (c *benchConn) call(method, params string) (string, error) {
	answer, err := c.ask(method, params)
	for err == nil {
		var text string
		if text, err = c.read(); strings.Contains(text, answer) {
			if strings.Contains(text, `"error":`) {
				return "", errors.New(text)
			}
			return text, nil
		}
	}
	return "", err
}

func (c *benchConn) read() (string, error) { return readText(c.in) }
