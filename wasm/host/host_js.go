//go:build js && wasm

// Package host provides the client with what a browser offers: a WebSocket,
// timers, storage, randomness, and events about the network and visibility.
//
// Everything comes from the global scope, and everything in it may be absent: a
// worker has no document, Node no listeners, and a mini program only what the
// loader puts into the scope that it passes to the Go glue as globalThis.
//
//	host_js.go    the Host
//	socket_js.go  one WebSocket, which ends once
//	timer_js.go   timers, and a later task
//	page_js.go    the network and visibility
//	upload_js.go  files to the gateway
package host

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/client"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/session"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// Client is what a host calls when something happens.
type Client interface {
	OnOpen(gen session.Gen)
	OnDialFailed(gen session.Gen, detail string)
	OnFrame(gen session.Gen, m frame.Message)
	OnUnwritten(gen session.Gen, id int64, err *fault.Error)
	OnClose(gen session.Gen, code int, reason string)
	OnTimer(t session.Timer)
	OnTask()
	OnNetwork(online bool)
	OnShown()
}

// Config of a new Host.
type Config struct {
	URL        string // of the gateway's WebSocket
	StorageKey string // where Store keeps its text
	Emit       func(name string, data frame.Body)
	OnPanic    func(reason string) // called after a panic in a callback
}

// Host is a browser-shaped client.Host. After Release it does nothing more.
type Host struct {
	config Config
	client Client
	scope  bridge.Scope
	clock  clock

	sockets   map[session.Gen]*socket
	timers    map[session.Timer]*timer
	uploads   map[*Upload]struct{}
	tasks     tasks
	listening []listening
	stored    string // what this host has stored
	released  bool
}

var _ client.Host = (*Host)(nil)

// New makes a host that is silent until Attach.
func New(config Config) *Host {
	h := &Host{
		config:  config,
		sockets: map[session.Gen]*socket{},
		timers:  map[session.Timer]*timer{},
		uploads: map[*Upload]struct{}{},
	}
	h.scope.OnPanic = config.OnPanic
	return h
}

// Attach sets the client, and starts to listen for changes of the network and of
// visibility. The client may have dialled already.
func (h *Host) Attach(c Client) {
	h.client = c
	h.listen()
}

// Release closes what is open, stops the timers, removes every listener and frees
// every function. The client is not called any more.
func (h *Host) Release() {
	if h.released {
		return
	}
	h.released = true
	for gen := range h.sockets {
		h.Close(gen, 1000, "")
	}
	for t := range h.timers {
		h.StopTimer(t)
	}
	for u := range h.uploads {
		u.abort()
	}
	h.tasks.close()
	for _, l := range h.listening {
		l.remove()
	}
	h.listening = nil
	h.scope.Release()
}

// Now implements client.Host.
func (h *Host) Now() int64 { return h.clock.now() }

// URL implements client.Host.
func (h *Host) URL() string { return h.config.URL }

// Emit implements client.Host.
func (h *Host) Emit(name string, data frame.Body) { h.config.Emit(name, data) }

// Rand implements client.Host. A scope without crypto.getRandomValues cannot
// be used, because an instance's secret must not be guessable.
func (h *Host) Rand(b []byte) {
	array, err := bridge.Global("Uint8Array").New(len(b))
	if err == nil {
		_, err = bridge.Global("crypto").Call("getRandomValues", array)
	}
	if err == nil {
		_, err = safejs.CopyBytesToGo(b, array)
	}
	if err != nil {
		panic("crypto.getRandomValues is missing or failed: " + err.Error())
	}
}
