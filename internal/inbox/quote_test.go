package inbox

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// A message says which one it quotes: to its receiver, in the history, after an edit,
// in a group and where it is stored nowhere.
func TestQuotes(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	first := a.send("bob", "when?")
	quote := Quote{ID: first.ID, Time: first.Time, Sequence: first.Sequence}
	quoting := func(p map[string]any) Message {
		p["quoteInfo"] = quote
		var sent messageResult
		b.must(frame.MessageSend, p, &sent)
		require.Equal(t, &quote, sent.Message.Quote)
		return sent.Message
	}
	quoting(b.text(freshID(), "alice", "at nine"))
	live := b.text(freshID(), "alice", "now")
	live["onlineUserOnly"] = true
	quoting(live)
	a.until("both answers", func() bool { return len(a.messages) == 2 })
	a.mu.Lock()
	for _, m := range a.messages {
		require.Equal(t, &quote, m.Quote, textOf(m))
	}
	a.mu.Unlock()

	stored := a.history("bob")
	require.Nil(t, stored[0].Quote)
	edit := map[string]any{"conversationID": "C2Calice", "position": stored[1].Position, "payload": map[string]any{"text": "at ten"}}
	b.must(frame.MessageModify, edit, nil)
	stored = a.history("bob")
	require.Equal(t, "at ten", textOf(stored[1]))
	require.Equal(t, &quote, stored[1].Quote)

	all := team(t, in, groups, "g", "carol", "dave")
	carol, dave := all[0], all[1]
	require.Equal(t, &quote, carol.says("g", "as bob wrote", map[string]any{"quoteInfo": quote}).Quote)
	dave.hears("as bob wrote")
	dave.mu.Lock()
	require.Equal(t, &quote, dave.messages[0].Quote)
	dave.mu.Unlock()
}

// What cannot name a message is refused, to users and to groups.
func TestBadQuotes(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	team(t, in, groups, "g", "alice")
	alice := login(t, in, "alice", "a1")
	for bad, want := range map[string]fault.Code{
		`{}`: fault.BadParameters, `{"msgID":""}`: fault.BadParameters,
		`{"msgID":"` + strings.Repeat("x", maxQuoted+1) + `"}`: fault.BadParameters,
		`{"msgID":"x","messageTime":-1}`:                       fault.BadParameters,
		`{"msgID":"x","messageSequence":-1}`:                   frame.CodeBadParams,
		`{"msgID":1}`:                                          frame.CodeBadParams,
		`"x"`:                                                  frame.CodeBadParams,
	} {
		p := alice.text(freshID(), "alice", "x")
		p["quoteInfo"] = json.RawMessage(bad)
		require.Equal(t, want, code(alice.call(frame.MessageSend, p, nil)), bad)
		delete(p, "to")
		p["groupID"] = "g"
		require.Equal(t, want, code(alice.call(frame.MessageSend, p, nil)), bad)
	}
}
