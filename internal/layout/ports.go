package layout

import (
	"context"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// Bus is what Settle and Tidy need of a bus.Bus. Package busmodel has it in
// memory.
type Bus interface {
	// OpenLog makes a stream of logs, or updates an older one to this
	// configuration.
	OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error)
	// LastAtLeader reads the newest message of a subject, or bus.ErrNoValue.
	LastAtLeader(ctx context.Context, stream, subject string) (bus.Value, error)
	// Put stores the newest message of a subject by compare-and-set, or fails
	// with bus.ErrConflict.
	Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error)
	// Batch reads up to n messages from a sequence number on, from any replica,
	// which may lack the last ones.
	Batch(ctx context.Context, stream, filter string, seq uint64, n int) ([]bus.Value, error)
	// Stored returns how many messages a stream holds; 0 if there is no stream.
	Stored(ctx context.Context, stream string) (uint64, error)
	// Has reports whether there is a stream.
	Has(ctx context.Context, stream string) (bool, error)
	// Subjects returns the subjects of a stream that hold something.
	Subjects(ctx context.Context, stream string) ([]string, error)
	// Fence keeps gateways of the first layout from starting.
	Fence(ctx context.Context, stream string) error
	// Purge removes the messages of a subject.
	Purge(ctx context.Context, stream, subject string) error
	// Embedded reports whether no other process can have this store.
	Embedded() bool
}
