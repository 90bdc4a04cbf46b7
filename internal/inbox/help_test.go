package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

const app = 1400000000

// openBus is the embedded NATS that timd uses, or, for what TestOnAModel runs,
// the model of it.
func openBus(t testing.TB, dir string) Bus {
	t.Helper()
	if strings.HasPrefix(t.Name(), "TestOnAModel/") {
		return busmodel.New(busmodel.Options{})
	}
	return openNATS(t, dir)
}

// openNATS starts the embedded NATS, for tests that look into it.
func openNATS(t testing.TB, dir string) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{Data: dir, Name: "test"})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}

func open(t testing.TB, b Bus, o Options) *Inbox {
	t.Helper()
	if o.Report == nil {
		o.Report = func(err error) { t.Log("reported:", err) }
	}
	if o.Rate == 0 {
		o.Rate, o.Burst = 1e6, 1e6
	}
	if o.QuotaConversations == 0 {
		o.QuotaConversations = -1
	}
	in, err := Open(t.Context(), b, o)
	require.NoError(t, err)
	var once sync.Once
	t.Cleanup(func() { once.Do(in.Close) })
	return in
}

// client is a page in front of a Session: it keeps what it was pushed.
type client struct {
	t        testing.TB
	userID   string
	instance string
	s        *Session

	mu       sync.Mutex
	changed  *sync.Cond
	notes    []note
	cursor   string
	messages []Message // as a MESSAGE_RECEIVED listener saw them
	list     map[string]map[string]any
	revoked  []Message
	reads    []readNote
	statuses []Status
	ids      map[string]string // of what was sent, by its name in the test
	broken   bool              // the socket is gone: pushes fail
}

type note struct {
	method string
	params json.RawMessage
}

func newClient(t testing.TB, userID, instance string) *client {
	c := &client{t: t, userID: userID, instance: instance, list: map[string]map[string]any{}, ids: map[string]string{}}
	c.changed = sync.NewCond(&c.mu)
	return c
}

// login attaches and syncs a new page.
func login(t testing.TB, in *Inbox, userID, instance string) *client {
	t.Helper()
	c := newClient(t, userID, instance)
	c.attach(in)
	c.sync()
	return c
}

func (c *client) attach(in *Inbox) {
	c.mu.Lock()
	c.broken = false
	c.mu.Unlock()
	c.s = in.Attach(place.User{SDKAppID: app, UserID: c.userID}, c.instance, c.push)
}

func (c *client) sync() syncResult {
	c.t.Helper()
	c.mu.Lock()
	at := c.cursor
	c.mu.Unlock()
	var r syncResult
	c.must("session.sync", map[string]any{"cursor": at}, &r)
	for r.More {
		r = syncResult{}
		c.must("session.more", nothing{}, &r)
	}
	// On a socket the answer comes before what follows it; here a push may have
	// been quicker.
	c.mu.Lock()
	was, _ := parseCursor(c.cursor)
	if now, _ := parseCursor(r.Cursor); now.pos >= was.pos {
		c.cursor = r.Cursor
	}
	c.mu.Unlock()
	return r
}

// drop is a lost link: pushes after it reach nobody.
func (c *client) drop() {
	c.mu.Lock()
	c.broken = true
	c.mu.Unlock()
	c.s.Close()
}

func (c *client) push(method string, params json.RawMessage) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		return false
	}
	c.notes = append(c.notes, note{method, params})
	var at struct {
		Cursor string `json:"cursor"`
	}
	_ = json.Unmarshal(params, &at)
	if at.Cursor != "" {
		c.cursor = at.Cursor
	}
	patches := func(list []json.RawMessage) {
		for _, raw := range list {
			var m map[string]any
			if json.Unmarshal(raw, &m) != nil {
				continue
			}
			id := m["conversationID"].(string)
			if c.list[id] == nil {
				c.list[id] = map[string]any{}
			}
			for k, v := range m {
				c.list[id][k] = v
			}
		}
	}
	var convs struct {
		Conversations []json.RawMessage `json:"conversations"`
		All           bool              `json:"all"`
		Removed       []string          `json:"removed"`
	}
	_ = json.Unmarshal(params, &convs)
	patches(convs.Conversations)
	for _, id := range convs.Removed {
		delete(c.list, id)
	}
	switch method {
	case frame.NoteMessages, frame.NoteRevoked:
		var n messagesNote
		if err := json.Unmarshal(params, &n); err != nil {
			c.t.Error(err)
		}
		if method == frame.NoteMessages {
			c.messages = append(c.messages, n.Messages...)
		} else {
			c.revoked = append(c.revoked, n.Messages...)
		}
	case frame.NoteRead:
		var n readNote
		_ = json.Unmarshal(params, &n)
		c.reads = append(c.reads, n)
	case frame.NoteStatus:
		var n statusNote
		_ = json.Unmarshal(params, &n)
		c.statuses = append(c.statuses, n.Statuses...)
	}
	c.changed.Broadcast()
	return true
}

