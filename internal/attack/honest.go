package attack

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/client"
	"github.com/tim-wasm/tim/internal/client/native"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/session"
)

// Honest is a user with the real client who minds their own business beside
// the attacks. They synchronise again whenever their session is ready.
type Honest struct {
	*native.Client
	Account
	watch []string

	mu      sync.Mutex
	came    map[string]int // texts of messages, how often each
	out     string         // why the session was ended against their will
	cursor  string
	changed chan struct{} // closed and replaced when any of these has changed
}

// NewHonest is a user who is not logged in yet, and whom they will watch.
func NewHonest(addr string, a Account, watch ...string) *Honest {
	h := &Honest{Account: a, watch: watch, came: map[string]int{}, changed: make(chan struct{})}
	h.Client = native.New(native.Options{
		URL: "ws://" + addr + "/ws", SDKAppID: a.App,
		OnEvent: h.event, OnNotify: h.notified,
	})
	return h
}

// LogIn logs in and waits until the first synchronisation is done.
func (h *Honest) LogIn(ctx context.Context) error {
	if _, err := h.Login(ctx, h.User, h.Sign()); err != nil {
		return err
	}
	return h.until(ctx, func() bool { return h.cursor != "" })
}

func (h *Honest) event(name string, data frame.Body) {
	switch {
	case name == frame.EventKickedOut:
		h.change(func() { h.out = "kicked out: " + data.Text("type") })
	case name == frame.EventSDKNotReady:
		h.change(func() {
			if h.out == "" {
				h.out = "not ready any more"
			}
		})
	case name == frame.EventLoginStatusChange && data.Text("status") == session.StatusReady:
		h.Start(func(c *client.Client) { h.sync(c, frame.SessionSync) })
	}
}

// sync asks until the gateway has nothing more; on the client's goroutine.
func (h *Honest) sync(c *client.Client, method string) {
	params := frame.Body(frame.Fields{})
	if method == frame.SessionSync {
		h.mu.Lock()
		raw, _ := json.Marshal(object{"cursor": h.cursor, "watch": h.watch})
		h.mu.Unlock()
		params = &jsonframe.Object{Raw: raw}
	}
	c.Send(method, params, 0, func(body frame.Body, err *fault.Error) {
		var r struct {
			Cursor string
			More   bool
		}
		switch {
		case err != nil: // the link is gone; a new one begins anew
		case json.Unmarshal(body.(*jsonframe.Object).Raw, &r) != nil:
		case r.More:
			h.sync(c, frame.SessionMore)
		default:
			h.change(func() { h.cursor = r.Cursor })
		}
	})
}

func (h *Honest) notified(method string, body frame.Body) {
	raw, ok := body.(*jsonframe.Object)
	if !ok {
		return
	}
	var n struct {
		Messages []struct {
			Payload struct{ Text string }
			Flow    string
		}
		Cursor string
	}
	if json.Unmarshal(raw.Raw, &n) != nil {
		return
	}
	h.change(func() {
		if n.Cursor != "" && h.cursor != "" {
			h.cursor = n.Cursor
		}
		if method == frame.NoteMessages {
			for _, m := range n.Messages {
				h.came[m.Payload.Text]++
			}
		}
	})
}

func (h *Honest) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	close(h.changed)
	h.changed = make(chan struct{})
}

// until waits for what events bring about.
func (h *Honest) until(ctx context.Context, done func() bool) error {
	for {
		h.mu.Lock()
		ok, changed, out := done(), h.changed, h.out
		h.mu.Unlock()
		switch {
		case ok:
			return nil
		case out != "":
			return fmt.Errorf("%s was %s", h.User, out)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", h.User, ctx.Err())
		}
	}
}

// Say sends a text and waits until it has come to the other one.
func (h *Honest) Say(ctx context.Context, to *Honest, text string) (time.Duration, error) {
	began := time.Now()
	raw, err := json.Marshal(object{"id": MessageID(h.User, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))), "to": to.User, "type": "TIMTextElem", "payload": object{"text": text}})
	if err != nil {
		return 0, err
	}
	if _, err := h.Client.Send(ctx, frame.MessageSend, &jsonframe.Object{Raw: raw}); err != nil {
		return 0, fmt.Errorf("%s sends: %w", h.User, err)
	}
	err = to.until(ctx, func() bool { return to.came[text] > 0 })
	return time.Since(began), err
}

// Wrong says what should not have happened to them, "" if all is well.
func (h *Honest) Wrong() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.out != "" {
		return h.User + " was " + h.out
	}
	for text, n := range h.came {
		if n > 1 {
			return fmt.Sprintf("%q came %d times to %s", text, n, h.User)
		}
	}
	return ""
}
