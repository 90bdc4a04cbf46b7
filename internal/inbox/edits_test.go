package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/mailbox/objects"
)

// edit changes a text, and leaves no custom data.
func (c *client) edit(peer string, position uint64, version int, text string) (modifyResult, *fault.Error) {
	var r modifyResult
	f := c.call("message.modify", map[string]any{
		"conversationID": c2c + peer, "position": position, "version": version, "payload": map[string]any{"text": text},
	}, &r)
	return r, f
}

func (c *client) edited(peer string, position uint64, version int, text string) modifyResult {
	c.t.Helper()
	r, f := c.edit(peer, position, version, text)
	if f != nil {
		c.t.Fatalf("message.modify: %d %s", f.Code, f.Message)
	}
	return r
}

// An edit is told to all instances of both users, and stays.
func TestEdits(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, a2, b := login(t, in, "alice", "a1"), login(t, in, "alice", "a2"), login(t, in, "bob", "b1")
	m := a.send("bob", "before")
	a.send("bob", "another")
	r := a.edited("bob", m.Position, 0, "after")
	require.False(t, r.Conflict)
	require.Equal(t, []any{"after", true, 1, m.Sequence, m.ID}, []any{textOf(r.Message), r.Message.IsModified, r.Message.Version, r.Message.Sequence, r.Message.ID})
	for _, c := range []*client{a, a2, b} {
		c.until("told", func() bool {
			return len(c.modified) == 1 && textOf(c.modified[0]) == "after" && c.modified[0].IsModified
		})
	}
	require.Equal(t, r, a.edited("bob", m.Position, 0, "after"), "repeated after a lost answer")
	require.Equal(t, r, a.edited("bob", m.Position, 1, "after"), "nothing is changed")

	r = a.edited("bob", m.Position, 0, "from what was long ago")
	require.True(t, r.Conflict)
	require.Equal(t, "after", textOf(r.Message))
	require.Equal(t, 2, a.edited("bob", m.Position, 1, "again").Message.Version)
	b.until("told", func() bool { return len(b.modified) == 2 })
	for _, c := range []*client{a, b} {
		h := c.history(map[*client]string{a: "bob", b: "alice"}[c])
		require.Equal(t, []any{"again", 2, "another", 0}, []any{textOf(h[0]), h[0].Version, textOf(h[1]), h[1].Version})
	}
	b.mu.Lock()
	require.EqualValues(t, 2, b.field("alice", "unreadCount"))
	b.mu.Unlock()

	// What is revoked says what it said last, and nothing more.
	var gone messageResult
	a.must("message.revoke", map[string]any{"conversationID": "C2Cbob", "position": m.Position}, &gone)
	require.Equal(t, []any{"again", 2, true}, []any{textOf(gone.Message), gone.Message.Version, gone.Message.IsRevoked})
	_, f := a.edit("bob", m.Position, 2, "late")
	require.Equal(t, fault.InvalidOperation, f.Code)
}

// The list shows what the newest message says now.
func TestEditOfTheLast(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	m := a.send("bob", "before")
	a.edited("bob", m.Position, 0, "after")
	shows := func() any { return b.page.Conversation("C2Calice")["lastMessage"].(objects.Object)["messageForShow"] }
	b.until("told", func() bool { return len(b.modified) == 1 })
	b.mu.Lock()
	require.Equal(t, "after", shows())
	b.mu.Unlock()
	require.Equal(t, "after", login(t, in, "bob", "b2").conv("alice")["lastMessage"].(map[string]any)["messageForShow"])
}

