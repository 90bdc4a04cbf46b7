package native_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/client"
	"github.com/tim-wasm/tim/internal/client/native"
	"github.com/tim-wasm/tim/internal/client/native/faultnet"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/session"
)

var (
	schedules = flag.Int("schedules", 200, "random schedules of TestFaultyNetwork")
	seedFlag  = flag.Uint64("seed", 0, "first seed of the schedules; 0 takes the time")
	atOnce    = flag.Int("at-once", 64, "schedules that run side by side")
)

// TestFaultyNetwork runs whole clients against a real timd that is killed with
// -9 and started again all the while, through networks that cut, stall, slow,
// tear and lose. Whatever happens, every call settles in time, events come in
// order, at most one instance is online (the default limit), the last one that
// logged in undisturbed is it, and no displaced instance comes back.
func TestFaultyNetwork(t *testing.T) {
	n := *schedules
	if text := os.Getenv("TIM_SCHEDULES"); text != "" {
		n, _ = strconv.Atoi(text)
	}
	first := *seedFlag
	if first == 0 {
		first = uint64(time.Now().UnixNano())
	}
	server := startTimd(t)
	stop := crashLoop(server, first)
	var (
		mu    sync.Mutex
		total tally
		wait  sync.WaitGroup
		slots = make(chan struct{}, *atOnce)
	)
	for i := range n {
		slots <- struct{}{}
		wait.Add(1)
		go func() {
			defer func() { <-slots; wait.Done() }()
			s := &schedule{server: server, seed: first + uint64(i), rand: rand.New(rand.NewPCG(first+uint64(i), 0))}
			got := s.run()
			mu.Lock()
			defer mu.Unlock()
			total.add(got)
			if len(got.wrong) > 0 && len(total.reports) < 5 {
				total.reports = append(total.reports, fmt.Sprintf("schedule -seed %d -schedules 1: %s\n%s", s.seed, strings.Join(got.wrong, "; "), s.story()))
			}
		}()
	}
	wait.Wait()
	crashes := stop()
	slices.Sort(total.back)
	t.Logf("schedules %d, faults %d, crashes of timd %d, calls %d", n, total.faults, crashes, total.calls)
	if len(total.back) > 0 {
		t.Logf("from the network's return to ready: median %v, p95 %v, of %d", total.back[len(total.back)/2].Round(time.Millisecond), total.back[len(total.back)*95/100].Round(time.Millisecond), len(total.back))
	}
	require.Empty(t, total.reports, "violations in %d schedules", total.bad)
}

// crashLoop kills timd at random and starts it again, until stopped.
func crashLoop(server *timd, seed uint64) (stop func() int) {
	r := rand.New(rand.NewPCG(seed, 99))
	quit, done := make(chan struct{}), make(chan int, 1)
	go func() {
		crashes := 0
		defer func() { done <- crashes }() // also when a timd does not start, which ends this goroutine
		for {
			select {
			case <-quit:
				return
			case <-time.After(time.Duration(2000+r.IntN(3000)) * time.Millisecond):
			}
			server.kill()
			crashes++
			server.start()
		}
	}()
	return func() int { close(quit); return <-done }
}

type tally struct {
	faults, calls, bad int
	back               []time.Duration
	wrong, reports     []string
}

func (t *tally) add(o tally) {
	t.faults += o.faults
	t.calls += o.calls
	t.back = append(t.back, o.back...)
	if len(o.wrong) > 0 {
		t.bad++
	}
}

// schedule is one random story of one user with two pages.
type schedule struct {
	server *timd
	seed   uint64
	rand   *rand.Rand
	user   string
	pages  []*page
	out    tally
	calls  sync.WaitGroup

	mu    sync.Mutex
	clock int // counts starts and ends of logins and logouts
}

type page struct {
	c       *native.Client
	net     *faultnet.Proxy
	rec     *recorder
	storage native.Storage
	// The schedule's clock at the start of the last login, whatever became of
	// it; at the start and the success of the last one that logged in, which
	// is an earlier one where the last was told 2025; at the last logout's
	// start.
	began, from, won, left int
	// late means that a login was given up whose frame may still reach the
	// gateway once the network lets it, and is then the newest.
	late bool
}

func (s *schedule) tick() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock++
	return s.clock
}

func (s *schedule) run() tally {
	s.user = fmt.Sprintf("u%d", s.seed%1_000_000_000)
	for range 2 {
		net, err := faultnet.New(s.server.addr)
		if err != nil {
			s.out.wrong = append(s.out.wrong, err.Error())
			return s.out
		}
		p := &page{net: net, rec: newRecorder()}
		p.c = native.New(p.rec.options("ws://"+net.Addr()+"/ws", &p.storage))
		s.pages = append(s.pages, p)
	}
	s.login(s.pages[0])
	for range 5 + s.rand.IntN(12) {
		s.act(s.pages[s.rand.IntN(2)])
	}
	s.end()
	for _, p := range s.pages {
		p.c.Destroy()
		p.net.Close()
		s.out.faults += p.net.Faults
		_, wrong := p.rec.snapshot()
		s.out.wrong = append(s.out.wrong, wrong...)
	}
	return s.out
}

func (s *schedule) act(p *page) {
	switch k := s.rand.IntN(16); {
	case k < 2:
		s.login(p)
	case k < 3:
		s.logout(p)
	case k < 9:
		mode := faultnet.Modes[s.rand.IntN(len(faultnet.Modes))]
		p.rec.note("- network: %s", mode)
		p.net.Set(mode, time.Duration(20+s.rand.IntN(150))*time.Millisecond)
		s.pause(400)
		if s.rand.IntN(2) == 0 {
			p.rec.note("- network: pass")
			p.net.Set(faultnet.Pass, 0)
		}
	case k < 11:
		p.rec.note("- network: cut")
		p.net.Cut()
	case k < 12:
		p.rec.note("- offline")
		p.c.SetOnline(false)
		s.pause(200)
		p.c.SetOnline(true)
		p.rec.note("- online")
	case k < 13:
		p.c.Shown()
	default:
		s.pause(500)
	}
}

