package inbox

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// What a call of another room costs is charged to its user, and who has nothing
// left is refused before anything is done.
func TestCallsOfOtherRoomsAreCharged(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	in := open(t, openBus(t, bus.Memory), Options{Now: func() time.Time { return now }, QuotaBytes: 100_000})
	u, ctx := place.User{SDKAppID: app, UserID: "alice"}, t.Context()
	log := Charged(in.store.documents.(charged).Log)
	left := func() float64 {
		in.rates.mu.Lock()
		defer in.rates.mu.Unlock()
		return in.rates.of(u, now).work.TokensAt(now)
	}
	before, ran := left(), 0
	serve := func(grows bool, f func(ctx context.Context) (any, error)) *fault.Error {
		_, f2 := in.Serve(ctx, u, "a.call", nil, grows, func(ctx context.Context) (any, error) { ran++; return f(ctx) })
		return f2
	}
	require.Nil(t, serve(true, func(ctx context.Context) (any, error) {
		Looked(ctx, 10*costBytes/costStanding)
		Asked(ctx, 3)
		_, _, err := log.Append(ctx, docSubject(u, docStatus), make([]byte, 200_000), 0, "")
		return nothing{}, err
	}))
	require.Equal(t, float64(1+10+3+1+200_000/costBytes), before-left())
	require.Equal(t, fault.BytesUsedUp, serve(true, nil).Code)
	require.Nil(t, serve(false, func(context.Context) (any, error) { return nothing{}, nil }), "what adds nothing goes on")
	in.rates.called(u, now, workBurst, 0)
	require.Equal(t, fault.TooFrequent, serve(false, nil).Code)
	require.Equal(t, 2, ran)
}

// Who is told of a blacklist is told of all that a call names, and the call says
// when that has failed. A full blacklist has a code of its own.
func TestOnBlock(t *testing.T) {
	var told []string
	var failed error
	in := open(t, openBus(t, bus.Memory), Options{OnBlock: func(_ context.Context, _ place.User, ids []string) error {
		told = append(told, ids...)
		return failed
	}})
	a := login(t, in, "alice", "a1")
	a.must("blacklist.add", usersParams{[]string{"bob"}}, nil)
	a.must("blacklist.add", usersParams{[]string{"bob", "eve"}}, nil)
	a.must("blacklist.remove", usersParams{[]string{"bob"}}, nil)
	require.Equal(t, []string{"bob", "bob", "eve"}, told)
	failed = errors.New("broken")
	require.Equal(t, fault.Internal, a.call("blacklist.add", usersParams{[]string{"eve"}}, nil).Code)
	failed = nil
	require.Equal(t, fault.BlacklistFull, a.call("blacklist.add", usersParams{numbered("u", maxBlacklist)}, nil).Code)
}
