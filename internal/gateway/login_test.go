package gateway_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/usersig"
)

func TestLogin(t *testing.T) {
	w := begin(t, setup{})
	i := page("alice")
	p, m := w.login(i)
	require.EqualValues(t, app, m.Body.Number("sdkAppID"))
	require.Equal(t, "alice", m.Body.Text("userID"))
	require.Len(t, m.Body.Text("instanceID"), 64)
	require.NotContains(t, m.Body.Text("instanceID"), i.instance, "the instance ID does not contain the secret")
	require.InDelta(t, time.Now().UnixMilli(), m.Body.Number("serverTime"), 60_000)
	require.InDelta(t, time.Hour.Milliseconds(), m.Body.Number("expiresIn"), 2_000)
	require.EqualValues(t, frame.Heartbeat, m.Body.Number("heartbeat"))
	require.NotEmpty(t, m.Body.Text("farewell"))
	p.expectOpen()
	require.Len(t, w.g.Places(), 1)
	require.Equal(t, gateway.Stats{Sockets: 1, Sessions: 1, Logins: 1}, w.g.Stats())

	// The same frame again changes nothing.
	again := p.call(frame.Login, i.frame())
	require.Nil(t, again.Err)
	require.Equal(t, m.Body.Text("instanceID"), again.Body.Text("instanceID"))
	require.EqualValues(t, 1, w.g.Stats().Logins)

	// Another user on this socket is an error, and the session goes on.
	require.Equal(t, fault.BadParameters, p.call(frame.Login, page("bob").frame()).Err.Code)
	wrong := i
	wrong.sig = usersig.Sign(app, "another key", "alice", time.Now(), time.Hour)
	require.Equal(t, fault.SigWrongKey, p.call(frame.Login, wrong.frame()).Err.Code)
	p.expectOpen()
}

func TestLoginIsRefused(t *testing.T) {
	w := begin(t, setup{})
	now := time.Now()
	with := func(key string, value any) map[string]any {
		f := maps.Clone(page("carol").frame())
		f[key] = value
		return f
	}
	good := usersig.Sign(app, key, "carol", now, time.Hour)
	for _, c := range []struct {
		name  string
		frame map[string]any
		code  fault.Code
	}{
		{"wrong key", with("userSig", usersig.Sign(app, "x", "carol", now, time.Hour)), fault.SigWrongKey},
		{"expired", with("userSig", usersig.Sign(app, key, "carol", now.Add(-time.Hour), time.Minute)), fault.SigExpired},
		{"empty", with("userSig", ""), fault.SigEmpty},
		{"truncated", with("userSig", good[:len(good)/2]), fault.SigMalformed},
		{"other user", with("userSig", usersig.Sign(app, key, "dave", now, time.Hour)), fault.SigOtherUser},
		{"other app", with("sdkAppID", app+1), fault.SigOtherApp},
		{"no such app", with("userSig", usersig.Sign(app+1, key, "carol", now, time.Hour)), fault.NoSuchApp},
		{"userID", with("userID", "ä"), fault.BadParameters},
		{"the system", with("userID", "@TIM#SYSTEM"), fault.BadParameters},
		{"instance", with("instance", "123"), fault.BadParameters},
		{"instance in capitals", with("instance", "0123456789ABCDEF0123456789ABCDEF"), fault.BadParameters},
		{"doc", with("doc", ""), fault.BadParameters},
		{"intent", with("intent", "maybe"), fault.BadParameters},
		{"platform", with("platform", "Fridge"), fault.BadParameters},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := w.dial()
			p.t = t
			m := p.call(frame.Login, c.frame)
			require.NotNil(t, m.Err)
			require.Equal(t, c.code, m.Err.Code, m.Err.Message)
			p.expectClose(frame.CloseRejected)
		})
	}
	p := w.dial()
	require.Equal(t, frame.CodeBadParams, p.call(frame.Login, with("userID", 7)).Err.Code)
	require.Equal(t, frame.CodeBadParams, p.call(frame.Login, nil).Err.Code)
	m := p.call(frame.Login, page("carol").frame())
	require.Nil(t, m.Err, "the client may log in after a frame of the wrong shape")
}

