package live

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

const app = 1400000000

var room = Key{app, "r"}

// world is a few gateways on one bus, in a synctest bubble.
type world struct {
	t        *testing.T
	gateways []*Rooms
	changes  []string   // of all gateways; a test reads them only while nothing runs
	mu       sync.Mutex // guards changes
}

// inWorld runs f with n gateways and closes them afterwards.
func inWorld(t *testing.T, n int, f func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w, b := &world{t: t}, busmodel.New(busmodel.Options{})
		for range n {
			w.gateways = append(w.gateways, w.open(b))
		}
		f(t, w)
		for _, r := range w.gateways {
			r.Close()
		}
	})
}

func (w *world) open(b Bus) *Rooms {
	r, err := Open(b, Options{
		Report: func(err error) { w.t.Error("reported:", err) },
		Changed: func(k Key, all []Move) {
			w.mu.Lock()
			defer w.mu.Unlock()
			text := k.ID
			for _, m := range all {
				if m.Came {
					text += " +" + m.UserID
				} else {
					text += fmt.Sprint(" -", m.UserID, m.Cause, m.By)
				}
			}
			w.changes = append(w.changes, text)
		},
	})
	require.NoError(w.t, err)
	return r
}

// client is a session with the frames that it has taken.
type client struct {
	*Session
	w *world

	mu     sync.Mutex // guards what follows
	frames []notification
	unsent int // bytes that still wait to be sent to it
}

type notification struct {
	Method string `json:"method"`
	Params struct {
		Messages []string `json:"messages"`
		GroupID  string   `json:"groupID"`
		Reason   string   `json:"reason"`
	} `json:"params"`
}

func (w *world) login(gateway int, userID string) *client {
	return w.loginInstance(gateway, userID, "1")
}

func (w *world) loginInstance(gateway int, userID, instance string) *client {
	c := &client{w: w}
	c.Session = w.gateways[gateway].Attach(place.User{SDKAppID: app, UserID: userID}, instance, c.take)
	return c
}

func (c *client) take(frame []byte, most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unsent > most {
		return false
	}
	var h notification
	if err := json.Unmarshal(frame, &h); err != nil {
		c.w.t.Error(err)
	}
	c.frames = append(c.frames, h)
	return true
}

func (c *client) join(k Key) *client {
	_, err := c.Join(c.w.t.Context(), k)
	require.NoError(c.w.t, err)
	return c
}

// say sends a message whose body is its ID.
func (c *client) say(id string, p Priority) error { return c.sayTo(room, id, p, false) }

func (c *client) sayTo(k Key, id string, p Priority, trusted bool) error {
	body, _ := json.Marshal(id)
	return c.r.Say(k, Message{ID: id, Priority: p, From: c.user.UserID, Instance: c.instance, Body: body}, trusted)
}

// heard waits for two windows and returns the messages that have come since the
// last call.
func (c *client) heard() (out []string) {
	for _, h := range c.got() {
		out = append(out, h.Params.Messages...)
	}
	return out
}

// got is like heard, but returns whole frames.
func (c *client) got() []notification {
	time.Sleep(2 * window)
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.frames
	c.frames = nil
	return out
}

func (c *client) setUnsent(bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unsent = bytes
}

func refused(t *testing.T, code fault.Code, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, code, bus.Fault(err).Code)
}

// newest returns the newest members of a room, as a gateway lists them.
func (w *world) newest(gateway int, k Key, most int) (out []string) {
	w.t.Helper()
	list, err := w.gateways[gateway].Newest(w.t.Context(), k, most)
	require.NoError(w.t, err)
	for _, m := range list {
		out = append(out, m.UserID)
	}
	return out
}

func numbered(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint(i))
	}
	return slices.Clip(out)
}
