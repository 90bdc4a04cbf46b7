package registry

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/testlog"
)

// When a client hangs up while the registry works for it, no fault of the store
// is logged: an operator would look for one.
func TestHangUpIsNotLoggedAsAFaultOfTheStore(t *testing.T) {
	log := new(testlog.Buffer)
	r, _ := open(t, testBus(t), "n1", func(o *Options) { o.Log = slog.New(slog.NewTextHandler(log, nil)) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := r.GetCurrent(ctx, alice)
	require.Equal(t, fault.New(fault.ServerTimeout), err)
	require.NotContains(t, log.String(), "the store did not answer")

	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	_, err = r.GetCurrent(late, alice)
	require.Equal(t, fault.New(fault.ServerTimeout), err)
	require.Contains(t, log.String(), "the store did not answer")
}
