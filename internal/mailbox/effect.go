package mailbox

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Round numbers the sessions of a machine.
type Round int64

// Effect is one thing to be done, and the round that it belongs to.
type Effect struct {
	Round Round
	Do    Deed
}

// Deed is what is to be done. The set is closed.
type Deed interface{ effect() }

// Pile names a list of messages that wait for an Emit or a Settle. The pile of a
// Call has the Call's number.
type Pile int32

// The piles that events take. A profile that has not changed adds nothing to
// PileProfiles.
const (
	PileNone Pile = -iota
	PileReceived
	PileRevoked
	PileReadByPeer
	PileProfiles // conversations, not messages
	PileModified
	PilePinned
	PileNotices // what PileReceived has of notices of groups; each has an event of its own
)

// pileEvents are the events of messages and the piles that they take, in the
// order in which they are emitted.
var pileEvents = [...]struct {
	pile  Pile
	event string
}{
	{PileReceived, frame.EventMessageReceived}, {PileNotices, frame.EventGroupSystemNoticeReceived}, {PileModified, frame.EventMessageModified}, {PileRevoked, frame.EventMessageRevoked}, {PileReadByPeer, frame.EventMessageReadByPeer},
}

// Values of a message's flow.
const (
	flowIn  = "in"
	flowOut = "out"
)

// Effects on the gateway, the host and callers.
type (
	// Ask calls the gateway. Its Answered comes later, or at once if the session
	// refuses the call. Within is in ms, 0 for the default.
	Ask struct {
		Request Request
		Method  string
		Params  frame.Body
		Within  int64
	}
	// Settle ends a call of the page with Err, or with those other fields that are
	// set; Result is what the gateway sent. The call's pile is dropped afterwards.
	Settle struct {
		Call          Call
		Err           *fault.Error
		Result        frame.Body
		Conversations []string // keys, in the order of the list
		Groups        []string // the same; nil when the call is not about them
		Topics        []string // IDs; nil when the call is not about them
		Next          string   // where the next page of a history begins
		Complete      bool     // there is no next page
	}
	// Emit fires an event. Its data is Data, the list of conversations, that of
	// groups, or a pile of messages. If the pile is empty there is no event. With In,
	// Data is the name of a conversation group, and In has what is in it.
	Emit struct {
		Name   string   // Event… of package frame
		Data   any      // int64, string, []string, frame.Body or []frame.Body
		In     []string // keys
		List   bool     // the list, as it was arranged last
		Groups []string // keys
		Pile   Pile
	}
	// EmitCounters fires GROUP_COUNTER_UPDATED for each of a group's counters.
	EmitCounters struct {
		Group    string
		Counters frame.Body
	}
	// EmitPins fires PINNED_GROUP_MESSAGE_UPDATED for each message in PilePinned, with
	// the fields in Pins, which are in the same order.
	EmitPins struct{ Pins []frame.Fields }
	// EmitTopic fires TOPIC_UPDATED for a topic.
	EmitTopic struct{ Group, Topic string }
	// Wake asks for a Woke input after some ms; it replaces an earlier Wake.
	Wake struct{ After, Attempt int64 }
	// Log writes a line to the log: level 0 is for debugging, 2 a warning.
	Log struct {
		Level int
		Text  string
	}
)

// Effects on the objects of the page.
type (
	// Create makes a Conversation of which only the ID is known.
	Create struct{ Conversation string }
	// Update merges the gateway's fields into a Conversation, except that the
	// fields in Kept have the values given there; nil: they are none of the page's.
	Update struct {
		Conversation string
		Body         frame.Body
		Kept         frame.Fields
	}
	// Set sets fields of a Conversation, or of its field In. With a pile it does
	// so only if that changes something, and adds the conversation to the pile.
	Set struct {
		Conversation string
		In           string
		Fields       frame.Fields
		Pile         Pile
	}
	// Drop forgets a Conversation.
	Drop struct{ Conversation string }
	// Arrange sets the order of the list.
	Arrange struct{ Order []string }
	// UpdateGroup creates the page's object of a group that the user is in, or
	// brings the one that it has up to date. The group's conversation has it as its
	// groupProfile, and it has that one's lastMessage. A field that a Whole body leaves out
	// has its usual value, but for selfInfo; one that another body leaves out has
	// not changed.
	UpdateGroup struct {
		Group string
		Body  frame.Body
		Whole bool
	}
	// DropGroup forgets a group that the user is no longer in.
	DropGroup struct{ Group string }
	// Keep creates the page's objects of messages, or brings those that it has up
	// to date, and adds them to a pile, at its end or at its front. Those of a group
	// do not say whose they are, as all members are told the same: Reader is this
	// user, who has read up to the sequence ReadUpTo; "" if the messages say it.
	Keep struct {
		Messages []frame.Body
		Pile     Pile
		Front    bool
		Notices  bool // they go to PileNotices, too
		Reader   string
		ReadUpTo int64
	}
	// Patch sets a flag of the messages of a conversation that the page holds,
	// those of one flow and up to a sequence; of the user's own only stored ones.
	// Messages that did not have the flag are added to the pile.
	Patch struct {
		Conversation string
		Flow         string
		UpTo         int64
		Field        string
		Pile         Pile
	}
	// Confirm sets readReceiptInfo of a message that the user has sent, if the page
	// holds it. One whose send is not answered yet has no position.
	Confirm struct {
		Conversation string
		ID           string
		Position     int64
		Info         frame.Fields
	}
	// UpdateTopic keeps the profile of a topic, which with its conversation is what the
	// page sees of it.
	UpdateTopic struct {
		Topic string
		Body  frame.Body
	}
	// DropTopic drops the profile of a topic.
	DropTopic struct{ Topic string }
	// Forget drops all objects and piles.
	Forget struct{}
)

func (Ask) effect()          {}
func (Settle) effect()       {}
func (Emit) effect()         {}
func (EmitCounters) effect() {}
func (EmitPins) effect()     {}
func (EmitTopic) effect()    {}
func (UpdateTopic) effect()  {}
func (DropTopic) effect()    {}
func (Wake) effect()         {}
func (Log) effect()          {}
func (Create) effect()       {}
func (Update) effect()       {}
func (Set) effect()          {}
func (Drop) effect()         {}
func (Arrange) effect()      {}
func (UpdateGroup) effect()  {}
func (DropGroup) effect()    {}
func (Keep) effect()         {}
func (Patch) effect()        {}
func (Confirm) effect()      {}
func (Forget) effect()       {}
