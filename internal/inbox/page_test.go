package inbox

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/mailbox/objects"
	"github.com/tim-wasm/tim/internal/place"
)

// client is a page with a Session: the mailbox that every client has, and its
// objects. Calls that the mailbox makes wait until the test lets them through:
// part and sync catch up, ack acknowledges, do makes a call of the page. A test
// can also make calls without the mailbox.
type client struct {
	t        testing.TB
	userID   string
	instance string
	s        *Session

	mu      sync.Mutex // guards what follows
	changed *sync.Cond
	mailbox *mailbox.Machine
	page    *objects.Objects
	asks    []mailbox.Ask
	attempt int64 // of the newest Wake
	calls   mailbox.Call
	settled map[mailbox.Call]mailbox.Settle

	// What listeners were given.
	messages  []Message
	revoked   []Message
	modified  []Message
	statuses  []Status
	told      map[string][]objects.Object // by the event
	reactions []reactionData

	// What came, before the mailbox saw it.
	notes   []note
	cursor  string            // all of them together
	reached map[string]uint64 // the newest position by kind and conversation

	ids     map[string]string        // of what was sent, by its name in the test
	broken  bool                     // the socket is gone: pushes fail
	refuses func(method string) bool // further pushes that fail; nil for none
}

type note struct {
	method string
	params json.RawMessage
}

func newClient(t testing.TB, userID, instance string) *client {
	c := &client{
		t: t, userID: userID, instance: instance, mailbox: mailbox.New(),
		settled: map[mailbox.Call]mailbox.Settle{}, reached: map[string]uint64{}, ids: map[string]string{},
		told: map[string][]objects.Object{},
	}
	c.changed = sync.NewCond(&c.mu)
	c.page = objects.New(c.event)
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

// attach begins a session; the mailbox wants to know what it has missed.
func (c *client) attach(in *Inbox) {
	c.s = in.Attach(place.User{SDKAppID: app, UserID: c.userID}, c.instance, c.push)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = false
	c.begin()
}

// begin is the first login, or a link that is back. It needs mu.
func (c *client) begin() {
	c.asks = slices.DeleteFunc(c.asks, catchesUp) // they went with the last link
	if c.mailbox.State() == mailbox.Out {
		c.step(mailbox.Began{User: c.userID})
		return
	}
	c.step(mailbox.LinkLost{})
	c.step(mailbox.LinkBack{})
}

func catchesUp(a mailbox.Ask) bool {
	return a.Method == frame.SessionSync || a.Method == frame.SessionMore
}

func acknowledges(a mailbox.Ask) bool { return a.Method == frame.MessageAck }

// drop is a lost link: pushes after it reach nobody.
func (c *client) drop() {
	c.mu.Lock()
	c.broken = true
	c.mu.Unlock()
	c.s.Close()
}

// push is what the Session calls.
func (c *client) push(method string, params json.RawMessage) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken || c.refuses != nil && c.refuses(method) {
		return false
	}
	c.notes = append(c.notes, note{method, params})
	body := c.body(params)
	c.once(method, body)
	c.step(mailbox.Noticed{Method: method, Body: body})
	return true
}

// body reads what came of the gateway. It needs mu.
func (c *client) body(raw json.RawMessage) frame.Body {
	o, err := jsonframe.NewObject(raw)
	if err != nil {
		c.t.Errorf("%s/%s: %v: %s", c.userID, c.instance, err, raw)
		return frame.Fields{}
	}
	if at := o.Text("cursor"); at != "" {
		was, _ := c.s.in.parse(c.cursor)
		now, ok := c.s.in.parse(at)
		if !ok {
			c.t.Errorf("%s/%s: the cursor %q", c.userID, c.instance, at)
		}
		c.cursor = c.s.in.text(cursor{was.pos.union(now.pos), max(was.rev, now.rev)})
	}
	return o
}

// once fails the test when a message or a revocation comes a second time without
// a sync that asks for it, which the mailbox would hide. It needs mu.
func (c *client) once(method string, body frame.Body) {
	if body.Bool("reset") {
		clear(c.reached)
		c.cursor = ""
	}
	told := method == frame.NoteRevoked || method == frame.NoteModified
	if method != frame.NoteMessages && !told {
		return
	}
	for _, m := range body.List("messages") {
		at, key := uint64(m.Number("position")), method+" "+m.Text("conversationID")
		if told {
			at = uint64(body.Number("position"))
		}
		if at == 0 {
			continue // an online-only message
		}
		if at <= c.reached[key] {
			c.t.Errorf("%s/%s: %s: position %d comes behind %d", c.userID, c.instance, key, at, c.reached[key])
		}
		c.reached[key] = at
	}
}

// step takes an input of the mailbox. It needs mu.
func (c *client) step(in mailbox.Input) {
	for _, e := range c.mailbox.Step(0, in) {
		switch d := e.Do.(type) {
		case mailbox.Ask:
			c.asks = append(c.asks, d)
		case mailbox.Settle:
			c.settled[d.Call] = d
		case mailbox.Wake:
			c.attempt = d.Attempt
		case mailbox.Emit, mailbox.Log, mailbox.Create, mailbox.Update, mailbox.Set, mailbox.Drop,
			mailbox.Arrange, mailbox.Keep, mailbox.Patch, mailbox.Confirm, mailbox.Forget:
			c.page.Carry(d)
		}
	}
	c.changed.Broadcast()
}

