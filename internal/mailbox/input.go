package mailbox

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Call names one call of the page that waits to be settled.
type Call int32

// Request names one call of the gateway that waits for its answer.
type Request int64

// Input is what can happen to a mailbox. The set is closed.
type Input interface{ input() }

// What happens to the session.
type (
	// Began says that a user's session is ready (SDK_READY).
	Began struct{ User string }
	// LinkLost says that the session has lost its connection and will resume.
	LinkLost struct{}
	// LinkBack says that the session has resumed.
	LinkBack struct{}
	// Leaving says that the session is about to end. From now on nothing is given
	// to the page: it could not be acknowledged any more, and would come again.
	Leaving struct{}
	// Ended says that the session has ended (SDK_NOT_READY).
	Ended struct{}
)

// What the gateway and the host say.
type (
	// Noticed is a notification that the session does not handle itself.
	Noticed struct {
		Method string
		Body   frame.Body
	}
	// Answered is the answer to a Request: an error or a result.
	Answered struct {
		Request Request
		Result  frame.Body
		Err     *fault.Error
	}
	// Woke says that the time of a Wake is up.
	Woke struct{ Attempt int64 }
)

// The calls of the page. Each settles once.
type (
	// ListConversations asks for the list, or for a part of it.
	ListConversations struct {
		Call     Call
		IDs      []string // nil for all
		Type     string   // "" for all: C2C, GROUP or @TIM#SYSTEM
		Unread   bool     // only those that have unread messages
		Mentions bool     // only those in which somebody has mentioned the user
		Mark     int64    // only those that have this mark; 0 for all
		Group    string   // only those in this conversation group; "" for all
	}
	// OpenConversation asks for one conversation, with its user's whole profile if
	// it has one. If there is none, it begins; in a group only for its members.
	OpenConversation struct {
		Call         Call
		Conversation string
	}
	// DeleteConversations removes conversations from the list, with or without
	// their history.
	DeleteConversations struct {
		Call         Call
		IDs          []string
		ClearHistory bool
	}
	// Pin pins a conversation to the top of the list, or unpins it.
	Pin struct {
		Call         Call
		Conversation string
		Pinned       bool
	}
	// SetDraft keeps a draft with a conversation.
	SetDraft struct {
		Call         Call
		Conversation string
		Text         string
	}
	// SetCustomData keeps the app's own data with conversations.
	SetCustomData struct {
		Call Call
		IDs  []string
		Data string
	}
	// ClearHistory removes a conversation's history from this user's view.
	ClearHistory struct {
		Call         Call
		Conversation string
	}
	// MarkRead says that the user has seen a conversation, as far as the page was
	// given it.
	MarkRead struct {
		Call         Call
		Conversation string
	}
	// MarkAllRead says the same of all conversations, or of those of a type.
	MarkAllRead struct {
		Call Call
		Type string // "" for all
	}
	// Send sends a message. It is stored once, however often it is sent.
	Send struct {
		Call         Call
		Conversation string
		Params       frame.Body
	}
	// ReadHistory asks for a page of a conversation's history. Next is what the
	// last page returned, "" for the newest messages. Given is the position of the
	// message with the ID Next if the page has that message, otherwise 0.
	ReadHistory struct {
		Call         Call
		Conversation string
		Next         string
		Given        int64
		Count        int64
	}
	// Extend sets extensions of a message, which have a key and a value, or with Remove
	// deletes them, all if there is no List. With Read it asks for all of them.
	Extend struct {
		Call         Call
		Conversation string
		Position     int64
		List         []frame.Body
		Remove, Read bool
	}
	// Watch subscribes to the status of users.
	Watch struct {
		Call Call
		IDs  []string
	}
	// Unwatch ends subscriptions, all of them if there are no IDs.
	Unwatch struct {
		Call Call
		IDs  []string
	}
	// ListContacts asks for a list of contacts.
	ListContacts struct {
		Call Call
		List ContactList
	}
	// ListGroups asks for the groups that the user is in.
	ListGroups struct{ Call Call }
	// ListTopics asks for topics of a community, of which the page hears from then on;
	// no IDs: all.
	ListTopics struct {
		Call  Call
		Group string
		IDs   []string
	}
	// WantGroups: the page listens to the events of groups.
	WantGroups struct{}
	// InRoom: the page has joined a live room, or has left it (In is false).
	InRoom struct {
		Group string
		In    bool
	}
	// Named says what this user is called, which their messages carry.
	Named struct{ Nick, Avatar string }
)

func (Began) input()               {}
func (LinkLost) input()            {}
func (LinkBack) input()            {}
func (Leaving) input()             {}
func (Ended) input()               {}
func (Noticed) input()             {}
func (Answered) input()            {}
func (Woke) input()                {}
func (ListConversations) input()   {}
func (OpenConversation) input()    {}
func (DeleteConversations) input() {}
func (Pin) input()                 {}
func (SetDraft) input()            {}
func (SetCustomData) input()       {}
func (ClearHistory) input()        {}
func (MarkRead) input()            {}
func (MarkAllRead) input()         {}
func (Send) input()                {}
func (ReadHistory) input()         {}
func (Extend) input()              {}
func (Watch) input()               {}
func (Unwatch) input()             {}
func (ListContacts) input()        {}
func (ListGroups) input()          {}
func (ListTopics) input()          {}
func (WantGroups) input()          {}
func (InRoom) input()              {}
func (Named) input()               {}
