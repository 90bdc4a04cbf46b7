package busmodel_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
)

// whole has what the tests use of a Bus and of its model for values, and for
// streams as a whole.
type whole interface {
	both
	OpenBucket(ctx context.Context, bucket, description string) error
	OpenEvents(ctx context.Context, name, description, subjects string, age time.Duration) error
	OpenJournal(ctx context.Context, c bus.JournalConfig) error
	Enqueue(ctx context.Context, subject string, data []byte, id string) error
	EnqueueAll(ctx context.Context, entries []bus.Entry) error
	Last(ctx context.Context, stream, subject string) (bus.Value, error)
	LastAtLeader(ctx context.Context, stream, subject string) (bus.Value, error)
	Next(ctx context.Context, stream, filter string, seq uint64) (bus.Value, error)
	WatchBucket(ctx, life context.Context, bucket, pattern string) (follow func(handle func(key string, v bus.Value)), err error)
	Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error)
	Batch(ctx context.Context, stream, filter string, seq uint64, n int) ([]bus.Value, error)
	Stored(ctx context.Context, stream string) (uint64, error)
	Has(ctx context.Context, stream string) (bool, error)
	Size(ctx context.Context, stream string) (uint64, error)
	Replicas() int
	Subjects(ctx context.Context, stream string) ([]string, error)
	Fence(ctx context.Context, stream string) error
	Purge(ctx context.Context, stream, subject string) error
}

func TestValuesAndStreams(t *testing.T) {
	ctx := t.Context()
	real, model := nats(t), busmodel.New(busmodel.Options{})
	for name, b := range map[string]whole{"nats": real, "model": model} {
		require.NoError(t, b.OpenBucket(ctx, "b", ""))
		n, err := b.Stored(ctx, "L")
		require.NoError(t, err, name)
		require.Zero(t, n, name)
		there, err := b.Has(ctx, "L")
		require.NoError(t, err, name)
		require.False(t, there, name)
		there, err = b.Has(ctx, "KV_b")
		require.NoError(t, err, name)
		require.True(t, there, "%s: it holds nothing yet", name)
		subjects, err := b.Subjects(ctx, "L")
		require.NoError(t, err, name)
		require.Empty(t, subjects, name)
		require.NoError(t, b.Fence(ctx, "L"), name)

		_, err = b.LastAtLeader(ctx, "KV_b", "$KV.b.k")
		require.ErrorIs(t, err, bus.ErrNoValue, name)
		rev, err := b.Put(ctx, "$KV.b.k", []byte("1"), 0, 0)
		require.NoError(t, err, name)
		_, err = b.Put(ctx, "$KV.b.k", []byte("2"), 0, 0)
		require.ErrorIs(t, err, bus.ErrConflict, name)
		_, err = b.Put(ctx, "$KV.b.k", []byte("2"), rev, 0)
		require.NoError(t, err, name)
		v, err := b.LastAtLeader(ctx, "KV_b", "$KV.b.k")
		require.NoError(t, err, name)
		require.Equal(t, "2", string(v.Data), name)

		l, err := b.OpenLog(ctx, bus.LogConfig{Stream: "L", Subjects: "l.>", Keep: 1})
		require.NoError(t, err, name)
		for _, subject := range []string{"l.c", "l.a", "l.b"} {
			_, _, err = l.Append(ctx, subject, []byte(subject), 0, "")
			require.NoError(t, err, name)
		}
		require.NoError(t, b.Fence(ctx, "L"), name)
		require.NoError(t, b.Fence(ctx, "L"), name)
		n, err = b.Stored(ctx, "L")
		require.NoError(t, err, name)
		require.EqualValues(t, 3, n, name)
		size, err := b.Size(ctx, "L")
		require.NoError(t, err, name)
		require.GreaterOrEqual(t, size, uint64(len("l.cl.cl.al.al.bl.b")), name)
		require.Equal(t, 1, b.Replicas(), name)
		subjects, err = b.Subjects(ctx, "L")
		require.NoError(t, err, name)
		require.Equal(t, []string{"l.a", "l.b", "l.c"}, subjects, name)
		require.NoError(t, b.Purge(ctx, "L", "l.a"), name)
		require.NoError(t, b.Purge(ctx, "absent", "l.a"), name)
		got, err := b.Batch(ctx, "L", ">", 1, 10)
		require.NoError(t, err, name)
		require.Equal(t, []string{"l.c", "l.b"}, []string{got[0].Subject, got[1].Subject}, name)
		got, err = b.Batch(ctx, "L", ">", 2, 1)
		require.NoError(t, err, name)
		require.Len(t, got, 1, name)
		require.EqualValues(t, 3, got[0].Seq, name)
		got, err = b.Batch(ctx, "L", ">", 4, 1)
		require.NoError(t, err, name)
		require.Empty(t, got, name)
	}
}

