package cluster

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// BenchmarkPeers gives the same work to timd and to other servers in turn, so that
// whatever else the machine does hits all of them, and reports medians: what each
// server took, and the ratios of timd's figures to a peer's in the same turn (…-x-…).
// Each is a process of its own. make bench installs centrifuge and Centrifugo in the
// folder that TIM_PEERS names, and mosquitto and ejabberd where Debian has them; these
// two are left out where they are not installed.
func BenchmarkPeers(b *testing.B) {
	peers := os.Getenv("TIM_PEERS")
	if peers == "" {
		b.Skip("TIM_PEERS names no folder with the other servers; make bench does")
	}
	b.Run("logins", func(b *testing.B) {
		// What follows a leave once the grace is over belongs to it, and shall follow soon.
		starts := []start{
			func() contender { return startTim(b, "--grace", "1s") },
			func() contender { return startCentrifuge(b, peers) },
			func() contender { return startCentrifugo(b, peers) },
		}
		comeAndGo(b, append(starts, packaged(b)...))
	})
	b.Run("sessions", func(b *testing.B) {
		all := comparison{startTim(b), startCentrifuge(b, peers), startCentrifugo(b, peers)}
		for _, start := range packaged(b) {
			all = append(all, start())
		}
		b.ResetTimer()
		all.hold(b)
	})
	for _, pairs := range []int{128, 1000} {
		b.Run(fmt.Sprintf("messages/pairs=%d", pairs), func(b *testing.B) {
			all := comparison{startTim(b), startCentrifuge(b, peers)}
			for _, start := range packaged(b) {
				all = append(all, start())
			}
			all.run(b, 12_800, func(c contender, _ int) func(n int) figures {
				talking, failed := make([]*benchPair, pairs), make([]error, pairs)
				var coming sync.WaitGroup
				for k := range 32 { // mosquitto lets one after the other wait for 100 ms
					coming.Go(func() {
						for i := k; i < pairs; i += 32 {
							talking[i], failed[i] = c.pair(i)
						}
					})
				}
				coming.Wait()
				require.NoError(b, errors.Join(failed...))
				return func(n int) figures {
					runPairs(b, talking, n)
					var acked, arrived []time.Duration
					for _, p := range talking {
						acked, arrived = append(acked, p.acked...), append(arrived, p.arrived...)
						p.hangUp() // until its next turn, a server would miss its pongs
					}
					return figures{"ack-p99-µs": p99(acked), "arrival-p99-µs": p99(arrived)}
				}
			})
		})
	}
}

const (
	turns      = 7      // the first, which begins everything, does not count
	heldAtOnce = 18_500 // of one server after the other: a process may have 20,000 descriptors
)

func p99(took []time.Duration) float64 {
	slices.Sort(took)
	return float64(took[len(took)*99/100].Microseconds())
}

// figures are what one turn took, by unit.
type figures map[string]float64

// medians are the figures of all turns, by contender.
type medians []map[string][]float64

func (m medians) add(k int, f figures) {
	if m[k] == nil {
		m[k] = map[string][]float64{}
	}
	for unit, v := range f {
		m[k][unit] = append(m[k][unit], v)
	}
}

// report reports the medians and those of the ratios to the first.
func (m medians) report(b *testing.B, names []string) {
	b.ReportMetric(0, "ns/op") // a turn of all of them says nothing
	for k, name := range names {
		for unit, values := range m[k] {
			b.ReportMetric(median(values), name+"-"+unit)
			if k == 0 {
				continue
			}
			ratios := make([]float64, len(values))
			for i, v := range values {
				ratios[i] = m[0][unit][i] / v
			}
			b.ReportMetric(median(ratios), unit+"-x-"+name)
		}
	}
}

// contender is a server, and how its clients come and talk.
type contender struct {
	*process
	name  string
	login func(i int) (net.Conn, error)
	pair  func(i int) (*benchPair, error)
}

// comparison is timd and its peers.
type comparison []contender

// run has each contender do n things in each turn, least of them at least, and reports
// the medians. What it does before it returns the function does not count.
func (all comparison) run(b *testing.B, least int, begin func(c contender, turn int) func(n int) figures) {
	n := max(b.N/(turns-1)/len(all), least)
	got := make(medians, len(all))
	var now contender
	defer func() {
		if b.Failed() {
			b.Logf("it was the turn of %s, which said: %s", now.name, now.tail(2000))
		}
	}()
	b.ResetTimer()
	for turn := range turns {
		for k, c := range all {
			now = c
			do := begin(c, turn)
			cpu, _ := c.usage(b)
			start := time.Now()
			f := do(n)
			took := time.Since(start)
			cpuThen, _ := c.usage(b)
			f["cpu-µs"] = float64((cpuThen - cpu).Microseconds()) / float64(n)
			f["per-s"] = float64(n) / took.Seconds()
			if turn > 0 {
				got.add(k, f)
			}
		}
	}
	b.StopTimer()
	names := make([]string, len(all))
	for k, c := range all {
		names[k] = c.name
	}
	got.report(b, names)
}

