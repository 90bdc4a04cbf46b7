package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
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

// openBus opens the embedded NATS that timd uses or, for tests that TestOnAModel
// runs, the model of it.
func openBus(t testing.TB, dir string) Bus {
	t.Helper()
	if strings.HasPrefix(t.Name(), "TestOnAModel/") {
		return busmodel.New(busmodel.Options{})
	}
	if slices.Contains(muchData, t.Name()) && !long() {
		t.Skip("TestOnAModel runs it; make soak runs it on NATS")
	}
	return openNATS(t, dir)
}

// long reports whether the tests run in their long form, which make soak asks for.
func long() bool { return os.Getenv("TIM_SOAK") != "" }

// rounds returns how many rounds a random test has: short in make test, and many
// times as many in make soak.
func rounds(short int) int {
	if long() {
		return 20 * short
	}
	return short
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

// caughtUp waits until the followers of an inbox have come to the streams' ends. A
// sync does so itself, but for reachWithin only, and then has the rest come later.
func caughtUp(t testing.TB, in *Inbox) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ends, err := in.store.messages.ends(ctx)
	if err != nil {
		t.Fatal(err)
	}
	newest, err := in.store.conversations.Last(ctx, ">")
	if err != nil {
		t.Fatal(err)
	}
	in.messages.Reach(ctx, ends)
	in.conversations.Reach(ctx, newest.Seq)
}

// until waits until a condition holds, which pushes bring about.
func (c *client) until(what string, done func() bool) {
	c.t.Helper()
	late := time.AfterFunc(30*time.Second, func() { c.changed.Broadcast() })
	defer late.Stop()
	start := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for !done() {
		if time.Since(start) > 29*time.Second {
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

// call makes a call without the mailbox.
func (c *client) call(method string, params, result any) *fault.Error {
	raw, err := json.Marshal(params)
	if err != nil {
		c.t.Fatal(err)
	}
	out, f := c.pass(method, raw)
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

// cursorAt returns the cursor of an instance at a position, with one partition.
func cursorAt(pos uint64) string { return cursor{pos: upTo(pos)}.text(1) }

// pass passes a call to the Session. After a sync everything may come again.
func (c *client) pass(method string, params json.RawMessage) (json.RawMessage, *fault.Error) {
	if method == frame.SessionSync {
		from, _ := c.s.in.parse(valuesOf[syncParams](c.t, params).Cursor)
		c.mu.Lock()
		for key, pos := range c.reached {
			c.reached[key] = min(pos, from.pos.in(pos))
		}
		c.mu.Unlock()
	}
	return c.s.Call(context.Background(), method, params)
}

var sentIDs struct {
	sync.Mutex
	n int
}

// send sends a text and returns the stored Message.
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

// text returns the parameters of a text message. The same name is the same
// message.
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

// messageID returns the ID of a message that a user creates at a time.
func messageID(userID string, at time.Time, name string) string {
	sum := digest(place.User{SDKAppID: app, UserID: userID}, name)
	return frame.NewMessageID(userID, at.UnixMilli(), [frame.MessageIDRandom]byte(sum[:frame.MessageIDRandom]))
}

func sendText(id, to, text string) map[string]any {
	return map[string]any{"id": id, "to": to, "type": typeText, "payload": map[string]string{"text": text}}
}
