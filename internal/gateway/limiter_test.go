package gateway

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

func TestBucket(t *testing.T) {
	now := time.Unix(1000, 0)
	b := fullBucket(frameRate, now)
	for range frame.Burst {
		require.True(t, b.take(frameRate, now, 1))
	}
	require.False(t, b.take(frameRate, now, 1))
	now = now.Add(time.Second)
	for range frame.Rate {
		require.True(t, b.take(frameRate, now, 1))
	}
	require.False(t, b.take(frameRate, now, 1))
	now = now.Add(-time.Hour)
	require.False(t, b.take(frameRate, now, 1), "a clock that goes back adds nothing")
}

func TestLimiter(t *testing.T) {
	now := time.Unix(1000, 0)
	l := newLimiter[string](perMinute(3), func() time.Time { return now })
	for range 3 {
		require.True(t, l.take("alice"))
	}
	require.False(t, l.take("alice"))
	require.True(t, l.take("bob"))
	now = now.Add(20 * time.Second)
	require.True(t, l.take("alice"), "one more every twenty seconds")
	require.False(t, l.take("alice"))
	l.forget("alice")
	require.True(t, l.take("alice"))
}

// However many keys there are, a limiter's memory is bounded, and a key that has
// used its rate up is not forgotten to make room.
func TestLimiterIsBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	l := newLimiter[int](perMinute(3), func() time.Time { return now })
	for l.take(-1) {
	}
	for i := range 3 * maxKeys {
		l.take(i)
	}
	require.LessOrEqual(t, len(l.keys), maxKeys)
	require.False(t, l.take(-1))
}

func TestSealer(t *testing.T) {
	s, err := newSealer(NewSealKey())
	require.NoError(t, err)
	other, err := newSealer(NewSealKey())
	require.NoError(t, err)
	user := place.User{SDKAppID: 1400000000, UserID: "alice"}
	instance := strings.Repeat("0f", 32)
	token := s.token(user, instance)
	require.NotContains(t, token, "alice")
	u, i, ok := s.open(token)
	require.True(t, ok)
	require.Equal(t, user, u)
	require.Equal(t, instance, i)
	_, _, ok = other.open(token)
	require.False(t, ok, "the token is of another cluster")
	for _, bad := range []string{"", "x", token[:len(token)-2], "A" + token[1:] + "A", strings.Repeat("A", 10000)} {
		_, _, ok = s.open(bad)
		require.False(t, ok, bad)
	}
	_, err = newSealer(make([]byte, 31))
	require.Error(t, err)
}

func FuzzSealerOpen(f *testing.F) {
	s, _ := newSealer(NewSealKey())
	f.Add(s.token(place.User{SDKAppID: 1, UserID: "a"}, strings.Repeat("00", 32)))
	f.Fuzz(func(t *testing.T, token string) { s.open(token) })
}

func TestClean(t *testing.T) {
	for code, want := range map[int]bool{1000: true, 1001: true, 1005: true, 1006: false, 3000: false, 3001: false, 4100: false} {
		require.Equal(t, want, clean(code), code)
	}
}
