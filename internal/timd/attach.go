package timd

import (
	"context"
	"encoding/json"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/registry"
	"github.com/tim-wasm/tim/internal/trace"
)

// attach attaches each session of the gateway to the inbox, from its login to
// its end, and passes the client's calls on, except, while the store is full,
// those that would store more.
func attach(t *running) {
	g, in := t.gateway, t.inbox
	of := perSession(t, func(s *gateway.Session) *inbox.Session { return in.Attach(s.User(), s.Place().Instance, s.Notify) })
	for _, method := range inbox.Methods() {
		g.Handle(method, func(ctx context.Context, s *gateway.Session, params json.RawMessage) (any, error) {
			attached, ok := of(s)
			if !ok {
				return nil, fault.New(fault.NotLoggedIn)
			}
			if inbox.Grows(method) && t.storeFull() {
				return nil, fault.New(fault.StoreFull)
			}
			var span *trace.Span
			if method == frame.MessageSend {
				span = t.tracer.Begin(method)
				span.Int("tim.sdk_app_id", int64(s.User().SDKAppID))
				ctx = trace.With(ctx, span)
			}
			result, f := attached.Call(t.onBehalf(ctx, s), method, params)
			if f != nil {
				span.End(int(f.Code))
				return nil, f
			}
			span.End(0)
			switch method {
			case frame.MessageSend:
				t.stats.Sent(s.User().SDKAppID)
			case frame.MessageAck:
				// A client has one out at a time: those of a busy conversation gather
				// until this one is answered.
				return gateway.Unhurried{Result: result}, nil
			}
			return result, nil
		})
	}
}

// perSession attaches each session of the gateway to a room, from its login to
// its end; of returns what the room has for a session.
func perSession[P closer](t *running, attach func(s *gateway.Session) P) (of func(s *gateway.Session) (P, bool)) {
	room := t.attaching
	t.attaching++ // no more than gateway.MostKept
	end := func(s *gateway.Session) {
		if p, ok := s.Forget(room).(closer); ok {
			p.Close()
		}
	}
	t.gateway.OnLogin(func(s *gateway.Session, _ bool) {
		s.Keep(room, attach(s))
		if s.Context().Err() != nil { // it ended meanwhile
			end(s)
		}
	})
	t.gateway.OnEnd(end)
	return func(s *gateway.Session) (part P, ok bool) {
		part, ok = s.Kept(room).(P)
		return part, ok
	}
}

type closer interface{ Close() }

// presence knows from the registry's records who is online.
type presence struct{ reg *registry.Registry }

// Online implements inbox.Presence. Users within their grace are still online.
// Each user costs a read of the registry, perhaps over the network, so many are
// read at once.
func (p presence) Online(ctx context.Context, app uint32, userIDs []string, current bool) ([]bool, error) {
	get := p.reg.Get
	if current {
		get = p.reg.GetCurrent
	}
	out := make([]bool, len(userIDs))
	err := bus.Spread(len(userIDs), func(i int) error {
		v, err := get(ctx, place.User{SDKAppID: app, UserID: userIDs[i]})
		out[i] = v.State != registry.Offline
		return err
	})
	return out, err
}
