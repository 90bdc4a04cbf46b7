package attack

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// most bounds the ratio of the 99th percentiles: how many times longer logins and
// messages of honest users may take during attacks than beside busy loops.
const most = 2

// TestSoak attacks a gateway for TIM_SOAK. For half of that time busy loops take
// the attackers' place and use as much CPU, and it compares what honest users
// felt. The attackers and the loops run in a process of their own.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("TIM_SOAK"))
	if err != nil {
		t.Skip("make soak runs it")
	}
	a := openArena(t, "--login-rate", fmt.Sprint(loginRate))
	base := a.baseline()
	crowd := newCrowd(t, a.Addr)
	const pairs = 4
	phase := length / (2 * pairs)
	crowd.during(phase/4, nil) // caches fill
	var attacked, control felt
	var share float64 // CPUs that the attackers used
	attack := func() {
		var r childReport
		began, before := time.Now(), a.cpu()
		attacked.add(crowd.during(phase, func() { r = child(t, a, "attack", phase, 0) }))
		took := time.Since(began).Seconds() // some attacks do not end at once
		require.Empty(t, r.Failures)
		t.Logf("bad inputs by kind, and what came of them:\n%s", r.Tally)
		share = r.CPU / took
		t.Logf("attacked for %.0f s: the attackers used %.2f CPUs, the gateway %.2f", took, share, (a.cpu()-before)/took)
	}
	busy := func() {
		began, before := time.Now(), a.cpu()
		control.add(crowd.during(phase, func() { child(t, a, "busy", phase, share) }))
		took := time.Since(began).Seconds()
		t.Logf("busy loops for %.0f s: the gateway used %.2f CPUs", took, (a.cpu()-before)/took)
	}
	// The phases alternate, so that what changes meanwhile, such as caches and the
	// machine's other work, affects both alike.
	for pair := range pairs {
		if pair%2 == 0 {
			attack()
			busy()
		} else {
			busy()
			attack()
		}
	}
	crowd.leave()
	a.unhurt(base)
	now, err := metrics(a.Ops)
	require.NoError(t, err)
	t.Logf("RSS %.0f MB before, %.0f MB after; the gateway used %.0f s of CPU",
		base["process_resident_memory_bytes"]/1e6, now["process_resident_memory_bytes"]/1e6,
		now["process_cpu_seconds_total"]-base["process_cpu_seconds_total"])
	for _, c := range []struct {
		what              string
		attacked, control []time.Duration
	}{{"logins", attacked.logins, control.logins}, {"messages", attacked.messages, control.messages}} {
		require.NotEmpty(t, c.attacked)
		require.NotEmpty(t, c.control)
		p, q := percentile(c.attacked, 99), percentile(c.control, 99)
		ratio := float64(p) / float64(q)
		t.Logf("%-8s  attacked: %d, p50 %v, p99 %v   control: %d, p50 %v, p99 %v   ratio of the p99: %.2f", c.what,
			len(c.attacked), percentile(c.attacked, 50), p, len(c.control), percentile(c.control, 50), q, ratio)
		if ratio > most {
			t.Errorf("%s took %.2f times as long beside attacks, over %d", c.what, ratio, most)
		}
	}
}

// cpu returns how many seconds of CPU the gateway has used.
func (a *arena) cpu() float64 {
	now, err := metrics(a.Ops)
	require.NoError(a.t, err)
	return now["process_cpu_seconds_total"]
}

// felt holds how long what honest users did has taken.
type felt struct{ logins, messages []time.Duration }

func (f *felt) add(o felt) {
	f.logins = append(f.logins, o.logins...)
	f.messages = append(f.messages, o.messages...)
}

func percentile(took []time.Duration, p int) time.Duration {
	s := slices.Sorted(slices.Values(took))
	return s[min(len(s)-1, len(s)*p/100)].Round(10 * time.Microsecond)
}

// crowd is a group of honest users: some write to each other, others come and go.
type crowd struct {
	t     testing.TB
	addr  string
	pairs [][2]*Honest
	said  atomic.Int64
	comes atomic.Int64
}

func newCrowd(t testing.TB, addr string) *crowd {
	c := &crowd{t: t, addr: addr}
	for n := range 4 {
		var pair [2]*Honest
		for i := range pair {
			h := NewHonest(addr, account(fmt.Sprintf("friend%d-%d", n, i)))
			t.Cleanup(h.Destroy)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			require.NoError(t, h.LogIn(ctx))
			cancel()
			pair[i] = h
		}
		c.pairs = append(c.pairs, pair)
	}
	return c
}

func (c *crowd) leave() {
	for _, pair := range c.pairs {
		for _, h := range pair {
			require.Empty(c.t, h.Wrong())
			h.Destroy()
		}
	}
}

