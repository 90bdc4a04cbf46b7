package layout

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
)

// Without its key a store of several partitions is neither a new one nor one of
// the first layout: a gateway would look for its messages in the wrong streams.
func TestALostKeyIsRefused(t *testing.T) {
	for name, b := range map[string]*busmodel.Bus{"nothing else is left": empty(t), "documents are left": store(t)} {
		l, err := b.OpenLog(t.Context(), bus.LogConfig{Stream: "TIM_MSG_2", Subjects: "tim.msg-2.>"})
		require.NoError(t, err)
		_, _, err = l.Append(t.Context(), "tim.msg-2.1.a.b", []byte("{}"), 0, "")
		require.NoError(t, err)
		before := contents(t, b, configStream, bus.StreamDocuments)
		takeLease(t, b, "a.1", "")
		_, err = Settle(t.Context(), b, options("a.1"))
		require.ErrorIs(t, err, ErrKeyLost, name)
		require.ErrorContains(t, err, `stream TIM_MSG_2 holds messages: restore a backup, or put {"version":2,"partitions":N} into the key`)
		_, err = Read(t.Context(), b)
		require.ErrorIs(t, err, ErrKeyLost, name)
		require.Equal(t, before, contents(t, b, configStream, bus.StreamDocuments), "nothing has changed")
		_, err = b.Put(t.Context(), keySubject, []byte(`{"version":2,"partitions":3}`), 0, 0)
		require.NoError(t, err)
		st, err := Settle(t.Context(), b, options("a.1"))
		require.NoError(t, err)
		require.Equal(t, State{Version: Version, Partitions: 3}, st)
	}
}
