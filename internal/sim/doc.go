// Package sim runs many clients at once, each with both machines, session and
// mailbox, against a small model of the gateway under virtual time: nothing
// sleeps, and all randomness comes from one seed. A schedule is a list of what
// users and the network do, made from its seed; it replays byte for byte. If one
// breaks an invariant, it is shrunk to a few actions and printed as a story.
//
// The invariants:
//
//   - a position reaches a page once in a session;
//   - an instance acknowledges only what it was shown;
//   - no event comes after SDK_NOT_READY, or after a logout has ended the
//     session;
//   - the total is the sum over the page's list;
//   - every call settles within callWithin;
//   - what is said in a live room reaches only pages that visit it, in which nobody
//     is logged in;
//   - once the network is good again, every page that is logged in has the
//     gateway's list, every message that was for it, and the whole history, and
//     every page that visits the live room hears it.
//
// In reading order:
//
//	doc.go       this page
//	clock.go     virtual time
//	link.go      connections that delay, lose and freeze
//	gateway.go   the model: places, logins, calls
//	store.go     the model: one log, conversations, what each user sees
//	group.go     the model: the group that some of them are in
//	room.go      the model: the live room, and pages that visit it without a login
//	sync.go      the model: what an instance has missed
//	host.go      the host of a client
//	page.go      an app, and the invariants that hold for it
//	schedule.go  actions, made from a seed; running and shrinking them
package sim
