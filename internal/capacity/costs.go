package capacity

import "time"

// Costs are what timd and NATS take for one of something. Those of Measured were taken
// on two cores of the machine that the results page names, most of them beside other
// work, so they are on the safe side.
type Costs struct {
	// Login is the gateway's CPU for a login, its registry and history included.
	Login time.Duration
	// Ping is the gateway's CPU for a heartbeat of a session that says nothing else, with
	// all that its connection and timers cost until the next one.
	Ping time.Duration
	// Served is the CPU of the gateway that serves a message's sender and receiver.
	Served time.Duration
	// Heard is the CPU of each further gateway: it hears of every message, since a
	// follower brings it whole partitions, and drops what nobody there needs.
	Heard time.Duration
	// Stored is the CPU of all replicas of NATS together for a message and what is
	// written beside it, and Sent that for each gateway that hears of it.
	Stored, Sent time.Duration
	// Session is the resident memory in a gateway of a session that has synchronised, and
	// Conversation that of each conversation of its user, both in bytes.
	Session, Conversation int64
	// Subject is what NATS keeps in memory for a subject on each replica, in bytes.
	Subject int64
	// Record is a message in the log with its headers, on the disk of one replica and
	// on the way to each gateway; Frames is all that a message puts on its users'
	// connections. Both in bytes.
	Record, Frames int64
	// Writes is how many records a second one stream of three replicas takes.
	Writes float64
	// Documents is among how many streams the documents of conversations are divided.
	Documents int64
}

// Machine is what one server has.
type Machine struct {
	Cores  float64
	Memory int64   // bytes
	Link   float64 // bytes a second
	Disk   int64   // bytes
}

// Usual is a server as one rents it: 8 cores, 32 GB, 10 Gbit/s, 4 TB.
var Usual = Machine{Cores: 8, Memory: 32 << 30, Link: 10e9 / 8, Disk: 4 << 40}

// share is how much of a machine may be used when nothing is amiss. What is left takes a
// third of the others' work when one of three has gone.
const share = 0.6

// Measured are the unit costs of this repository.
var Measured = Costs{
	Login: 290 * time.Microsecond, // BenchmarkLoginPath of 40,000 users, embedded NATS included
	// make crowd: what a gateway of 12,500 sessions took in calm, whose users' messages are
	// all other gateways'. 6 µs with a few hundred sessions, all of whose memory the
	// processor's caches hold (BenchmarkPing).
	Ping:    65 * time.Microsecond,
	Served:  115 * time.Microsecond, // BenchmarkFleet: on three NATS servers, with one to four gateways
	Heard:   16 * time.Microsecond,
	Stored:  195 * time.Microsecond,
	Sent:    6 * time.Microsecond,
	Session: 12_400, // BenchmarkSessions/conversations=0 of 8,000 users
	// 350 bytes live in the inbox (BenchmarkAccounts), and as much garbage may gather. Right
	// after everybody has come at once, BenchmarkSessions/conversations=50 says 1,400, with
	// whatever else that has left in a timd with a store of its own.
	Conversation: 700,
	Subject:      244,    // a file store's index, nats-server 2.15.2
	Record:       450,    // BenchmarkFleet: a short text
	Frames:       1500,   // six frames of a short text, see internal/README.md
	Writes:       20_000, // three nodes with files, 128 writers at once
	Documents:    1,      // TIM_CONV
}
