package bus

import "github.com/nats-io/nats.go"

// Publish says something to all who listen to a subject at this moment, on
// whatever gateway. Nothing keeps it, and it may be lost.
func (b *Bus) Publish(subject string, data []byte) error { return b.nc.Publish(subject, data) }

// Subscribe has handle called with what is said on a subject, one after the
// other. After stop no call begins; the last one may still run.
func (b *Bus) Subscribe(subject string, handle func(data []byte)) (stop func(), err error) {
	sub, err := b.nc.Subscribe(subject, func(m *nats.Msg) { handle(m.Data) })
	if err != nil {
		return nil, err
	}
	return func() { _ = sub.Unsubscribe() }, nil
}
