package busmodel_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
)

// whole is what a Bus and its model say of values and of streams as a whole.
type whole interface {
	both
	LastAtLeader(ctx context.Context, stream, subject string) (bus.Value, error)
	Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error)
	Batch(ctx context.Context, stream, filter string, seq uint64, n int) ([]bus.Value, error)
	Stored(ctx context.Context, stream string) (uint64, error)
	Subjects(ctx context.Context, stream string) ([]string, error)
	Fence(ctx context.Context, stream string) error
	Purge(ctx context.Context, stream, subject string) error
}

func TestValuesAndStreams(t *testing.T) {
	ctx := t.Context()
	real, model := nats(t), busmodel.New(busmodel.Options{})
	_, err := real.Ensure(ctx, bus.KV("b", ""))
	require.NoError(t, err)
	require.NoError(t, model.OpenBucket(ctx, "b"))
	for name, b := range map[string]whole{"nats": real, "model": model} {
		n, err := b.Stored(ctx, "L")
		require.NoError(t, err, name)
		require.Zero(t, n, name)
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
		subjects, err = b.Subjects(ctx, "L")
		require.NoError(t, err, name)
		require.Equal(t, []string{"l.a", "l.b", "l.c"}, subjects, name)
		require.NoError(t, b.Purge(ctx, "L", "l.a"), name)
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

// What gateways of the store's first layout do at their start is refused: they
// bring a stream up to a configuration without TTLs.
func TestTheFence(t *testing.T) {
	b, ctx := nats(t), t.Context()
	old := jetstream.StreamConfig{Name: "L", Subjects: []string{"l.>"}, AllowDirect: true, MaxMsgsPerSubject: 1, Storage: jetstream.MemoryStorage}
	_, err := b.JetStream().CreateStream(ctx, old)
	require.NoError(t, err)
	_, err = b.JetStream().UpdateStream(ctx, old)
	require.NoError(t, err)
	require.NoError(t, b.Fence(ctx, "L"))
	_, err = b.JetStream().UpdateStream(ctx, old)
	require.ErrorContains(t, err, "TTL")
	_, err = b.Ensure(ctx, old) // ours keep it
	require.NoError(t, err)
	_, err = b.OpenLog(ctx, bus.LogConfig{Stream: "M", Subjects: "m.>"})
	require.NoError(t, err)
	_, err = b.JetStream().UpdateStream(ctx, jetstream.StreamConfig{Name: "M", Subjects: []string{"m.>"}, AllowDirect: true, Storage: jetstream.MemoryStorage})
	require.ErrorContains(t, err, "TTL", "what is made new has it from the beginning")
}
