package inbox

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
)

var rewrite = flag.Bool("update", false, "rewrite what the gateway sends in wasm/testdata/seen.json")

// seenFile holds notifications as the gateway composes them, and what a page
// sees of each. The latter was recorded when the gateway still sent whole
// objects; a test of wasm compares it, and no flag rewrites it.
const seenFile = "../../wasm/testdata/seen.json"

// seenCase is a notification or an answer that a page of alice's gets, and what
// the page sees then.
type seenCase struct {
	Name   string          `json:"name"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Seen   json.RawMessage `json:"seen"`
}

func composedCases() []seenCase {
	at := int64(1_700_000_000_123)
	newest := func(peer, by string, c *content) *record {
		p := pairOf(app, "alice", peer)
		r := &record{Kind: kindMessage, By: p.side(by), At: at, Message: c, pair: p, pos: 42}
		r.Epoch, r.Seq = at, 7
		r.Sent[p.side(peer)] = 3
		return r
	}
	text := func(peer, by string) *record {
		return newest(peer, by, &content{ID: "Ym9i-loyw3v28-1", Type: typeText, Payload: json.RawMessage(`{"text":"hello"}`), Random: 12, ClientTime: at / 1000})
	}
	full := func(peer string) *record {
		return newest(peer, peer, &content{
			ID: "Ym9i-loyw3v28-2", Type: typeCustom, Payload: json.RawMessage(`{"data":"d","description":"e","extension":"f"}`),
			Cloud: "cloud", Nick: "Nick", Avatar: "a.png", Random: 1 << 31, ClientTime: at/1000 - 5,
		})
	}
	side := func(r *record) int { return r.pair.side("alice") }
	seen := func(r *record) *record {
		r.Read[side(r)] = mark{Seq: r.Seq, Sent: 3, Time: at / 1000}
		r.Read[r.pair.other(side(r))] = mark{Seq: r.Seq, Time: at/1000 + 1}
		return r
	}
	list := func(all ...Message) messagesNote { return messagesNote{Messages: all} }
	one := func(c Conversation) conversationsNote {
		return conversationsNote{Conversations: []Conversation{c}}
	}

	var cases []seenCase
	add := func(name, method string, params any) {
		cases = append(cases, seenCase{Name: name, Method: method, Params: encode(params)})
	}
	in, out := text("in", "in"), text("out", "alice")
	both := func(r *record, set settings) messagesNote {
		return messagesNote{
			Messages:      []Message{message(r, r, flags{}, side(r))},
			Conversations: []Conversation{conversationOf(r, r, flags{}, keeps(set), side(r))},
			Cursor:        "42.1",
		}
	}
	add("a text comes", frame.NoteMessages, both(in, settings{}))
	add("a text was sent elsewhere", frame.NoteMessages, both(out, settings{}))
	add("one's own was read", frame.NoteMessages, both(seen(text("read", "alice")), settings{}))
	add("a custom message that says all it can", frame.NoteMessages, both(seen(full("custom")), settings{Pinned: true, Draft: "draft", Custom: "mine"}))
	live := liveNote{App: app, From: "live", To: "alice", At: at, Content: full("live").Message}.record()
	add("who is online gets it", frame.NoteMessages, list(liveMessage(live, side(live))))
	sent := liveNote{App: app, From: "alice", To: "sent", At: at, Content: out.Message}.record()
	add("sent to who is online", frame.NoteMessages, list(liveMessage(sent, side(sent))))
	mine := seen(text("bob", "alice"))
	add("sent here", frame.MessageSend, messageResult{message(mine, mine, flags{}, side(mine))})
	gone := text("gone", "gone")
	add("deleted", frame.NoteMessages, list(message(gone, gone, flags{Deleted: [2]bool{true, true}}, side(gone))))
	for _, by := range []string{"revoker", "alice"} {
		r := full("revoker")
		r.By = r.pair.side(by)
		f := flags{Revoked: true, By: by}
		add("revoked by "+by, frame.NoteRevoked, messagesNote{
			Messages:      []Message{message(r, r, f, side(r))},
			Conversations: []Conversation{conversationOf(r, r, f, peer{}, side(r))},
			Position:      map[string]uint64{"revoker": 43, "alice": 44}[by],
		})
	}
	server := text("server", "server")
	add("revoked by the server API", frame.NoteRevoked, messagesNote{
		Messages: list(message(server, server, flags{Revoked: true, By: "administrator"}, side(server))).Messages, Position: 45,
	})

	empty := conversationOf(text("empty", "alice"), nil, flags{}, keeps(settings{Draft: "begun"}), 0)
	empty.LastMessage = &LastMessage{}
	profile := Profile{}.withDefaults("empty")
	empty.UserProfile = &profile
	add("a conversation without messages", frame.NoteConversations, one(empty))
	whole := conversationOf(seen(full("whole")), full("whole"), flags{}, keeps(settings{Pinned: true}), side(full("whole")))
	known := Profile{
		Nick: "W", Avatar: "w.png", Gender: "Gender_Type_Male", Birthday: 19700101, Location: "here", SelfSignature: "says", AllowType: "AllowType_Type_DenyAny",
		Language: 1, MessageSettings: 1, AdminForbidType: "AdminForbid_Type_SendOut", Level: 2, Role: 3, LastUpdatedTime: at,
		ProfileCustomField: json.RawMessage(`[{"key":"k","value":"v"}]`),
	}.withDefaults("whole")
	whole.UserProfile = &known
	add("a conversation with its user's whole profile", frame.NoteConversations, one(whole))
	add("a conversation whose newest message stays", frame.NoteConversations, one(conversationOf(full("whole"), nil, flags{}, peer{}, side(full("whole")))))
	return cases
}

// TestWhatAPageSees: the gateway sends the bodies that the page's test completes.
func TestWhatAPageSees(t *testing.T) {
	text, err := os.ReadFile(seenFile)
	if !*rewrite {
		require.NoError(t, err)
	}
	var file []seenCase
	if err == nil {
		require.NoError(t, json.Unmarshal(text, &file))
	}
	cases := composedCases()
	seen := map[string]json.RawMessage{}
	for _, c := range file {
		seen[c.Name] = c.Seen
	}
	for n := range cases {
		cases[n].Seen = seen[cases[n].Name]
	}
	if *rewrite {
		var out bytes.Buffer
		for n, c := range cases {
			fmt.Fprintf(&out, "%s{\"name\": %q, \"method\": %q,\n \"params\": %s,\n \"seen\": %s}", []string{"[", ",\n"}[min(n, 1)], c.Name, c.Method, c.Params, encode(c.Seen))
		}
		out.WriteString("]\n")
		require.NoError(t, os.WriteFile(seenFile, out.Bytes(), 0o644))
		return
	}
	require.Len(t, file, len(cases))
	for n, c := range cases {
		require.Equal(t, c.Name, file[n].Name)
		require.Equal(t, c.Method, file[n].Method, c.Name)
		require.JSONEq(t, string(file[n].Params), string(c.Params), c.Name)
		require.NotEmpty(t, c.Seen, c.Name)
	}
}

// TestTwiceAsManyMessagesFit: version 0.1.0 sent whole messages, of which a frame
// of a synchronisation held 57. Whatever fields a Message gets, the usual ones must
// not take more than half of that.
func TestTwiceAsManyMessagesFit(t *testing.T) {
	const whole = 57
	p := pairOf(app, "alice.miller", "bob.carpenter")
	r := &record{Kind: kindMessage, At: 1_700_000_000_123, pair: p, pos: 123_456, Message: &content{
		ID: "QGd4bW9i-loyw3v28-1a2b3c4d5e", Type: typeText, Payload: json.RawMessage(`{"text":"See you at the station at eight, then."}`),
		Nick: "Alice Miller", Avatar: "https://example.com/avatars/alice.png", Random: 1_234_567_890, ClientTime: 1_700_000_000,
	}}
	r.Seq = 42
	one := message(r, r, flags{}, p.side("bob.carpenter"))
	require.GreaterOrEqual(t, Options{}.withDefaults().Frame/sizeOf(one), 2*whole, "%s", encode(one))
}

// keeps is what a user keeps of a conversation.
func keeps(s settings) peer { return peer{document: document{settings: s}} }