func TestJournals(t *testing.T) {
	ctx := t.Context()
	real, model := nats(t), busmodel.New(busmodel.Options{})
	for name, b := range map[string]whole{"nats": real, "model": model} {
		require.NoError(t, b.OpenJournal(ctx, bus.JournalConfig{Stream: "J", Subjects: "j.*", MaxAge: time.Hour, Keep: 2, MaxBytes: 1 << 20}), name)
		for _, one := range []string{"1", "2", "2", "3"} { // the second 2 is a repetition
			require.NoError(t, b.Enqueue(ctx, "j.a", []byte(one), one), name)
		}
		require.NoError(t, b.Enqueue(ctx, "j.b", []byte("4"), "4"), name)
		got, err := b.Batch(ctx, "J", "j.*", 1, 10)
		require.NoError(t, err, name)
		var texts string
		for _, v := range got {
			texts += string(v.Data)
		}
		require.Equal(t, "234", texts, name)

		require.NoError(t, b.EnqueueAll(ctx, nil), name)
		require.NoError(t, b.EnqueueAll(ctx, []bus.Entry{{Subject: "j.b", Data: []byte("5")}}), name)
		require.NoError(t, b.EnqueueAll(ctx, []bus.Entry{
			{Subject: "j.b", Data: []byte("6")}, {Subject: "j.c", Data: []byte("7")}, {Subject: "j.b", Data: []byte("6")}, {Subject: "j.d", Data: []byte("8")},
		}), name)
		got, err = b.Batch(ctx, "J", "j.*", 1, 10)
		require.NoError(t, err, name)
		texts = ""
		for _, v := range got {
			texts += v.Subject[2:] + string(v.Data) + " "
		}
		require.Equal(t, "a2 a3 b6 c7 b6 d8 ", texts, name)
		require.Error(t, b.EnqueueAll(ctx, []bus.Entry{{Subject: "nobody's"}, {Subject: "nobody's"}}), name)
		hungUp, cancel := context.WithCancel(ctx)
		cancel()
		require.ErrorIs(t, b.EnqueueAll(hungUp, []bus.Entry{{Subject: "j.a"}}), context.Canceled, name)
	}
}

