package cluster

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/registry"
	"github.com/tim-wasm/tim/internal/session"
)

var (
	runFor   = flag.Duration("cluster-for", 0, "how long TestFaults goes on with random faults; 0: its short form. Also TIM_CLUSTER_FOR")
	seedFlag = flag.Uint64("seed", 0, "of TestFaults and TestRollingRestarts; 0 takes the time")
)

const (
	limit  = 2
	steady = 60 // users with as many instances as they may have: none is evicted
	busy   = 50 // users with one more than that, which come and go
)

// TestFaults runs three NATS servers, three timds, and hundreds of instances
// that log in, out and resume, while a timd is killed with -9 and a NATS
// server is stopped and returns.
func TestFaults(t *testing.T) {
	long := *runFor
	if text := os.Getenv("TIM_CLUSTER_FOR"); text != "" {
		long, _ = time.ParseDuration(text)
	}
	s := openFaults(t, seed(t))
	s.begin()
	if s.prompt = 15 * time.Second; long == 0 {
		s.short()
	} else {
		s.prompt, s.ledger.prompt = time.Second, true
		s.long(long)
	}
	s.end()
}

// seed returns that of -seed, or one of the time.
func seed(t *testing.T) uint64 {
	n := *seedFlag
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", n)
	return n
}

type faults struct {
	t        testing.TB
	rand     *rand.Rand
	nats     *NATS
	js       jetstream.JetStream
	gateways []*Gateway
	balancer *Balancer
	ledger   *ledger
	audit    *audit
	steady   [][]*instance // by user
	busy     [][]*instance

	// prompt is how long an evicted instance may keep its socket while nothing is
	// broken: less than the 30 s after which a gateway finds it without a signal,
	// and more than a busy machine takes. A long run measures it.
	prompt time.Duration

	stop chan struct{}
	wg   sync.WaitGroup

	mu      sync.Mutex
	trouble []span // when something was broken
	logins  int
}

type span struct {
	what     string
	from, to time.Time
}

func openFaults(t testing.TB, seed uint64) *faults {
	s := &faults{t: t, rand: rand.New(rand.NewPCG(seed, 0)), ledger: &ledger{fates: map[string]*fate{}}, stop: make(chan struct{})}
	start := time.Now()
	s.nats = StartNATS(t, 3)
	_, s.js = s.nats.Connect()
	partitions := fmt.Sprint(1 + s.rand.IntN(4))
	for i := range 3 {
		s.gateways = append(s.gateways, StartGateway(t, "--nats", s.nats.URL(), "--node", fmt.Sprintf("g%d", i+1), "--partitions", partitions))
	}
	s.balancer = &Balancer{Gateways: s.gateways}
	s.nats.Current(20 * time.Second)
	s.gateways[0].Call("timd_config/set", map[string]any{"WebInstances": limit}, nil)
	s.audit = follow(t, s.js, s.ledger, limit)
	t.Logf("the cluster stands after %v, its messages in %s partitions", time.Since(start).Round(time.Millisecond), partitions)
	return s
}

// begin logs in all users and starts them.
func (s *faults) begin() {
	start := time.Now()
	people := func(role string, users, each int) (all [][]*instance) {
		for u := range users {
			var mine []*instance
			for n := range each {
				i := newInstance(s.balancer, s.ledger, fmt.Sprintf("%s%d", role, u), n, "Web")
				s.t.Cleanup(i.Destroy)
				mine = append(mine, i)
			}
			all = append(all, mine)
		}
		return all
	}
	s.steady, s.busy = people("steady", steady, limit), people("busy", busy, limit+1)
	slots := make(chan struct{}, 16) // as many logins as a busy machine handles without a queue
	for _, user := range slices.Concat(s.steady, s.busy) {
		slots <- struct{}{}
		s.wg.Add(1)
		go func() {
			defer func() { <-slots; s.wg.Done() }()
			for _, i := range user {
				if err := i.logIn(); err != nil {
					s.ledger.violation("%s could not log in to a healthy cluster: %d %s", i, err.Code, err.Message)
				}
			}
		}()
	}
	s.wg.Wait()
	s.t.Logf("%d users with %d instances are there after %v", steady+busy, steady*limit+busy*(limit+1), time.Since(start).Round(time.Millisecond))
	for u, user := range s.steady {
		for _, i := range user {
			s.goes(func(r *rand.Rand) { s.liveSteady(r, i, fmt.Sprintf("steady%d", (u+1)%steady)) })
		}
	}
	for _, user := range s.busy {
		for _, i := range user {
			s.goes(func(r *rand.Rand) { s.liveBusy(r, i) })
		}
	}
}

