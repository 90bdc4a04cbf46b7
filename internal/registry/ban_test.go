package registry

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

func TestAdmitDuringABan(t *testing.T) {
	s := testRules(Dual, 1, 1)
	const end = t0 + 60_000
	r, ch := ban(record("web:a android:b-"), s, alice, Ban{At: t0, Until: end, By: "administrator"}, t0)
	require.Len(t, ch.Evicted, 2)
	require.Equal(t, "-a:REST_API_Kick -b:REST_API_Kick", words(r, s))
	for _, fresh := range []string{"new web:a", "new web:c"} {
		after, d := admit(r, s, claimOf(fresh), end-1)
		require.Equal(t, place.Outcome{Verdict: place.Banned, Until: end}, d.Outcome, fresh)
		require.Equal(t, r, after)
	}
	for _, back := range []string{"resume web:a", "resume web:never-seen"} {
		_, d := admit(r, s, claimOf(back), end-1)
		require.Equal(t, place.Outcome{Verdict: place.KickedOut, Kick: frame.KickRESTAPI}, d.Outcome, back)
	}
	after, d := admit(r, s, claimOf("new web:c"), end)
	require.Equal(t, place.Admitted, d.Verdict, "the ban is over, and it voided no UserSig")
	require.Nil(t, after.Ban)
	lifted, ch := unban(r, s, end-1)
	require.True(t, ch.Write)
	_, d = admit(lifted, s, claimOf("new web:c"), end-1)
	require.Equal(t, place.Admitted, d.Verdict)
	_, ch = unban(r, s, end)
	require.False(t, ch.Write, "a ban that is over needs no lifting")
}

// A timd too old to know bans must not let a banned user in, so a record with a
// ban has a version that such a timd refuses to read.
func TestARecordWithABanHasItsOwnVersion(t *testing.T) {
	for text, b := range map[string]*Ban{`"v":1,`: nil, `"v":2,`: {At: 1}} {
		r := record("web:a")
		r.Ban = b
		data := r.encode()
		require.True(t, strings.Contains(string(data), text), "%s", data)
		back, err := decodeRecord(data)
		require.NoError(t, err)
		require.Equal(t, b, back.Ban)
	}
}

func TestHowLongARecordWithABanIsKept(t *testing.T) {
	r := Record{Ban: &Ban{At: t0, Until: t0 + time.Hour.Milliseconds()}}
	require.Equal(t, time.Hour, r.ttl(t0))
	r.Ban = &Ban{At: t0, Until: t0 + MaxBan.Milliseconds()}
	require.Equal(t, MaxBan, r.ttl(t0))
	r.Ban = &Ban{At: t0}
	require.Zero(t, r.ttl(t0), "a ban without an end is kept for ever")
}

func TestBansAreStoredAndListed(t *testing.T) {
	r, g := open(t, testBus(t), "one", nil)
	ctx := t.Context()
	login(t, r, g, web("a"))
	b, err := r.Ban(ctx, alice, Ban{By: "administrator", Reason: "spam"})
	require.NoError(t, err)
	require.NotZero(t, b.At)
	g.expect(t, "kick a REST_API_Kick")
	require.Equal(t, place.Banned, login(t, r, g, web("b")).Verdict)
	bob := place.User{SDKAppID: alice.SDKAppID, UserID: "bob"}
	_, err = r.Ban(ctx, bob, Ban{By: "administrator", Until: time.Now().Add(time.Hour).UnixMilli()})
	require.NoError(t, err)

	page, next, err := r.Banned(ctx, alice.SDKAppID, "", 1)
	require.NoError(t, err)
	require.Len(t, page, 1)
	require.Equal(t, View{User: alice, State: Offline, Ban: &b}, page[0])
	page, next, err = r.Banned(ctx, alice.SDKAppID, next, 1)
	require.NoError(t, err)
	require.Equal(t, bob, page[0].User)
	require.Empty(t, next)

	lifted, err := r.Unban(ctx, alice)
	require.NoError(t, err)
	require.True(t, lifted)
	lifted, err = r.Unban(ctx, alice)
	require.NoError(t, err)
	require.False(t, lifted)
	require.Equal(t, place.Admitted, login(t, r, g, web("b")).Verdict)
}

// In whatever order logins and a ban reach the store, nobody is online in the
// end: the ban evicts earlier logins, and later ones are refused.
func TestLoginsDuringABan(t *testing.T) {
	r, _ := open(t, testBus(t), "one", nil)
	var all sync.WaitGroup
	for _, id := range []string{"a", "b", "c", "d"} {
		all.Go(func() {
			_, err := r.Admit(t.Context(), web(id))
			require.NoError(t, err)
		})
	}
	_, err := r.Ban(t.Context(), alice, Ban{By: "administrator"})
	require.NoError(t, err)
	all.Wait()
	v, err := r.GetCurrent(t.Context(), alice)
	require.NoError(t, err)
	require.NotNil(t, v.Ban)
	require.Empty(t, v.Instances)
}

// belated is a store that the first write of alice's record reaches after its
// caller has given up on it and writes again.
type belated struct {
	store
	writes int
	first  func()
}

func (b *belated) Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error) {
	if subject == key(alice) {
		b.writes++
		switch b.writes {
		case 1:
			b.first = func() { _, _ = b.store.Put(context.WithoutCancel(ctx), subject, data, seq, ttl) }
			return 0, context.DeadlineExceeded
		case 2:
			b.first()
		}
	}
	return b.store.Put(ctx, subject, data, seq, ttl)
}

// The ban that is returned is the one that is stored, whichever try it was.
func TestABanThatIsStoredLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := open(t, busmodel.New(busmodel.Options{}), "one", func(o *Options) { o.wrap = func(s store) store { return &belated{store: s} } })
		b, err := r.Ban(t.Context(), alice, Ban{By: "administrator"})
		require.NoError(t, err)
		v, err := r.GetCurrent(t.Context(), alice)
		require.NoError(t, err)
		require.Equal(t, &b, v.Ban)
	})
}
