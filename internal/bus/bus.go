// Package bus is how timd uses NATS: a server embedded in the process, or a
// connection to a cluster that others run. Everything that gateways share goes
// through it; the rooms keep their streams on it.
//
//	names.go     every stream, bucket and subject, with what it holds
//	bus.go       Open, and what a Bus says about itself
//	embedded.go  the server in this process: its directory, a full disk
//	room.go      how much is stored, and when it is too much
//	free_statfs.go, lock_unix.go  what differs between systems
//	external.go  the connection to a cluster
//	examine.go   what timd doctor asks of a cluster
//	stream.go    streams are made; values are read and set by compare-and-set
//	streams.go   what is asked of a stream as a whole
//	ports.go     what rooms need that keep logs: Log, Follower
//	answers.go   what JetStream answers when something is stored
//	log.go       logs: read by position, appended to, waiting out an election
//	many.go      the newest records of many subjects in one request
//	follow.go    everything new in a stream, in order and without gaps
//	watch.go     the keys of a bucket, as they are set
//	events.go    a stream of events, which all gateways read together
//	signal.go    signals, which are never stored
//	beside.go    a second connection, for rooms that move many bytes
//	spread.go    many calls of the store at once
//	within.go    a time limit for a call that may have one
//	fault.go     what a client is told of an error
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Memory as Options.Data keeps everything in memory, for tests.
const Memory = "memory"

// ErrInUse is returned by Open when another process holds the data directory.
var ErrInUse = errors.New("in use by another process")

// Options say which NATS to use: either Data or URLs is given.
type Options struct {
	// Data is the directory of the embedded server, created if it is absent,
	// or Memory. It is used when URLs is empty.
	Data string
	// SyncAlways makes the embedded server fsync before it acknowledges, so
	// that what was acknowledged survives a power loss and not only kill -9.
	SyncAlways bool
	// MaxStore is how many bytes the embedded server may keep. 0 means 80 % of
	// the space that is free at the start or already used by the store, and no
	// limit in memory. Callers that store at a client's wish ask Room first.
	MaxStore int64

	// URLs of an external NATS with JetStream, for example
	// "nats://10.0.0.1:4222,nats://10.0.0.2:4222".
	URLs string
	// Creds is a NATS credentials file, CA a PEM file of the certificates that
	// may sign those of the servers. Both may be empty.
	Creds, CA string

	// Name identifies this process to the cluster: the node's name.
	Name string
	// Log receives what happens to the connection; slog.Default when nil.
	Log *slog.Logger
}

// Bus is a running connection. It is safe for concurrent use.
type Bus struct {
	nc       *nats.Conn
	reads    *nats.Conn // of what takes long: NATS serves one read of a connection at a time
	follows  *nats.Conn // of followers, so that records do not wait for all that nc is asked
	js       jetstream.JetStream
	answers  answers // to what nc has stored
	log      *slog.Logger
	replicas int
	embedded *embedded // nil when external
	beside   bool      // another Bus has made embedded, and ends both
	// down says that nc is not connected. Up is asked for every frame, and nc
	// itself would answer under the lock that it holds while it writes.
	down atomic.Bool
	room room
	dial func(...nats.Option) (*nats.Conn, error)

	stop func() // ends what wg counts; nil before it runs
	wg   sync.WaitGroup

	mu       sync.Mutex
	onChange []func(up bool)
	sides    []*Bus // that Beside has made
}

