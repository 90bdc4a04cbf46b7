// Package signalling is what a client knows of invitations, as a pure state
// machine: signals in, events out; no clock, timer, lock or I/O of its own. An
// invitation, a call for example, and its end are custom messages between two
// users. The gateway stores and delivers them without looking into them, and
// keeps no timer: each client notices by the gateway's clock that an invitation
// has run out.
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
// The invitee notices the end of the time when it comes, the inviter 5 s later,
// so that an answer of the last moment still counts. Each of them sends a signal
// that says so; all instances of a user give it the same ID, so it is stored
// once. An invitee does so for a few invitations a minute only.
//
// A signal is believed only if its sender may send it: nobody ends an invitation
// of others.
//
//	doc.go     this page
//	signal.go  signals, as messages carry them
//	table.go   the invitations of a user, and the events of what becomes of them
package signalling
