package backup

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/layout"
)

func memory(t *testing.T) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{Data: bus.Memory, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}

// A file says of which layout its store is, in a way that the release of the
// first layout understands: it takes its own and refuses later ones.
func TestAFileSaysItsLayout(t *testing.T) {
	b := memory(t)
	_, err := b.Ensure(t.Context(), bus.KV(bus.BucketConfig, ""))
	require.NoError(t, err)
	key := bus.BucketSubject(bus.BucketConfig, "layout")
	rev := uint64(0)
	set := func(text string) {
		rev, err = b.Put(t.Context(), key, []byte(text), rev, 0)
		require.NoError(t, err)
	}
	head := func() header {
		var file bytes.Buffer
		_, err := Write(t.Context(), b, false, &file)
		require.NoError(t, err)
		h, _, err := verify(bytes.NewReader(file.Bytes()))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), h.Created, time.Minute)
		h.Created = time.Time{}
		return h
	}
	require.Equal(t, header{Version: 1}, head())
	set(`{"version":1,"upgrade":{"gateway":"a.1"}}`)
	require.Equal(t, header{Version: 2, Layout: 1}, head(), "it may hold documents of the second already")
	set(`{"version":2,"partitions":1}`)
	require.Equal(t, header{Version: 2, Layout: 2}, head())
}

func TestAFileOfALaterLayoutIsRefused(t *testing.T) {
	b := memory(t)
	l, err := b.OpenLog(t.Context(), bus.LogConfig{Stream: bus.StreamMessages, Subjects: bus.SubjectMessages + ">"})
	require.NoError(t, err)
	_, _, err = l.Append(t.Context(), bus.SubjectMessages+"1.a.b", nil, 0, "")
	require.NoError(t, err)
	for _, h := range []header{{Version: 2, Layout: layout.Version + 1}, {Version: 3}, {Version: 0}} {
		var file bytes.Buffer
		require.NoError(t, newWriter(&file, h).close())
		_, err := Restore(t.Context(), b, bytes.NewReader(file.Bytes()), true)
		require.ErrorIs(t, err, ErrFile)
		require.ErrorContains(t, err, "use the timd that wrote it, or a newer one")
		_, err = l.Last(t.Context(), ">")
		require.NoError(t, err, "nothing has changed")
	}
}
