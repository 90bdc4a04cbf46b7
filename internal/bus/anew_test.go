package bus

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Everything that follows the store goes on after the embedded server was
// restarted: a plain subscription, an ordered consumer, a durable one.
func TestSubscriptionsSurviveARestart(t *testing.T) {
	ctx := context.Background()
	b, err := Open(ctx, Options{Data: t.TempDir(), Log: quiet()})
	require.NoError(t, err)
	defer b.Close()
	_, err = b.Ensure(ctx, KV("x", "test"))
	require.NoError(t, err)

	got := map[string]chan string{}
	for _, name := range []string{"plain", "ordered", "durable"} {
		got[name] = make(chan string, 16)
	}
	_, err = b.Conn().Subscribe("plain", func(m *nats.Msg) { got["plain"] <- string(m.Data) })
	require.NoError(t, err)
	ordered, err := b.JetStream().OrderedConsumer(ctx, "KV_x", jetstream.OrderedConsumerConfig{})
	require.NoError(t, err)
	durable, err := b.JetStream().CreateConsumer(ctx, "KV_x", jetstream.ConsumerConfig{Durable: "d", AckPolicy: jetstream.AckExplicitPolicy})
	require.NoError(t, err)
	for name, c := range map[string]jetstream.Consumer{"ordered": ordered, "durable": durable} {
		consume, err := c.Consume(func(m jetstream.Msg) {
			_ = m.Ack()
			got[name] <- string(m.Data())
		}, jetstream.ConsumeErrHandler(func(jetstream.ConsumeContext, error) {}))
		require.NoError(t, err)
		defer consume.Stop()
	}

	say := func(text string) {
		require.NoError(t, b.Conn().Publish("plain", []byte(text)))
		_, err := b.Put(ctx, "$KV.x."+text, []byte(text), 0, 0)
		require.NoError(t, err)
		for name, ch := range got {
			for heard := ""; heard != text; {
				select {
				case heard = <-ch:
				case <-time.After(60 * time.Second):
					t.Fatalf("%s: %s did not come", name, text)
				}
			}
		}
	}
	say("before")
	close(b.embedded.quit) // ends watch, so that only this test starts the server
	b.embedded.wg.Wait()
	b.embedded.quit = make(chan struct{})
	for _, text := range []string{"after", "again"} {
		b.embedded.shut()
		require.Eventually(t, func() bool { return !b.Up() }, 30*time.Second, 10*time.Millisecond)
		require.NoError(t, b.embedded.start())
		require.Eventually(t, b.Up, 30*time.Second, 10*time.Millisecond)
		say(text)
	}
}
