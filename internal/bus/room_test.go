package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/testlog"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "1048576": 1 << 20, "500MB": 500 << 20, " 1.5 tb ": 3 << 39, "50gb": 50 << 30, "12KB": 12 << 10,
	} {
		got, err := ParseSize(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "MB", "-1", "-1GB", "1PB", "many", "NaN", "Inf", "9999999999TB", "1 G"} {
		_, err := ParseSize(text)
		require.ErrorContains(t, err, "for example", text)
	}
	for size, want := range map[Size]string{
		0: "0 bytes", 1000: "1000 bytes", 1 << 20: "1 MB", 1536: "1.5 KB", 12345 << 20: "12 GB", 5 << 50: "5120 TB",
	} {
		require.Equal(t, want, size.String())
	}
}

func TestMaxStore(t *testing.T) {
	const gb = 1 << 30
	free := func(n int64) func(string) (int64, error) {
		return func(string) (int64, error) { return n, nil }
	}
	for _, c := range []struct {
		what              string
		asked, used, free int64
		want              int64
		says              string
	}{
		{"the default", 0, 0, 100 * gb, 80 * gb, ""},
		{"the default counts what is stored already", 0, 60 * gb, 40 * gb, 80 * gb, ""},
		{"a limit of one's own", 30 * gb, 60 * gb, 40 * gb, 30 * gb, ""},
		{"the largest limit", 100 * gb, 60 * gb, 40 * gb, 100 * gb, ""},
		{"a limit above the largest", 101 * gb, 60 * gb, 40 * gb, 0, "--max-store 101 GB is more than the disk of d has room for: 40 GB are free and 60 GB used by the store; give 100 GB or less"},
	} {
		got, err := maxStore(Options{Data: "d", MaxStore: c.asked, Log: quiet()}, c.used, free(c.free))
		if c.says != "" {
			require.EqualError(t, err, c.says, c.what)
			continue
		}
		require.NoError(t, err, c.what)
		require.InDelta(t, c.want, got, 10, c.what)
	}
	unknown := func(string) (int64, error) { return 0, errors.New("not known") }
	for _, asked := range []int64{0, 5} {
		got, err := maxStore(Options{Data: "d", MaxStore: asked, Log: quiet()}, 0, unknown)
		require.NoError(t, err)
		require.Equal(t, asked, got)
	}
	left, err := freeSpace(t.TempDir())
	require.NoError(t, err)
	require.Positive(t, left)
}

func TestFill(t *testing.T) {
	var logs testlog.Buffer
	log := slog.New(slog.NewTextHandler(&logs, nil))
	var r room
	for _, c := range []struct {
		used int64
		want Fill
		says string
	}{
		{79, Roomy, ""}, {80, Filling, "nearly full"}, {99, Filling, ""}, {76, Filling, ""}, {74, Roomy, "room again"},
		{100, Full, "the store is full"}, {120, Full, ""}, {96, Full, ""}, {94, Filling, "messages are accepted"}, {99, Filling, ""},
		{100, Full, "the store is full"}, {10, Roomy, "room again"},
	} {
		before := logs.String()
		r.set(log, c.used, 100)
		require.Equal(t, c.want, Fill(r.fill.Load()), c.used)
		said := strings.TrimPrefix(logs.String(), before)
		if c.says == "" {
			require.Empty(t, said, c.used)
		} else {
			require.Contains(t, said, c.says)
			require.Equal(t, 1, strings.Count(said, "\n"), said)
		}
	}
	r.set(log, 1<<40, 0)
	require.Equal(t, Roomy, Fill(r.fill.Load()), "a store without a limit is never full")
}

func TestNoRoom(t *testing.T) {
	for code, want := range map[jetstream.ErrorCode]bool{10002: true, 10023: true, 10047: true, 10008: false} {
		require.Equal(t, want, NoRoom(fmt.Errorf("wrapped: %w", &jetstream.APIError{ErrorCode: code})))
	}
	require.False(t, NoRoom(nil))
}

// A store that is over its limit opens, is Full from the start, and has room again
// once something was removed.
func TestAStoreOverItsLimit(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	open := func(limit int64) *Bus {
		b, err := Open(ctx, Options{Data: dir, MaxStore: limit, Log: quiet()})
		require.NoError(t, err)
		t.Cleanup(b.Close)
		return b
	}
	b := open(0)
	require.Positive(t, b.Room().Limit)
	require.Equal(t, Roomy, b.Room().Fill)
	_, err := b.Ensure(ctx, KV("x", "test"))
	require.NoError(t, err)
	for i := range 30 {
		_, err := b.Put(ctx, fmt.Sprintf("$KV.x.%d", i), make([]byte, 8<<10), 0, 0)
		require.NoError(t, err)
	}
	b.Close()

	b = open(100 << 10)
	require.Equal(t, Full, b.Room().Fill)
	require.Greater(t, b.Room().Used, int64(200<<10))
	_, err = b.Put(ctx, "$KV.x.lease", []byte("small"), 0, 0)
	require.NoError(t, err, "the bus itself refuses no write")
	s, err := b.JetStream().Stream(ctx, "KV_x")
	require.NoError(t, err)
	require.NoError(t, s.Purge(ctx))
	require.Eventually(t, func() bool { return b.Room().Fill == Roomy }, 30*time.Second, 10*time.Millisecond)
}
