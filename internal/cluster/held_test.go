package cluster

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/client/native"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox/objects"
	"github.com/tim-wasm/tim/internal/session"
	"github.com/tim-wasm/tim/internal/usersig"
)

// How often something happens to the sessions of TestHeld and of TestCrowd.
const (
	heldMessage = 20 * time.Millisecond
	heldChurn   = 100 * time.Millisecond // a logout and the login after it
	heldCut     = 200 * time.Millisecond
	heldSig     = 100 * 24 * time.Hour // nobody is to go because their UserSig has expired
	heldStorm   = time.Minute          // a fiftieth of all connections at once
)

// TestHeld holds 10,000 sessions (or TIM_SESSIONS) of real clients for TIM_SOAK, while
// some come and go, write, and lose their connections, and kills the timd with -9 in
// the middle. What the timd takes must not grow in either half; no session and no
// acknowledged message may be lost. It writes the curves to TIM_CURVES.
func TestHeld(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("TIM_SOAK"))
	if err != nil {
		t.Skip("make soak runs it")
	}
	sessions := 10_000
	if n, err := strconv.Atoi(os.Getenv("TIM_SESSIONS")); err == nil {
		sessions = n
	}
	g := StartGateway(t, "--data", t.TempDir())
	idle := readGauges(t, g)
	h := newHeld(t, seed(t), g.Addr)
	h.g = g
	h.begin(0, sessions)
	h.present()

	curves := &curves{}
	half := func() {
		curves.begin()
		messages, logins, cuts := h.messages.Load(), h.logins.Load(), h.cuts.Load()
		for range halfSamples {
			time.Sleep(length / (2 * halfSamples))
			curves.add(readGauges(t, g))
		}
		require.Greater(t, h.messages.Load(), messages, "nothing was sent")
		require.Greater(t, h.logins.Load(), logins, "nobody came again")
		require.Greater(t, h.cuts.Load(), cuts, "no connection was cut")
	}
	h.wg.Go(h.live)
	quiet := sync.OnceFunc(func() { // when the test has failed, too
		h.down.Store(false)
		close(h.end)
		h.wg.Wait()
	})
	t.Cleanup(quiet)
	half()
	back := h.crash()
	half()
	keep := func(facts ...string) {
		if folder := os.Getenv("TIM_CURVES"); folder != "" {
			require.NoError(t, curves.write(folder, "make held", fmt.Sprintf("%d sessions for %v", sessions, length), facts...))
		}
	}
	keep("what follows the second half has failed") // an hour's curves are worth having even then
	quiet()
	h.ready()
	h.present()
	h.settle()

	fact := fmt.Sprintf("%d messages arrived, each once; %d logins again, %d connections cut; all back %v after the kill",
		h.messages.Load(), h.logins.Load(), h.cuts.Load(), back.Round(100*time.Millisecond))
	t.Log(fact)
	keep(fact)
	for _, grown := range curves.growth() {
		t.Log(grown)
		require.True(t, grown.flat(), "%v", grown)
	}
	h.leave()
	require.Eventually(t, func() bool { return readGauges(t, g)["tim_inbox_users"] == 0 }, time.Minute, 100*time.Millisecond)
	left := readGauges(t, g)
	for name, most := range map[string]float64{"go_goroutines": 100, "process_open_fds": 100} {
		require.LessOrEqual(t, left[name], idle[name]+most, "%s after everybody has left; %v before they came", name, idle[name])
	}
}

// held are the sessions and what happens to them.
type held struct {
	t        *testing.T
	g        *Gateway   // of TestHeld, which has one
	gateways []string   // their addresses
	rand     *rand.Rand // of live's goroutine
	all      []*dweller // those with an even number stay, the others come and go
	hosts    int        // processes that share what happens
	end      chan struct{}
	wg       sync.WaitGroup

	messages, logins, cuts atomic.Int64
	down                   atomic.Bool // logins may fail
}

func newHeld(t *testing.T, seed uint64, gateways ...string) *held {
	return &held{t: t, gateways: gateways, rand: rand.New(rand.NewPCG(seed, 2)), hosts: 1, end: make(chan struct{})}
}

