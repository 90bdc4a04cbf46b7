package timd

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tim-wasm/tim/internal/rest"
)

// cluster is what the server API shows of the gateways and of their NATS.
func (t *running) cluster(ctx context.Context) (rest.Cluster, error) {
	health, err := t.bus.Examine(ctx)
	if err != nil {
		return rest.Cluster{}, err
	}
	if t.bus.Embedded() {
		health.Room.Limit = t.bus.Room().Limit // the embedded server has none of its own
	}
	return rest.Cluster{
		Gateways: t.reg.Gateways(), Here: t.reg.Gateway(), Sessions: t.gateway.Stats().Sessions, Embedded: t.bus.Embedded(), NATS: health,
		Webhook: t.options.webhook.target != nil, Waiting: waitingIn(ctx, t.queues...),
	}, nil
}

// waitingIn returns how many events some consumers of the webhook's queues have yet
// to be sent, or -1 when NATS does not answer. Consumers may be nil.
func waitingIn(ctx context.Context, queues ...jetstream.Consumer) int64 {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	waiting := int64(0)
	for _, c := range queues {
		if c == nil {
			continue
		}
		info, err := c.Info(ctx)
		if err != nil {
			return -1
		}
		waiting += int64(info.NumPending) + int64(info.NumAckPending)
	}
	return waiting
}
