package group

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/live"
	"github.com/tim-wasm/tim/internal/place"
)

const app = 1400000000

// clock is the clock of a test, which moves only when the test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_800_000_000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is two gateways on one store.
type world struct {
	t     *testing.T
	clock *clock
	chat  *chat // of both
	hooks Hooks // of both; nil for none
	rooms [2]*Room
	// untold: nobody is told of who comes into live rooms, which happens in the
	// background and would meet a store that is to fail in a call.
	untold bool
	report func(err error) // nil: it is logged
}

func newWorld(t *testing.T) *world { return newWorldWith(t, nil) }

// newWorldWith is newWorld whose gateways report to somebody.
func newWorldWith(t *testing.T, report func(err error)) *world {
	b := busmodel.New(busmodel.Options{})
	w := &world{t: t, clock: newClock(), report: report}
	for i := range w.rooms {
		w.rooms[i] = w.open(b)
	}
	return w
}

// open starts a gateway. User root is an administrator of the app, and nobody has
// no account.
func (w *world) open(b Bus) *Room {
	w.t.Helper()
	if w.chat == nil {
		w.chat = newChat()
	}
	log := Log(w.chat)
	if f, ok := b.(*faulty); ok {
		log = faultyChat{w.chat, f}
	}
	var r *Room // before rooms have members
	var rooms *live.Rooms
	var err error
	if signals, ok := b.(live.Bus); ok {
		o := live.Options{Changed: func(k live.Key, all []live.Move) { r.RoomChanged(k, all) }}
		if w.untold {
			o.Changed = nil
		}
		rooms, err = live.Open(signals, o)
		require.NoError(w.t, err)
		w.t.Cleanup(rooms.Close)
	}
	r, err = Open(w.t.Context(), b, Options{
		Log:    log,
		Live:   rooms,
		Hooks:  w.hooks,
		Admin:  func(id string) bool { return id == "root" },
		Known:  func(_ context.Context, u place.User) (bool, error) { return u.UserID != "nobody", nil },
		Now:    w.clock.Now,
		Report: w.reported,
		Profiles: func(_ context.Context, _ uint32, ids []string) ([]Profile, error) {
			out := make([]Profile, len(ids))
			for i, id := range ids {
				out[i].Nick = "nick of " + id
			}
			return out, nil
		},
		Online: func(_ context.Context, _ uint32, ids []string) ([]bool, error) {
			out := make([]bool, len(ids))
			for i, id := range ids {
				out[i] = id != "offline"
			}
			return out, nil
		},
	})
	require.NoError(w.t, err)
	w.t.Cleanup(r.Close)
	return r
}

func (w *world) reported(err error) {
	if w.report != nil {
		w.report(err)
	} else {
		w.t.Log("reported:", err)
	}
}

type obj = map[string]any

// client is a session and its notifications.
type client struct {
	t       testing.TB
	session *Session
	userID  string

	mu      sync.Mutex
	changed *sync.Cond // on mu
	notes   []note
	deaf    bool // notifications are not taken
	missed  int  // how many were not
}

type note struct {
	method string
	params obj
}

