package attack

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/cluster"
	"github.com/tim-wasm/tim/internal/frame"
)

func TestMain(m *testing.M) {
	if os.Getenv("TIM_SOAK") == "" {
		os.Setenv("TIM_CLUSTER_RACE", "1") // speed does not matter here
	}
	code := m.Run()
	cluster.Cleanup()
	os.Exit(code)
}

// Another app on the same gateway.
const (
	otherApp = 1400000002
	otherKey = "a key for the tests of another app"
)

// arena is a gateway with honest users, none of whom may be harmed.
type arena struct {
	t testing.TB
	*cluster.Gateway
	alice, bob *Honest
	said       int
}

// openArena starts a gateway whose limits are out of reach unless flags say
// otherwise; of two equal flags the later one counts.
func openArena(t testing.TB, flags ...string) *arena {
	t.Helper()
	key := filepath.Join(t.TempDir(), "other.key")
	require.NoError(t, os.WriteFile(key, []byte(otherKey), 0o600))
	usual := []string{"--grace", "1s", "--app", fmt.Sprintf("%d=%s", otherApp, key)}
	if !slices.Contains(flags, "--nats") {
		usual = append(usual, "--data", "memory")
	}
	flags = append(usual, flags...)
	a := &arena{t: t, Gateway: cluster.StartGateway(t, flags...)}
	a.alice = NewHonest(a.Addr, account("alice"), "bob")
	a.bob = NewHonest(a.Addr, account("bob"), "alice")
	for _, h := range []*Honest{a.alice, a.bob} {
		t.Cleanup(h.Destroy)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		require.NoError(t, h.LogIn(ctx))
	}
	a.served()
	return a
}

// served has the honest users write to each other.
func (a *arena) served() {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), patience)
	defer cancel()
	for _, pair := range [][2]*Honest{{a.alice, a.bob}, {a.bob, a.alice}} {
		a.said++
		_, err := pair[0].Say(ctx, pair[1], fmt.Sprint("message ", a.said))
		require.NoError(a.t, err)
	}
	require.Empty(a.t, a.alice.Wrong())
	require.Empty(a.t, a.bob.Wrong())
}

// meanwhile has the honest users write to each other until stop is called.
func (a *arena) meanwhile() (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n++ {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			_, err := a.alice.Say(ctx, a.bob, fmt.Sprint("meanwhile ", n))
			cancel()
			if err != nil {
				a.t.Errorf("an honest user was not served: %v", err)
				return
			}
			select {
			case <-done:
				return
			case <-time.After(200 * time.Millisecond): // within the rate of an honest user
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

// gauges are the metrics that say what a gateway holds for its clients.
var gauges = []string{"tim_sockets", "tim_sessions", "tim_inbox_users", "tim_inbox_watched", "tim_inbox_unsaved", "tim_room_members", "tim_room_visitors"}

// metrics reads /metrics and returns the values by name and labels.
func metrics(ops string) (map[string]float64, error) {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get("http://" + ops + "/metrics")
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	values := map[string]float64{}
	for in := bufio.NewScanner(r.Body); in.Scan(); {
		name, value, ok := cutLast(in.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil && !strings.HasPrefix(name, "#") {
			values[name] = v
		}
	}
	return values, nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// spare is how many goroutines more than before there may be: some come and go, and a
// gateway keeps those that have handled frames at the same time, gateway/hands.go.
const spare = 15 + 2*hands

// baseline returns what the gateway holds while only the honest users are there.
func (a *arena) baseline() map[string]float64 {
	a.t.Helper()
	m, err := metrics(a.Ops)
	require.NoError(a.t, err)
	require.EqualValues(a.t, 2, m["tim_sessions"])
	require.EqualValues(a.t, 2, m["tim_inbox_users"])
	require.EqualValues(a.t, 2, m["tim_inbox_watched"])
	m["tim_inbox_unsaved"] = 0 // the honest users' acknowledgements will be stored in a moment
	return m
}

// settle waits until the gateway holds nothing more for attackers.
func (a *arena) settle(base map[string]float64) {
	a.t.Helper()
	var left []string
	for end := time.Now().Add(2 * patience); ; time.Sleep(50 * time.Millisecond) {
		now, err := metrics(a.Ops)
		require.NoError(a.t, err, "the gateway is gone")
		left = nil
		for _, name := range gauges {
			if now[name] != base[name] {
				left = append(left, fmt.Sprintf("%s is %v and was %v", name, now[name], base[name]))
			}
		}
		if n := now["go_goroutines"]; n > base["go_goroutines"]+spare {
			left = append(left, fmt.Sprintf("%v goroutines and there were %v", n, base["go_goroutines"]))
		}
		if len(left) == 0 || time.Now().After(end) {
			break
		}
	}
	require.Empty(a.t, left, "something of closed sessions stays")
}

// unhurt checks after an attack that the gateway has not crashed, that nothing in
// it has panicked, and that the honest users are served.
func (a *arena) unhurt(base map[string]float64) {
	a.t.Helper()
	a.settle(base)
	a.served()
	now, err := metrics(a.Ops)
	require.NoError(a.t, err)
	require.Equal(a.t, base["process_start_time_seconds"], now["process_start_time_seconds"], "it was started anew")
	a.calm()
}

// calm checks that nothing in the gateway has panicked or raced.
func (a *arena) calm() {
	a.t.Helper()
	said := a.Logs()
	for _, word := range []string{"panicked", "DATA RACE", "fatal error"} {
		if i := strings.Index(said, word); i >= 0 {
			a.t.Errorf("the gateway said: %s", said[max(0, i-200):min(len(said), i+3000)])
		}
	}
}

func TestEveryMethodIsKnown(t *testing.T) {
	require.Empty(t, Unknown(), "give them parameters in methods.go")
	for method := range plausible {
		require.True(t, slices.Contains(Methods(), method), "%s is in methods.go and not on the wire", method)
	}
}

func account(user string) Account { return Account{cluster.App, cluster.Key, user} }

// newCaller makes a user who has logged in, written to carol, and left.
func newCaller(addr, user string, seed uint64) (*Caller, error) {
	c := &Caller{Page: NewPage(account(user)), Rand: rand.New(rand.NewPCG(seed, 0)), Peer: "carol"}
	for i := range 1000 {
		c.Users = append(c.Users, fmt.Sprintf("somebody%d", i))
	}
	conn, token, err := c.Login(addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	c.Token = token
	for range 3 {
		a, err := conn.Call(frame.MessageSend, c.text("to begin with"))
		if err != nil {
			return nil, err
		}
		position, err := positionOf(a)
		if err != nil {
			return nil, err
		}
		c.Positions = append(c.Positions, position)
	}
	return c, nil
}

// text returns the parameters of a message to the peer.
func (c *Caller) text(text string) object {
	return object{"id": MessageID(c.User, c.Rand), "to": c.Peer, "type": "TIMTextElem", "payload": object{"text": text}}
}

// positionOf reads where a message was stored.
func positionOf(a Answer) (uint64, error) {
	var r struct {
		Message struct {
			Position uint64 `json:"position"`
		} `json:"message"`
	}
	if a.Error != nil || json.Unmarshal(a.Result, &r) != nil || r.Message.Position == 0 {
		return 0, fmt.Errorf("a message was not stored: %s", a.Text)
	}
	return r.Message.Position, nil
}
