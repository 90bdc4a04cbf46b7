package cluster

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// A process may have fewer than 20,000 descriptors on many machines, so no gateway
	// gets more sessions, also while one of them is away, and no process of clients.
	crowdOfGateway = 16_500
	crowdOfHost    = 14_500

	// crowdDown is how long the gateway that is killed stays away.
	crowdDown = 20 * time.Second
)

// TestCrowd holds as many sessions as TIM_CROWD says over several gateways and one NATS
// server for TIM_SOAK, and kills a gateway with -9 in the middle, whose sessions go on at
// the others. As in TestHeld some come and go, write, and lose their connections; no
// session and no acknowledged message may be lost, and what the gateways take must not
// grow in either half. The clients are in processes of their own: TestCrowdHost.
func TestCrowd(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("TIM_SOAK"))
	sessions, bad := strconv.Atoi(os.Getenv("TIM_CROWD"))
	if err != nil || bad != nil {
		t.Skip("make crowd runs it")
	}
	read := readTakes()
	c := openCrowd(t, sessions)
	curves := &curves{}
	half := func() {
		curves.begin()
		before := c.all("count")
		for range halfSamples {
			time.Sleep(length / (2 * halfSamples))
			curves.add(c.gauges())
		}
		for i, now := range c.all("count") {
			for n, counted := range strings.Fields(now) {
				require.NotEqual(t, strings.Fields(before[i])[n], counted, "nothing was sent, nobody came again, or no connection was cut")
			}
		}
	}
	half()
	back := c.crash()
	half()
	facts := []string{fmt.Sprintf("%d gateways on one NATS server, which %s; the sessions of the one that was killed were back %v after that, at the others; it stayed away for %v",
		len(c.gateways), c.first, back.Round(100*time.Millisecond), crowdDown),
		fmt.Sprintf("before, a read from 256 MB at random took %v", read)}
	keep := func() {
		if folder := os.Getenv("TIM_CURVES"); folder != "" {
			require.NoError(t, curves.write(folder, "make crowd", fmt.Sprintf("%d sessions for %v", sessions, length), facts...))
		}
	}
	keep() // what follows may fail
	facts = append(facts, c.all("quiet")...)
	c.present()
	facts = append(facts, c.all("settle")...)
	t.Log(strings.Join(facts, "\n"))
	keep()
	for _, grown := range curves.growth() {
		t.Log(grown)
		require.True(t, grown.flat(), "%v", grown)
	}
	c.all("leave")
}

// readTakes returns how long a read from 256 MB at random takes. What a crowd costs is
// decided by that: on a virtual machine whose memory has been in use for a day it may take
// ten times as long as after echo 1 > /proc/sys/vm/compact_memory.
func readTakes() time.Duration {
	const size, reads = 1 << 28, 1 << 20
	memory := make([]byte, size)
	for page := 0; page < size; page += 4096 {
		memory[page] = 1
	}
	start, at := time.Now(), uint32(1)
	for range reads {
		at = at*1664525 + 1013904223 + uint32(memory[at>>4]) // each waits for the one before
	}
	took := time.Since(start) / reads
	readLast = at
	memory = nil
	debug.FreeOSMemory()
	return took
}

// readLast is where readTakes has arrived, or the compiler would leave the reads out.
var readLast uint32

// crowd are the servers, and the processes of clients.
type crowd struct {
	t        *testing.T
	sessions int
	nats     *NATS
	first    string // whether that runs before the others
	gateways []*Gateway
	hosts    []*crowdHost
}

func openCrowd(t *testing.T, sessions int) *crowd {
	c := &crowd{t: t, sessions: sessions, nats: StartNATS(t, 1)}
	c.first = "ran before the other processes" // it would have a machine of its own
	if err := prefer(c.nats.Servers[0].cmd.Process.Pid); err != nil {
		c.first = fmt.Sprintf("ran like the other processes (%v)", err)
	}
	var addrs []string
	for n := range crowdGateways(sessions) {
		g := StartGateway(t, "--nats", c.nats.URL(), "--node", fmt.Sprint("g", n+1))
		c.gateways, addrs = append(c.gateways, g), append(addrs, g.Addr)
	}
	start := time.Now()
	hosts := (sessions + crowdOfHost - 1) / crowdOfHost
	for n := range hosts {
		first := n * crowdOfHost
		c.hosts = append(c.hosts, startCrowdHost(t, hosts, first, min(crowdOfHost, sessions-first), addrs))
	}
	c.all("begin")
	c.present()
	t.Logf("%d sessions after %v", sessions, time.Since(start).Round(time.Second))
	c.all("live")
	return c
}

// crowdGateways returns how many gateways so many sessions need, one of which may be away.
func crowdGateways(sessions int) int {
	return 1 + max(1, (sessions+crowdOfGateway-1)/crowdOfGateway)
}

// While a gateway is away its sessions are at all the others, none of which gets too many;
// and a client tries each gateway once.
func TestCrowdSpreads(t *testing.T) {
	const sessions = 100_000
	gateways := crowdGateways(sessions)
	for away := range gateways {
		got := make([]int, gateways)
		for client := range sessions {
			try := 0
			for gatewayOf(client, try, gateways) == away {
				try++
			}
			got[gatewayOf(client, try, gateways)]++
		}
		require.Zero(t, got[away])
		require.LessOrEqual(t, slices.Max(got), crowdOfGateway)
	}
	for client := range 100 {
		tried := map[int]bool{}
		for try := range gateways {
			tried[gatewayOf(client, try, gateways)] = true
		}
		require.Len(t, tried, gateways)
	}
}

