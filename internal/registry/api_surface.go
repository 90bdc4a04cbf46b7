package registry

import (
	"context"

	"github.com/tim-wasm/tim/internal/gateway"
)

const errNotYet = "registry: being built; the signatures stand"

// Open takes this gateway's lease and makes the buckets where they are absent.
func Open(ctx context.Context, o Options) (*Registry, error) { panic(errNotYet) }

// Bind starts the answering of signals and the checking of the gateway's
// places; call it once, before the first socket is accepted.
func (r *Registry) Bind(local gateway.Local) error { panic(errNotYet) }

// Close gives the lease back. The gateway's sockets must be gone by then.
func (r *Registry) Close() { panic(errNotYet) }

// Gateway is this gateway's name in records and events: node and boot id.
func (r *Registry) Gateway() string { panic(errNotYet) }

// SealKey is a random key that all gateways of the cluster share, for sealing
// farewell tokens.
func (r *Registry) SealKey() [32]byte { panic(errNotYet) }

func (r *Registry) Admit(ctx context.Context, c gateway.Claim) (gateway.Outcome, error) {
	panic(errNotYet)
}
func (r *Registry) Release(ctx context.Context, p gateway.Place) error             { panic(errNotYet) }
func (r *Registry) Detach(ctx context.Context, p gateway.Place, clean bool) error { panic(errNotYet) }
func (r *Registry) Renew(ctx context.Context, p gateway.Place, signedAt, expiresAt int64) (gateway.Verdict, error) {
	panic(errNotYet)
}
func (r *Registry) Probe(ctx context.Context, h gateway.Holder) bool { panic(errNotYet) }
func (r *Registry) Live() bool                                       { panic(errNotYet) }
