package bus

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// Publish sends a signal to everybody who listens to a subject at this moment,
// on any gateway. It is not stored, and it may be lost.
func (b *Bus) Publish(subject string, data []byte) error { return b.nc.Publish(subject, data) }

// Heard is a signal as a listener gets it.
type Heard struct {
	Subject string
	Data    []byte
	// Answer answers a Request; nobody waits for an answer to anything else.
	Answer func(data []byte)
}

// Listen has handle called with the signals on the subjects that a pattern
// matches, one after the other. After stop no call begins; the last one may
// still run.
func (b *Bus) Listen(pattern string, handle func(h Heard)) (stop func(), err error) {
	sub, err := b.nc.Subscribe(pattern, func(m *nats.Msg) {
		handle(Heard{m.Subject, m.Data, func(data []byte) { _ = m.Respond(data) }})
	})
	if err != nil {
		return nil, err
	}
	return func() { _ = sub.Unsubscribe() }, nil
}

// Subscribe is Listen for those who need only the data.
func (b *Bus) Subscribe(subject string, handle func(data []byte)) (stop func(), err error) {
	return b.Listen(subject, func(h Heard) { handle(h.Data) })
}

// Flush waits until the server knows of each Listen before it.
func (b *Bus) Flush(within time.Duration) error { return b.nc.FlushTimeout(within) }

// Request sends a signal and returns the first answer.
func (b *Bus) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	m, err := b.nc.RequestWithContext(ctx, subject, data)
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}
