package attack

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/client/native"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/mailbox/objects"
)

// Honest is a user with the real client who minds their own business beside
// the attacks.
type Honest struct {
	*native.Client
	Account
	watch []string

	mu      sync.Mutex
	came    map[string]int // how often each text has come in a message
	out     string         // why the session was ended against their will
	listed  bool           // the first synchronisation is done
	changed chan struct{}  // closed and replaced when any of these has changed
}

// NewHonest makes a user who is not logged in yet, and who will watch another.
func NewHonest(addr string, a Account, watch ...string) *Honest {
	h := &Honest{Account: a, watch: watch, came: map[string]int{}, changed: make(chan struct{})}
	h.Client = native.New(native.Options{
		URL: "ws://" + addr + "/ws", SDKAppID: a.App,
		OnEvent: h.event, OnMail: h.mail,
	})
	return h
}

// LogIn logs in, waits until the first synchronisation is done, and watches.
func (h *Honest) LogIn(ctx context.Context) error {
	if _, err := h.Login(ctx, h.User, h.Sign()); err != nil {
		return err
	}
	if err := h.until(ctx, func() bool { return h.listed }); err != nil || len(h.watch) == 0 {
		return err
	}
	_, err := h.Call(ctx, func(c mailbox.Call) mailbox.Input { return mailbox.Watch{Call: c, IDs: h.watch} })
	return err
}

func (h *Honest) event(name string, data frame.Body) {
	switch name {
	case frame.EventKickedOut:
		h.change(func() { h.out = "kicked out: " + data.Text("type") })
	case frame.EventSDKNotReady:
		h.change(func() {
			if h.out == "" {
				h.out = "not ready any more"
			}
		})
	}
}

func (h *Honest) mail(name string, data any) {
	switch name {
	case frame.EventConversationListUpdated:
		h.change(func() { h.listed = true })
	case frame.EventMessageReceived:
		h.change(func() {
			for _, m := range data.([]objects.Object) {
				payload, _ := m["payload"].(objects.Object)
				text, _ := payload["text"].(string)
				h.came[text]++
			}
		})
	}
}

func (h *Honest) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	close(h.changed)
	h.changed = make(chan struct{})
}

// until waits until a condition holds, which events bring about.
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

// Say sends a text and waits until the other user has received it.
func (h *Honest) Say(ctx context.Context, to *Honest, text string) (time.Duration, error) {
	began := time.Now()
	params := frame.Fields{
		{Key: "id", Value: MessageID(h.User, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))}, {Key: "to", Value: to.User},
		{Key: "type", Value: "TIMTextElem"}, {Key: "payload", Value: frame.Fields{{Key: "text", Value: text}}},
	}
	if _, err := h.Call(ctx, func(c mailbox.Call) mailbox.Input {
		return mailbox.Send{Call: c, Conversation: "C2C" + to.User, Params: params}
	}); err != nil {
		return 0, fmt.Errorf("%s sends: %w", h.User, err)
	}
	err := to.until(ctx, func() bool { return to.came[text] > 0 })
	return time.Since(began), err
}

// Wrong returns what should not have happened to them, or "" if all is well.
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
