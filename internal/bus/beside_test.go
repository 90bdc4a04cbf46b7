package bus

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

// A Bus beside another one uses the same store over a connection of its own.
// Closing it leaves the other one open; closing the other one closes both.
func TestBeside(t *testing.T) {
	b, err := Open(t.Context(), Options{Data: Memory, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	l, err := b.OpenLog(t.Context(), LogConfig{Stream: "L", Subjects: "l.>"})
	require.NoError(t, err)
	side, err := b.Beside(t.Context(), "side")
	require.NoError(t, err)
	require.NotSame(t, b.Conn(), side.Conn())
	require.Equal(t, b.Storage(), side.Storage())
	pos, err := side.Put(t.Context(), "l.a", []byte("x"), 0, 0)
	require.NoError(t, err)
	side.Close()
	v, err := l.Last(t.Context(), "l.a")
	require.NoError(t, err)
	require.Equal(t, pos, v.Seq)

	other, err := b.Beside(t.Context(), "other")
	require.NoError(t, err)
	b.Close()
	require.True(t, other.Conn().IsClosed(), "it ends with the bus that made it")
}

func TestPurge(t *testing.T) {
	b, err := Open(t.Context(), Options{Data: Memory, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	l, err := b.OpenLog(t.Context(), LogConfig{Stream: "L", Subjects: "l.>"})
	require.NoError(t, err)
	for _, s := range []string{"l.a.0", "l.a.1", "l.b.0"} {
		_, err := b.Put(t.Context(), s, []byte(s), 0, 0)
		require.NoError(t, err)
	}
	require.NoError(t, b.Purge(t.Context(), "L", "l.a.*"))
	require.NoError(t, b.Purge(t.Context(), "L", "l.none.*"))
	got, err := l.LastAll(t.Context(), []string{"l.a.0", "l.a.1", "l.b.0"})
	require.NoError(t, err)
	require.Zero(t, got[0].Seq)
	require.Zero(t, got[1].Seq)
	require.Equal(t, "l.b.0", got[2].Subject)
	// Last finds a record by a pattern.
	v, err := l.Last(t.Context(), "l.b.*")
	require.NoError(t, err)
	require.Equal(t, "l.b.0", v.Subject)
	_, err = l.Last(t.Context(), "l.a.*")
	require.ErrorIs(t, err, ErrNoValue)
}

// A batch ends when it is large, so that large messages fit into memory.
func TestBatchesAreBounded(t *testing.T) {
	b, err := Open(t.Context(), Options{Data: Memory, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	_, err = b.OpenLog(t.Context(), LogConfig{Stream: "L", Subjects: "l.>"})
	require.NoError(t, err)
	const large, all = 512 << 10, 20
	for n := range all {
		_, err := b.Put(t.Context(), fmt.Sprintf("l.%d", n), make([]byte, large), 0, 0)
		require.NoError(t, err)
	}
	got := 0
	for seq := uint64(1); ; {
		some, err := b.Batch(t.Context(), "L", ">", seq, 1000)
		require.NoError(t, err)
		if len(some) == 0 {
			break
		}
		require.LessOrEqual(t, len(some)*large, batchBytes+large)
		got += len(some)
		seq = some[len(some)-1].Seq + 1
	}
	require.Equal(t, all, got)
}