// dweller is a user with one client.
type dweller struct {
	*native.Client
	user string
	busy sync.Mutex // held by a login, a logout or a message

	mu   sync.Mutex // guards what follows
	conn net.Conn
	sent []sentTo // acknowledged
	got  map[string]int
}

type sentTo struct {
	text string
	to   *dweller
}

func (h *held) newDweller(n int) *dweller {
	d := &dweller{user: fmt.Sprint("held", n), got: map[string]int{}}
	from := dialerOf(n)
	d.Client = native.New(native.Options{
		URL: (&Balancer{}).URL(), SDKAppID: App,
		OnMail: func(name string, data any) {
			if name != frame.EventMessageReceived {
				return
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			for _, m := range data.([]objects.Object) {
				d.got[textOf(m)]++
			}
		},
		Dial: func(ctx context.Context, network, _ string) (c net.Conn, err error) {
			for try := range h.gateways { // each has one of its own, and another one while that is away
				if c, err = from.DialContext(ctx, network, h.gateways[gatewayOf(n, try, len(h.gateways))]); err == nil {
					break
				}
			}
			d.mu.Lock()
			d.conn = c
			d.mu.Unlock()
			return c, err
		},
	})
	return d
}

// gatewayOf returns which of so many gateways a client dials. Those of one that is away
// spread over all the others.
func gatewayOf(client, try, gateways int) int {
	own := client % gateways
	if try == 0 {
		return own
	}
	return (own + 1 + (client/gateways+try-1)%(gateways-1)) % gateways
}

// dialerOf dials from an address of its own for every number below 10,000,000, as users
// have: of one network only so many may stand by at once.
func dialerOf(n int) net.Dialer {
	return net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, byte(n/40_000), byte(1+n/200%200), byte(1+n%200))}}
}

// begin logs everybody in, those with the numbers from first on.
func (h *held) begin(first, sessions int) {
	start := time.Now()
	slots := make(chan struct{}, 32)
	for n := range sessions {
		d := h.newDweller(first + n)
		h.t.Cleanup(d.Destroy)
		h.all = append(h.all, d)
		slots <- struct{}{}
		h.wg.Go(func() {
			defer func() { <-slots }()
			h.logIn(d)
		})
	}
	h.wg.Wait()
	h.t.Logf("%d sessions after %v", sessions, time.Since(start).Round(time.Millisecond))
}

func (h *held) logIn(d *dweller) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		_, err := d.Login(ctx, d.user, usersig.Sign(App, Key, d.user, time.Now(), heldSig))
		cancel()
		if err == nil {
			return
		}
		if !h.down.Load() {
			h.t.Errorf("%s could not log in: %v", d.user, err)
			return
		}
	}
}

// live has things happen until end.
func (h *held) live() {
	var wg sync.WaitGroup
	defer wg.Wait()
	every := time.Duration(h.hosts)
	message, churn, cut, storm := time.NewTicker(every*heldMessage), time.NewTicker(every*heldChurn), time.NewTicker(every*heldCut), time.NewTicker(heldStorm)
	stay := len(h.all) / 2
	for n := 0; ; n++ {
		one := h.rand.IntN(stay)
		select {
		case <-message.C:
			to := (one + 1) % stay
			if n%20 == 0 { // a conversation begins; more of them would show as growth
				to = (one + 1 + h.rand.IntN(stay-1)) % stay
			}
			from, receiver := h.all[2*one], h.all[2*to]
			wg.Go(func() { h.write(from, receiver, fmt.Sprint("message ", n)) })
		case <-churn.C:
			wg.Go(func() { h.comeAgain(h.all[2*one+1]) })
		case <-cut.C:
			h.cut(h.all[h.rand.IntN(len(h.all))])
		case <-storm.C:
			for range len(h.all) / 50 {
				h.cut(h.all[h.rand.IntN(len(h.all))])
			}
		case <-h.end:
			return
		}
	}
}

