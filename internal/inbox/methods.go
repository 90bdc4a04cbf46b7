package inbox

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/place"
)

type nothing struct{}

// call serves a method; its params are not decoded yet.
type call func(ctx context.Context, s *Session, params json.RawMessage) (any, error)

// with makes a call of a function that takes decoded params.
func with[P any](f func(ctx context.Context, s *Session, p P) (any, error)) call {
	return func(ctx context.Context, s *Session, params json.RawMessage) (any, error) {
		p, refused := jsonframe.ParamsOf[P](params)
		if refused != nil {
			return nil, refused
		}
		return f(ctx, s, p)
	}
}

// inConversation makes a call of a function about one conversation, which the
// params name.
func inConversation(f func(ctx context.Context, s *Session, c pair, side int, p conversationParams) (any, error)) call {
	return with(func(ctx context.Context, s *Session, p conversationParams) (any, error) {
		peer, ok := peerOf(p.ConversationID)
		if !ok {
			return nil, fault.With(fault.NoConversation, strconv.Quote(p.ConversationID))
		}
		c := pairOf(s.user.SDKAppID, s.user.UserID, peer)
		return f(ctx, s, c, c.side(s.user.UserID), p)
	})
}

// Methods lists the calls that Session.Call serves.
func Methods() []string { return slices.Sorted(maps.Keys(calls)) }

// calls holds the methods of all families by name.
var calls = func() map[string]call {
	all := map[string]call{}
	for _, family := range []map[string]call{messageCalls, pinCalls, conversationCalls, topicCalls, convGroupCalls, remindAllCalls, peopleCalls} {
		maps.Copy(all, family)
	}
	return all
}()

// Call serves one request of the client; requests are served in the order in
// which they came. It returns the result as JSON, or an error.
func (s *Session) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, *fault.Error) {
	f, ok := calls[method]
	if !ok {
		return nil, &fault.Error{Code: frame.CodeNoMethod, Message: "There is no such method: check " + strconv.Quote(method) + " against the version of the gateway."}
	}
	done, err := s.calls.Take(ctx)
	if err != nil {
		return nil, s.in.failed(method, err)
	}
	defer done()
	s.user.mu.Lock()
	closed := s.closed
	s.user.mu.Unlock()
	if closed {
		return nil, fault.New(fault.NotLoggedIn)
	}
	u := s.user.User
	if !alwaysServed[method] && !s.in.rates.mayWork(u, s.in.now()) {
		return nil, tooCostly(u)
	}
	return s.in.charging(ctx, u, method, params, func(ctx context.Context) (any, error) { return s.serve(ctx, method, f, params) })
}

// charging carries out a call at its user's cost.
func (in *Inbox) charging(ctx context.Context, u place.User, method string, params json.RawMessage, f func(ctx context.Context) (any, error)) (json.RawMessage, *fault.Error) {
	call := newCall(ctx)
	defer call.finish()
	v, err := f(call)
	in.rates.called(u, in.now(), call.cost.operations.Load()+int64(len(params)/costParams), call.cost.stored.Load())
	if err != nil {
		return nil, in.failed(method, err)
	}
	data := encode(v)
	if data == nil {
		return nil, fault.With(fault.Internal, method)
	}
	return data, nil
}

// serve calls a method unless its user may store nothing more. message.send
// checks that itself, because a repetition stores nothing.
func (s *Session) serve(ctx context.Context, method string, f call, params json.RawMessage) (any, error) {
	if growing[method] && method != frame.MessageSend {
		if err := s.in.may(ctx, s.user.User, quotaBytes, 1); err != nil {
			return nil, err
		}
	}
	return f(ctx, s, params)
}
