package bus

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A request gets the answer of a listener, and fails once the listener has
// stopped.
func TestRequest(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	b, err := Open(ctx, Options{Data: Memory, Log: quiet()})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	stop, err := b.Listen("asked.*", func(h Heard) { h.Answer([]byte(h.Subject + " " + string(h.Data))) })
	require.NoError(t, err)
	require.NoError(t, b.Flush(30*time.Second))
	answer, err := b.Request(ctx, "asked.x", []byte("what"))
	require.NoError(t, err)
	require.Equal(t, "asked.x what", string(answer))

	stop()
	_, err = b.Request(ctx, "asked.x", []byte("what"))
	require.Error(t, err)
	require.NoError(t, ctx.Err(), "the request must fail at once, not when its context ends")
}

// A watch brings the values that a bucket has and those that are stored later,
// only for the keys that were asked for, and ends with its context.
func TestWatchBucket(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	b, err := Open(ctx, Options{Data: Memory, Log: quiet()})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	_, err = b.Ensure(ctx, KV("watched", "a bucket"))
	require.NoError(t, err)
	put := func(key, value string) {
		_, err := b.Put(ctx, BucketSubject("watched", key), []byte(value), 0, 0)
		require.NoError(t, err)
	}
	put("settings.1", "there")
	put("seal", "another key")

	life, end := context.WithCancel(ctx)
	follow, err := b.WatchBucket(ctx, life, "watched", "settings.*")
	require.NoError(t, err)
	seen, over := make(chan string, 4), make(chan struct{})
	go func() {
		defer close(over)
		follow(func(key string, v Value) { seen <- key + " " + string(v.Data) })
	}()
	next := func() string {
		select {
		case s := <-seen:
			return s
		case <-ctx.Done():
			return "nothing"
		}
	}
	require.Equal(t, "settings.1 there", next())
	put("settings.2", "later")
	require.Equal(t, "settings.2 later", next())
	end()
	select {
	case <-over:
	case <-ctx.Done():
		t.Fatal("the watch goes on after its context has ended")
	}
	require.Empty(t, seen)

	_, err = b.WatchBucket(ctx, ctx, "none", "*")
	require.Error(t, err)
}
