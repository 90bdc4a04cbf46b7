package cluster

import (
	"bufio"
	enc "encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
)

// roomMembers returns how many sessions are in the room of BenchmarkLiveRoom.
func roomMembers() int {
	if testing.Short() {
		return 1000
	}
	return 10_000
}

// roomSenders is how many of them speak in turn: each says less than a member may.
const roomSenders = 200

// BenchmarkLiveRoom has 10,000 sessions (with -short 1,000) in one live room of a timd in a process of its
// own, over bare connections, while 0 to 200 messages a second are sent to the room.
// It reports what the room takes, refuses and leaves out, the frames to its members
// and how late they come, what that costs the timd, and how long logins of other users
// take beside it: login-ratio is their p50 as a multiple of that of said=0. The
// generator shares the cores.
func BenchmarkLiveRoom(b *testing.B) {
	r := openBenchRoom(b, StartGateway(b, "--data", "memory")) // rooms store nothing
	silent := time.Duration(0)
	for _, said := range []int{0, 10, 40, 200} {
		b.Run(fmt.Sprint("said=", said), func(b *testing.B) {
			for range b.N {
				p50 := r.measure(b, said)
				if said == 0 {
					silent = p50
				}
				if silent > 0 {
					b.ReportMetric(float64(p50)/float64(silent), "login-ratio")
				}
			}
		})
	}
}

// roomTime is how long each number of messages a second is measured.
const roomTime = 10 * time.Second

// benchRoom is a room and its members.
type benchRoom struct {
	g      *Gateway
	logins int // so far; each is another user

	taken, refused, lost atomic.Int64 // messages, as their senders were told; members whose connection has ended

	mu      sync.Mutex // guards what follows
	members []*benchConn
	arrived []time.Duration // of messages to some members
}

func openBenchRoom(b *testing.B, g *Gateway) *benchRoom {
	r := &benchRoom{g: g, logins: roomMembers()}
	owner := newBenchConn(b, g, -1)
	b.Cleanup(func() { hangUp(owner.conn) })
	_, err := owner.call(frame.GroupCreate, `{"name":"bench","groupID":"bench","type":"AVChatRoom"}`)
	require.NoError(b, err)
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var joining, reading sync.WaitGroup
	end := make(chan struct{})
	b.Cleanup(func() {
		close(end)
		for _, c := range r.all() {
			hangUp(c.conn)
		}
		reading.Wait()
	})
	reading.Go(func() { r.ping(end) })
	for range 16 {
		joining.Go(func() {
			for i := int(next.Add(1)) - 1; i < roomMembers() && failed.Load() == nil; i = int(next.Add(1)) - 1 {
				c, err := enterRoom(g, i)
				if err != nil {
					failed.Store(&err)
					return
				}
				r.mu.Lock()
				n := len(r.members)
				r.members = append(r.members, c)
				r.mu.Unlock()
				reading.Go(func() { r.read(c, n < roomSenders, n%100 == 0) })
			}
		})
	}
	joining.Wait()
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
	return r
}

func (r *benchRoom) all() []*benchConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.members
}

func enterRoom(g *Gateway, i int) (*benchConn, error) {
	conn, err := loginOnce(g.Addr, i, Sign(benchUser(i)))
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	c := &benchConn{userID: benchUser(i), conn: conn, in: bufio.NewReaderSize(conn, 4096), calls: 1}
	_, err = c.call(frame.GroupJoin, `{"groupID":"bench"}`)
	return c, err
}

// read reads what a member gets until they hang up. Of a sender it counts the answers,
// of a sample when messages arrive.
func (r *benchRoom) read(c *benchConn, sender, sample bool) {
	defer r.lost.Add(1)
	for {
		if !sender && !sample {
			if skipFrame(c.in) != nil {
				return
			}
			continue
		}
		text, err := c.read()
		now := time.Now()
		switch {
		case err != nil:
			return
		case !strings.Contains(text, `"method":`) && strings.Contains(text, `"error":`):
			r.refused.Add(1)
		case !strings.Contains(text, `"method":`) && strings.Contains(text, `"TIMTextElem"`):
			r.taken.Add(1)
		case sample:
			r.mu.Lock()
			for at, rest, ok := cut(text, `"text":"at `, `."`); ok; at, rest, ok = cut(rest, `"text":"at `, `."`) {
				sent, _ := strconv.ParseInt(at, 10, 64)
				r.arrived = append(r.arrived, now.Sub(time.Unix(0, sent)))
			}
			r.mu.Unlock()
		}
	}
}

// skipFrame reads one frame of less than 64 KB, and forgets it.
func skipFrame(in *bufio.Reader) error {
	head, err := in.Peek(4)
	if err != nil {
		return err
	}
	n := 2 + int(head[1])
	if head[1] == 126 {
		n = 4 + int(enc.BigEndian.Uint16(head[2:]))
	}
	_, err = in.Discard(n)
	return err
}

