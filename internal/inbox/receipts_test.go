package inbox

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox/objects"
)

// asking sends a text that asks for a receipt and returns it.
func (c *client) asking(to, text string) Message {
	c.t.Helper()
	p, r := c.text(freshID(), to, text), messageResult{}
	p["needReadReceipt"] = true
	c.must(frame.MessageSend, p, &r)
	return r.Message
}

func at(peer string, messages ...Message) conversationParams {
	p := conversationParams{ConversationID: c2c + peer}
	for _, m := range messages {
		p.Positions = append(p.Positions, m.Position)
	}
	return p
}

// receiptEvents returns what the listeners of a page were told of receipts.
func (c *client) receiptEvents() []objects.Object {
	return c.told[frame.EventMessageReadReceiptReceived]
}

// All instances of the user who asked for a receipt are told of it, once, and it is
// stored. It is independent of what was read in the conversation.
func TestReceipts(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Now: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	a, a2, b := login(t, in, "alice", "a1"), login(t, in, "alice", "a2"), login(t, in, "bob", "b1")
	plain, asks, more := a.send("bob", "plain"), a.asking("bob", "asks"), a.asking("bob", "more")
	require.Equal(t, []bool{false, true}, []bool{plain.NeedReadReceipt, asks.NeedReadReceipt})
	b.until("all", func() bool {
		return len(b.messages) == 3 && b.messages[1].NeedReadReceipt && !b.messages[0].NeedReadReceipt
	})

	for range 2 {
		b.must(frame.MessageReceipt, at("alice", asks), nil)
	}
	b.must(frame.MessageReceipt, at("alice", more, more), nil)
	want := objects.Object{"userID": "bob", "messageID": asks.ID, "isPeerRead": true, "timestamp": 1_700_000_000.0}
	for _, c := range []*client{a, a2} {
		c.until("told", func() bool {
			events := c.receiptEvents()
			return len(events) > 0 && events[len(events)-1]["messageID"] == more.ID
		})
		c.mu.Lock()
		require.Equal(t, want, c.receiptEvents()[0])
		c.mu.Unlock()
	}
	a2.until("all", func() bool { return len(a2.messages) == 3 }) // a receipt may come before its message
	a2.mu.Lock()
	for _, m := range a2.page.Messages("C2Cbob") {
		require.Equal(t, m["ID"] != plain.ID, m["readReceiptInfo"] != nil, "the objects of the page say it, too")
	}
	a2.mu.Unlock()
	require.EqualValues(t, 3, b.conv("alice")["unreadCount"])
	require.False(t, a.history("bob")[1].IsPeerRead)
	for c, peer := range map[*client]string{a: "bob", b: "alice"} {
		var r receiptsResult
		c.must(frame.MessageReceipts, at(peer, plain, more, asks), &r)
		require.Equal(t, []receipt{{Position: more.Position, Time: 1_700_000_000}, {Position: asks.Position, Time: 1_700_000_000}}, r.Receipts)
	}
	for c, want := range map[*client][]*ReadReceipt{
		a: {nil, {PeerReceipt: &PeerReceipt{true, 1_700_000_000}}, {PeerReceipt: &PeerReceipt{true, 1_700_000_000}}},
		b: {nil, nil, nil},
	} {
		for n, m := range c.history(map[*client]string{a: "bob", b: "alice"}[c]) {
			require.Equal(t, want[n], m.ReadReceiptInfo, "in the history of its sender")
		}
	}
	unread := a.asking("bob", "unread")
	require.Equal(t, &ReadReceipt{PeerReceipt: &PeerReceipt{}}, a.history("bob")[3].ReadReceiptInfo, unread.ID)
	b.mu.Lock()
	require.Empty(t, b.receiptEvents())
	b.mu.Unlock()
}

