// Package registry keeps who is online where, in NATS key-value: one record a
// user, changed by compare-and-set only. It implements gateway.Registry.
package registry

import (
	"context"
	"log/slog"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/gateway"
)

// Options of Open. Bus and Node are required.
type Options struct {
	Bus *bus.Bus
	// Node is this gateway's name, unique in the cluster; a random boot id is
	// added to it.
	Node string
	// Grace is how long a lost link counts as disconnected before its place
	// ends; 60 s when 0. CleanGrace is the same after a page was closed; 5 s.
	Grace, CleanGrace time.Duration
	// Known asks whether an account was imported; nil when any may log in.
	Known func(ctx context.Context, u gateway.User) (bool, error)
	// Events keeps the durable events of webhooks (stream EventStream).
	Events bool
	// Log is slog.Default when nil.
	Log *slog.Logger
	// Observe, if given, gets each operation on the store: its name, how long
	// it took, how often its compare-and-set met another's write, and its
	// error.
	Observe func(op string, took time.Duration, conflicts int, err error)
}

// Registry implements gateway.Registry. It is safe for concurrent use.
type Registry struct{}

var _ gateway.Registry = (*Registry)(nil)
