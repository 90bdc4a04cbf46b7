package registry

import (
	"context"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// Bus is what a registry needs of a bus.Bus: buckets, events and signals. Package
// busmodel has it in memory.
type Bus interface {
	store

	// OpenBucket and OpenEvents make a stream if it is absent.
	OpenBucket(ctx context.Context, bucket, description string) error
	OpenEvents(ctx context.Context, name, description, subjects string, age time.Duration) error
	OpenJournal(ctx context.Context, c bus.JournalConfig) error
	// EnqueueAll stores values behind all others of their stream.
	EnqueueAll(ctx context.Context, entries []bus.Entry) error
	// Next returns the first value from a position on, Batch the first ones. Any
	// replica may answer.
	Next(ctx context.Context, stream, filter string, seq uint64) (bus.Value, error)
	Batch(ctx context.Context, stream, filter string, seq uint64, n int) ([]bus.Value, error)
	// Extent says how long a stream is.
	Extent(ctx context.Context, stream string) (bus.Extent, error)
	Purge(ctx context.Context, stream, pattern string) error
	// WatchBucket returns a function that follows the keys of a bucket until life
	// ends.
	WatchBucket(ctx, life context.Context, bucket, pattern string) (follow func(handle func(key string, v bus.Value)), err error)

	Publish(subject string, data []byte) error
	Subscribe(subject string, handle func(data []byte)) (stop func(), err error)
	Listen(pattern string, handle func(h bus.Heard)) (stop func(), err error)
	// Flush waits until each Listen before it is in force.
	Flush(within time.Duration) error
	Request(ctx context.Context, subject string, data []byte) ([]byte, error)

	// Embedded reports whether no other process shares the data.
	Embedded() bool
	// Up reports whether NATS is connected, and OnChange has f called when that
	// changes.
	Up() bool
	OnChange(f func(up bool))
}