// ping keeps the members' connections, as SDKs do.
func (r *benchRoom) ping(end <-chan struct{}) {
	const pause = 100 * time.Millisecond
	t := time.NewTicker(pause)
	defer t.Stop()
	for next := 0; ; {
		members := r.all()
		for range len(members)*int(pause/time.Millisecond)/frame.Heartbeat + 1 {
			if next++; next >= len(members) {
				next = 0
			}
			if len(members) > 0 {
				_, _ = members[next].conn.Write(textFrame(`{"jsonrpc":"2.0","id":0,"method":"ping"}`))
			}
		}
		select {
		case <-t.C:
		case <-end:
			return
		}
	}
}

// measure has some messages a second said for roomTime, and returns the p50 of logins meanwhile.
func (r *benchRoom) measure(b *testing.B, said int) (loginP50 time.Duration) {
	r.mu.Lock()
	r.arrived = nil
	r.mu.Unlock()
	taken, refused := r.taken.Load(), r.refused.Load()
	before, cpu := r.counters(b), r.cpu(b)
	began := time.Now()
	var speaking sync.WaitGroup
	if said > 0 {
		speaking.Go(func() { r.speak(b, said) })
	}
	logins := r.loginsBeside(b)
	speaking.Wait()
	took := time.Since(began).Seconds()
	after := r.counters(b)
	b.ReportMetric(float64(r.cpu(b)-cpu)/1e9/took*100, "cpu-%")
	_, resident := r.g.usage(b)
	b.ReportMetric(float64(resident)/1e6, "rss-MB")
	for name, unit := range roomCounters {
		b.ReportMetric((after[name]-before[name])/took, unit)
	}
	b.ReportMetric(float64(r.taken.Load()-taken)/took, "taken/s")
	b.ReportMetric(float64(r.refused.Load()-refused)/took, "refused/s")
	b.ReportMetric(float64(r.lost.Load()), "lost-members")
	r.mu.Lock()
	arrived := r.arrived
	r.mu.Unlock()
	if len(arrived) > 0 {
		reportTimes(b, "arrival", arrived)
	}
	reportTimes(b, "login", logins)
	return logins[len(logins)/2]
}

func (r *benchRoom) cpu(b *testing.B) time.Duration {
	cpu, _ := r.g.usage(b)
	return cpu
}

// speak sends messages at a steady rate, whether they are answered or not.
func (r *benchRoom) speak(b *testing.B, rate int) {
	t := time.NewTicker(time.Second / time.Duration(rate))
	defer t.Stop()
	senders := r.all()[:roomSenders]
	for i := range rate * int(roomTime/time.Second) {
		c, now := senders[i%roomSenders], time.Now()
		var random [frame.MessageIDRandom]byte
		enc.BigEndian.PutUint32(random[:], uint32(c.calls))
		if _, err := c.ask(frame.MessageSend, fmt.Sprintf(`{"id":%q,"groupID":"bench","type":"TIMTextElem","payload":{"text":"at %d."}}`,
			frame.NewMessageID(c.userID, now.UnixMilli(), random), now.UnixNano())); err != nil {
			b.Error(err)
			return
		}
		<-t.C
	}
}

// loginsBeside has other users log in, at a steady rate, and returns how long that
// took.
func (r *benchRoom) loginsBeside(b *testing.B) (took []time.Duration) {
	const rate = 40
	var mu sync.Mutex
	var all sync.WaitGroup
	t := time.NewTicker(time.Second / rate)
	defer t.Stop()
	for range rate * int(roomTime/time.Second) {
		i := r.logins
		r.logins++
		all.Go(func() {
			sig, start := Sign(benchUser(i)), time.Now()
			c, err := loginOnce(r.g.Addr, i, sig)
			if err != nil {
				b.Error(err)
				return
			}
			mu.Lock()
			took = append(took, time.Since(start))
			mu.Unlock()
			hangUp(c)
		})
		<-t.C
	}
	all.Wait()
	if len(took) == 0 {
		b.Fatal("no login succeeded")
	}
	return took
}

// roomCounters are totals of timd and the units that they are reported in.
var roomCounters = map[string]string{
	"tim_room_messages_total": "said/s", "tim_room_thinned_total": "thinned/s",
	"tim_room_frames_total": "frames/s", "tim_room_missed_total": "missed/s",
}

func (r *benchRoom) counters(b *testing.B) map[string]float64 {
	values := readMetrics(b, r.g, func(name string) bool { return roomCounters[name] != "" })
	require.Len(b, values, len(roomCounters))
	return values
}
