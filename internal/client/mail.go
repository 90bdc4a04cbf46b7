package client

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/session"
)

// MailHost is what a mailbox's loop needs around it.
type MailHost interface {
	// Now is a monotonic clock in ms.
	Now() int64
	// Ready reports whether the session is there and not about to end.
	Ready() bool
	// Ask makes a call of the gateway; done is told once how it ended.
	Ask(a mailbox.Ask, done Done)
	// Carry does what is to be done in the page: objects, events, wakes, the
	// log. It may call the loop.
	Carry(d mailbox.Deed)
}

// Mail is the loop of a mailbox: it holds the queue of inputs and settles the
// calls of the page. Like a Client it is not safe for concurrent use.
type Mail struct {
	host    MailHost
	machine *mailbox.Machine
	queue   queue[mailInput]
	done    map[mailbox.Call]func(mailbox.Settle)
	calls   mailbox.Call
	next    mailbox.Call  // of the input that is posted next
	over    mailbox.Round // what is left of this and older rounds is dropped
}

// mailInput is an input and the page's call that it belongs to, if any.
type mailInput struct {
	in   mailbox.Input
	call mailbox.Call
}

// NewMail returns a loop around a mailbox that belongs to nobody yet.
func NewMail(host MailHost) *Mail {
	return &Mail{host: host, machine: mailbox.New(), done: map[mailbox.Call]func(mailbox.Settle){}}
}

// Total returns the unread messages of all conversations.
func (m *Mail) Total() int64 { return m.machine.Total() }

// ReadUpTo returns up to which sequence the user has read a group's conversation.
func (m *Mail) ReadUpTo(conversation string) int64 { return m.machine.ReadUpTo(conversation) }

// Name returns the user's display name and avatar, as far as they are known.
func (m *Mail) Name() (nick, avatar string) { return m.machine.Name() }

// UpToDate reports whether the page has been given what there is: the link is
// not lost, and what was missed has come.
func (m *Mail) UpToDate() bool { return m.machine.State() == mailbox.Live }

// Call returns the number of a call of the page, which the input posted next
// carries. done is told once how it ended.
func (m *Mail) Call(done func(mailbox.Settle)) mailbox.Call {
	m.calls++
	m.done[m.calls] = done
	m.next = m.calls
	return m.calls
}

// Post queues an input.
func (m *Mail) Post(in mailbox.Input) {
	call := m.next
	m.next = 0
	m.queue.post(mailInput{in, call}, m.step)
}

// Over drops what is left to be done of the running round: the page has been
// told that its session has ended.
func (m *Mail) Over() {
	if m.machine.State() != mailbox.Out {
		m.over = m.machine.Round()
	}
}

// acknowledge sends what waits for the answer to an earlier acknowledgement: the
// session is about to end, and a later one would be given it once more.
func (c *Client) acknowledge() {
	if c.mail == nil {
		return
	}
	if cursor := c.mail.machine.Unacknowledged(); cursor != "" {
		c.Send(frame.MessageAck, frame.Fields{{Key: "cursor", Value: cursor}}, 0, func(frame.Body, *fault.Error) {})
	}
}

func (m *Mail) step(next mailInput) (panicked any) {
	defer func() {
		if p := recover(); p != nil {
			panicked = p
			m.settle(mailbox.Settle{Call: next.call, Err: broken()})
		}
	}()
	if !m.host.Ready() { // whatever the input is, the session is about to end
		panicked = each(m.machine.Step(m.host.Now(), mailbox.Leaving{}), m.carry)
	}
	return earlier(panicked, each(m.machine.Step(m.host.Now(), next.in), m.carry))
}

func (m *Mail) carry(e mailbox.Effect) (panicked any) {
	defer func() { panicked = recover() }()
	switch d := e.Do.(type) {
	case mailbox.Settle:
		m.settle(d)
	case mailbox.Ask:
		if e.Round > m.over {
			m.host.Ask(d, func(result frame.Body, err *fault.Error) {
				m.Post(mailbox.Answered{Request: d.Request, Result: result, Err: err})
			})
		}
	default:
		if e.Round > m.over {
			m.host.Carry(d)
		}
	}
	return nil
}

// settle tells the caller how its call ended; what was collected for the call
// ends with it.
func (m *Mail) settle(s mailbox.Settle) {
	done := m.done[s.Call]
	delete(m.done, s.Call)
	if done != nil {
		done(s)
	}
	m.host.Carry(s)
}

// mailHost is the Client as its mailbox sees it. It does not embed the Client,
// or wasm would contain a copy of each method.
type mailHost struct {
	c    *Client
	page Page
}

func (h *mailHost) Now() int64 { return h.c.host.Now() }

func (h *mailHost) Ready() bool { return h.c.Ready() }

func (h *mailHost) Ask(a mailbox.Ask, done Done) { h.c.Send(a.Method, a.Params, a.Within, done) }

func (h *mailHost) Carry(d mailbox.Deed) { h.page.Carry(d) }

// emit passes an event of the session to the page, and its meaning to the
// mailbox. The mailbox begins before the page hears of SDK_READY, so that a
// listener finds it there, and ends after the page has heard of SDK_NOT_READY.
func (c *Client) emit(e session.Emit) {
	if c.mail == nil {
		c.host.Emit(e.Name, e.Data)
		return
	}
	switch e.Name {
	case frame.EventSDKReady:
		c.mail.Post(mailbox.Began{User: c.User()})
	case frame.EventSDKNotReady:
		c.mail.Over()
		defer c.mail.Post(mailbox.Ended{})
	case frame.EventLoginStatusChange:
		switch e.Data.Text("status") {
		case session.StatusReconnecting:
			defer c.mail.Post(mailbox.LinkLost{})
		case session.StatusReady:
			defer c.mail.Post(mailbox.LinkBack{})
		}
	}
	c.host.Emit(e.Name, e.Data)
}
