// Package capacity says how many gateways, NATS servers, links and disks some number of
// users takes, and what gives first as they become more. It reckons with unit costs that
// benchmarks of this repository have measured, and simulates how conversations fall on
// partitions and partitions on servers. Nothing of timd uses it; the table in
// internal/README.md is its output.
//
//	costs.go      what one login, message, session and conversation takes
//	model.go      from users to machines, and what gives first
//	partition.go  the simulation of partitions
//	table.go      the table in internal/README.md
package capacity
