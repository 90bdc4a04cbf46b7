package bus

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tim-wasm/tim/internal/fault"
)

// silent lists the errors that mean: NATS has not answered in time, and may
// answer the next request.
var silent = []error{
	context.DeadlineExceeded, context.Canceled, ErrNoLeader,
	nats.ErrTimeout, nats.ErrNoResponders, nats.ErrConnectionClosed, nats.ErrDisconnected,
	nats.ErrReconnectBufExceeded, jetstream.ErrNoStreamResponse,
}

// Fault returns what a client is told about an error of the store: a
// *fault.Error as it is, 70169 when NATS did not answer in time, 70507 when it
// has no room, and 70500 for anything unexpected, which the caller logs. nil
// stays nil.
func Fault(err error) *fault.Error {
	var f *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f):
		return f
	case NoRoom(err):
		return fault.New(fault.StoreFull)
	}
	for _, s := range silent {
		if errors.Is(err, s) {
			return fault.New(fault.ServerTimeout)
		}
	}
	return fault.New(fault.Internal)
}
