package inbox

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

// TestReadWaitsForALeader: while a cluster elects one, its answers are errors
// of the moment. Here a server without streams, and the test answers for them.
func TestReadWaitsForALeader(t *testing.T) {
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true})
	require.NoError(t, err)
	go srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	require.True(t, srv.ReadyForConnections(20*time.Second))
	nc, err := nats.Connect(srv.ClientURL())
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	answers := make(chan string, 2)
	const none = `{"error":{"code":503,"description":"JetStream system temporarily unavailable"}}`
	_, err = nc.Subscribe("$JS.API.STREAM.MSG.GET."+streamMsg, func(m *nats.Msg) {
		select {
		case answer := <-answers:
			_ = m.Respond([]byte(answer))
		default:
			_ = m.Respond([]byte(none))
		}
	})
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	st := &store{nc: nc, cluster: true}

	answers <- none
	answers <- `{"message":{"subject":"s","seq":7,"data":"eHl6"}}`
	e, err := st.last(t.Context(), streamMsg, "s")
	require.NoError(t, err)
	require.Equal(t, entry{"s", 7, []byte("xyz")}, e)

	answers <- `{"error":{"code":404,"description":"no message found"}}`
	_, err = st.last(t.Context(), streamMsg, "s")
	require.ErrorIs(t, err, errNone)

	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = st.last(ctx, streamMsg, "s")
	require.Equal(t, fault.ServerTimeout, asFault(err).Code, "none within the time: worth another try")
}