// A stranger who sends bad UserSigs for a user, perhaps from the user's own
// address as behind a NAT or a proxy, is answered with 70050. The user is not:
// a valid UserSig still logs in, resumes and is renewed.
func TestTooManyFailures(t *testing.T) {
	now := time.Now()
	w := begin(t, setup{options: func(o *gateway.Options) {
		o.ClientAddr = func(r *http.Request) string { return r.Header.Get("X-From") }
		o.Now = func() time.Time { return now }
	}})
	from := func(addr string, i who) (*peer, fault.Code) {
		p, err := w.dialWith(http.Header{"X-From": {addr}})
		require.NoError(t, err)
		m := p.call(frame.Login, i.frame())
		if m.Err == nil {
			return p, 0
		}
		return p, m.Err.Code
	}
	wrong := func(user string) string { return usersig.Sign(app, "x", user, now, time.Hour) }
	running := page("erin")
	session, code := from("1.1.1.1", running)
	require.Zero(t, code)

	bad := page("erin")
	bad.sig = wrong("erin")
	for range 20 {
		p, code := from("1.1.1.1", bad)
		require.Equal(t, fault.SigWrongKey, code)
		p.expectClose(frame.CloseRejected)
	}
	p, code := from("1.1.1.1", bad)
	require.Equal(t, fault.TooManyFailures, code)
	p.expectClose(frame.CloseTryLater)
	p, code = from("1.1.1.1", bad.resume())
	require.Equal(t, fault.TooManyFailures, code)
	p.expectClose(frame.CloseTryLater)
	_, code = from("2.2.2.2", bad)
	require.Equal(t, fault.SigWrongKey, code, "another address")
	frank := page("frank")
	frank.sig = wrong("frank")
	_, code = from("1.1.1.1", frank)
	require.Equal(t, fault.SigWrongKey, code, "another user")

	// The running session accepts a good renewal, and survives a bad one.
	m := session.call(frame.Renew, map[string]any{"userSig": wrong("erin")})
	require.NotNil(t, m.Err)
	require.Equal(t, fault.TooManyFailures, m.Err.Code)
	m = session.call(frame.Renew, map[string]any{"userSig": usersig.Sign(app, key, "erin", now, 2*time.Hour)})
	require.Nil(t, m.Err)
	session.expectOpen()
	// The session resumes with its valid UserSig.
	failMore := func() {
		for range 21 {
			from("1.1.1.1", bad)
		}
	}
	failMore()
	p, code = from("1.1.1.1", running.resume())
	require.Zero(t, code)
	session.expectClose(frame.CloseSuperseded)
	p.expectOpen()
	// Its user logs in on another page.
	failMore()
	_, code = from("1.1.1.1", page("erin"))
	require.Zero(t, code)
}

// A UserSig dated far ahead is refused, and one dated a little ahead does not
// outlive a kick.
func TestUserSigDatedAhead(t *testing.T) {
	w := begin(t, setup{})
	dated := func(ahead time.Duration) who {
		i := page("alice")
		i.sig = usersig.Sign(app, key, "alice", time.Now().Add(ahead), time.Hour)
		return i
	}
	p := w.dial()
	require.Equal(t, fault.SigMalformed, p.call(frame.Login, dated(30*time.Minute).frame()).Err.Code)
	p.expectClose(frame.CloseRejected)

	i := dated(4 * time.Minute)
	p, _ = w.login(i)
	m := p.call(frame.Renew, map[string]any{"userSig": dated(30 * time.Minute).sig})
	require.NotNil(t, m.Err)
	require.Equal(t, fault.SigMalformed, m.Err.Code)
	require.NoError(t, w.reg.KickUser(context.Background(), place.User{SDKAppID: app, UserID: "alice"}))
	p.evicted(frame.KickRESTAPI)
	p = w.dial()
	again := page("alice")
	again.sig = i.sig
	require.Equal(t, fault.SigRevoked, p.call(frame.Login, again.frame()).Err.Code)
	p.expectClose(frame.CloseRejected)
	w.login(dated(4*time.Minute + time.Second)) // signed after the kick, by the same clock
}

func TestNewLoginEvictsTheOld(t *testing.T) {
	w := begin(t, setup{})
	old := page("alice")
	p1, _ := w.login(old)
	p2, _ := w.login(page("alice"))
	p1.evicted(frame.KickMultipleAccount)
	p2.expectOpen()

	// When the evicted page resumes it is told once more, and the newer session
	// goes on.
	p3 := w.dial()
	p3.send(frame.Login, old.resume().frame())
	p3.evicted(frame.KickMultipleAccount)
	p2.expectOpen()
	require.Len(t, w.g.Places(), 1)
}

