package timd

import (
	"context"
	"encoding/json"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/registry"
)

// ownInstance is what a user sees of one of their instances.
type ownInstance struct {
	InstanceID string         `json:"instanceID"` // for kickInstance
	Platform   place.Platform `json:"platform"`
	State      registry.State `json:"state"`     // online, disconnected
	LoginTime  int64          `json:"loginTime"` // Unix ms
	Address    string         `json:"address"`
	IsSelf     bool           `json:"isSelf"` // the caller's own
}

// What listing one's instances and ending one costs, in operations of the
// store: the registry reads a record, and changes it and signals that.
const (
	listCost = 2
	kickCost = 5
)

// serveInstances lets users list and end their own instances, at their cost.
func serveInstances(_ context.Context, t *running) error {
	handle := func(method string, cost int, h gateway.Handler) {
		t.gateway.Handle(method, func(ctx context.Context, s *gateway.Session, params json.RawMessage) (any, error) {
			result, f := t.inbox.Serve(ctx, s.User(), method, params, false, func(ctx context.Context) (any, error) {
				inbox.Asked(ctx, cost)
				return h(ctx, s, params)
			})
			if f != nil {
				return nil, f
			}
			return result, nil
		})
	}
	handle(frame.InstanceList, listCost, func(ctx context.Context, s *gateway.Session, _ json.RawMessage) (any, error) {
		v, err := t.reg.GetCurrent(ctx, s.User())
		if err != nil {
			return nil, err
		}
		out := make([]ownInstance, len(v.Instances))
		for i, in := range v.Instances {
			out[i] = ownInstance{
				InstanceID: in.Instance, Platform: in.Platform, State: in.State, LoginTime: in.LoginAt, Address: in.Addr,
				IsSelf: in.Instance == s.Place().Instance,
			}
		}
		return map[string]any{"instances": out}, nil
	})
	handle(frame.InstanceKick, kickCost, func(ctx context.Context, s *gateway.Session, params json.RawMessage) (any, error) {
		p, f := jsonframe.ParamsOf[struct {
			InstanceID string `json:"instanceID"`
		}](params)
		switch {
		case f != nil:
			return nil, f
		case p.InstanceID == "":
			return nil, fault.With(fault.BadParameters, "instanceID must be one that getOnlineInstances gave")
		}
		kicked, err := t.reg.KickInstance(ctx, s.User(), p.InstanceID)
		if err != nil {
			return nil, err
		}
		return map[string]bool{"kicked": kicked}, nil
	})
	return nil
}