// The values of a bucket end by their TTL, can be watched, and are read and
// removed by patterns.
func TestBuckets(t *testing.T) {
	for name, b := range map[string]whole{"nats": nats(t), "model": busmodel.New(busmodel.Options{})} {
		ctx := t.Context()
		require.NoError(t, b.OpenBucket(ctx, "b", ""))
		put := func(key, value string, seq uint64, ttl time.Duration) uint64 {
			t.Helper()
			seq, err := b.Put(ctx, "$KV.b."+key, []byte(value), seq, ttl)
			require.NoError(t, err, name)
			return seq
		}
		ends := put("ends.1", "1", 0, time.Millisecond) // rounded up to a second
		other := put("a.1.x", "1", 0, 0)

		watching, stop := context.WithCancel(ctx)
		follow, err := b.WatchBucket(ctx, watching, "b", "a.*.x")
		require.NoError(t, err, name)
		seen, over := make(chan string, 8), make(chan struct{})
		go func() {
			defer close(over)
			follow(func(key string, v bus.Value) { seen <- key + "=" + string(v.Data) })
		}()
		require.Equal(t, "a.1.x=1", <-seen, name)
		put("a.1.y", "1", 0, 0)
		put("a.1.x", "2", other, 0)
		require.Equal(t, "a.1.x=2", <-seen, name)
		stop()
		<-over
		require.Empty(t, seen, name)

		v, err := b.Next(ctx, "KV_b", "$KV.b.a.*.x", 1)
		require.NoError(t, err, name)
		require.Equal(t, "2", string(v.Data), name)
		_, err = b.Next(ctx, "KV_b", "$KV.b.a.*.x", v.Seq+1)
		require.ErrorIs(t, err, bus.ErrNoValue, name)
		got, err := b.Batch(ctx, "KV_b", "$KV.b.a.>", 1, 10)
		require.NoError(t, err, name)
		require.Len(t, got, 2, name)
		require.NoError(t, b.Purge(ctx, "KV_b", "$KV.b.a.*.x"), name)
		_, err = b.Last(ctx, "KV_b", "$KV.b.a.1.x")
		require.ErrorIs(t, err, bus.ErrNoValue, name)
		_, err = b.Last(ctx, "KV_b", "$KV.b.a.1.y")
		require.NoError(t, err, name)

		require.Eventually(t, func() bool {
			_, err := b.LastAtLeader(ctx, "KV_b", "$KV.b.ends.1")
			return errors.Is(err, bus.ErrNoValue)
		}, 30*time.Second, 10*time.Millisecond, name)
		require.Less(t, ends, put("ends.1", "2", 0, 0), name)

		require.NoError(t, b.OpenEvents(ctx, "E", "", "e.*.*", time.Hour), name)
		_, err = b.Put(ctx, "e.1.2", nil, 0, 0)
		require.NoError(t, err, name)
	}
}

// A listener hears what its pattern matches and answers it. A request that nobody
// hears fails.
func TestRequests(t *testing.T) {
	type asking interface {
		both
		Listen(pattern string, handle func(h bus.Heard)) (stop func(), err error)
		Flush(within time.Duration) error
		Request(ctx context.Context, subject string, data []byte) ([]byte, error)
	}
	for name, b := range map[string]asking{"nats": nats(t), "model": busmodel.New(busmodel.Options{})} {
		stop, err := b.Listen("ask.*", func(h bus.Heard) { h.Answer(append(h.Data, h.Subject...)) })
		require.NoError(t, err, name)
		require.NoError(t, b.Flush(30*time.Second), name)
		require.NoError(t, b.Publish("ask.b", []byte("no answer")), name)
		got, err := b.Request(t.Context(), "ask.a", []byte("1"))
		require.NoError(t, err, name)
		require.Equal(t, "1ask.a", string(got), name)
		for _, nobody := range []string{"ask", "ask.a.b"} {
			_, err = b.Request(t.Context(), nobody, nil)
			require.Equal(t, fault.ServerTimeout, bus.Fault(err).Code, "%s: %s", name, nobody)
		}
		stop()
	}
}

// Fence keeps gateways of the store's first layout away. When they start, they
// update each stream to a configuration without TTLs, which NATS refuses once the
// stream is fenced.
func TestFence(t *testing.T) {
	b, ctx := nats(t), t.Context()
	old := jetstream.StreamConfig{Name: "L", Subjects: []string{"l.>"}, AllowDirect: true, MaxMsgsPerSubject: 1, Storage: jetstream.MemoryStorage}
	_, err := b.JetStream().CreateStream(ctx, old)
	require.NoError(t, err)
	_, err = b.JetStream().UpdateStream(ctx, old)
	require.NoError(t, err)
	require.NoError(t, b.Fence(ctx, "L"))
	_, err = b.JetStream().UpdateStream(ctx, old)
	require.ErrorContains(t, err, "TTL")
	_, err = b.Ensure(ctx, old) // Ensure keeps the TTLs that the stream has
	require.NoError(t, err)
	_, err = b.OpenLog(ctx, bus.LogConfig{Stream: "M", Subjects: "m.>"})
	require.NoError(t, err)
	_, err = b.JetStream().UpdateStream(ctx, jetstream.StreamConfig{Name: "M", Subjects: []string{"m.>"}, AllowDirect: true, Storage: jetstream.MemoryStorage})
	require.ErrorContains(t, err, "TTL", "a new stream allows TTLs from the beginning")
}
