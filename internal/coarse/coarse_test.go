package coarse

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWait(t *testing.T) {
	const every = 250 * time.Millisecond
	at := func(ms int64) time.Time { return time.UnixMilli(1_700_000_000_000 + ms) }
	for _, c := range []struct {
		now  int64
		wait time.Duration
		want time.Duration
	}{
		{0, time.Second, time.Second},
		{1, time.Second, time.Second + 249*time.Millisecond},
		{249, time.Second, time.Second + time.Millisecond},
		{100, 0, 150 * time.Millisecond},
		{0, 7*time.Second + time.Nanosecond, 7*time.Second + every},
	} {
		require.Equal(t, c.want, Wait(at(c.now), c.wait, every), "%+v", c)
	}
}

// Whoever waits from different moments for different times is woken at the same ones.
func TestTogether(t *testing.T) {
	const every = 100 * time.Millisecond
	moments := map[int64]bool{}
	for n := range int64(1000) {
		now := time.UnixMilli(1_700_000_000_000 + n)
		due := now.Add(Wait(now, time.Duration(5_000+n%7)*time.Millisecond, every))
		require.Zero(t, due.UnixNano()%int64(every))
		moments[due.UnixMilli()] = true
	}
	require.LessOrEqual(t, len(moments), 12)
}
