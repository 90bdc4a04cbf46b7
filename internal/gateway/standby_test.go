package gateway_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/gateway"
)

// When too many sockets of one address stand by, the oldest is closed. A
// client that logs in at once is not touched, however many others there are.
func TestTooManyStandBy(t *testing.T) {
	w := begin(t, setup{
		options: func(o *gateway.Options) {
			o.ClientAddr = func(r *http.Request) string { return r.Header.Get("X-From") }
		},
		before: func(g *gateway.Gateway) { g.LimitStandBy(2, 100) },
	})
	from := func(addr string) *peer {
		p, err := w.dialWith(http.Header{"X-From": {addr}})
		require.NoError(t, err)
		p.expectOpen() // so that the gateway has them in this order
		return p
	}
	member := from("1.1.1.1")
	require.Nil(t, member.call(frame.Login, page("alice").frame()).Err)
	first, second := from("1.1.1.1"), from("1.1.1.1")
	elsewhere := from("2.2.2.2")
	third := from("1.1.1.1")
	first.expectClose(frame.CloseStandBy)
	require.Nil(t, second.call(frame.Login, page("bob").frame()).Err)
	from("1.1.1.1")
	for _, p := range []*peer{member, second, third, elsewhere} {
		p.expectOpen()
	}
	// A socket that stands by again after a failed login counts again.
	w.reg.dead.Store(true)
	require.Equal(t, fault.ServerTimeout, third.call(frame.Login, page("carol").frame()).Err.Code)
	w.reg.dead.Store(false)
	fifth := from("1.1.1.1") // closes the fourth, which is the oldest now
	third.expectOpen()
	fifth.expectOpen()

	// An IPv6 host can choose any address of its /64, which counts as one.
	v6 := from("2001:db8::1")
	from("2001:db8::2")
	from("2001:db8::3")
	v6.expectClose(frame.CloseStandBy)

	// Sockets that have closed are forgotten.
	for _, p := range []*peer{third, fifth, elsewhere} {
		require.NoError(t, p.conn.NetConn().Close())
	}
	eventually(t, "forgotten", func() bool { return w.g.StandingBy() == 2 })
}

// When too many sockets stand by in all, the oldest of the address with the most
// is closed.
func TestTooManyStandByOfAll(t *testing.T) {
	w := begin(t, setup{
		options: func(o *gateway.Options) {
			o.ClientAddr = func(r *http.Request) string { return r.Header.Get("X-From") }
		},
		before: func(g *gateway.Gateway) { g.LimitStandBy(3, 5) },
	})
	from := func(addr string) *peer {
		p, err := w.dialWith(http.Header{"X-From": {addr}})
		require.NoError(t, err)
		p.expectOpen()
		return p
	}
	alone := from("1.1.1.1")
	crowd := []*peer{from("2.2.2.2"), from("2.2.2.2"), from("2.2.2.2")}
	other := from("3.3.3.3")
	fourth := from("4.4.4.4")
	crowd[0].expectClose(frame.CloseStandBy)
	fifth := from("5.5.5.5")
	crowd[1].expectClose(frame.CloseStandBy)
	// Each address has one now, so the one that has stood by longest goes.
	sixth := from("6.6.6.6")
	alone.expectClose(frame.CloseStandBy)
	for _, p := range []*peer{other, fourth, fifth, sixth, crowd[2]} {
		p.expectOpen()
	}
	require.Equal(t, 5, w.g.StandingBy())
}
