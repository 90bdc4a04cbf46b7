// Package jsonframe turns the frames of package frame into JSON-RPC 2.0 text
// and back, with encoding/json. The gateway and Go clients use it; wasm has
// the host's own JSON and never imports this package.
//
//	limits.go  what both sides refuse before they parse
//	client.go  the half of who asks
//	server.go  the half of the gateway
//	scan.go    the members of a frame, one by one
//	plain.go   frames as most are, in one pass
//	write.go   JSON without reflection
//	params.go  the params of a request into a struct
//	object.go  a frame.Body over raw JSON
package jsonframe
