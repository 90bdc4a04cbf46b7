package rest

import (
	"context"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// Cluster is what is known of the gateways that run and of their NATS.
type Cluster struct {
	Gateways []string // node and boot id of each that holds a lease
	Here     string   // the one that answers
	Sessions int64    // on it
	Embedded bool     // NATS runs in its process
	NATS     bus.Health
	Webhook  bool  // events are sent somewhere
	Waiting  int64 // events that the receiver has not accepted yet; -1: unknown
}

// copies is the state of a stream in timd_cluster/get.
type copies struct {
	Name     string
	Replicas int
	Leader   string   // "" while there is none, and on a server by itself
	Missing  []string // servers whose copy is offline or behind
}

// clusterGet: {} returns what is known of the gateways, of NATS, of the webhook's
// queue, and of the app's keys. Keys themselves are never told.
func (a *API) clusterGet(ctx context.Context, c *call) (reply, error) {
	if a.o.Cluster == nil {
		return nil, fault.With(fault.InvalidOperation, "this timd knows of no cluster")
	}
	k, err := a.o.Cluster(ctx)
	if err != nil {
		return nil, err
	}
	streams := make([]copies, len(k.NATS.Streams))
	for i, s := range k.NATS.Streams {
		streams[i] = copies{s.Name, s.Replicas, s.Leader, s.Missing}
		if s.Missing == nil {
			streams[i].Missing = []string{}
		}
	}
	type gateway struct {
		Gateway string
		Here    bool
	}
	gateways := make([]gateway, len(k.Gateways))
	for i, name := range k.Gateways {
		gateways[i] = gateway{name, name == k.Here}
	}
	return reply{
		"GatewayList": gateways, "SessionNum": k.Sessions,
		"Server": k.NATS.Server, "Version": k.NATS.Version, "ClusterName": k.NATS.Cluster, "Embedded": k.Embedded,
		"UsedBytes": k.NATS.Room.Used, "LimitBytes": k.NATS.Room.Limit, "StreamList": streams,
		"Webhook": k.Webhook, "WebhookWaiting": k.Waiting, "KeyNum": len(a.o.Keys(c.app)),
	}, nil
}
