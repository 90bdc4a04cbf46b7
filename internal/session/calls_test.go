package session

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/leaktest"
)

// readyMachine is logged in; the clock stands at 100.
func readyMachine(t *testing.T) *Machine {
	t.Helper()
	m := newTestMachine(true, false, false)
	m.Step(0, Create{})
	m.Step(10, Login{Call: 1, UserID: "alice", UserSig: "sig"})
	m.Step(20, Opened{Gen: 1})
	m.Step(30, Received{Gen: 1, Frame: answerOf(1, 3_600_000, frame.Heartbeat)})
	m.Step(40, TaskCame{})
	require.Equal(t, Ready, m.State())
	return m
}

func TestTooManyCallsAreRefused(t *testing.T) {
	m := readyMachine(t)
	for i := range maxCalls {
		require.NotContains(t, describeAll(m.Step(100, Send{Call: Call(2 + i), Method: "x"})), "reject")
	}
	out := m.Step(100, Send{Call: 5000, Method: "x"})
	require.Equal(t, []Effect{Settle{Call: 5000, Err: fault.New(fault.TooFrequent)}}, out)
}

// Requests that cannot be written hold no place in the window, and are forgotten.
func TestWhatCannotBeWrittenMakesRoom(t *testing.T) {
	m := readyMachine(t)
	for i := range frame.Window {
		m.Step(100, Send{Call: Call(10 + i), Method: "x", Params: frame.Fields{{Key: "text", Value: "a private word"}}})
	}
	require.NotContains(t, describeAll(m.Step(100, Send{Call: 50, Method: "y"})), "write", "the window is full")
	for i := range frame.Window {
		out := m.Step(100, Unwritten{Gen: 1, ID: int64(2 + i), Err: fault.New(fault.BadParameters)})
		require.Equal(t, Settle{Call: Call(10 + i), Err: fault.New(fault.BadParameters)}, out[0])
		require.Equal(t, i == 0, strings.Contains(describeAll(out[1:]), " y"))
	}
	require.Empty(t, leaktest.Find(m, "private"))
	require.Contains(t, m.Step(110, Received{Gen: 1, Frame: frame.Message{ID: 2 + frame.Window}}), Settle{Call: 50})
}

func TestAnAnsweredCallIsForgotten(t *testing.T) {
	m := readyMachine(t)
	for call := range 3 {
		m.Step(100, Send{Call: Call(10 + call), Method: "x", Params: frame.Fields{{Key: "text", Value: "a private word"}}})
	}
	require.NotEmpty(t, leaktest.Find(m, "private"), "the search would find it")
	for id := range 3 {
		m.Step(110, Received{Gen: 1, Frame: frame.Message{ID: int64(2 + id)}})
	}
	require.Empty(t, leaktest.Find(m, "private"))
}

func TestServerTimeFollowsTheGatewaysClock(t *testing.T) {
	m := newTestMachine(true, false, false)
	require.Zero(t, m.ServerTime(5))
	m = readyMachine(t)
	require.EqualValues(t, 1_700_000_000_000+970, m.ServerTime(1000))
	for _, absurd := range []int64{0, -1, endOfTime + 1} {
		m.setClock(absurd)
		require.EqualValues(t, 1_700_000_000_000+970, m.ServerTime(1000))
	}
}

// A clock that goes back stands still instead.
func TestTimeDoesNotGoBack(t *testing.T) {
	m := readyMachine(t)
	m.Step(50_000, Send{Call: 2, Method: "x", Within: 1000})
	require.Equal(t, []Effect{StartTimer{Timer: TimerCalls, After: 1000}}, m.Step(49_000, TimerFired{Timer: TimerCalls}))
	require.Contains(t, m.Step(51_000, TimerFired{Timer: TimerCalls}), Settle{Call: 2, Err: fault.With(fault.Timeout, "ws://gw/ws")})
}

func TestNothingIsDialledOffline(t *testing.T) {
	m := newTestMachine(false, false, false)
	require.Empty(t, m.Step(0, Create{Early: true}))
	require.Contains(t, m.Step(1, Login{Call: 1, UserID: "alice", UserSig: "sig"}), Settle{Call: 1, Err: fault.New(fault.Offline)})
}

// Which user the getters return, and how calls are answered, at each stage of
// a session.
func TestGettersAndTheGate(t *testing.T) {
	m := newTestMachine(true, false, false)
	call := Call(100)
	expect := func(code fault.Code, user string, ready bool) {
		t.Helper()
		call++
		out := m.Step(m.now, Send{Call: call, Method: "x"})
		if code == 0 {
			require.NotContains(t, describeAll(out), "reject")
		} else {
			require.Equal(t, []Effect{Settle{Call: call, Err: fault.New(code)}}, out)
		}
		require.Equal(t, user, m.UserID())
		require.Equal(t, ready, m.IsReady())
	}
	m.Step(0, Create{})
	expect(fault.NotLoggedIn, "", false)
	m.Step(10, Login{Call: 1, UserID: "alice", UserSig: "sig"})
	expect(fault.LoginPending, "", false)
	m.Step(20, Opened{Gen: 1})
	expect(fault.LoginPending, "", false)
	m.Step(30, Received{Gen: 1, Frame: answerOf(1, 3_600_000, frame.Heartbeat)})
	expect(fault.NotReady, "alice", false)
	m.Step(31, Closed{Gen: 1, Code: 1006})
	expect(fault.NotReady, "alice", false)
	m.Step(40, TimerFired{Timer: TimerRetry})
	m.Step(50, Opened{Gen: 2})
	m.Step(60, Received{Gen: 2, Frame: answerOf(2, 3_600_000, frame.Heartbeat)})
	expect(fault.NotReady, "alice", false)
	m.Step(70, TaskCame{})
	expect(0, "alice", true)
	m.Step(80, Closed{Gen: 2, Code: 1006})
	expect(0, "alice", true)
	m.Step(90, TimerFired{Timer: TimerRetry})
	m.Step(100, Opened{Gen: 3})
	m.Step(110, Received{Gen: 3, Frame: answerOf(m.ids, 3_600_000, frame.Heartbeat)})
	expect(0, "alice", true)
	m.Step(120, Logout{Call: 2})
	expect(fault.LoggedOut, "", false)
	m.Step(130, Closed{Gen: 3, Code: 4001})
	expect(fault.LoggedOut, "", false)
}