func (s *faults) goes(f func(*rand.Rand)) {
	r := rand.New(rand.NewPCG(s.rand.Uint64(), 1))
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		for {
			select {
			case <-s.stop:
				return
			default:
				f(r)
			}
		}
	}()
}

// liveSteady runs an instance that stays, whatever its network does.
func (s *faults) liveSteady(r *rand.Rand, i *instance, to string) {
	pause(r, 3*time.Second)
	switch r.IntN(4) {
	case 0:
		i.cut()
	default:
		if i.n == 0 {
			i.send(to, fmt.Sprintf("%s %d", i.user, time.Now().UnixNano()))
		}
	}
}

// liveBusy runs an instance that comes and goes.
func (s *faults) liveBusy(r *rand.Rand, i *instance) {
	pause(r, 2*time.Second)
	switch r.IntN(6) {
	case 0:
		i.logOut()
	case 1:
		i.cut()
	default:
		if i.State().Status == session.StatusLoggedOut {
			s.mu.Lock()
			s.logins++
			s.mu.Unlock()
			_ = i.logIn()
		}
	}
}

// during records that something is broken from now until f has returned and
// the cluster has recovered.
func (s *faults) during(what string, f func()) {
	from := time.Now()
	s.t.Logf("%6.1f s: %s", time.Since(began).Seconds(), what)
	f()
	s.mu.Lock()
	s.trouble = append(s.trouble, span{what, from, time.Now().Add(3 * time.Second)})
	s.mu.Unlock()
}

var began = time.Now()

// healthy reports whether nothing was broken from at until 1 s later.
func (s *faults) healthy(at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !slices.ContainsFunc(s.trouble, func(t span) bool {
		return at.Add(time.Second).After(t.from) && at.Before(t.to)
	})
}

func (s *faults) short() {
	time.Sleep(3 * time.Second) // a healthy period: evictions are timed in it
	g := s.gateways[1]
	s.during("a timd is killed with -9", func() {
		g.Kill()
		time.Sleep(500 * time.Millisecond)
		g.Start()
	})
	n := s.nats.Leader("KV_tim_users")
	s.during("the NATS server that leads the users' records is stopped, and returns", func() {
		n.Stop()
		time.Sleep(1500 * time.Millisecond)
		n.Start()
		s.nats.Current(30 * time.Second)
	})
}

// long goes on with one fault after the other.
func (s *faults) long(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end) && !s.t.Failed(); {
		time.Sleep(time.Duration(2+s.rand.IntN(6)) * time.Second)
		g := s.gateways[s.rand.IntN(len(s.gateways))]
		n := s.nats.Servers[s.rand.IntN(len(s.nats.Servers))]
		away := time.Duration(s.rand.IntN(5000)) * time.Millisecond
		switch s.rand.IntN(6) {
		case 0, 1:
			s.during("kill -9 of a timd", func() { g.Kill(); time.Sleep(away); g.Start() })
		case 2:
			s.during("a timd is restarted", func() { g.Stop(); g.Start() })
		case 3:
			s.during("a timd stands still", func() { g.Pause(); time.Sleep(3 * away); g.Continue(); time.Sleep(2 * time.Second) })
		case 4:
			s.during("a NATS server is stopped", func() { n.Stop(); time.Sleep(away); n.Start(); s.nats.Current(time.Minute) })
		case 5:
			s.during("kill -9 of a NATS server", func() { n.Kill(); time.Sleep(away); n.Start(); s.nats.Current(time.Minute) })
		}
	}
}