func (h *held) comeAgain(d *dweller) {
	if !d.busy.TryLock() {
		return
	}
	defer d.busy.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := d.Logout(ctx); err != nil && !h.down.Load() {
		h.t.Errorf("%s could not log out: %v", d.user, err)
	}
	h.logIn(d)
	h.logins.Add(1)
}

func (h *held) write(d, to *dweller, text string) {
	if !d.busy.TryLock() {
		return
	}
	defer d.busy.Unlock()
	body, err := textMessage(d.user, to.user, text)
	if err != nil {
		h.t.Error(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err = d.Send(ctx, frame.MessageSend, body); err != nil {
		return // it may or may not be stored
	}
	h.messages.Add(1)
	d.mu.Lock()
	d.sent = append(d.sent, sentTo{text, to})
	d.mu.Unlock()
}

// cut resets a connection.
func (h *held) cut(d *dweller) {
	d.mu.Lock()
	c := d.conn
	d.conn = nil
	d.mu.Unlock()
	if c == nil {
		return
	}
	h.cuts.Add(1)
	hangUp(c)
}

// crash kills the timd, and returns how long after its start all sessions were back.
func (h *held) crash() time.Duration {
	h.down.Store(true)
	h.g.Kill()
	h.g.Start()
	start := time.Now()
	h.ready()
	h.down.Store(false)
	return time.Since(start)
}

// ready waits until everybody is logged in; those who come and go are away for moments.
func (h *held) ready() {
	late := time.After(15 * time.Minute)
	for _, d := range h.all {
		for d.State().Status != session.StatusReady {
			select {
			case <-time.After(20 * time.Millisecond): // there is an event of each client only
			case <-late:
				h.t.Fatalf("%s is %+v", d.user, d.State())
			}
		}
	}
}

// settle waits until every acknowledged message has arrived, and checks that none has twice.
func (h *held) settle() {
	for _, from := range h.all {
		from.mu.Lock()
		sent := from.sent
		from.mu.Unlock()
		for _, m := range sent {
			if !assert.Eventually(h.t, func() bool { return m.to.times(m.text) > 0 }, time.Minute, 20*time.Millisecond) {
				h.t.Fatalf("%s, %+v, has not got %q of %s", m.to.user, m.to.State(), m.text, from.user)
			}
		}
	}
	for _, d := range h.all {
		d.mu.Lock()
		for text, times := range d.got {
			assert.Equal(h.t, 1, times, "%s has got %s more than once", d.user, text)
		}
		d.mu.Unlock()
	}
}

func (d *dweller) times(text string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.got[text]
}

// present waits until the timd has everybody, too.
func (h *held) present() {
	users := func() int { return int(readGauges(h.t, h.g)["tim_inbox_users"]) }
	require.Eventually(h.t, func() bool { return users() == len(h.all) }, time.Minute, 100*time.Millisecond, "the timd has not got all users")
}

// leave logs everybody out.
func (h *held) leave() {
	slots := make(chan struct{}, 32)
	for _, d := range h.all {
		slots <- struct{}{}
		h.wg.Go(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := d.Logout(ctx); err != nil {
				h.t.Errorf("%s could not log out: %v", d.user, err)
			}
		})
	}
	h.wg.Wait()
}

// readGauges reads those of a timd's metrics that the curves show.
func readGauges(t testing.TB, g *Gateway) map[string]float64 {
	values := readMetrics(t, g, func(name string) bool { _, shown := curveOf(name); return shown })
	require.Len(t, values, len(shownCurves), "of %v", shownCurves)
	return values
}

// readMetrics reads those of a timd's metrics without labels that are wanted.
func readMetrics(t testing.TB, g *Gateway, wanted func(name string) bool) map[string]float64 {
	answer, err := http.Get("http://" + g.Ops + "/metrics")
	require.NoError(t, err)
	defer answer.Body.Close()
	values := map[string]float64{}
	for in := bufio.NewScanner(answer.Body); in.Scan(); {
		name, text, _ := strings.Cut(in.Text(), " ")
		if !wanted(name) {
			continue
		}
		values[name], err = strconv.ParseFloat(text, 64)
		require.NoError(t, err)
	}
	return values
}
