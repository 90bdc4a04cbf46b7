package registry

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
)

// A gateway names those that hold a lease, itself among them.
func TestGateways(t *testing.T) {
	b := busmodel.New(busmodel.Options{})
	one, _ := open(t, b, "one", nil)
	require.Equal(t, []string{one.Gateway()}, one.Gateways())
	two, _ := open(t, b, "two", nil)
	require.NoError(t, one.pollLeases(t.Context()))
	want := []string{one.Gateway(), two.Gateway()}
	require.Equal(t, want, one.Gateways())
	require.Equal(t, want, two.Gateways())
}
