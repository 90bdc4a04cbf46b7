// Package mailbox is what a client knows of its user's messages,
// conversations and subscriptions, as a pure state machine beside session:
// inputs in, effects out; no goroutine, lock, clock, channel or randomness of
// its own. Package inbox, at the gateway, describes the calls and
// notifications that pass between the two.
//
//	      Began           synchronised         LinkLost
//	Out ---------> First -------------> Live <-----------> Lost
//	 ^               |                    |   synchronised   |
//	 |    Ended      |      Leaving       v                  |
//	 +------------ Leaving <--------------+------------------+
//
// The machine holds keys and facts: conversationIDs, what decides a
// conversation's place in the list, positions, cursors. The objects that a
// page holds are kept by whoever carries its effects out. Messages, profiles
// and results pass through it unread as a frame.Body, but for the few fields
// that it has to know.
//
// Messages for one event are gathered in a pile: Keep adds messages to it, Patch
// adds those that it has changed, and an Emit takes the pile, or is left out if
// the pile is empty. So objects are patched before the event that reports it.
//
// Every effect has the number of its round, which grows when a session ends. A
// listener may log out between two events, so whoever carries effects out drops
// those of an earlier round, except Settle and Forget.
//
// In reading order:
//
//	doc.go      this page
//	input.go    what can happen
//	effect.go   what is to be done
//	machine.go  the machine, its states, Step
//	sync.go     catching up: the first time, after a lost link, after a failure
//	list.go     the conversations, their order, their unread messages
//	counts.go   what is unread in a group's conversation, and who mentions the user
//	own.go      what users seldom set of a conversation
//	inbound.go  notifications of the gateway: lists, messages, revocations, read marks
//	receipts.go receipts of single messages
//	reactions.go reactions to them
//	extensions.go keys and values that readers add to them
//	topics.go    topics of communities
//	cursor.go   merging cursors, component by component
//	flush.go    what the page is told, and acknowledging it to the gateway
//	calls.go    calls of the page about the list and its conversations
//	opened.go   conversations that began here, before their first message
//	history.go  pages of a conversation's history; sends
//	watch.go    whose status is watched
//	contacts.go friends, applications and friend groups: lists that are the page's
//	groups.go   the groups that the user is in
package mailbox
