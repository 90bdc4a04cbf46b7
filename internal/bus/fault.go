package bus

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tim-wasm/tim/internal/fault"
)

// silent are the errors of a NATS that has not answered in time and may answer
// the next request.
var silent = []error{
	context.DeadlineExceeded, context.Canceled, ErrNoLeader,
	nats.ErrTimeout, nats.ErrNoResponders, nats.ErrConnectionClosed, nats.ErrDisconnected,
	nats.ErrReconnectBufExceeded, jetstream.ErrNoStreamResponse,
}

// Fault converts an error of the store to what a client is told: a
// *fault.Error stays as it is, NATS that did not answer in time becomes 70169,
// and anything unexpected 70500, which the caller logs. nil stays nil.
func Fault(err error) *fault.Error {
	var f *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f):
		return f
	}
	for _, s := range silent {
		if errors.Is(err, s) {
			return fault.New(fault.ServerTimeout)
		}
	}
	return fault.New(fault.Internal)
}
