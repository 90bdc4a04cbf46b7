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
		require.ErrorContains(t, err, `stream TIM_MSG_2 is there: restore a backup, or put {"version":2,"partitions":N} into the key`)
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

// That a store has several partitions shows also when all their messages have expired: the
// cursors of its users name as many.
func TestALostKeyOfAStoreWithoutMessages(t *testing.T) {
	b := empty(t)
	_, err := b.OpenLog(t.Context(), bus.LogConfig{Stream: "TIM_MSG_3", Subjects: "tim.msg-3.>"})
	require.NoError(t, err)
	takeLease(t, b, "a.1", "")
	_, err = Settle(t.Context(), b, options("a.1"))
	require.ErrorIs(t, err, ErrKeyLost)
	require.ErrorContains(t, err, "stream TIM_MSG_3 is there: restore a backup")
}

// A new store gets as many partitions as are asked for, and keeps them: messages would be
// looked for in the wrong streams.
func TestPartitionsAreOfANewStore(t *testing.T) {
	ask := func(b Bus, partitions int) (State, error) {
		o := options("a.1")
		o.Partitions = partitions
		return Settle(t.Context(), b, o)
	}
	b := empty(t)
	takeLease(t, b, "a.1", "")
	for _, partitions := range []int{8, 8, 0} {
		st, err := ask(b, partitions)
		require.NoError(t, err)
		require.Equal(t, State{Version: Version, Partitions: 8}, st)
	}
	before := contents(t, b, configStream)
	_, err := ask(b, 4)
	require.ErrorIs(t, err, ErrPartitions)
	require.EqualError(t, err, "a store keeps the number of partitions that it was made with: this one has 8, not 4")
	require.Equal(t, before, contents(t, b, configStream))

	// The messages of a store of the first layout stay where they are.
	old := store(t)
	takeLease(t, old, "a.1", "")
	before = contents(t, old, configStream, bus.StreamDocuments)
	_, err = ask(old, 2)
	require.ErrorIs(t, err, ErrPartitions)
	require.Equal(t, before, contents(t, old, configStream, bus.StreamDocuments), "it is not brought to the present layout")
	_, err = ask(old, 1)
	require.NoError(t, err)
	upgraded(t, old, "asked for one")
}
