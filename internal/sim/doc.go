// Package sim walks the client's two machines, session and mailbox, many of
// them at once, against a small model of the gateway under virtual time:
// nothing sleeps, and all chance comes from one number. A schedule is a list of
// what users and the network do, made from its seed; it replays byte for byte.
// One that breaks an invariant is shrunk to few actions and printed as a story.
//
// What must hold:
//
//   - a position reaches a page once in a session;
//   - what an instance acknowledges was shown to it;
//   - no event comes behind SDK_NOT_READY, or after a logout was asked for and
//     its session is over;
//   - the total is the sum of the page's list;
//   - every call settles, none later than callWithin;
//   - once the network is good again, every page that is logged in has the
//     gateway's list, every message that was for it, and the whole history.
//
// In reading order:
//
//	doc.go       this page
//	clock.go     virtual time
//	link.go      connections that delay, lose and freeze
//	gateway.go   the model: places, logins, calls
//	store.go     the model: one log, conversations, what each user sees
//	sync.go      the model: what an instance has missed
//	host.go      what a client finds around it
//	page.go      an app, and what it is held to
//	schedule.go  actions, made from a seed; running them; shrinking
package sim