// until waits for what pushes bring about.
func (c *client) until(what string, done func() bool) {
	c.t.Helper()
	late := time.AfterFunc(10*time.Second, func() { c.changed.Broadcast() })
	defer late.Stop()
	start := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for !done() {
		if time.Since(start) > 9*time.Second {
			c.t.Fatalf("%s/%s: %s did not happen; notes: %d, messages: %d", c.userID, c.instance, what, len(c.notes), len(c.messages))
		}
		c.changed.Wait()
	}
}

func (c *client) texts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.textsLocked()
}

func (c *client) textsLocked() []string {
	out := []string{}
	for _, m := range c.messages {
		out = append(out, textOf(m))
	}
	return out
}

func textOf(m Message) string {
	var p struct {
		Text string `json:"text"`
	}
	_ = json.Unmarshal(m.Payload, &p)
	return p.Text
}

func (c *client) call(method string, params, result any) *fault.Error {
	raw, err := json.Marshal(params)
	if err != nil {
		c.t.Fatal(err)
	}
	out, f := c.s.Call(context.Background(), method, raw)
	if f == nil && result != nil {
		if err := json.Unmarshal(out, result); err != nil {
			c.t.Fatal(err)
		}
	}
	return f
}

func (c *client) must(method string, params, result any) {
	c.t.Helper()
	if f := c.call(method, params, result); f != nil {
		c.t.Fatalf("%s: %d %s", method, f.Code, f.Message)
	}
}

var sentIDs struct {
	sync.Mutex
	n int
}

// send sends a text and gives the stored Message.
func (c *client) send(to, text string) Message {
	c.t.Helper()
	var r messageResult
	c.must("message.send", c.text(freshID(), to, text), &r)
	return r.Message
}

func freshID() string {
	sentIDs.Lock()
	defer sentIDs.Unlock()
	sentIDs.n++
	return fmt.Sprintf("%016x", sentIDs.n) // is an ID of version 0.1.0, too
}

// text is what sends a text. The same name is the same message.
func (c *client) text(name, to, text string) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.ids[name]
	if id == "" {
		id = messageID(c.userID, c.s.in.now(), name)
		c.ids[name] = id
	}
	return sendText(id, to, text)
}

// messageID is the ID of a message that a user creates at a time.
func messageID(userID string, at time.Time, name string) string {
	sum := digest(place.User{SDKAppID: app, UserID: userID}, name)
	return frame.NewMessageID(userID, at.UnixMilli(), [frame.MessageIDRandom]byte(sum[:frame.MessageIDRandom]))
}

func sendText(id, to, text string) map[string]any {
	return map[string]any{"id": id, "to": to, "type": typeText, "payload": map[string]string{"text": text}}
}

// history pages backwards through a conversation, oldest first.
func (c *client) history(peer string) []Message {
	c.t.Helper()
	var out []Message
	var before uint64
	for {
		var r listResult
		c.must("message.list", map[string]any{"conversationID": c2c + peer, "before": before}, &r)
		out = append(append([]Message{}, r.Messages...), out...)
		if r.IsCompleted {
			return out
		}
		before = r.Next
	}
}

func (c *client) conv(peer string) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list[c2c+peer]
}

func (c *client) field(peer, key string) any {
	m := c.list[c2c+peer]
	if m == nil {
		return nil
	}
	return m[key]
}
