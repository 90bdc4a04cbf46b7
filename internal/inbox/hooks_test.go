package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// hookedBy is Hooks made of functions of a test; a nil function allows everything.
type hookedBy struct {
	mu     sync.Mutex
	before func(ctx context.Context, m *Outgoing) error
	after  func(m Outgoing) error
	told   []Outgoing
	undone []string // messages that were revoked, in short
	fails  int      // so many calls of AfterRevoke fail
}

func (h *hookedBy) AfterRevoke(_ context.Context, m Outgoing, by string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.undone = append(h.undone, fmt.Sprint(m.From.UserID, " ", m.To, m.Group, " ", m.ID, " ", m.Sequence, " ", by))
	if h.fails--; h.fails >= 0 {
		return fault.New(fault.ServerTimeout)
	}
	return nil
}

func (h *hookedBy) BeforeSend(ctx context.Context, m *Outgoing) error {
	h.mu.Lock()
	before := h.before
	h.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(ctx, m)
}

func (h *hookedBy) AfterSend(_ context.Context, m Outgoing) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, m)
	if h.after == nil {
		return nil
	}
	return h.after(m)
}

func (h *hookedBy) say(before func(ctx context.Context, m *Outgoing) error, after func(m Outgoing) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.before, h.after = before, after
}

func (h *hookedBy) texts() (out []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.told {
		out = append(out, textOf(Message{Payload: m.Payload}))
	}
	h.told = nil
	return out
}

// A message that the hooks refuse is not stored, the original of one that they
// replace reaches nobody, and the sender of one that they drop believes that it was
// sent.
func TestHooks(t *testing.T) {
	h := &hookedBy{}
	in := open(t, openBus(t, bus.Memory), Options{Hooks: h})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	refusal := &fault.Error{Code: 120001, Message: "No."}
	h.say(func(_ context.Context, m *Outgoing) error {
		switch textOf(Message{Payload: m.Payload}) {
		case "refuse":
			return refusal
		case "drop":
			return ErrDropped
		case "replace":
			m.Type, m.Payload, m.CloudCustomData = typeCustom, json.RawMessage(`{"data":"d","other":1}`), "c"
		case "break":
			m.Payload = json.RawMessage(`{"text":7}`)
		}
		return nil
	}, nil)
	send := func(name, text string) (Message, *fault.Error) {
		var r messageResult
		f := a.call("message.send", a.text(name, "bob", text), &r)
		return r.Message, f
	}
	_, f := send("1", "refuse")
	require.Equal(t, refusal, f)
	_, f = send("2", "break")
	require.Equal(t, fault.RefusedByApp, f.Code)
	dropped, f := send("3", "drop")
	require.Nil(t, f)
	require.Equal(t, []any{"drop", "out", uint64(0)}, []any{textOf(dropped), dropped.Flow, dropped.Position})
	require.Empty(t, h.texts())
	replaced, f := send("4", "replace")
	require.Nil(t, f)
	require.Equal(t, []any{typeCustom, `{"data":"d","description":"","extension":""}`, "c"}, []any{replaced.Type, string(replaced.Payload), replaced.CloudCustomData})
	a.send("bob", "allow")
	b.until("two messages", func() bool { return len(b.messages) == 2 })
	b.mu.Lock()
	require.Equal(t, []any{typeCustom, "c", "allow"}, []any{b.messages[0].Type, b.messages[0].CloudCustomData, textOf(b.messages[1])})
	b.mu.Unlock()
	require.Len(t, a.history("bob"), 2)
	h.mu.Lock()
	require.Len(t, h.told, 2)
	last := h.told[1]
	h.told = nil
	h.mu.Unlock()
	require.Equal(t, []any{place.User{SDKAppID: app, UserID: "alice"}, "bob", typeText, uint64(2), false}, []any{last.From, last.To, last.Type, last.Sequence, last.OnlineOnly})
	require.NotZero(t, last.Time)

	// An edit does not bypass them.
	m := a.send("bob", "fine")
	_, f = a.edit("bob", m.Position, 0, "refuse")
	require.Equal(t, refusal, f)
	_, f = a.edit("bob", m.Position, 0, "drop")
	require.Equal(t, fault.RefusedByApp, f.Code)
	_, f = a.edit("bob", m.Position, 0, "replace")
	require.Equal(t, fault.RefusedByApp, f.Code, "the type of a message stays")
	require.Equal(t, "better", textOf(a.edited("bob", m.Position, 0, "better").Message))

	// Neither does a message for users who are online.
	live := a.text("5", "bob", "refuse")
	live["onlineUserOnly"] = true
	require.Equal(t, refusal, a.call("message.send", live, nil))
}