// end lets everything recover and judges the result.
func (s *faults) end() {
	t := s.t
	close(s.stop)
	s.wg.Wait() // every call has settled
	everybody := slices.Concat(slices.Concat(s.steady...), slices.Concat(s.busy...))
	calm := time.Now()
	for _, i := range everybody {
		i.wait(t, "calm", 40*time.Second, func() bool {
			st := i.State()
			return st.Pending == 0 && (st.Status == session.StatusLoggedOut || st.Status == session.StatusReady && i.alive())
		})
	}
	s.agree()
	t.Logf("calm after %v", time.Since(calm).Round(time.Millisecond))

	for _, i := range slices.Concat(s.steady...) {
		require.Equal(t, session.StatusReady, i.State().Status, "%s: %v", i, i.story())
		require.Empty(t, i.kickedAs(), "%s had to go, and had a place: %v", i, i.story())
	}
	s.judgeEvictions()
	s.judgeMessages()
	s.mu.Lock()
	logins := s.logins
	s.mu.Unlock()
	s.audit.mu.Lock()
	seen, followed := s.audit.seen, s.audit.followed
	s.audit.mu.Unlock()
	t.Logf("%d logins beside the first ones; %d changes of records seen, %d of them from one revision to the next", logins, seen, followed)
	wrong := s.ledger.violations()
	require.Empty(t, wrong, "of these, %d", len(wrong))
}

// agree checks that each record holds the instances that are ready, and no
// other.
func (s *faults) agree() {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	kv, err := s.js.KeyValue(ctx, "tim_users")
	require.NoError(s.t, err)
	for _, user := range slices.Concat(s.steady, s.busy) {
		key := fmt.Sprintf("%d.%s", App, base64.RawURLEncoding.EncodeToString([]byte(user[0].user)))
		for {
			var ready, attached []string
			for _, i := range user {
				if i.State().Status == session.StatusReady {
					ready = append(ready, i.hash)
				}
			}
			e, err := kv.Get(ctx, key)
			var rec registry.Record
			if err == nil {
				err = json.Unmarshal(e.Value(), &rec)
			}
			for _, in := range rec.Instances {
				if in.Down == 0 {
					attached = append(attached, in.Hash)
				}
			}
			slices.Sort(ready)
			slices.Sort(attached)
			if err == nil && slices.Equal(ready, attached) && len(web(rec)) <= limit {
				break
			}
			if ctx.Err() != nil {
				s.t.Fatalf("%s: ready are %v, the record has %v (%v)", user[0].user, ready, attached, err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// judgeEvictions checks that every evicted instance was told, and at once when
// nothing was broken.
func (s *faults) judgeEvictions() {
	var took []time.Duration
	all := s.audit.all()
	for _, e := range all {
		f := s.ledger.of(e.hash)
		if f == nil {
			s.ledger.violation("an instance that nobody knows was evicted: %+v", e)
			continue
		}
		s.ledger.mu.Lock()
		left, kicked, typ := f.left, f.kicked, f.typ
		s.ledger.mu.Unlock()
		switch {
		case kicked.IsZero() && !left:
			s.ledger.violation("%s was evicted and not told: %v", f.in, f.in.story())
		case !kicked.IsZero() && typ != e.typ:
			s.ledger.violation("%s was evicted as %s and told %s", f.in, e.typ, typ)
		case e.attached && s.healthy(e.at):
			open, closed := f.in.openAt(e.at)
			if !open || closed.IsZero() {
				continue // it was on its way back, and was told when it arrived
			}
			d := closed.Sub(e.at)
			if took = append(took, d); d > s.prompt {
				s.ledger.violation("%s: the surplus socket was open for %v after %s: %v", f.in, d, e.at.Format("05.000"), f.in.story())
			}
		}
	}
	slices.Sort(took)
	require.NotEmpty(s.t, took, "no eviction was timed")
	late := took[len(took)-1]
	s.t.Logf("%d evictions; from the record to the client while all was well: median %v, p99 %v, at most %v, of %d",
		len(all), took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond), late.Round(time.Millisecond), len(took))
}

// judgeMessages checks that every acknowledged message exists exactly once.
func (s *faults) judgeMessages() {
	total := 0
	for u, user := range s.steady {
		to := s.steady[(u+1)%steady][0]
		texts := to.history(s.t, user[0].user)
		count := map[string]int{}
		for _, text := range texts {
			count[text]++
		}
		for text, n := range count {
			require.Equal(s.t, 1, n, "%s is there twice", text)
		}
		for _, text := range user[0].sent {
			require.Equal(s.t, 1, count[text], "%s was acknowledged and is lost", text)
		}
		total += len(user[0].sent)
	}
	require.Positive(s.t, total)
	s.t.Logf("%d messages were acknowledged, and all of them are there", total)
}
