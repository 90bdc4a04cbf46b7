package mailbox

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Round numbers the sessions of a machine.
type Round int64

// Effect is one thing to be done, in order, and the round that it belongs to.
type Effect struct {
	Round Round
	Do    Deed
}

// Deed is what is to be done. The set is closed.
type Deed interface{ effect() }

// Pile names a heap of messages that wait for an Emit or a Settle. The pile of
// a Call has the Call's number.
type Pile int32

// The piles that events take. A profile that was no other than before leaves
// PileProfiles as it is.
const (
	PileNone Pile = -iota
	PileReceived
	PileRevoked
	PileReadByPeer
	PileProfiles // conversations, not messages
)

// pileEvents are the events of messages, and the piles that they take, in the
// order in which a page is told.
var pileEvents = [...]struct {
	pile  Pile
	event string
}{
	{PileReceived, frame.EventMessageReceived}, {PileRevoked, frame.EventMessageRevoked}, {PileReadByPeer, frame.EventMessageReadByPeer},
}

// Values of a message's flow.
const (
	flowIn  = "in"
	flowOut = "out"
)

// What goes to the gateway, to the host and to callers.
type (
	// Ask makes a call of the gateway; its Answered comes later, or at
	// once when the session refuses it. Within is in ms, 0 for the default.
	Ask struct {
		Request Request
		Method  string
		Params  frame.Body
		Within  int64
	}
	// Settle ends a call of the page with Err, or with what is not empty of the
	// rest; Result is what the gateway sent. The call's pile ends with it.
	Settle struct {
		Call          Call
		Err           *fault.Error
		Result        frame.Body
		Conversations []string // keys, in the order of the list
		Next          string   // where the next page of a history begins
		Complete      bool     // there is none
	}
	// Emit fires an event. Its data is Data, the list of conversations, or a
	// pile of messages. With a pile that is empty it is left out.
	Emit struct {
		Name string // Event… of package frame
		Data any    // int64, frame.Body or []frame.Body
		List bool   // the list, as it was arranged last
		Pile Pile
	}
	// Wake asks for a Woke input after some ms; it replaces an earlier one.
	Wake struct{ After, Attempt int64 }
	// Log writes a line for whoever looks: 0 for everybody, 2 a warning.
	Log struct {
		Level int
		Text  string
	}
)

// What is done to the objects of the page.
type (
	// Create makes a Conversation of which nothing is known but its ID.
	Create struct{ Conversation string }
	// Update takes over what the gateway says of one, but for what is kept.
	Update struct {
		Conversation string
		Body         frame.Body
		Kept         frame.Fields
	}
	// Set sets fields of a Conversation, or of an object In it. With a pile it
	// does so only if that changes something, and puts the conversation there.
	Set struct {
		Conversation string
		In           string
		Fields       frame.Fields
		Pile         Pile
	}
	// Drop forgets a Conversation.
	Drop struct{ Conversation string }
	// Arrange gives the order of the list.
	Arrange struct{ Order []string }
	// Keep makes messages objects of the page, or brings those that it has up
	// to date, and puts them on a pile, the first ones at its front.
	Keep struct {
		Messages []frame.Body
		Pile     Pile
		Front    bool
	}
	// Patch sets a flag of those messages of a conversation that the page holds,
	// of one flow and up to a sequence. Of one's own only those count that are
	// stored. Those that did not have the flag go onto the pile.
	Patch struct {
		Conversation string
		Flow         string
		UpTo         int64
		Field        string
		Pile         Pile
	}
	// Forget drops all objects and piles.
	Forget struct{}
)

func (Ask) effect()     {}
func (Settle) effect()  {}
func (Emit) effect()    {}
func (Wake) effect()    {}
func (Log) effect()     {}
func (Create) effect()  {}
func (Update) effect()  {}
func (Set) effect()     {}
func (Drop) effect()    {}
func (Arrange) effect() {}
func (Keep) effect()    {}
func (Patch) effect()   {}
func (Forget) effect()  {}
