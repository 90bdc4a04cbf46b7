// Package attack is a client that means harm, and the suite that proves that
// it does none: real sockets against a real timd, with honest users on the
// same gateway. The files, in the order to read them:
//
//	wire.go      a WebSocket by hand: frames cut anywhere, bytes as they are given
//	page.go      accounts, UserSigs and pages to log in as
//	methods.go   plausible parameters of every method of the wire
//	honest.go    a user with the real client, who is not to be hurt
//
//	harness_test.go    the gateway, its honest users, and what it holds at rest
//	hangup_test.go     hang-ups in the middle of every method
//
// make test runs 2,000 hang-ups against a timd that is built with the race
// detector. It promises nothing about time. It fails on a crash, a panic, a
// race, an honest user who is not served, and on anything that is left:
// sockets, sessions, users, watches, goroutines (/metrics has them) are as
// many as before.
//
// Whoever adds a method adds a row to methods.go; a test asks for it.
package attack