func (w *world) login(gateway int, userID string) *client {
	c := &client{t: w.t, userID: userID}
	c.changed = sync.NewCond(&c.mu)
	c.session = w.rooms[gateway].Attach(place.User{SDKAppID: app, UserID: userID}, func(method string, params json.RawMessage) bool {
		var p obj
		if json.Unmarshal(params, &p) != nil {
			panic("a notification is not JSON")
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.deaf {
			c.missed++
			return false
		}
		c.notes = append(c.notes, note{method, p})
		c.changed.Broadcast()
		return true
	})
	c.session.WithRooms("i of "+userID, c.offer)
	w.t.Cleanup(c.session.Close)
	return c
}

// offer takes a frame of live rooms.
func (c *client) offer(frame []byte, _ int) bool {
	var f struct {
		Method string
		Params obj
	}
	if json.Unmarshal(frame, &f) != nil {
		panic("a frame is not JSON")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notes = append(c.notes, note{f.Method, f.Params})
	c.changed.Broadcast()
	return true
}

// call makes a call as the gateway does; result may be nil.
// server makes a call of the server API that must succeed.
func (w *world) server(userID, method string, params any) {
	w.t.Helper()
	_, err := w.rooms[1].Do(w.t.Context(), place.User{SDKAppID: app, UserID: userID}, method, params)
	require.NoError(w.t, err, method)
}

func (c *client) call(method string, params, result any) *fault.Error {
	c.t.Helper()
	return c.callIn(c.t.Context(), method, params, result)
}

func (c *client) callIn(ctx context.Context, method string, params, result any) *fault.Error {
	c.t.Helper()
	raw, err := json.Marshal(params)
	require.NoError(c.t, err)
	v, err := c.session.Call(ctx, method, raw)
	if err != nil {
		return bus.Fault(err)
	}
	if result != nil {
		reflect.ValueOf(result).Elem().SetZero()
		require.NoError(c.t, json.Unmarshal(encode(v), result))
	}
	return nil
}

func (c *client) must(method string, params, result any) {
	c.t.Helper()
	if f := c.call(method, params, result); f != nil {
		c.t.Fatalf("%s by %s: %d %s", method, c.userID, f.Code, f.Message)
	}
}

func (c *client) refused(code fault.Code, method string, params any) {
	c.t.Helper()
	f := c.call(method, params, nil)
	require.NotNil(c.t, f, "%s by %s: %v", method, c.userID, params)
	require.Equal(c.t, code, f.Code, "%s by %s: %s", method, c.userID, f.Message)
}

// group returns a group as the client sees it.
func (c *client) group(id string) Group {
	c.t.Helper()
	var out profilesResult
	c.must("group.get", obj{"groupIDs": []string{id}}, &out)
	require.Len(c.t, out.Groups, 1, "%v", out.Failures)
	return out.Groups[0]
}

// members returns the roles of all members, from all pages.
func (c *client) members(id string, count int) map[string]string {
	c.t.Helper()
	out := map[string]string{}
	for offset := ""; ; {
		var page membersResult
		c.must("group.members", obj{"groupID": id, "count": count, "offset": offset}, &page)
		for _, m := range page.MemberList {
			require.NotContains(c.t, out, m.UserID)
			out[m.UserID] = m.Role
		}
		if offset = page.Offset; offset == "" {
			return out
		}
	}
}

// groups returns the IDs of the client's groups, from all pages.
func (c *client) groups() []string {
	c.t.Helper()
	out := []string{}
	for next := ""; ; {
		var page listResult
		c.must("group.list", obj{"next": next}, &page)
		for _, g := range page.Groups {
			require.NotNil(c.t, g.SelfInfo)
			require.Equal(c.t, c.userID, g.SelfInfo.UserID)
			out = append(out, g.GroupID)
		}
		if next = page.Next; next == "" {
			slices.Sort(out)
			return out
		}
	}
}

// told waits for a notification for which is returns true, and drops those before
// it.
func (c *client) told(what string, is func(n note) bool) note {
	c.t.Helper()
	late := time.AfterFunc(30*time.Second, c.changed.Broadcast)
	defer late.Stop()
	start := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		for i, n := range c.notes {
			if is(n) {
				c.notes = c.notes[i+1:]
				return n
			}
		}
		if time.Since(start) > 29*time.Second {
			c.t.Fatalf("%s was not told of %s but of %v", c.userID, what, c.notes)
		}
		c.changed.Wait()
	}
}

func (c *client) toldOf(method string) note {
	c.t.Helper()
	return c.told(method, func(n note) bool { return n.method == method })
}

// behind waits until all background jobs are done, also those that other jobs have
// added: until all goroutines are free and no job waits.
func (r *Room) behind() {
	for nothing := false; !nothing; {
		var free sync.WaitGroup
		free.Add(jobsAtOnce + choresAtOnce)
		again := make(chan struct{})
		hold := func(context.Context) { free.Done(); <-again }
		for range jobsAtOnce {
			r.jobs.queue <- hold
		}
		for range choresAtOnce {
			r.chores.queue <- hold
		}
		free.Wait()
		nothing = len(r.jobs.queue)+len(r.chores.queue) == 0
		close(again)
	}
}

// reach waits until both gateways have seen all that is stored.
func (w *world) reach() {
	w.t.Helper()
	end, err := w.rooms[1].log.Last(w.t.Context(), ">")
	require.NoError(w.t, err)
	for _, r := range w.rooms {
		r.follower.Reach(w.t.Context(), end.Seq)
	}
}