// Who may give a receipt, and for what.
func TestWhoGivesReceipts(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b, eve := login(t, in, "alice", "a1"), login(t, in, "bob", "b1"), login(t, in, "eve", "e1")
	asks, plain, own := a.asking("bob", "asks"), a.send("bob", "plain"), a.asking("alice", "a note")
	gone := a.asking("bob", "taken back")
	a.must(frame.MessageRevoke, conversationParams{ConversationID: "C2Cbob", Position: gone.Position}, nil)
	code := func(c *client, p conversationParams) fault.Code {
		f := c.call(frame.MessageReceipt, p, nil)
		if f == nil {
			return 0
		}
		return f.Code
	}
	require.Equal(t, fault.InvalidOperation, code(a, at("bob", asks)), "one's own")
	require.Equal(t, fault.InvalidOperation, code(a, at("alice", own)), "one's own, to oneself")
	require.Equal(t, fault.InvalidOperation, code(b, at("alice", asks, plain)), "one that asks for none")
	require.Equal(t, fault.BadParameters, code(eve, at("alice", asks)), "of another conversation")
	require.Equal(t, fault.BadParameters, code(b, at("alice")), "none at all")
	notices := conversationParams{ConversationID: systemUser, Positions: []uint64{1}}
	require.Equal(t, fault.NotBuiltYet, code(b, notices))
	require.Equal(t, fault.NotBuiltYet, b.call(frame.MessageReceipts, notices, nil).Code)
	require.Zero(t, code(b, at("alice", gone)), "nothing comes of it")
	var r receiptsResult
	a.must(frame.MessageReceipts, at("bob", asks, plain, gone), &r)
	require.Empty(t, r.Receipts)

	p, sent := a.text(freshID(), "bob", "passes"), messageResult{}
	p["needReadReceipt"], p["onlineUserOnly"] = true, true
	a.must(frame.MessageSend, p, &sent)
	require.False(t, sent.Message.NeedReadReceipt, "it is stored nowhere, so nothing can be noted of it")
}

// An edit, a deletion and a receipt of one message, all at once, do not overwrite
// each other.
func TestReceiptBesideOthers(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	m := a.asking("bob", "before")
	done := make(chan *fault.Error)
	go func() { done <- b.call(frame.MessageReceipt, at("alice", m), nil) }()
	go func() { _, f := a.edit("bob", m.Position, 0, "after"); done <- f }()
	require.Nil(t, <-done)
	require.Nil(t, <-done)
	b.must(frame.MessageDelete, at("alice", m), nil)
	var r receiptsResult
	a.must(frame.MessageReceipts, at("bob", m), &r)
	require.Len(t, r.Receipts, 1)
	require.Equal(t, "after", textOf(a.history("bob")[0]))
	require.Empty(t, b.history("alice"))
}

// If the store has taken a receipt but its answer was lost, the client's repetition
// tells of it.
func TestReceiptOfALostAnswer(t *testing.T) {
	var lose atomic.Bool
	b := &lossy{Bus: busmodel.New(busmodel.Options{}), lose: &lose}
	in := open(t, b, Options{Now: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	alice, bob := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	m := alice.asking("bob", "asks")
	lose.Store(true)
	require.Nil(t, bob.call(frame.MessageReceipt, at("alice", m), nil))
	require.False(t, lose.Load(), "an answer was lost")
	alice.until("told", func() bool { return len(alice.receiptEvents()) == 1 })
}

// lossy is a bus that loses the answer of one write of a message's flags.
type lossy struct {
	Bus
	lose *atomic.Bool
}

type lossyLog struct {
	bus.Log
	lose *atomic.Bool
}

func (l *lossy) OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error) {
	log, err := l.Bus.OpenLog(ctx, c)
	if c.Stream == bus.StreamMarks {
		log = lossyLog{log, l.lose}
	}
	return log, err
}

func (l lossyLog) Append(ctx context.Context, subject string, data []byte, expect uint64, msgID string) (uint64, bool, error) {
	pos, dup, err := l.Log.Append(ctx, subject, data, expect, msgID)
	if l.lose.CompareAndSwap(true, false) {
		return 0, false, errors.Join(err, fault.New(fault.ServerTimeout))
	}
	return pos, dup, err
}