// The repetition of a stored message succeeds, whatever BeforeSend says of it now.
// If AfterSend failed the first time, the repetition calls it again.
func TestHooksAndRepetitions(t *testing.T) {
	h := &hookedBy{}
	in := open(t, openBus(t, bus.Memory), Options{Hooks: h})
	a := login(t, in, "alice", "a1")
	sent := a.text("1", "bob", "hello")
	h.say(nil, func(Outgoing) error { return fault.New(fault.ServerTimeout) })
	require.Equal(t, fault.ServerTimeout, a.call("message.send", sent, nil).Code)
	h.say(nil, nil)
	var first, second messageResult
	a.must("message.send", sent, &first)
	require.Equal(t, []string{"hello", "hello"}, h.texts())
	h.say(func(context.Context, *Outgoing) error { return fault.New(fault.RefusedByApp) }, nil)
	a.must("message.send", sent, &second)
	require.Equal(t, first.Message.Position, second.Message.Position)
	require.Len(t, a.history("bob"), 1)
}

// The hooks are asked and told of messages of the server API, too, unless the call
// says otherwise.
func TestHooksOfTheServerAPI(t *testing.T) {
	h := &hookedBy{}
	in := open(t, openBus(t, bus.Memory), Options{Hooks: h})
	send := func(change func(*ServerMessage)) error {
		m := ServerMessage{SDKAppID: app, From: "alice", To: "bob", Type: typeText, Payload: json.RawMessage(`{"text":"hi"}`), Random: 1}
		change(&m)
		_, err := in.Send(t.Context(), m)
		return err
	}
	h.say(func(context.Context, *Outgoing) error { return ErrDropped }, nil)
	require.ErrorIs(t, send(func(*ServerMessage) {}), fault.New(fault.RefusedByApp))
	h.say(func(_ context.Context, m *Outgoing) error {
		m.Type, m.Payload = typeImage, json.RawMessage(`{"uuid":"x"}`)
		return nil
	}, nil)
	require.ErrorIs(t, send(func(*ServerMessage) {}), fault.New(fault.RefusedByApp))
	require.NoError(t, send(func(m *ServerMessage) { m.NoBefore, m.NoAfter = true, true }))
	require.Empty(t, h.texts())
	h.say(nil, nil)
	require.NoError(t, send(func(m *ServerMessage) { m.Random = 2 }))
	require.NoError(t, send(func(m *ServerMessage) { m.Random, m.OnlineOnly = 3, true }))
	require.Equal(t, []string{"hi", "hi"}, h.texts())
}

// A sender who hangs up while the hooks are asked has sent nothing, and delays nobody
// else meanwhile.
func TestHangUpWhileAsked(t *testing.T) {
	h := &hookedBy{}
	in := open(t, openBus(t, bus.Memory), Options{Hooks: h})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	asked := make(chan struct{})
	h.say(func(ctx context.Context, m *Outgoing) error {
		if m.From.UserID != "alice" {
			return nil
		}
		close(asked)
		<-ctx.Done()
		return ctx.Err()
	}, nil)
	ctx, hangUp := context.WithCancel(t.Context())
	ended := make(chan *fault.Error)
	go func() {
		_, f := a.s.Call(ctx, "message.send", encode(a.text("1", "bob", "never")))
		ended <- f
	}()
	<-asked
	b.send("alice", "meanwhile")
	hangUp()
	require.NotNil(t, <-ended)
	a.s.Close()
	require.Equal(t, []string{"meanwhile"}, h.texts())
	require.Len(t, b.history("alice"), 1)
}