func TestResumeSupersedesTheOlderSocket(t *testing.T) {
	w := begin(t, setup{})
	i := page("alice")
	p1, m1 := w.login(i)
	p2, m2 := w.login(i.resume())
	require.True(t, string(m2.Body.Text("instanceID")) == m1.Body.Text("instanceID"))
	p1.expectClose(frame.CloseSuperseded)
	p2.expectOpen()
	require.Len(t, w.g.Places(), 1)
	require.NotContains(t, w.reg.told(), "detach", "the end of the older socket must not detach the newer one")
}

func TestResumeAfterALostConnection(t *testing.T) {
	w := begin(t, setup{})
	i := page("alice")
	p1, _ := w.login(i)
	require.NoError(t, p1.conn.NetConn().Close())
	eventually(t, "detach", func() bool { return len(w.reg.told()) == 1 })
	require.Equal(t, []string{"detach"}, w.reg.told())
	_, m := w.login(i.resume())
	require.Contains(t, string(bodyOf(m)), `"resumed":true`)
}

func TestPageClosedCleanly(t *testing.T) {
	for _, code := range []uint16{1000, 1001} {
		w := begin(t, setup{})
		p, _ := w.login(page("alice"))
		require.NoError(t, p.conn.WriteClose(code, nil))
		eventually(t, "detach", func() bool { return len(w.reg.told()) == 1 })
		require.Equal(t, []string{"detach clean"}, w.reg.told())
	}
}

// A page that is closed while its login is being decided on is detached as
// closed, because it will not be back.
func TestPageClosedCleanlyDuringLogin(t *testing.T) {
	w := begin(t, setup{})
	asked, decide := make(chan struct{}), make(chan struct{})
	w.reg.admit = func(ctx context.Context, c place.Claim) (place.Outcome, error) {
		close(asked)
		<-decide
		return w.reg.Registry.Admit(ctx, c)
	}
	p := w.dial()
	p.send(frame.Login, page("alice").frame())
	<-asked
	require.NoError(t, p.conn.WriteClose(1001, nil))
	eventually(t, "gone", func() bool { return w.g.Stats().Sockets == 0 })
	close(decide)
	eventually(t, "detach", func() bool { return len(w.reg.told()) == 1 })
	require.Equal(t, []string{"detach clean"}, w.reg.told())
}

// A client that does not wait for the end of an outage tries again on another
// socket. Its first request must not take the place away from that one.
func TestLoginGivenUpInAnOutage(t *testing.T) {
	w := begin(t, setup{})
	waits, back := make(chan struct{}, 2), make(chan struct{})
	w.reg.await = func() {
		waits <- struct{}{}
		<-back
	}
	var claims atomic.Int32
	w.reg.admit = func(ctx context.Context, c place.Claim) (place.Outcome, error) {
		claims.Add(1)
		return w.reg.Registry.Admit(ctx, c)
	}
	i := page("alice")
	first, second := w.dial(), w.dial()
	second.expectOpen() // otherwise the count of sockets below may lack it instead of the first
	first.send(frame.Login, i.frame())
	<-waits
	require.NoError(t, first.conn.WriteClose(3000, nil))
	eventually(t, "gone", func() bool { return w.g.Stats().Sockets == 1 })
	second.send(frame.Login, i.frame())
	<-waits
	close(back)
	require.Nil(t, second.read().Err)
	second.expectOpen()
	require.EqualValues(t, 1, claims.Load())
	require.Empty(t, w.reg.told())
}

// A client that has sent a logout after its login ends up logged out, even if it
// does not wait for the end of an outage.
func TestLogoutDuringAnOutage(t *testing.T) {
	w := begin(t, setup{})
	i := page("alice")
	old, _ := w.login(i)
	waits, back := make(chan struct{}), make(chan struct{})
	w.reg.await = func() {
		close(waits)
		<-back
	}
	p := w.dial()
	p.send(frame.Login, i.frame())
	<-waits
	p.send(frame.Logout, nil)
	require.NoError(t, p.conn.WriteClose(1000, nil))
	eventually(t, "gone", func() bool { return w.g.Stats().Sockets == 1 })
	close(back)
	old.expectClose(frame.CloseSuperseded)
	eventually(t, "release", func() bool { return slices.Contains(w.reg.told(), "release") })
}

