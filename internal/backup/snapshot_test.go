package backup

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// TestBegin: a cluster whose servers have yet to hear of each other is asked again; any
// other refusal ends a restore at once.
func TestBegin(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	require.NoError(t, err)
	s.Start()
	defer s.Shutdown()
	nc, err := nats.Connect(s.ClientURL())
	require.NoError(t, err)
	defer nc.Close()
	answers := []string{
		`{"error":{"code":400,"err_code":10005,"description":"no suitable peers for placement, peer offline"}}`,
		`{"deliver_subject":"x"}`,
		`{"error":{"code":500,"err_code":10047,"description":"insufficient storage"}}`,
	}
	asked := 0 // by the one goroutine of the subscription, read between the calls
	_, err = nc.Subscribe("$JS.API.STREAM.RESTORE.s", func(m *nats.Msg) {
		asked++
		_ = m.Respond([]byte(answers[asked-1]))
	})
	require.NoError(t, err)
	head := streamHeader{Config: jetstream.StreamConfig{Name: "s"}}
	var where struct {
		Deliver string `json:"deliver_subject"`
	}
	require.NoError(t, begin(t.Context(), nc, head, &where))
	require.Equal(t, "x", where.Deliver)
	require.ErrorContains(t, begin(t.Context(), nc, head, &where), "insufficient storage")
	require.Equal(t, 3, asked)
}
