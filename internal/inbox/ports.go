package inbox

import (
	"context"

	"github.com/tim-wasm/tim/internal/bus"
)

// Bus is what the inbox needs of a bus.Bus: logs, and signals that nothing
// stores. Package busmodel has it in memory.
type Bus interface {
	// OpenLog makes a stream of logs, or brings an older one up to what is said
	// of it.
	OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error)
	// Publish says something to every gateway.
	Publish(subject string, data []byte) error
	// Subscribe has handle called with what any gateway says, one after the
	// other. After stop no call begins; the last one may still run.
	Subscribe(subject string, handle func(data []byte)) (stop func(), err error)
}