// Open starts the embedded server or connects to the external one, and returns
// once JetStream answers. Its errors are one line that says what to do.
func Open(ctx context.Context, o Options) (*Bus, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Name == "" {
		o.Name = "timd"
	}
	b := &Bus{log: o.Log, replicas: 1}
	var err error
	switch {
	case o.URLs != "": // --data has a default, so both may be set
		err = b.connect(ctx, o)
	case o.Data != "":
		err = b.embed(ctx, o)
	default:
		err = errors.New("no NATS: give a data directory for the embedded server or the URL of an external one")
	}
	if err == nil {
		err = b.measure(ctx, o)
	}
	if err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Conn returns the connection, for subjects that no stream holds.
func (b *Bus) Conn() *nats.Conn { return b.nc }

// JetStream returns the interface to streams.
func (b *Bus) JetStream() jetstream.JetStream { return b.js }

// Replicas returns how many copies a stream should have: 3 on a cluster, else
// 1.
func (b *Bus) Replicas() int { return b.replicas }

// Storage returns the type of storage that streams should have.
func (b *Bus) Storage() jetstream.StorageType {
	if b.embedded != nil && b.embedded.memory {
		return jetstream.MemoryStorage
	}
	return jetstream.FileStorage
}

// Embedded reports whether the server runs in this process.
func (b *Bus) Embedded() bool { return b.embedded != nil }

// Up reports whether NATS is connected at this moment.
func (b *Bus) Up() bool { return b.nc != nil && !b.down.Load() }

// OnChange registers f to be called whenever the connection is lost (false) or
// back (true). f must not block.
func (b *Bus) OnChange(f func(up bool)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.onChange = append(b.onChange, f)
}

func (b *Bus) changed(up bool) {
	b.mu.Lock()
	fs := b.onChange
	b.mu.Unlock()
	for _, f := range fs {
		f(up)
	}
}

// Close ends the connection and the embedded server, and releases the data
// directory. It may be called more than once.
func (b *Bus) Close() {
	if b.stop != nil {
		b.stop()
		b.wg.Wait()
	}
	b.mu.Lock()
	sides := b.sides
	b.mu.Unlock()
	for _, side := range sides {
		side.Close()
	}
	for _, nc := range []*nats.Conn{b.nc, b.reads, b.follows} {
		if nc != nil {
			nc.Close()
		}
	}
	b.down.Store(true)
	if b.embedded != nil && !b.beside {
		b.embedded.stop()
	}
}

// options returns the options that both kinds of connection share.
func (b *Bus) options(name string) []nats.Option {
	return []nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		// Two refusals in a row would end the connection for good, but
		// accounts may be in the middle of a change.
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectJitter(100*time.Millisecond, 250*time.Millisecond),
		nats.PingInterval(5 * time.Second),
		nats.MaxPingsOutstanding(2),
		// A write during an outage must fail instead of waiting in a buffer:
		// its caller has given up by the time it would be sent.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				b.log.Warn("NATS connection lost", "error", err)
			}
			b.down.Store(true)
			b.changed(false)
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			b.log.Info("NATS connection is back", "server", nc.ConnectedUrlRedacted())
			b.down.Store(false)
			b.changed(true)
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			b.log.Warn("NATS error", "error", err, "subject", subject)
		}),
	}
}

// openMore makes the connections beside the first one. All lead to the same
// servers, so what happens to these is not said again.
func (b *Bus) openMore(name string) error {
	for _, c := range []struct {
		nc   **nats.Conn
		what string
	}{{&b.reads, " reads"}, {&b.follows, " follows"}} {
		var err error
		*c.nc, err = b.dial(append(b.options(name+c.what),
			nats.DisconnectErrHandler(nil), nats.ReconnectHandler(nil), nats.SyncQueueLen(answersQueue))...)
		if err != nil {
			return err
		}
	}
	return nil
}

// stream creates the JetStream context and waits until JetStream answers.
func (b *Bus) stream(ctx context.Context, what string) error {
	js, err := jetstream.New(b.nc)
	if err != nil {
		return fmt.Errorf("no JetStream on %s: %w", what, err)
	}
	b.js = js
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := js.AccountInfo(ctx); err != nil {
		if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
			return fmt.Errorf("%s runs without JetStream: start it with -js", what)
		}
		return fmt.Errorf("JetStream on %s does not answer: %w", what, err)
	}
	return nil
}
