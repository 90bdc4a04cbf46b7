package bus

import (
	"context"
	"fmt"
)

// Beside returns a Bus on the same NATS with a connection of its own. NATS
// serves the requests of one connection in order, so a room that moves many
// bytes takes one of its own, and messages do not wait behind them. It ends
// with the Bus that made it, which also measures the room in the store and
// reports changes for both.
func (b *Bus) Beside(ctx context.Context, name string) (*Bus, error) {
	side := &Bus{log: b.log, replicas: b.replicas, embedded: b.embedded, beside: true}
	var err error
	side.nc, err = b.dial(side.options(name)...)
	side.reads, side.follows = side.nc, side.nc
	if err == nil {
		err = side.stream(ctx, "NATS")
	}
	if err != nil {
		side.Close()
		return nil, fmt.Errorf("no second connection to NATS, for %s: %w", name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sides = append(b.sides, side)
	return side, nil
}
