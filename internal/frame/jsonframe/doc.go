// Package jsonframe turns the frames of package frame into JSON-RPC 2.0 text
// and back, with encoding/json. The gateway and Go clients use it; wasm has
// the host's own JSON and never imports this package.
//
// client.go is the half of whoever asks, server.go that of the gateway;
// limits.go holds what both refuse before they parse, scan.go reads the members
// of a frame one by one.
package jsonframe
