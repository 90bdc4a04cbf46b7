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

// What becomes of the session.
type (
	// Began: SDK_READY.
	Began struct{ User string }
	// LinkLost: the session has lost its connection and will resume.
	LinkLost struct{}
	// LinkBack: it has resumed.
	LinkBack struct{}
	// Leaving: the session is about to end. What the page was given now could
	// not be acknowledged any more, and would come again.
	Leaving struct{}
	// Ended: SDK_NOT_READY.
	Ended struct{}
)

// What the gateway and the host say.
type (
	// Noticed: a notification that is not the session's own.
	Noticed struct {
		Method string
		Body   frame.Body
	}
	// Answered: the answer of a Request, Err or a result.
	Answered struct {
		Request Request
		Result  frame.Body
		Err     *fault.Error
	}
	// Woke: the time of a Wake is up.
	Woke struct{ Attempt int64 }
)

// The calls of the page. Each settles once.
type (
	// ListConversations asks for the list, or for a part of it.
	ListConversations struct {
		Call   Call
		IDs    []string // nil for all
		Unread bool     // only those that have unread messages
	}
	// OpenConversation asks for one conversation with its user's whole
	// profile. One that is not there begins.
	OpenConversation struct {
		Call         Call
		Conversation string
	}
	// DeleteConversations takes conversations off the list, with what they
	// hold or without.
	DeleteConversations struct {
		Call         Call
		IDs          []string
		ClearHistory bool
	}
	// Pin puts a conversation on top of the list, or back.
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
	// ClearHistory removes what a conversation holds, for this user.
	ClearHistory struct {
		Call         Call
		Conversation string
	}
	// MarkRead: the user has seen a conversation as far as the page was given it.
	MarkRead struct {
		Call         Call
		Conversation string
	}
	// MarkAllRead: the user has seen them all.
	MarkAllRead struct{ Call Call }
	// Send sends a message. It is stored once, however often it is sent.
	Send struct {
		Call         Call
		Conversation string
		Params       frame.Body
	}
	// ReadHistory asks for the messages before a place: Next as the last page
	// gave it, "" for the newest. Given is the position of the message Next, if
	// the page holds it, else 0.
	ReadHistory struct {
		Call         Call
		Conversation string
		Next         string
		Given        int64
		Count        int64
	}
	// Watch subscribes to the status of users.
	Watch struct {
		Call Call
		IDs  []string
	}
	// Unwatch ends that, for all users when there are no IDs.
	Unwatch struct {
		Call Call
		IDs  []string
	}
	// Named tells what this user is called, which its messages bear.
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
func (Watch) input()               {}
func (Unwatch) input()             {}
func (Named) input()               {}
