package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Events returns the configuration of a stream that keeps everything said on some
// subjects for a while.
func Events(name, description, subjects string, age time.Duration) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        name,
		Description: description,
		Subjects:    []string{subjects},
		MaxAge:      age,
		AllowDirect: true,
	}
}

// OpenEvents makes such a stream if it is absent.
func (b *Bus) OpenEvents(ctx context.Context, name, description, subjects string, age time.Duration) error {
	_, err := b.Ensure(ctx, Events(name, description, subjects, age))
	return err
}

// Share returns a durable consumer that is shared by all gateways which open it
// under this name: each message goes to one of them, again and again until it
// is acknowledged. Messages of one subject come in order, unless one has to be
// repeated.
func (b *Bus) Share(ctx context.Context, stream, name string) (c jetstream.Consumer, err error) {
	err = Retry(ctx, func(ctx context.Context) error {
		c, err = b.js.CreateOrUpdateConsumer(ctx, stream, jetstream.ConsumerConfig{
			Durable:    name,
			AckPolicy:  jetstream.AckExplicitPolicy,
			AckWait:    10 * time.Second,
			MaxDeliver: -1,
			// Up to this many may wait for a receiver that does not accept
			// them.
			MaxAckPending: 1024,
		})
		return err
	})
	return c, err
}

// QueueConfig describes a stream that keeps messages until somebody has taken
// them, through Share.
type QueueConfig struct {
	Stream, Description string
	Subjects            string        // a pattern
	MaxAge              time.Duration // older messages go
	Most                int64         // of more than these, the oldest go
}

// OpenQueue makes such a stream, or updates it.
func (b *Bus) OpenQueue(ctx context.Context, c QueueConfig) error {
	_, err := b.Ensure(ctx, jetstream.StreamConfig{
		Name: c.Stream, Description: c.Description, Subjects: []string{c.Subjects}, AllowDirect: true,
		Retention: jetstream.WorkQueuePolicy, MaxAge: c.MaxAge, MaxMsgs: c.Most, Discard: jetstream.DiscardOld,
	})
	return err
}

// JournalConfig describes a stream whose subjects keep what was stored, within
// bounds.
type JournalConfig struct {
	Stream, Description string
	Subjects            string        // a pattern
	MaxAge              time.Duration // older messages go
	Keep                int64         // how many of its newest messages a subject keeps
	MaxBytes            int64         // of all subjects; the oldest messages go
}

// OpenJournal makes such a stream, or updates it.
func (b *Bus) OpenJournal(ctx context.Context, c JournalConfig) error {
	_, err := b.Ensure(ctx, jetstream.StreamConfig{
		Name: c.Stream, Description: c.Description, Subjects: []string{c.Subjects}, AllowDirect: true,
		MaxAge: c.MaxAge, MaxMsgsPerSubject: c.Keep, MaxBytes: c.MaxBytes, Discard: jetstream.DiscardOld,
	})
	return err
}

// Enqueue stores a message behind all others of its stream. One with the id of another
// that was stored less than 2 minutes ago is not stored again. After an error it
// is unknown whether it was stored.
func (b *Bus) Enqueue(ctx context.Context, subject string, data []byte, id string) error {
	m := nats.NewMsg(subject)
	m.Data = data
	m.Header.Set(jetstream.MsgIDHeader, id)
	_, err := b.store(ctx, m, nil)
	return err
}

// Entry is a message that EnqueueAll stores.
type Entry struct {
	Subject string
	Data    []byte
}

// EnqueueAll stores messages behind all others of the stream that has their subjects,
// in their order. It costs less than to store each: only the first and the last one
// are answered, and their positions must lie as far apart as the messages. After an
// error any of them may be stored or not. Where the stream's leader changes meanwhile
// and others store as well, one between them may be lost without an error: it is for
// what may be missing.
func (b *Bus) EnqueueAll(ctx context.Context, entries []Entry) error {
	if err := ctx.Err(); err != nil || len(entries) == 0 {
		return err
	}
	last := len(entries) - 1
	head, err := b.send(ctx, message(entries[0]), nil)
	if err != nil {
		return err
	}
	tail := head
	for i := 1; i <= last && err == nil; i++ {
		if i < last {
			err = b.nc.PublishMsg(message(entries[i]))
		} else {
			tail, err = b.send(ctx, message(entries[i]), nil)
		}
	}
	if err != nil {
		b.answers.take(head.n)
		return err
	}
	first, err := b.await(ctx, head)
	if last == 0 {
		return err
	}
	end, endErr := b.await(ctx, tail)
	if err := errors.Join(err, endErr); err != nil {
		return err
	}
	if end.Seq-first.Seq < uint64(last) {
		return errors.New("NATS has stored only some of the messages that were sent together")
	}
	return nil
}

func message(e Entry) *nats.Msg { return &nats.Msg{Subject: e.Subject, Data: e.Data} }
