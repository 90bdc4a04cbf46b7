// Package signalling tracks the invitations of a client's user as a pure state
// machine: signals in, events out; no clock, timer, lock or I/O of its own. An
// invitation, to a call for example, and its end are custom messages between two
// users or in a group. The gateway stores and delivers them without looking into them, and keeps
// no timer: each client notices by the gateway's clock that an invitation has timed
// out.
//
//	      Open                seen
//	none ------> opening -----------> open <------------+
//	 |             | Failed            ^ |              | Failed
//	 |             v                   | |    Begin     |
//	 |           none                  | +----------> answering
//	 |         an invite is seen       | |              |
//	 +---------------------------------+ | its end is seen, or the time is up
//	                                     v              |
//	                                   ended <----------+
//
// The invitee's clients end an invitation when its time is up, the inviter's 5 s
// later, so that an answer of the last moment still counts. Both send a signal of
// the timeout. All instances of a user give that signal the same ID, so it is
// stored once. An invitee sends it for a few invitations a minute only.
//
// In a group an invitation is open until all invitees have answered, or its inviter
// ends it. Each invitee answers, and is late, for themselves; the table then goes on
// for the others. An invitee's clients notice without a message that the time is up,
// and the inviter's send one for all who have not answered. If an answer is seen
// before the invite, the invitation is unheard until the history has it.
//
// A signal is believed only if its sender may send it, so that nobody can end an
// invitation between others.
//
//	doc.go     this page
//	signal.go  signals, as messages carry them
//	table.go   the invitations of a user, and the events about them
package signalling