// What a message says only its sender may change, its custom data both.
func TestWhoMayEdit(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Media: newShelf()})
	a, b, eve := login(t, in, "alice", "a1"), login(t, in, "bob", "b1"), login(t, in, "eve", "e1")
	m := a.send("bob", "words")
	modify := func(c *client, peer string, position uint64, version int, payload, cloud string) (r modifyResult, f *fault.Error) {
		p := map[string]any{"conversationID": c2c + peer, "position": position, "version": version, "cloudCustomData": cloud}
		if payload != "" {
			p["payload"] = json.RawMessage(payload)
		}
		return r, c.call("message.modify", p, &r)
	}
	code := func(_ modifyResult, f *fault.Error) fault.Code {
		require.NotNil(t, f)
		return f.Code
	}
	var r modifyResult
	p := map[string]any{"conversationID": "C2Calice", "position": m.Position, "payload": json.RawMessage(`{"text":"words"}`), "cloudCustomData": "answered"}
	b.must("message.modify", p, &r)
	require.Equal(t, []any{"words", "answered", 1}, []any{textOf(r.Message), r.Message.CloudCustomData, r.Message.Version})
	a.until("told", func() bool { return len(a.modified) == 1 && a.modified[0].CloudCustomData == "answered" })
	require.Equal(t, fault.InvalidOperation, code(modify(b, "alice", m.Position, 1, `{"text":"theirs"}`, "answered")))
	require.Equal(t, fault.BadParameters, code(modify(eve, "alice", m.Position, 1, "", "x")), "of another conversation")
	require.Equal(t, fault.NoConversation, code(modify(a, "", m.Position, 1, "", "x")))
	require.Equal(t, fault.BadParameters, code(modify(a, "bob", m.Position+100, 1, "", "x")))
	require.Equal(t, fault.BadParameters, code(modify(a, "bob", a.send("bob", "words").Position, -1, `{"text":"words"}`, "")))
	require.Equal(t, fault.BodyMalformed, code(modify(a, "bob", m.Position, 1, `{"data":"x"}`, "")))
	require.Equal(t, fault.BodyMalformed, code(modify(a, "bob", m.Position, 1, `null`, "")))
	require.Equal(t, fault.BodyTooLarge, code(modify(a, "bob", m.Position, 1, "", fmt.Sprintf("%013000d", 0))))
	long := a.send("bob", "short").Position
	a.edited("bob", long, 0, fmt.Sprintf("%07000d", 0))
	require.Equal(t, fault.BodyTooLarge, code(modify(b, "alice", long, 1, "", fmt.Sprintf("%07000d", 0))))

	var sent messageResult
	a.must("message.send", sendFile(a, "picture", typeImage, map[string]any{"uuid": "pic"}), &sent)
	require.Equal(t, fault.InvalidOperation, code(modify(a, "bob", sent.Message.Position, 0, `{"uuid":"notes"}`, "")))
	a.must("message.modify", map[string]any{"conversationID": "C2Cbob", "position": sent.Message.Position, "cloudCustomData": "x"}, &r)
	require.JSONEq(t, string(sent.Message.Payload), string(r.Message.Payload))

	b.must("blacklist.add", map[string]any{"userIDs": []string{"alice"}}, nil)
	require.Equal(t, fault.Blocked, code(modify(a, "bob", m.Position, 1, "", "x")))
}

// Who was away is told of the newest edit of each message, after the messages,
// and not of what they have cleared.
func TestMissedEdits(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	old := a.send("bob", "old")
	b.until("it", func() bool { return len(b.messages) == 1 })
	b.ack()
	b.drop()
	m := a.send("bob", "new")
	a.edited("bob", m.Position, 0, "newer")
	a.edited("bob", old.Position, 0, "older")
	a.edited("bob", old.Position, 1, "oldest")
	b.attach(in)
	b.sync()
	b.until("all", func() bool { return len(b.messages) == 2 && len(b.modified) == 2 })
	b.mu.Lock()
	require.Equal(t, []string{"old", "newer"}, b.textsLocked())
	require.Equal(t, []string{"newer", "oldest"}, []string{textOf(b.modified[0]), textOf(b.modified[1])})
	b.mu.Unlock()

	b.must("conversation.clear", map[string]any{"conversationID": "C2Calice"}, nil)
	b.drop()
	a.edited("bob", old.Position, 2, "does not come back")
	b.attach(in)
	b.sync()
	a.edited("bob", m.Position, 1, "nor does this")
	last := a.send("bob", "the last")
	b.until("the last", func() bool { return len(b.messages) == 3 && b.messages[2].ID == last.ID })
	b.mu.Lock()
	require.Len(t, b.modified, 2)
	b.mu.Unlock()
}

// Of those who change one message at once, one does, and the others hear of it.
func TestEditsFromTwo(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a0")
	m := a.send("bob", "before")
	pages := make([]*client, 6)
	for i := range pages {
		pages[i] = login(t, in, "alice", fmt.Sprint("a", i+1))
	}
	results := make([]modifyResult, len(pages))
	var wg sync.WaitGroup
	for i, c := range pages {
		wg.Go(func() {
			r, f := c.edit("bob", m.Position, 0, fmt.Sprint("by ", i))
			if f != nil {
				t.Errorf("%d %s", f.Code, f.Message)
			}
			results[i] = r
		})
	}
	wg.Wait()
	won := ""
	for i, r := range results {
		if !r.Conflict {
			require.Empty(t, won)
			won = fmt.Sprint("by ", i)
		}
		require.Equal(t, 1, r.Message.Version)
	}
	for _, r := range results {
		require.Equal(t, won, textOf(r.Message))
	}
	a.until("told", func() bool { return len(a.modified) == 1 })
}