func TestDuplicatedTab(t *testing.T) {
	w := begin(t, setup{})
	i := page("alice")
	p1, _ := w.login(i)
	copied := i
	copied.doc = hexOf(8)
	p2 := w.dial()
	m := p2.call(frame.Login, copied.frame())
	require.Equal(t, frame.CodeDuplicate, m.Err.Code)
	p1.expectOpen()
	copied.instance = hexOf(16)
	require.Nil(t, p2.call(frame.Login, copied.frame()).Err, "the same socket may log in as a fresh instance")
	p1.evicted(frame.KickMultipleAccount)
}

func TestReloadTakesOverASilentHolder(t *testing.T) {
	w := begin(t, setup{})
	i := page("alice")
	p1, _ := w.login(i)
	p1.mute.Store(true) // like a frozen or unloaded page
	reloaded := i
	reloaded.doc = hexOf(8)
	p2, m := w.login(reloaded)
	require.Contains(t, string(bodyOf(m)), `"resumed":true`)
	p1.expectClose(frame.CloseSuperseded)
	p2.expectOpen()
}

func TestStoreIsNotLive(t *testing.T) {
	w := begin(t, setup{before: func(g *gateway.Gateway) { g.Handle("echo.back", echo) }})
	p1, _ := w.login(page("alice"))
	w.reg.dead.Store(true)
	p2 := w.dial()
	require.Equal(t, fault.ServerTimeout, p2.call(frame.Login, page("bob").frame()).Err.Code)
	p1.expectOpen()
	require.Equal(t, fault.ServerTimeout, p1.call("echo.back", nil).Err.Code)
	require.Zero(t, w.g.Deliver(place.User{SDKAppID: app, UserID: "alice"}, "x.y", nil))
	w.reg.dead.Store(false)
	require.Nil(t, p2.call(frame.Login, page("bob").frame()).Err, "the same socket may try again")
	require.Nil(t, p1.call("echo.back", nil).Err)
}

func TestVerdicts(t *testing.T) {
	w := begin(t, setup{})
	for verdict, code := range map[place.Verdict]fault.Code{
		place.SigRevoked: fault.SigRevoked, place.UnknownUser: fault.NoSuchAccount, place.Banned: fault.Blocklisted,
	} {
		w.reg.admit = func(context.Context, place.Claim) (place.Outcome, error) {
			return place.Outcome{Verdict: verdict}, nil
		}
		p := w.dial()
		require.Equal(t, code, p.call(frame.Login, page("alice").frame()).Err.Code)
		p.expectClose(frame.CloseRejected)
	}
}

func TestLoginTimeout(t *testing.T) {
	w := begin(t, setup{times: gateway.Times{Login: 100 * time.Millisecond}})
	release := make(chan struct{})
	w.reg.admit = func(ctx context.Context, c place.Claim) (place.Outcome, error) {
		<-release
		return w.reg.Registry.Admit(ctx, c)
	}
	p := w.dial()
	p.send(frame.Login, page("alice").frame())
	p.expectClose(frame.CloseLoginTimeout)
	close(release)
	// The place that no session got is detached.
	eventually(t, "detach", func() bool { return len(w.reg.told()) == 1 })
	require.Empty(t, w.g.Places())
}

func TestStandBy(t *testing.T) {
	w := begin(t, setup{times: gateway.Times{StandBy: 5 * time.Second}})
	member, _ := w.login(page("alice"))
	w.dial().expectClose(frame.CloseStandBy)
	member.expectOpen() // it is older, but no longer stands by
}

// A kick between the admission of a place and its binding to a socket reaches the
// client.
func TestKickedBeforeTheLoginIsAnswered(t *testing.T) {
	w := begin(t, setup{})
	w.reg.admit = func(ctx context.Context, c place.Claim) (place.Outcome, error) {
		out, err := w.reg.Registry.Admit(ctx, c)
		if err == nil && c.UserID == "alice" {
			require.True(t, w.g.Kick(out.Place, frame.KickRESTAPI), "Kick must accept a place whose login is not bound yet")
		}
		return out, err
	}
	p := w.dial()
	p.send(frame.Login, page("alice").frame())
	p.evicted(frame.KickRESTAPI)
	require.Empty(t, w.g.Places())
}
