package inbox

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
)

// TestNothingIsEscapedForHTML: what users write is stored and sent unchanged.
func TestNothingIsEscapedForHTML(t *testing.T) {
	nats := openNATS(t, bus.Memory)
	in := open(t, nats, Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "<bob>", "b1")
	text := strings.Repeat("<&>", 40)
	a.send("<bob>", text)
	a.must("message.send", map[string]any{"id": a.text(freshID(), "", "")["id"], "to": "<bob>", "type": typeText, "payload": map[string]string{"text": text}, "onlineUserOnly": true}, nil)
	b.until("both", func() bool { return len(b.messages) == 2 })
	a.must("conversation.draft", conversationParams{ConversationID: "C2C<bob>", DraftText: text}, nil)
	a.must("conversation.custom", conversationParams{ConversationIDs: []string{"C2C<bob>"}, CustomData: text}, nil)
	a.must("profile.set", map[string]any{"nick": text}, nil)
	a.must("status.set", statusParams{text}, nil)
	for stream, log := range map[string]bus.Log{bus.StreamMessages: in.store.messages[0], bus.StreamDocuments: in.store.documents, bus.StreamConversations: in.store.conversations} {
		s, err := nats.JetStream().Stream(t.Context(), stream)
		require.NoError(t, err)
		info, err := s.Info(t.Context())
		require.NoError(t, err)
		for pos := info.State.FirstSeq; pos <= info.State.LastSeq; pos++ {
			e, err := log.At(t.Context(), pos)
			if err == nil {
				require.NotContains(t, string(e.Data), `\u00`, e.Subject)
			}
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.notes {
		require.NotContains(t, string(n.params), `\u00`, n.method)
	}
}