func (s *schedule) pause(ms int) { time.Sleep(time.Duration(s.rand.IntN(ms)) * time.Millisecond) }

// login calls without waiting, as a page does; the result is checked.
func (s *schedule) login(p *page) {
	p.rec.note("- login")
	began := s.tick()
	s.mu.Lock()
	p.began = began
	s.mu.Unlock()
	s.call(p, "login", patience, func(c *client.Client, done client.Done) {
		p.rec.loginCalled()
		c.Login(s.user, sign(s.user, time.Hour), func(got frame.Body, err *fault.Error) {
			s.mu.Lock()
			s.clock++
			switch {
			case err != nil:
				p.late = p.late || err.Code != fault.LoginBusy
			case got.Text("errorInfo") == "": // not a repeatLogin, which says nothing new
				p.from, p.won = began, s.clock
			}
			s.mu.Unlock()
			done(got, err)
		})
	}, fault.LoginBusy, fault.Timeout, fault.Offline, fault.LoggedOut, fault.KickedMultipleAccount, fault.ServerTimeout)
}

func (s *schedule) logout(p *page) {
	p.rec.note("- logout")
	left := s.tick()
	s.mu.Lock()
	p.left = left
	s.mu.Unlock()
	s.call(p, "logout", patience, func(c *client.Client, done client.Done) { c.Logout(done) }, fault.NotLoggedIn)
}

// patience is how long a call may take by the clock of a machine that runs other
// tests as well. The client's own times, 10 s and 3 s, are held by the transcripts
// of package session.
const patience = 30 * time.Second

// call must settle once and within its time, with success or one of the codes.
// Calls of a page begin in the order in which they are made.
func (s *schedule) call(p *page, name string, limit time.Duration, begin func(*client.Client, client.Done), codes ...fault.Code) {
	s.out.calls++
	s.calls.Add(1)
	start := time.Now()
	settled := 0
	p.c.Start(func(c *client.Client) {
		begin(c, func(_ frame.Body, err *fault.Error) {
			settled++
			took := time.Since(start)
			switch {
			case settled > 1:
				p.rec.violation("%s settled %d times", name, settled)
				return
			case err == nil:
				p.rec.note("= %s ok after %v", name, took.Round(time.Millisecond))
			default:
				p.rec.note("= %s %d after %v: %s", name, err.Code, took.Round(time.Millisecond), err.Message)
				if !slices.Contains(codes, err.Code) {
					p.rec.violation("%s rejected with %d %s", name, err.Code, err.Message)
				}
			}
			if took > limit {
				p.rec.violation("%s took %v", name, took)
			}
			s.calls.Done()
		})
	})
}

// end heals everything and waits until the pages know where they stand.
func (s *schedule) end() {
	for _, p := range s.pages {
		p.net.Set(faultnet.Pass, 0)
		p.rec.note("- healed")
		p.c.SetOnline(true)
		p.c.Shown()
	}
	healed := time.Now()
	was := make([]bool, len(s.pages))
	for i, p := range s.pages {
		was[i] = p.c.State().Status == session.StatusReconnecting
	}
	deadline := time.After(4 * patience)
	settled := make(chan struct{})
	go func() { s.calls.Wait(); close(settled) }()
	select {
	case <-settled:
	case <-deadline:
		s.out.wrong = append(s.out.wrong, "a call never settled")
		return
	}
	for !s.calm() {
		select {
		case <-s.pages[0].rec.changed:
		case <-s.pages[1].rec.changed:
		case <-time.After(50 * time.Millisecond): // an answer that is not an event
		case <-deadline:
			s.out.wrong = append(s.out.wrong, fmt.Sprintf("no calm: %+v / %+v", s.pages[0].c.State(), s.pages[1].c.State()))
			return
		}
	}
	for i, p := range s.pages {
		if was[i] && p.c.State().Ready {
			s.out.back = append(s.out.back, time.Since(healed))
		}
	}
	s.judge()
}

// calm reports whether every page has arrived somewhere, each that says ready
// really is, and no call waits, those of the client's own included.
func (s *schedule) calm() bool {
	ready := 0
	for _, p := range s.pages {
		st := p.c.State()
		if st.Pending != 0 {
			return false
		}
		switch st.Status {
		case session.StatusReady:
			ready++
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			_, err := p.c.Send(ctx, "ping", nil)
			cancel()
			if err != nil {
				return false
			}
		case session.StatusLoggedOut:
		default:
			return false
		}
	}
	// The one that has to go may not have heard of it yet.
	return ready <= 1
}

func (s *schedule) judge() {
	a, b := s.pages[0], s.pages[1]
	for _, p := range []*page{a, b} {
		other := a
		if p == a {
			other = b
		}
		undisturbed := p.won > 0 && p.left < p.from && !p.late && !other.late && other.began < p.from && other.won < p.from
		if undisturbed && !p.c.State().Ready {
			s.out.wrong = append(s.out.wrong, fmt.Sprintf("the last to log in is not online: %+v", p.c.State()))
		}
	}
}

func (s *schedule) story() string {
	var b strings.Builder
	for i, p := range s.pages {
		events, _ := p.rec.snapshot()
		fmt.Fprintf(&b, "page %d:\n  %s\n", i, strings.Join(events, "\n  "))
	}
	return b.String()
}
