package registry

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// leaderless is a store that answers the first writes as a cluster without a
// leader does.
type leaderless struct {
	store
	left atomic.Int32
}

func (s *leaderless) Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error) {
	if s.left.Add(-1) >= 0 {
		return 0, nats.ErrNoResponders
	}
	return s.store.Put(ctx, subject, data, seq, ttl)
}

// A gateway that starts while the cluster elects a leader waits for the leader.
func TestStartWhileThereIsNoLeader(t *testing.T) {
	none := &leaderless{}
	none.left.Store(2)
	r, _ := open(t, testBus(t), "one", func(o *Options) { o.wrap = func(s store) store { none.store = s; return none } })
	require.True(t, r.Live())
	require.Negative(t, none.left.Load())
}
