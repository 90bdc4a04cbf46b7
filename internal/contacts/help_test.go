package contacts

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/place"
)

const app = 1400000000

func of(id string) place.User { return place.User{SDKAppID: app, UserID: id} }

// people are profiles and blacklists in memory, and calls that cost nothing.
type people struct {
	mu       sync.Mutex // guards what follows
	allow    map[string]string
	forbid   map[string]string
	blocked  map[[2]string]bool // who has whom on their blacklist
	nickSize int
	said     int
}

func newPeople() *people {
	return &people{allow: map[string]string{}, forbid: map[string]string{}, blocked: map[[2]string]bool{}}
}

func (p *people) Profiles(_ context.Context, _ uint32, ids []string) ([]inbox.Profile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]inbox.Profile, len(ids))
	for i, id := range ids {
		out[i] = inbox.Profile{UserID: id, Nick: "nick of " + id + string(make([]byte, p.nickSize)), AllowType: p.allow[id], AdminForbidType: p.forbid[id]}
	}
	return out, nil
}

func (p *people) Blocks(_ context.Context, u place.User, other string) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.blocked[[2]string{u.UserID, other}], nil
}

func (p *people) MaySay(context.Context, place.User, string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said++
	return nil
}

func (p *people) Serve(ctx context.Context, _ place.User, _ string, _ json.RawMessage, _ bool, f func(ctx context.Context) (any, error)) (json.RawMessage, *fault.Error) {
	v, err := f(ctx)
	if err != nil {
		return nil, bus.Fault(err)
	}
	data, err := jsonframe.Marshal(v)
	return data, bus.Fault(err)
}

func open(t testing.TB, b Bus, o Options) *Contacts {
	t.Helper()
	if o.People == nil {
		o.People = newPeople()
	}
	if o.Report == nil {
		o.Report = func(err error) { t.Error("reported:", err) }
	}
	c, err := Open(t.Context(), b, o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func newBus() *busmodel.Bus { return busmodel.New(busmodel.Options{}) }

// code is that of an error, 0 for none.
func code(err error) fault.Code {
	if err == nil {
		return 0
	}
	return bus.Fault(err).Code
}

// must makes a call of a client and returns its result.
func must[T any](t *testing.T, c *Contacts, u, method string, params any) (v T) {
	t.Helper()
	raw, err := json.Marshal(params)
	require.NoError(t, err)
	out, f := c.Call(t.Context(), of(u), method, raw)
	require.Nil(t, f, "%s %s", method, raw)
	require.NoError(t, json.Unmarshal(out, &v))
	return v
}

// caughtUp waits until gateways have seen all that is stored.
func caughtUp(t *testing.T, all ...*Contacts) {
	t.Helper()
	for _, c := range all {
		end, err := c.books.log.Last(t.Context(), ">")
		if err == nil {
			c.follower.Reach(t.Context(), end.Seq)
		}
	}
}

// ids are the UserIDs of who is on a list.
func friendIDs(t *testing.T, c *Contacts, u string) []string {
	t.Helper()
	p, err := c.Friends(t.Context(), of(u), Ask{})
	require.NoError(t, err)
	require.Zero(t, p.Next)
	out := []string{}
	for _, f := range p.Items {
		out = append(out, f.UserID)
	}
	return out
}

// notes are what a session was told.
type notes struct {
	mu   sync.Mutex
	got  []string
	came chan struct{} // holds a token once something has come
}

func listen(c *Contacts, u string) (*notes, *Session) {
	n := &notes{came: make(chan struct{}, 1)}
	return n, c.Attach(of(u), func(_ string, params json.RawMessage) bool {
		n.mu.Lock()
		n.got = append(n.got, string(params))
		n.mu.Unlock()
		select {
		case n.came <- struct{}{}:
		default:
		}
		return true
	})
}

func (n *notes) wait(t *testing.T) {
	t.Helper()
	select {
	case <-n.came:
	case <-time.After(time.Minute):
		t.Fatal("nothing came")
	}
}

func (n *notes) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string{}, n.got...)
}

// known is an Options.Known to which all but one are.
func known(but string) func(context.Context, place.User) (bool, error) {
	return func(_ context.Context, u place.User) (bool, error) { return u.UserID != but, nil }
}

// fill gives a user entries of a kind, of u0, u1 and so on.
func fill(t *testing.T, c *Contacts, u string, of kind, n int) {
	t.Helper()
	for i := range n {
		e := entry{Time: int64(1000 + i), ID: fmt.Sprint("id", i), Name: fmt.Sprint("g", i)}
		k := key{of, fmt.Sprint("u", i)}
		if of == kindRead {
			e.Time, k.name = int64(n), readAll
		}
		require.NoError(t, c.books.change(t.Context(), place.User{SDKAppID: app, UserID: u}, k, func(was held) (entry, bool, error) {
			return e, true, nil
		}))
	}
}

// busOf is the bus of which there is one Log already.
type sameLog struct{ bus.Log }

func busOf(c *Contacts) Bus { return sameLog{c.books.log} }

func (l sameLog) OpenLog(context.Context, bus.LogConfig) (bus.Log, error) { return l.Log, nil }
