package mailbox

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// State is the state of a mailbox.
type State int

// The states.
const (
	Out    State = iota // nobody is logged in
	First               // the list and what was missed before the login are coming
	Live                // the page has been given what there is
	Lost                // the link is lost, or what was missed meanwhile is coming
	Ending              // the session is about to end
)

// String names a state for transcripts.
func (s State) String() string {
	switch s {
	case Out:
		return "Out"
	case First:
		return "First"
	case Live:
		return "Live"
	case Lost:
		return "Lost"
	case Ending:
		return "Ending"
	}
	return "?"
}

// Machine is one mailbox. Step is its only way to change.
type Machine struct {
	now int64    // of the running step, monotonic ms
	out []Effect // of the running step

	round    Round
	requests Request // the last one
	attempts int64   // the last one to synchronise
	listens  bool    // the page, for what happens in groups
	box
}

// box is all that belongs to the user. It is emptied when the session ends.
type box struct {
	state        State
	user         string
	nick, avatar string // as far as they are known

	asked   []request // answers that are to come
	waiting []waiting // calls that wait for the list

	conversations map[string]*conversation
	list          []*conversation // newest first, pinned ones before
	coming        []*conversation // those of a whole list whose last part has not come yet
	opened        int             // numbers the conversations that began here

	running  bool               // an attempt to synchronise, or its repetition, is under way on this link
	cursor   string             // how far this instance is
	shown    string             // the cursor of what the page was given
	seen     positions          // of messages
	undone   positions          // of revocations
	reacted  positions          // versions, by message and reaction; counts of readers, by message
	extended positions          // the newest change that the page knows of each key of extensions; below 0 if the key is gone
	early    map[string]Confirm // receipts that came before their messages, by the message's ID

	acking, ackAgain bool
	unheard          bool // the last acknowledgement has failed
	acked            string

	// What the next flush tells the page: the events of piles, in the order of
	// pileEvents; a list that profiles may have changed; a changed list, or order.
	waits                        [len(pileEvents)]bool
	profiled, listChanged, moved bool
	toldTotal                    int64          // the total that the page was told last
	pins                         []frame.Fields // of the messages in PilePinned, what the page is to be told

	pages   map[string][]pageEnd // by conversation; the newest keptPages of each
	watched userSet

	contacts   [contactLists]contacts
	groups     groups
	topics     topics
	room       string // the live room that the page is in; "": none
	roomLost   bool   // a lost link has taken the page out of it
	convGroups convGroups
}

// request is one call of the gateway; then takes its answer.
type request struct {
	id   Request
	then func(result frame.Body, err *fault.Error)
}

// New makes a machine without a user.
func New() *Machine {
	m := &Machine{round: 1}
	m.box = newBox()
	return m
}

func newBox() box {
	return box{conversations: map[string]*conversation{}, pages: map[string][]pageEnd{}, seen: positions{}, undone: positions{}}
}

// Step takes one input at the time now and returns the effects, in order.
func (m *Machine) Step(now int64, in Input) []Effect {
	m.now = max(m.now, now)
	m.take(in)
	out := m.out
	m.out = nil
	return out
}

func (m *Machine) take(in Input) {
	switch in := in.(type) {
	case Began:
		m.began(in)
	case LinkLost:
		m.linkLost()
	case LinkBack:
		m.linkBack()
	case Leaving:
		m.leaving()
	case Ended:
		m.ended()
	case Noticed:
		m.noticed(in)
	case Answered:
		m.answered(in)
	case Woke:
		m.woke(in)
	case ListConversations:
		m.listConversations(in)
	case OpenConversation:
		m.openConversation(in)
	case DeleteConversations:
		m.deleteConversations(in)
	case Pin:
		m.pin(in)
	case SetDraft:
		m.setDraft(in)
	case SetCustomData:
		m.setCustomData(in)
	case ClearHistory:
		m.clearHistory(in)
	case MarkRead:
		m.markRead(in)
	case MarkAllRead:
		m.markAllRead(in)
	case Send:
		m.send(in)
	case ReadHistory:
		m.readHistory(in)
	case Extend:
		m.extend(in)
	case Watch:
		m.watch(in)
	case Unwatch:
		m.unwatch(in)
	case ListContacts:
		m.listContacts(in)
	case ListGroups:
		m.listGroups(in)
	case InRoom:
		m.inRoom(in)
	case WantGroups:
		m.wantGroups()
	case ListTopics:
		m.listTopics(in)
	case Named:
		m.named(in)
	}
}

// Round returns the number of the running session.
func (m *Machine) Round() Round { return m.round }

// State returns the state of the mailbox.
func (m *Machine) State() State { return m.state }

// Name returns what this user is called, as far as it is known.
func (m *Machine) Name() (nick, avatar string) { return m.nick, m.avatar }

func (m *Machine) named(in Named) {
	if m.state != Out {
		m.nick, m.avatar = in.Nick, in.Avatar
	}
}

func (m *Machine) do(d Deed) { m.out = append(m.out, Effect{Round: m.round, Do: d}) }

// ask calls the gateway. then is called once, with the answer or because the
// session has ended.
func (m *Machine) ask(method string, params frame.Body, within int64, then func(result frame.Body, err *fault.Error)) {
	m.requests++
	m.asked = append(m.asked, request{id: m.requests, then: then})
	m.do(Ask{Request: m.requests, Method: method, Params: params, Within: within})
}

func (m *Machine) answered(in Answered) {
	for i, r := range m.asked {
		if r.id == in.Request {
			m.asked = append(m.asked[:i], m.asked[i+1:]...)
			result := in.Result
			if result == nil {
				result = frame.Fields{}
			}
			r.then(result, in.Err)
			return
		}
	}
}

func (m *Machine) settle(s Settle) { m.do(s) }

func (m *Machine) fail(c Call, err *fault.Error) { m.do(Settle{Call: c, Err: err}) }

// relay passes a call of the page on to the gateway, and settles it with the
// answer. Without a session the client answers with the reason for that.
func (m *Machine) relay(c Call, method string, params frame.Fields) {
	m.ask(method, params, 0, func(result frame.Body, err *fault.Error) {
		m.settle(Settle{Call: c, Result: result, Err: err})
	})
}

func text(key, value string) frame.Fields { return frame.Fields{{Key: key, Value: value}} }

func texts(key string, value []string) frame.Fields { return frame.Fields{{Key: key, Value: value}} }

// set sets a field of a conversation, or of an object in it.
func (m *Machine) set(c *conversation, in, key string, to any, pile Pile) {
	m.do(Set{Conversation: c.id, In: in, Fields: frame.Fields{{Key: key, Value: to}}, Pile: pile})
}

// ended drops everything of the user who was logged in. Calls that still wait
// are refused.
func (m *Machine) ended() {
	if m.state == Out {
		return
	}
	m.state = Ending // the refusals below emit no events
	for len(m.asked) > 0 {
		m.answered(Answered{Request: m.asked[0].id, Err: fault.New(fault.LoggedOut)})
	}
	for _, w := range m.waiting {
		w.run(fault.New(fault.LoggedOut))
	}
	m.noGroups(fault.New(fault.LoggedOut)) // for calls that came to wait for the groups once the session was about to end
	m.round++
	m.box = newBox()
	m.do(Forget{})
}
