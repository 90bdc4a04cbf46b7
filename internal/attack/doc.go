// Package attack is a hostile client, and the suite that proves that it does no
// harm: real sockets against a real timd, with honest users on the same gateway.
// The files, in the order to read them:
//
//	wire.go      a WebSocket by hand: frames cut anywhere, bytes written unchanged
//	page.go      accounts, UserSigs and pages to log in as
//	methods.go   plausible parameters of every method of the wire
//	honest.go    a user with the real client, who must not be harmed
//
//	harness_test.go    the gateway, its honest users, and what it holds at rest
//	hangup_test.go     hang-ups in the middle of every method
//	suite_test.go      each of the other attacks once
//	attacker_test.go   the list of attacks
//	malformed_test.go  wrong parameters, and texts that are not requests
//	protocol_test.go   RFC 6455, handshakes, mutated HTTP
//	strangers_test.go  other people's conversations, other apps, old sockets and UserSigs, forged farewells
//	visitors_test.go   listening to a live room without a login
//	dark_test.go       links that go dark
//	exhaust_test.go    hoarders, floods, a client that does not read
//	soak_test.go       all attacks for as long as you like, and what honest users feel
//	tally_test.go      bad inputs by kind, and how each was answered
//
// make test runs each attack once, 2,000 hang-ups, and some between two gateways
// of a cluster, against a timd that is built with the race detector. It promises
// nothing about time. It fails on a crash, a panic, a race, an answer whose code
// blames the gateway, a byte of other people's messages, an honest user who is
// not served, and on anything that is left behind: afterwards there must be as
// many sockets, sessions, users, watches and goroutines as before (/metrics). To
// run one attack:
//
//	go test -v -run TestAttacks/strangers ./internal/attack
//
// make soak runs the attacks with four workers in a process of its own, against
// a timd without the race detector, for two minutes or as long as SOAK=10m says.
// In every other phase busy loops take the place of the attackers and use as
// much CPU as those did. It prints how long the logins and messages of honest
// users took in both cases; the ratio of the 99th percentiles must be 2 at most.
// A line in the table of bad inputs has their kind, their number, and how often
// each code, close code or HTTP status was the answer.
//
// make fuzz runs every fuzz target of the module, FUZZTIME=30s each. Those of
// the whole server are in package timd, where the fuzzer sees which code an
// input reaches.
//
// Each new method needs a row in methods.go; a test makes sure of that.
package attack