// hold reports the resident memory that a session takes, read when heldAtOnce have come.
func (all comparison) hold(b *testing.B) {
	var own float64
	for _, c := range all {
		_, before := c.usage(b)
		_, conns, err := logins(heldAtOnce, 64, heldAtOnce, c.login)
		require.NoError(b, err, c.name)
		_, after := c.usage(b)
		for _, conn := range conns {
			hangUp(conn)
		}
		taken := float64(after-before) / heldAtOnce
		b.ReportMetric(taken, c.name+"-rss-B")
		if c.name == all[0].name {
			own = taken
		} else {
			b.ReportMetric(own/taken, "rss-B-x-"+c.name)
		}
	}
	b.ReportMetric(0, "ns/op")
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func startTim(b *testing.B, flags ...string) contender {
	g := StartGateway(b, append([]string{"--data", b.TempDir(), "--message-rate", "100000"}, flags...)...)
	return contender{&g.process, "tim",
		func(i int) (net.Conn, error) { return loginOnce(g.Addr, i, Sign(benchUser(i))) },
		func(i int) (*benchPair, error) { return openBenchPair(g, i) },
	}
}

func startCentrifuge(b *testing.B, peers string) contender {
	addr := fmt.Sprint("127.0.0.1:", ports(b, 1)[0])
	return startPeer(b, "centrifuge", newCentrifugeConn(addr), filepath.Join(peers, "centrifuge"), addr, Key)
}

func startCentrifugo(b *testing.B, peers string) contender {
	port := ports(b, 1)[0]
	config, err := json.Marshal(map[string]any{
		"http_server": map[string]any{"address": "127.0.0.1", "port": fmt.Sprint(port)},
		"log":         map[string]any{"level": "error"},
		"client": map[string]any{
			"token":                              map[string]any{"hmac_secret_key": Key},
			"subscribe_to_user_personal_channel": map[string]any{"enabled": true},
		},
	})
	require.NoError(b, err)
	path := filepath.Join(b.TempDir(), "config.json")
	require.NoError(b, os.WriteFile(path, config, 0o600))
	return startPeer(b, "centrifugo", newCentrifugeConn(fmt.Sprint("127.0.0.1:", port)), filepath.Join(peers, "centrifugo"), "-c", path)
}

// dial logs the user with a number in. What they say is for the user with the next one.
type dial func(i int) (net.Conn, benchEnd, error)

// startPeer starts a server and waits until it lets somebody in.
func startPeer(b *testing.B, name string, connect dial, path string, args ...string) contender {
	p := &process{t: b, path: path, args: args}
	go discard(p.start())
	b.Cleanup(func() { p.signal(syscall.SIGKILL) })
	c := contender{p, name,
		func(i int) (net.Conn, error) {
			conn, _, err := connect(i)
			return conn, err
		},
		func(i int) (*benchPair, error) {
			_, from, err := connect(2 * i)
			if err != nil {
				return nil, err
			}
			_, to, err := connect(2*i + 1)
			return &benchPair{from: from, to: to}, err
		},
	}
	require.EventuallyWithT(b, func(t *assert.CollectT) {
		conn, err := c.login(mostHeld + comeBefore) // nobody of those who follow
		require.NoError(t, err, p.tail(2000))
		hangUp(conn)
	}, 30*time.Second, 20*time.Millisecond)
	return c
}

// centrifugeConn is a client of Centrifugo's protocol in JSON.
type centrifugeConn struct {
	number int
	conn   net.Conn
	in     *bufio.Reader
	calls  int
}

func newCentrifugeConn(addr string) dial {
	return func(i int) (net.Conn, benchEnd, error) {
		conn, in, err := upgrade(addr, i, "/connection/websocket", "")
		if err != nil {
			return nil, nil, err
		}
		_, err = conn.Write(textFrame(fmt.Sprintf(`{"id":1,"connect":{"token":%q}}`, signJWT([]byte(Key), benchUser(i)))))
		err = answers(conn, in, err, `"subs":{`)
		_ = conn.SetDeadline(time.Now().Add(5 * time.Minute))
		return conn, &centrifugeConn{number: i, conn: conn, in: in, calls: 1}, err
	}
}

// signJWT makes a token that says who a client is.
func signJWT(key []byte, user string) string {
	part := base64.RawURLEncoding.EncodeToString
	text := part([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + part(fmt.Appendf(nil, `{"sub":%q,"exp":%d}`, user, time.Now().Add(time.Hour).Unix()))
	sum := hmac.New(sha256.New, key)
	sum.Write([]byte(text))
	return text + "." + part(sum.Sum(nil))
}

func (c *centrifugeConn) hangUp() { hangUp(c.conn) }

func (c *centrifugeConn) say(at time.Time) error {
	c.calls++
	_, err := c.conn.Write(textFrame(fmt.Sprintf(`{"id":%d,"publish":{"channel":"#%s","data":{"text":"at %d."}}}`, c.calls, benchUser(c.number+1), at.UnixNano())))
	answer := fmt.Sprintf(`"id":%d,`, c.calls)
	for err == nil {
		var text string
		if text, err = c.read(); err == nil && strings.Contains(text, answer) {
			if strings.Contains(text, `"error":`) {
				err = fmt.Errorf("a message was refused: %s", text)
			}
			return err
		}
	}
	return err
}

func (c *centrifugeConn) hear() (sent []time.Time, err error) {
	for len(sent) == 0 && err == nil {
		var text string
		text, err = c.read()
		sent = timesIn(text)
	}
	return sent, err
}

// read reads a frame, and answers a ping as a client has to.
func (c *centrifugeConn) read() (string, error) {
	text, err := readText(c.in)
	if err == nil && strings.TrimSpace(text) == "{}" {
		_, err = c.conn.Write(textFrame("{}"))
	}
	return text, err
}
