package inbox

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/trace"
)

// followed holds the delivery of messages whose traces are followed, by their IDs:
// from when they are appended until a worker of delivery has told the first sessions.
type followed struct {
	n atomic.Int32 // how many there are: mostly none, and then nothing is looked up

	mu  sync.Mutex // guards what follows
	all map[string]*trace.Span
}

// maxFollowed bounds followed.all: nobody here may receive a message.
const maxFollowed = 256

// part begins a part of the trace that a call belongs to; nil if there is none.
func (in *Inbox) part(ctx context.Context, name string) *trace.Span {
	if !in.o.Traced {
		return nil
	}
	return trace.Of(ctx).Child(name)
}

// appendMessage is append for a message that was just sent, which a trace may follow.
func (in *Inbox) appendMessage(ctx context.Context, p pair, msgID, id string, build func(prev *record) (*record, error)) (r *record, dup bool, err error) {
	span := in.part(ctx, "message.append")
	if span == nil {
		return in.append(ctx, p, msgID, build)
	}
	in.followed.begin(id, in.part(ctx, "message.delivery"))
	r, dup, err = in.append(ctx, p, msgID, build)
	if err != nil || dup {
		in.followed.take(id)
	}
	code := 0
	if err != nil {
		code = int(bus.Fault(err).Code)
	}
	span.End(code)
	return r, dup, err
}

func (f *followed) begin(id string, s *trace.Span) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil || len(f.all) >= maxFollowed { // those whose receivers are not here
		f.all = map[string]*trace.Span{}
	}
	f.all[id] = s
	f.n.Store(int32(len(f.all)))
}

// take returns the delivery of a message, once, if it is followed.
func (f *followed) take(id string) *trace.Span {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.all[id]
	delete(f.all, id)
	f.n.Store(int32(len(f.all)))
	return s
}

// told notes that sessions have been told of a record.
func (f *followed) told(r *record) {
	if f.n.Load() > 0 && r.Kind == kindMessage {
		f.take(r.Message.ID).End(0)
	}
}