// during measures what the users feel while something runs, or for a while.
func (c *crowd) during(length time.Duration, run func()) felt {
	var mu sync.Mutex
	var f felt
	var wg sync.WaitGroup
	stop := make(chan struct{})
	loop := func(every time.Duration, do func(context.Context) (time.Duration, error), to *[]time.Duration) {
		wg.Go(func() {
			for {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				took, err := do(ctx)
				cancel()
				if err != nil {
					c.t.Errorf("an honest user was not served: %v", err)
					return
				}
				mu.Lock()
				*to = append(*to, took)
				mu.Unlock()
				select {
				case <-stop:
					return
				case <-time.After(every):
				}
			}
		})
	}
	for _, pair := range c.pairs {
		loop(100*time.Millisecond, func(ctx context.Context) (time.Duration, error) {
			return pair[0].Say(ctx, pair[1], fmt.Sprint("text ", c.said.Add(1)))
		}, &f.messages)
	}
	for range 2 {
		loop(100*time.Millisecond, c.comeAndGo, &f.logins)
	}
	if run == nil {
		time.Sleep(length)
	} else {
		run()
	}
	close(stop)
	wg.Wait()
	return f
}

// comeAndGo logs a user in and out, and measures the login up to its answer.
func (c *crowd) comeAndGo(ctx context.Context) (time.Duration, error) {
	h := NewHonest(c.addr, account(fmt.Sprint("guest", c.comes.Add(1)%100)))
	defer h.Destroy()
	began := time.Now()
	if _, err := h.Login(ctx, h.User, h.Sign()); err != nil {
		return 0, err
	}
	took := time.Since(began)
	return took, h.Logout(ctx)
}

// childReport is what the process of the attackers or busy loops prints at its
// end.
type childReport struct {
	CPU      float64 // seconds that it used
	Tally    string
	Failures []string
}

// child runs this test program again, as the attackers or busy loops.
func child(t testing.TB, a *arena, role string, length time.Duration, share float64) (r childReport) {
	t.Helper()
	out := t.TempDir() + "/report.json"
	cmd := exec.Command(os.Args[0], "-test.run", "^TestChild$", "-test.timeout", (length + 5*time.Minute).String())
	cmd.Env = append(os.Environ(), "TIM_SOAK=",
		fmt.Sprintf("TIM_ATTACK_CHILD=%s %s %s %v %v %s", role, a.Addr, a.Ops, length, share, out))
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", said)
	text, err := os.ReadFile(out)
	require.NoError(t, err, "%s", said)
	require.NoError(t, json.Unmarshal(text, &r))
	r.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return r
}

// TestChild is what that process runs.
func TestChild(t *testing.T) {
	text := os.Getenv("TIM_ATTACK_CHILD")
	if text == "" {
		t.Skip("TestSoak runs it")
	}
	var role, addr, ops, out string
	var span string
	var share float64
	_, err := fmt.Sscan(text, &role, &addr, &ops, &span, &share, &out)
	require.NoError(t, err)
	length, err := time.ParseDuration(span)
	require.NoError(t, err)
	r := childReport{}
	if role == "busy" {
		beBusy(length, share)
	} else {
		r.Tally, r.Failures = attackFor(addr, ops, length)
	}
	written, err := json.Marshal(r)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(out, written, 0o600))
}

// beBusy keeps a number of CPUs busy, in turns of some milliseconds.
func beBusy(length time.Duration, share float64) {
	const loops, turn = 4, 10 * time.Millisecond
	work := time.Duration(float64(turn) * min(1, share/loops))
	var wg sync.WaitGroup
	end := time.Now().Add(length)
	for range loops {
		wg.Go(func() {
			for time.Now().Before(end) {
				for began := time.Now(); time.Since(began) < work; {
				}
				time.Sleep(turn - work)
			}
		})
	}
	wg.Wait()
}

// attackFor has several workers run all attacks, and hang up between them.
func attackFor(addr, ops string, length time.Duration) (said string, failures []string) {
	var mu sync.Mutex
	total := newTally()
	fail := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		if len(failures) < 20 {
			failures = append(failures, fmt.Sprintf(format, args...))
		}
	}
	names := new(atomic.Int64)
	end := time.Now().Add(length)
	var wg sync.WaitGroup
	for hand := range 4 {
		wg.Go(func() {
			x := newAttacker(addr, ops, rand.Uint64(), total, fail)
			x.names = names
			all := x.attacks()
			for n := hand * len(all) / 4; time.Now().Before(end); n++ {
				all[n%len(all)].run()
				x.hangUps(end)
			}
		})
	}
	wg.Wait()
	return strings.TrimRight(total.String(), "\n"), failures
}

// hangUps runs a few rounds of TestHangUps.
func (x *attacker) hangUps(end time.Time) {
	c := x.caller("quitter")
	for range 20 {
		if time.Now().After(end) {
			return
		}
		method := Methods()[x.rand.IntN(len(Methods()))]
		if err := c.hangUp(x.addr, x.addr, method); err != nil {
			x.failed("%s: %v", method, err)
		}
		x.note("hang-ups", family(method))
	}
}
