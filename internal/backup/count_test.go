package backup

import (
	"crypto/rand"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
)

// onWrite calls do once, with what is written.
type onWrite struct{ do func() }

func (w *onWrite) Write(b []byte) (int, error) {
	if do := w.do; do != nil {
		w.do = nil
		do()
	}
	return len(b), nil
}

// Messages expire, even while they are being saved: that is not damage.
func TestWhatEndsMeanwhileIsNotDamaged(t *testing.T) {
	b, err := bus.Open(t.Context(), bus.Options{Data: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer b.Close()
	s, err := b.Ensure(t.Context(), jetstream.StreamConfig{Name: "TIM_MSG", Subjects: []string{"TIM.M.>"}, AllowDirect: true})
	require.NoError(t, err)
	body := make([]byte, 128<<10)
	for range 16 { // more than is written at once
		_, err := rand.Read(body)
		require.NoError(t, err)
		_, err = b.JetStream().Publish(t.Context(), "TIM.M.x", body)
		require.NoError(t, err)
	}
	ended := false
	report, err := Write(t.Context(), b, false, &onWrite{func() {
		for seq := range uint64(3) {
			require.NoError(t, s.DeleteMsg(t.Context(), seq+1))
		}
		ended = true
	}})
	require.NoError(t, err)
	require.True(t, ended)
	require.Equal(t, []Stream{{Name: "TIM_MSG", Messages: 13, Replicas: 1}}, report.Streams)
}