// event is what listeners are given.
func (c *client) event(name string, data any) {
	switch name {
	case frame.EventMessageReceived:
		c.messages = append(c.messages, valuesOf[[]Message](c.t, data)...)
	case frame.EventMessageRevoked:
		c.revoked = append(c.revoked, valuesOf[[]Message](c.t, data)...)
	case frame.EventMessageModified:
		c.modified = append(c.modified, valuesOf[[]Message](c.t, data)...)
	case frame.EventMessageReadReceiptReceived:
		c.told[name] = append(c.told[name], valuesOf[[]objects.Object](c.t, data)...)
	case frame.EventMessageExtensionsUpdated, frame.EventMessageExtensionsDeleted, frame.EventAllReceiveMessageOptUpdated:
		c.told[name] = append(c.told[name], valuesOf[objects.Object](c.t, data))
	case frame.EventMessageReactionsUpdated:
		c.reactions = append(c.reactions, valuesOf[reactionData](c.t, data))
	case frame.EventUserStatusUpdated:
		c.statuses = append(c.statuses, valuesOf[[]Status](c.t, data)...)
	}
}

// valuesOf reads objects of a page.
func valuesOf[T any](t testing.TB, data any) (out T) {
	raw, err := json.Marshal(data)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		t.Error(err)
	}
	return out
}

// take returns the next thing that the mailbox asks for, of some.
func (c *client) take(some func(mailbox.Ask) bool) (mailbox.Ask, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := slices.IndexFunc(c.asks, some)
	if n < 0 {
		return mailbox.Ask{}, false
	}
	a := c.asks[n]
	c.asks = slices.Delete(c.asks, n, n+1)
	return a, true
}

// ask makes a call that the mailbox asks for, and answers it.
func (c *client) ask(a mailbox.Ask) (json.RawMessage, *fault.Error) {
	text, err := jsonframe.Encode(frame.Request{ID: 1, Method: a.Method, Params: a.Params})
	if err != nil {
		c.t.Fatal(err)
	}
	r, _, err := jsonframe.DecodeRequest(text)
	if err != nil {
		c.t.Fatal(err)
	}
	out, f := c.pass(a.Method, r.Params)
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := mailbox.Answered{Request: a.Request, Err: f}
	if f == nil {
		answer.Result = c.body(out)
	}
	c.step(answer)
	return out, f
}

// part makes the next call of catching up.
func (c *client) part() (r syncResult, f *fault.Error) {
	c.t.Helper()
	a, ok := c.take(catchesUp)
	if !ok { // the last one failed: the mailbox tries again after a while
		c.mu.Lock()
		c.step(mailbox.Woke{Attempt: c.attempt})
		c.mu.Unlock()
		if a, ok = c.take(catchesUp); !ok {
			c.t.Fatalf("%s/%s: the mailbox has caught up", c.userID, c.instance)
		}
	}
	out, f := c.ask(a)
	if f == nil {
		r = valuesOf[syncResult](c.t, out)
	}
	return r, f
}

// sync catches up, and tries again if the store was too slow, as a page does.
func (c *client) sync() syncResult {
	c.t.Helper()
	for {
		r, f := c.part()
		if f != nil && f.Code == fault.ServerTimeout {
			continue
		}
		if f != nil {
			c.t.Fatalf("%s/%s: a sync failed: %d %s", c.userID, c.instance, f.Code, f.Message)
		}
		if !r.More {
			return r
		}
	}
}

// ack makes the calls that acknowledge what the page was given.
func (c *client) ack() {
	c.t.Helper()
	acked := false
	for a, ok := c.take(acknowledges); ok; a, ok = c.take(acknowledges) {
		if _, f := c.ask(a); f != nil {
			c.t.Fatalf("%s/%s: message.ack: %d %s", c.userID, c.instance, f.Code, f.Message)
		}
		acked = true
	}
	if !acked {
		c.t.Fatalf("%s/%s: the page was given nothing to acknowledge", c.userID, c.instance)
	}
}

// do makes a call of the page. It returns how the call ended, and its messages.
func (c *client) do(in func(mailbox.Call) mailbox.Input) (mailbox.Settle, []Message) {
	c.t.Helper()
	c.mu.Lock()
	c.calls++
	call := c.calls
	c.step(in(call))
	c.mu.Unlock()
	for {
		c.mu.Lock()
		s, settled := c.settled[call]
		if settled {
			delete(c.settled, call)
			given := valuesOf[[]Message](c.t, c.page.Take(mailbox.Pile(call)))
			c.mu.Unlock()
			return s, given
		}
		c.mu.Unlock()
		a, ok := c.take(func(a mailbox.Ask) bool { return !catchesUp(a) && !acknowledges(a) })
		if !ok {
			c.t.Fatalf("%s/%s: call %d asks for nothing more and does not settle", c.userID, c.instance, call)
		}
		c.ask(a)
	}
}

// history reads a conversation to its beginning, oldest first.
func (c *client) history(peer string) []Message {
	c.t.Helper()
	var all []Message
	next := mailbox.ReadHistory{Conversation: c2c + peer, Count: window}
	for {
		s, page := c.do(func(call mailbox.Call) mailbox.Input { next.Call = call; return next })
		if s.Err != nil {
			c.t.Fatalf("message.list: %d %s", s.Err.Code, s.Err.Message)
		}
		all = append(page, all...)
		if s.Complete {
			return all
		}
		next.Next = s.Next
	}
}

// conv returns a conversation of the page as it is now, nil when there is none.
func (c *client) conv(peer string) objects.Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	return valuesOf[objects.Object](c.t, c.page.Conversation(c2c+peer))
}

// cursorText returns the cursor of the page.
func (c *client) cursorText() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cursor
}

// list returns the conversations of the page as they are now.
func (c *client) list() []objects.Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	return valuesOf[[]objects.Object](c.t, c.page.Conversations())
}

// field is for until.
func (c *client) field(peer, key string) any { return c.page.Conversation(c2c + peer)[key] }
