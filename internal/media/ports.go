package media

import (
	"context"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// Bus is what files need of a bus.Bus. Package busmodel has it in memory.
type Bus interface {
	OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error)
	Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error)
	// Last may return an old value, LastAtLeader does not.
	Last(ctx context.Context, stream, subject string) (bus.Value, error)
	LastAtLeader(ctx context.Context, stream, subject string) (bus.Value, error)
	Batch(ctx context.Context, stream, filter string, seq uint64, n int) ([]bus.Value, error)
	Purge(ctx context.Context, stream, pattern string) error
	// Size is how many bytes a stream takes.
	Size(ctx context.Context, stream string) (uint64, error)
	// Replicas is how many copies of each stream there are.
	Replicas() int
}
