//go:build js && wasm

package host

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// listening is one listener of ours.
type listening struct {
	target safejs.Value
	event  string
	f      *bridge.Func
}

func (l listening) remove() {
	bridge.Call(l.target, "removeEventListener", bridge.String(l.event), l.f.Value())
	l.f.Release()
}

// listen starts to listen for changes of the network and for the page becoming
// visible again.
func (h *Host) listen() {
	scope, document := safejs.Global(), bridge.Global("document")
	h.hear(scope, "online", func(safejs.Value) { h.client.OnNetwork(true) })
	h.hear(scope, "offline", func(safejs.Value) { h.client.OnNetwork(false) })
	h.hear(scope, "pageshow", func(event safejs.Value) {
		// The event is also fired when the page is first shown, with nothing stale.
		if persisted, err := bridge.Get(event, "persisted").Bool(); err == nil && persisted {
			h.client.OnShown()
		}
	})
	h.hear(document, "visibilitychange", func(safejs.Value) {
		if state, _ := bridge.Text(bridge.Get(document, "visibilityState")); state == "visible" {
			h.client.OnShown()
		}
	})
	h.hear(document, "resume", func(safejs.Value) { h.client.OnShown() })
}

func (h *Host) hear(target safejs.Value, event string, then func(event safejs.Value)) {
	if !bridge.IsFunction(bridge.Get(target, "addEventListener")) {
		return
	}
	f := h.scope.Func(func(args []safejs.Value) any {
		if !h.released {
			then(bridge.Arg(args, 0))
		}
		return nil
	})
	bridge.Call(target, "addEventListener", bridge.String(event), f.Value())
	h.listening = append(h.listening, listening{target, event, f})
}

// Online implements client.Host.
func (h *Host) Online() bool {
	online := bridge.Get(bridge.Global("navigator"), "onLine")
	b, err := online.Bool()
	return err != nil || b
}

// Load implements client.Host. Reading sessionStorage itself may throw where
// the user forbids storage.
func (h *Host) Load() string {
	text, _ := bridge.Text(bridge.Call(bridge.Global("sessionStorage"), "getItem", bridge.String(h.config.StorageKey)))
	return text
}

// Store implements client.Host. With an empty text it removes only what this host
// has stored: a newer instance of the same name, or a frame of the same site in
// this tab, may have replaced that.
func (h *Host) Store(text string) {
	storage, key := bridge.Global("sessionStorage"), bridge.String(h.config.StorageKey)
	old := h.stored
	h.stored = text
	switch {
	case text != "":
		bridge.Call(storage, "setItem", key, bridge.String(text))
	case h.Load() == old:
		bridge.Call(storage, "removeItem", key)
	}
}