func TestReasonsHaveTheirCodes(t *testing.T) {
	for reason, code := range map[Reason]fault.Code{
		ReasonNone: 2024, ReasonLoginFailed: 3001, ReasonMultipleDevice: 3002, ReasonMultipleAccount: 3003,
		ReasonUserSigExpired: 3004, ReasonLoggedOut: 3005, ReasonRESTAPI: 3006, ReasonDestroyed: 2903,
	} {
		require.Equal(t, code, reason.code(), reason)
	}
}

func TestWhatIsTriedAgain(t *testing.T) {
	for code, want := range map[fault.Code]Reason{
		fault.SigExpired: ReasonUserSigExpired, fault.SigWrongKey: ReasonUserSigExpired, fault.SigOtherUser: ReasonUserSigExpired,
		fault.Blocklisted: ReasonUserSigExpired, fault.SigRevoked: ReasonRESTAPI,
		fault.ServerTimeout: ReasonNone, fault.Internal: ReasonNone, fault.LoginTooFrequent: ReasonNone, frame.CodeInvalid: ReasonNone,
	} {
		again, reason := retryFault(code)
		require.Equal(t, want, reason, code)
		require.Equal(t, want == ReasonNone, again, code)
	}
	for code := 4000; code <= 4200; code++ {
		again, _ := retry(code, "")
		require.Equal(t, code > 4099 || code == frame.CloseRoomOver, again, code)
	}
	for _, code := range []int{0, 1000, 1001, 1006, 1011, 1012} {
		again, _ := retry(code, "")
		require.True(t, again, code)
	}
}

func describeAll(effects []Effect) (text string) {
	for _, e := range effects {
		text += describe(e) + "\n"
	}
	return text
}

// readyWorld is a world with a faithful gateway and a user who is logged in.
func readyWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, false, false)
	w.faithful = true
	w.step(Create{})
	w.step(Login{Call: w.call(10_000), UserID: fuzzUser, UserSig: fuzzSig})
	w.recover()
	require.Equal(t, Ready, w.m.State())
	return w
}

// An app makes a thousand calls at once, and the gateway answers at once: the
// calls go out in order, as fast as the wire's limits allow, which the world
// enforces. A renewal goes first.
func TestAnEagerAppKeepsTheLimits(t *testing.T) {
	w := readyWorld(t)
	for range maxCalls - 1 {
		w.step(Send{Call: w.call(30_000), Method: "x", Within: 30_000})
	}
	require.Len(t, w.written, frame.Window)
	w.step(Renew{Call: w.call(renewWithin), UserSig: "renewed"})
	require.Equal(t, frame.Renew, w.written[len(w.written)-1].Method)
	began := w.now
	w.recover()
	require.Empty(t, w.open)
	require.Less(t, w.now-began, int64(25_000), "close to the gateway's rate")
	w.step(Destroy{Call: w.call(0)})
}

// A UserSig that no gateway accepts, and that a frame might not hold, is
// refused at once.
func TestAUserSigThatIsTooLong(t *testing.T) {
	long := strings.Repeat("x", maxUserSig+1)
	m := newTestMachine(true, false, false)
	m.Step(0, Create{})
	refused := func(c Call) []Effect {
		return []Effect{Settle{Call: c, Err: fault.With(fault.SigMalformed, "it is too long")}}
	}
	require.Equal(t, refused(1), m.Step(1, Login{Call: 1, UserID: "alice", UserSig: long}))
	require.Equal(t, LoggedOut, m.State())
	m = readyMachine(t)
	require.Equal(t, refused(2), m.Step(100, Renew{Call: 2, UserSig: long}))
}

// A call that is followed by a logout keeps its own deadline, however long the
// logout's answer takes.
func TestACallKeepsItsTimeDuringALogout(t *testing.T) {
	w := readyWorld(t)
	w.step(Send{Call: w.call(1_000), Method: "x", Within: 1_000})
	w.step(Send{Call: w.call(logoutWithin), Method: "x", Within: 20_000})
	w.step(Logout{Call: w.call(logoutWithin)})
	w.pass(999)
	require.Len(t, w.open, 3)
	w.pass(1) // the world checks after each step
	require.Len(t, w.open, 2)
	require.Equal(t, LoggingOut, w.m.State())
	w.pass(logoutWithin - 1_001)
	require.Len(t, w.open, 2)
	w.pass(1)
	require.Empty(t, w.open)
	require.Equal(t, LoggedOut, w.m.State())
	w.step(Destroy{Call: w.call(0)})
}