// A message that a user has deleted does not come back to them with an edit.
func TestEditOfADeletedMessage(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b, away := login(t, in, "alice", "a1"), login(t, in, "bob", "b1"), login(t, in, "bob", "b2")
	a.send("bob", "kept")
	m := a.send("bob", "deleted")
	for _, c := range []*client{b, away} {
		c.until("both", func() bool { return len(c.messages) == 2 })
	}
	shows := func(c *client) any {
		return c.page.Conversation("C2Calice")["lastMessage"].(objects.Object)["messageForShow"]
	}
	b.must("message.delete", conversationParams{ConversationID: "C2Calice", Positions: []uint64{m.Position}}, nil)
	away.until("it is gone", func() bool { return shows(away) == "kept" })
	away.drop()
	a.edited("bob", m.Position, 0, "after")
	a.until("told", func() bool { return len(a.modified) == 1 })
	b.must("message.read", conversationParams{ConversationID: "C2Calice", Cursor: b.cursorText()}, nil) // what is told of it comes later
	away.attach(in)
	away.sync()
	for _, c := range []*client{b, away} {
		c.mu.Lock()
		require.Equal(t, []any{"kept", 0}, []any{shows(c), len(c.modified)}, c.instance)
		c.mu.Unlock()
	}
}

// However often somebody has edited a message, a page that comes back does not have
// all of that read.
func TestManyMissedEdits(t *testing.T) {
	in := open(t, busmodel.New(busmodel.Options{}), Options{})
	m := login(t, in, "alice", "a1").send("bob", "before")
	p := pairOf(app, "alice", "bob")
	edited, err := in.messageAt(t.Context(), p, m.Position)
	require.NoError(t, err)
	var last *record
	for range maxChanges + 200 {
		last, _, err = in.append(t.Context(), p, "", func(prev *record) (*record, error) {
			r := next(prev, kindEdit, 0, 0)
			r.Target = &target{Pos: m.Position, Record: edited}
			return r, nil
		})
		require.NoError(t, err)
	}
	ctx := counted(t.Context())
	changes, err := in.changesAt(ctx, last, m.Position, everything)
	require.NoError(t, err)
	require.Equal(t, []found{{pos: last.pos}}, changes)
	require.EqualValues(t, maxChanges, spent(ctx))
}

// afterAppend calls a function once after a record was appended, before whoever
// appended it hears of that.
type afterAppend struct {
	bus.Log
	do atomic.Pointer[func()]
}

func (l *afterAppend) Append(ctx context.Context, subject string, data []byte, expect uint64, msgID string) (uint64, bool, error) {
	pos, dup, err := l.Log.Append(ctx, subject, data, expect, msgID)
	if do := l.do.Swap(nil); do != nil {
		(*do)()
	}
	return pos, dup, err
}

// What happens to a message on another gateway while an edit is on its way is told
// last, as it happened last.
func TestOvertakenEdits(t *testing.T) {
	for name, overtake := range map[string]func(a *client, position uint64){
		"edit": func(a *client, position uint64) { a.edited("bob", position, 1, "newest") },
		"revocation": func(a *client, position uint64) {
			a.must("message.revoke", conversationParams{ConversationID: "C2Cbob", Position: position}, nil)
		},
	} {
		b := openBus(t, bus.Memory)
		in, other := open(t, b, Options{}), open(t, b, Options{})
		a, a2, away, live := login(t, in, "alice", "a1"), login(t, other, "alice", "a2"), login(t, in, "bob", "b1"), login(t, in, "bob", "b2")
		m := a.send("bob", "before")
		away.until("it", func() bool { return len(away.messages) == 1 })
		away.drop()
		marks := &afterAppend{Log: in.store.marks}
		in.store.marks = marks
		do := func() { overtake(a2, m.Position) }
		marks.do.Store(&do)
		a.edited("bob", m.Position, 0, "overtaken")
		a.send("bob", "last")
		away.attach(in)
		away.sync()
		for _, c := range []*client{live, away} {
			c.until("all", func() bool { return len(c.messages) == 2 && len(c.modified)+len(c.revoked) > 0 })
			c.mu.Lock()
			modified, revoked := len(c.modified), len(c.revoked)
			last := ""
			if modified > 0 {
				last = textOf(c.modified[modified-1])
			}
			c.mu.Unlock()
			if name == "edit" {
				require.Equal(t, []any{"newest", 1, 0}, []any{last, modified, revoked}, c.instance)
			} else {
				require.Equal(t, []any{"", 0, 1}, []any{last, modified, revoked}, c.instance)
			}
		}
	}
}
