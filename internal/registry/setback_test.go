package registry

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
)

// A NATS server comes back without its last writes while gateway one waits to end a place,
// and positions are used again. Another gateway's login that stands where that place stood
// stays.
func TestAnEndAfterAServerHasLostItsLastWrites(t *testing.T) {
	b := testBus(t)
	ended := make(chan struct{}, 1)
	quietly := func(o *Options) { o.check, o.Grace = time.Hour, time.Second }
	r, g := open(t, b, "one", func(o *Options) {
		quietly(o)
		o.Observe = func(op string, _ time.Duration, _ int, _ error) {
			if op == "end" {
				ended <- struct{}{}
			}
		}
	})
	other, og := open(t, b, "two", quietly)
	out := login(t, r, g, web("lost"))
	g.forget(out.Place)
	require.NoError(t, r.Detach(t.Context(), out.Place, false)) // position 2

	r.connection(false)
	require.NoError(t, b.JetStream().DeleteStream(t.Context(), usersStream))
	require.NoError(t, b.OpenBucket(t.Context(), bus.BucketUsers, ""))
	r.connection(true)

	c := web("other")
	first := login(t, other, og, c)
	_, err := other.Renew(t.Context(), first.Place, c.SignedAt, c.ExpiresAt+1) // position 2
	require.NoError(t, err)
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("the place that was lost was never looked at")
	}
	v, err := r.Get(context.Background(), alice)
	require.NoError(t, err)
	require.Len(t, v.Instances, 1, "the login on gateway two is still there")
	require.Equal(t, "other", v.Instances[0].Instance)
}
