package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
)

func TestGuard(t *testing.T) {
	now := time.Unix(1000, 0)
	g := guard{now: func() time.Time { return now }}
	for range maxFailures - 1 {
		require.False(t, g.failed("a", "alice"))
	}
	now = now.Add(failureWindow - time.Second)
	require.False(t, g.failed("a", "alice"))
	require.True(t, g.failed("a", "alice"), "the minute begins with the last failure")
	require.False(t, g.failed("a", "bob"), "another user")
	require.False(t, g.failed("b", "alice"), "another address")
	now = now.Add(failureWindow - 1)
	require.True(t, g.failed("a", "alice"))
	now = now.Add(1)
	require.False(t, g.failed("a", "alice"))

	for range maxFailures - 2 {
		g.failed("a", "bob")
	}
	g.passed("a", "bob")
	require.False(t, g.failed("a", "bob"))
	require.False(t, g.failed("a", "bob"), "a success begins anew")
}

func TestGuardIsBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	g := guard{now: func() time.Time { return now }}
	for i := range maxGuarded + 100 {
		g.failed("a", fmt.Sprint(i))
	}
	require.LessOrEqual(t, len(g.known), maxGuarded)
}

func TestBucket(t *testing.T) {
	now := time.Unix(1000, 0)
	var b bucket
	b.fill(now)
	for range frame.Burst {
		require.True(t, b.take(now))
	}
	require.False(t, b.take(now))
	now = now.Add(time.Second)
	for range frame.Rate {
		require.True(t, b.take(now))
	}
	require.False(t, b.take(now))
	now = now.Add(-time.Hour)
	require.False(t, b.take(now), "a clock that goes back gives nothing")
}

func TestSealer(t *testing.T) {
	s, err := newSealer(NewSealKey())
	require.NoError(t, err)
	other, err := newSealer(NewSealKey())
	require.NoError(t, err)
	user := User{SDKAppID: 1400000000, UserID: "alice"}
	instance := strings.Repeat("0f", 32)
	token := s.token(user, instance)
	require.NotContains(t, token, "alice")
	u, i, ok := s.open(token)
	require.True(t, ok)
	require.Equal(t, user, u)
	require.Equal(t, instance, i)
	_, _, ok = other.open(token)
	require.False(t, ok, "of another cluster")
	for _, bad := range []string{"", "x", token[:len(token)-2], "A" + token[1:] + "A", strings.Repeat("A", 10000)} {
		_, _, ok = s.open(bad)
		require.False(t, ok, bad)
	}
	_, err = newSealer(make([]byte, 31))
	require.Error(t, err)
}

func FuzzSealerOpen(f *testing.F) {
	s, _ := newSealer(NewSealKey())
	f.Add(s.token(User{1, "a"}, strings.Repeat("00", 32)))
	f.Fuzz(func(t *testing.T, token string) { s.open(token) })
}

func TestClean(t *testing.T) {
	for code, want := range map[int]bool{1000: true, 1001: true, 1005: true, 1006: false, 3000: false, 3001: false, 4100: false} {
		require.Equal(t, want, clean(code), code)
	}
}