// all has each host do something, at once, and returns what they say about it.
func (c *crowd) all(what string) []string {
	said := make([]string, len(c.hosts))
	var wg sync.WaitGroup
	for i, h := range c.hosts {
		wg.Go(func() { said[i] = h.do(what) })
	}
	wg.Wait()
	for i, h := range c.hosts {
		if strings.HasPrefix(said[i], "FAIL") {
			c.t.Fatalf("clients from %d on, %s: %s\n%s", h.first, what, said[i], h.tail(4000))
		}
	}
	return slices.DeleteFunc(said, func(s string) bool { return s == "" })
}

// crash kills a gateway, and returns how long after that everybody was back.
func (c *crowd) crash() time.Duration {
	c.all("down")
	g := c.gateways[len(c.gateways)/2]
	g.Kill()
	start := time.Now()
	again := time.AfterFunc(crowdDown, g.Start)
	defer again.Stop()
	c.all("ready")
	back := time.Since(start)
	require.Eventually(c.t, g.IsReady, crowdDown+time.Minute, 100*time.Millisecond)
	return back
}

// gauges are those of all gateways, added up.
func (c *crowd) gauges() map[string]float64 {
	sum := map[string]float64{}
	for _, g := range c.gateways {
		for name, v := range readGauges(c.t, g) {
			sum[name] += v
		}
	}
	return sum
}

// present waits until the gateways have everybody, too.
func (c *crowd) present() {
	users := func() int { return int(c.gauges()["tim_inbox_users"]) }
	require.Eventually(c.t, func() bool { return users() == c.sessions }, time.Minute, 200*time.Millisecond, "the gateways have not got all users")
}

// crowdHost is a process with some of the clients. It does what it is told, a word a
// line, and says in a line when that is done.
type crowdHost struct {
	process
	first int
	said  *bufio.Scanner
}

// What TestCrowdHost gets from the environment, and how its answers begin, among what
// package testing prints.
const (
	crowdHostEnv = "TIM_CROWD_HOST"
	crowdDone    = "done: "
)

func startCrowdHost(t *testing.T, hosts, first, sessions int, gateways []string) *crowdHost {
	h := &crowdHost{first: first}
	h.process = process{t: t, path: os.Args[0], wantsIn: true,
		args: []string{"-test.run=^TestCrowdHost$", "-test.timeout=0"},
		env:  []string{fmt.Sprintf("%s=%d %d %d %s", crowdHostEnv, hosts, first, sessions, strings.Join(gateways, " "))},
	}
	h.said = bufio.NewScanner(h.start())
	t.Cleanup(func() { h.signal(syscall.SIGKILL) })
	return h
}

// do tells it what to do and waits until that is done.
func (h *crowdHost) do(what string) string {
	if _, err := fmt.Fprintln(h.in, what); err != nil {
		return fmt.Sprint("FAIL ", err)
	}
	var other strings.Builder // a failure
	for h.said.Scan() {
		if said, ok := strings.CutPrefix(h.said.Text(), crowdDone); ok {
			return said
		}
		fmt.Fprintln(&other, h.said.Text())
	}
	return "FAIL " + other.String()
}

// TestCrowdHost is a process of clients of TestCrowd, which starts it.
func TestCrowdHost(t *testing.T) {
	task := strings.Fields(os.Getenv(crowdHostEnv))
	if len(task) < 4 {
		t.Skip("TestCrowd starts it")
	}
	var hosts, first, sessions int
	for i, n := range []*int{&hosts, &first, &sessions} {
		var err error
		*n, err = strconv.Atoi(task[i])
		require.NoError(t, err)
	}
	h := newHeld(t, uint64(first), task[3:]...)
	h.hosts = hosts
	turn := collectEvery * time.Duration(first/crowdOfHost) / time.Duration(hosts)
	quiet := sync.OnceFunc(func() {
		h.down.Store(false)
		close(h.end)
		h.wg.Wait()
	})
	t.Cleanup(quiet)
	var said string
	do := map[string]func(){
		"begin": func() { h.begin(first, sessions) },
		"live":  func() { h.wg.Go(h.live); h.wg.Go(func() { h.collect(turn) }) },
		"count": func() { said = fmt.Sprint(h.messages.Load(), " ", h.logins.Load(), " ", h.cuts.Load()) },
		"down":  func() { h.down.Store(true) },
		"ready": func() { h.ready(); h.down.Store(false) },
		"quiet": func() { quiet(); h.ready() },
		"leave": h.leave,
		"settle": func() {
			h.settle()
			require.NotZero(t, h.messages.Load(), "nothing was sent")
		},
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		said = ""
		do[in.Text()]()
		if t.Failed() {
			return
		}
		if in.Text() == "settle" {
			said = fmt.Sprintf("%d messages arrived, each once; %d logins again, %d connections cut", h.messages.Load(), h.logins.Load(), h.cuts.Load())
		}
		_, _ = io.WriteString(os.Stdout, crowdDone+said+"\n")
	}
}

// collectEvery is the time between two collections of a process of clients.
const collectEvery = time.Minute

// collect collects garbage until end, first after turn, which is another one in each
// process of clients. By themselves all of them, which grow alike, would collect at the
// same moment after many minutes of calm: seconds in which few clients answer, as happens
// to nobody whose users have machines of their own. And until then they would go through
// ever more memory, which costs a virtual machine much more than that.
func (h *held) collect(turn time.Duration) {
	for wait := turn; ; wait = collectEvery {
		select {
		case <-time.After(wait):
			runtime.GC()
		case <-h.end:
			return
		}
	}
}
