package bus

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestClockAhead(t *testing.T) {
	from := time.Unix(1000, 0)
	until := from.Add(time.Second)
	for at, want := range map[time.Duration]time.Duration{
		0: 0, time.Second: 0, time.Second / 2: 0, 3 * time.Second: 2 * time.Second, -time.Minute: -time.Minute,
	} {
		require.Equal(t, want, clockAhead(from.Add(at), from, until), at)
	}
}

func TestStreamHealth(t *testing.T) {
	s := &jetstream.StreamInfo{Config: jetstream.StreamConfig{Name: "TIM_MSG", Replicas: 3}}
	require.Equal(t, StreamHealth{Name: "TIM_MSG", Replicas: 3}, streamHealth(s), "not in a cluster")
	s.Cluster = &jetstream.ClusterInfo{Leader: "n1", Replicas: []*jetstream.PeerInfo{{Name: "n2", Current: true}, {Name: "n3", Current: true, Offline: true}}}
	require.Equal(t, StreamHealth{Name: "TIM_MSG", Replicas: 3, Leader: "n1", Missing: []string{"n3"}}, streamHealth(s))
}
