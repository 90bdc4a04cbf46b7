package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/place"
)

// TestCrowd has the store hang while as many log in as may ask it at once: the next one
// is told when to come back, another waits, one who waits and hangs up takes no turn,
// and a wrong UserSig is refused at once.
func TestCrowd(t *testing.T) {
	asked, answer := make(chan struct{}, gateway.GateWide), make(chan struct{})
	w := begin(t, setup{before: func(g *gateway.Gateway) { g.Pace(gateway.GateWait / 2) }})
	w.reg.admit = func(ctx context.Context, c place.Claim) (place.Outcome, error) {
		asked <- struct{}{}
		<-answer
		return w.reg.Registry.Admit(ctx, c)
	}
	logIn := func(name string) *peer {
		p := w.dial()
		p.send(frame.Login, page(name).frame())
		return p
	}
	var crowd []*peer
	for n := range gateway.GateWide {
		crowd = append(crowd, logIn(fmt.Sprint("user", n)))
	}
	for range gateway.GateWide {
		<-asked
	}
	waits, gone := logIn("waits"), logIn("gone")
	eventually(t, "both wait", func() bool { return w.g.Waiting() == 2 })
	late := logIn("late")
	late.expectClose(frame.CloseBusy((gateway.GateWait + gateway.GateWait/2/gateway.GateHaste).Milliseconds()))
	forged := page("forged")
	forged.sig = "x"
	require.NotNil(t, w.dial().call(frame.Login, forged.frame()).Err)
	require.NoError(t, gone.conn.NetConn().Close())
	eventually(t, "it is noticed", func() bool { return w.g.Stats().Sockets == gateway.GateWide+1 })

	close(answer)
	for _, p := range append(crowd, waits) {
		require.Nil(t, p.read().Err)
	}
	require.Len(t, asked, 1, "of those who waited the store was asked for one who is there")
	require.Nil(t, logIn("late").read().Err)
	eventually(t, "the gate is empty", func() bool { return w.g.Waiting() == 0 })
}

// A holder that says nothing keeps nobody else waiting, however many ask for it.
func TestSilentHoldersTakeNoTurns(t *testing.T) {
	probed, answer := make(chan struct{}, gateway.GateWide), make(chan struct{})
	w := begin(t, setup{})
	w.reg.admit = func(ctx context.Context, c place.Claim) (place.Outcome, error) {
		if strings.HasPrefix(c.UserID, "mallory") {
			return place.Outcome{Verdict: place.Held}, nil
		}
		return w.reg.Registry.Admit(ctx, c)
	}
	w.reg.probe = func(context.Context, place.Holder) bool {
		probed <- struct{}{}
		<-answer
		return true
	}
	var crowd []*peer
	for n := range gateway.GateWide {
		p := w.dial()
		p.send(frame.Login, page(fmt.Sprint("mallory", n)).frame())
		crowd = append(crowd, p)
	}
	for range gateway.GateWide {
		<-probed
	}
	w.login(page("alice"))
	close(answer)
	for _, p := range crowd {
		require.EqualValues(t, frame.CodeDuplicate, p.read().Err.Code)
	}
}

// However often one user logs in at once, others have room.
func TestOneUserIsNoCrowd(t *testing.T) {
	asked, answer := make(chan struct{}, 2*gateway.GateWide), make(chan struct{})
	w := begin(t, setup{})
	w.reg.admit = func(ctx context.Context, c place.Claim) (place.Outcome, error) {
		if c.UserID == "mallory" {
			asked <- struct{}{}
			<-answer
			return place.Outcome{Verdict: place.Banned}, nil
		}
		return w.reg.Registry.Admit(ctx, c)
	}
	sends := func() *peer {
		p := w.dial()
		p.send(frame.Login, page("mallory").frame())
		return p
	}
	var crowd []*peer
	for range gateway.GateUser {
		crowd = append(crowd, sends())
	}
	for range gateway.GateUser {
		<-asked
	}
	for range gateway.GateWide {
		p := sends()
		ce := <-p.closed
		require.Positive(t, frame.BusyFor(int(ce.Code)), string(ce.Reason))
	}
	w.login(page("alice"))
	close(answer)
	for _, p := range crowd {
		require.Equal(t, fault.Blocklisted, p.read().Err.Code)
	}
	require.Empty(t, asked)
}
