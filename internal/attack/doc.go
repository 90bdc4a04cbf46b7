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
//	suite_test.go      each of the other attacks once
//	attacker_test.go   the list of them
//	malformed_test.go  wrong parameters and texts that are no requests
//	protocol_test.go   RFC 6455, handshakes, mutated HTTP
//	strangers_test.go  other people's conversations, other apps, old sockets and UserSigs, forged farewells
//	dark_test.go       links that go dark
//	exhaust_test.go    hoarders, floods, a reader who does not read
//	soak_test.go       all of it for as long as is wanted, and how it felt
//	tally_test.go      bad inputs by kind, and what came of them
//
// make test runs each attack once, 2,000 hang-ups, and some between two gateways
// of a cluster, against a timd that is built with the race detector. It promises nothing about time. It fails on a
// crash, a panic, a race, an answer with a code that blames the gateway, a
// byte of other people's messages, an honest user who is not served, and on
// anything that is left: sockets, sessions, users, watches, goroutines
// (/metrics has them) are as many as before. An attack by name:
//
//	go test -v -run TestAttacks/strangers ./internal/attack
//
// make soak runs the attacks from four hands in a process of its own beside a
// timd without the race detector: SOAK=10m for longer than two minutes. In
// turns, busy loops take their place that use as much CPU as the attackers
// used. It prints how long the logins and messages of honest users took in
// both cases; the ratio of the 99th percentiles must be 2 at most. A line of
// the table of bad inputs is a kind, how many there were, and how often each
// code, close code or HTTP status came.
//
// make fuzz runs every fuzz target of the module, FUZZTIME=30s each. Those of
// the whole server are in package timd, where the fuzzer sees which code an
// input reaches.
//
// Whoever adds a method adds a row to methods.go; a test asks for it.
package attack
