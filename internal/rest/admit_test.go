package rest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

// With a rate of 2, an app may make two calls a second of one command, and five times
// as many of all commands together.
func TestRates(t *testing.T) {
	r := rates{perCommand: 2}
	start := time.Unix(1700000000, 0)
	for i, step := range []struct {
		at      time.Duration
		app     uint32
		command string
		want    fault.Code
	}{
		{0, 1, "a", 0},
		{0, 1, "a", 0},
		{0, 1, "a", fault.RESTTooFrequent},
		{0, 2, "a", 0}, // another app has its own rate
		{0, 1, "b", 0},
		{400 * time.Millisecond, 1, "a", fault.RESTTooFrequent},
		{500 * time.Millisecond, 1, "a", 0}, // half a second gives one back
		{500 * time.Millisecond, 1, "a", fault.RESTTooFrequent},
		{time.Hour, 1, "a", 0}, // an hour gives back no more than two
		{time.Hour, 1, "a", 0},
		{time.Hour, 1, "a", fault.RESTTooFrequent},
		{time.Hour, 1, "b", 0},
		{time.Hour, 1, "b", 0},
		{time.Hour, 1, "c", 0},
		{time.Hour, 1, "c", 0},
		{time.Hour, 1, "d", 0},
		{time.Hour, 1, "d", 0},
		{time.Hour, 1, "e", 0},
		{time.Hour, 1, "e", 0},
		{time.Hour, 1, "f", fault.RESTAppTooFrequent}, // the app has made ten calls in this second
		{time.Hour, 2, "f", 0},
		{2 * time.Hour, 1, broadcastCommand, 0},
		{2 * time.Hour, 1, broadcastCommand, fault.RESTTooFrequent}, // whatever the rate is
		{2*time.Hour + time.Second, 1, broadcastCommand, 0},
	} {
		err := r.take(start.Add(step.at), step.app, step.command)
		if step.want == 0 {
			require.NoError(t, err, "step %d", i)
			continue
		}
		var f *fault.Error
		require.ErrorAs(t, err, &f, "step %d", i)
		require.Equal(t, step.want, f.Code, "step %d", i)
	}
}
