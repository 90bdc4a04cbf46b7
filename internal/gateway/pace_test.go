package gateway_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/usersig"
)

// Two pages that take the place from each other in a loop are stopped. The limit
// does not hold up a client that reconnects.
func TestLoginTooFrequent(t *testing.T) {
	var now time.Time
	w := begin(t, setup{options: func(o *gateway.Options) {
		o.LoginRate = 6
		now = time.Now()
		o.Now = func() time.Time { return now }
	}})
	var last who
	for range 6 {
		last = page("alice")
		w.login(last)
	}
	again := func() fault.Code {
		p := w.dial()
		m := p.call(frame.Login, page("alice").frame())
		if m.Err == nil {
			return 0
		}
		p.expectClose(frame.CloseTryLater)
		return m.Err.Code
	}
	require.Equal(t, fault.LoginTooFrequent, again())
	w.login(last.resume())
	w.login(page("bob"))
	now = now.Add(11 * time.Second)
	require.Zero(t, again(), "one more every ten seconds")
	require.Equal(t, fault.LoginTooFrequent, again())
}

// A client that calls each of its logins a resume is charged as well, because a
// resume costs the gateway as much. A user may resume four times as often as log
// in, which leaves room for a bad network.
func TestResumeTooFrequent(t *testing.T) {
	now := time.Now()
	w := begin(t, setup{options: func(o *gateway.Options) {
		o.LoginRate = 2
		o.Now = func() time.Time { return now }
	}})
	for range 8 {
		p, _ := w.login(page("alice").resume())
		require.Nil(t, p.call(frame.Logout, nil).Err)
	}
	p := w.dial()
	require.Equal(t, fault.LoginTooFrequent, p.call(frame.Login, page("alice").resume().frame()).Err.Code)
	p.expectClose(frame.CloseTryLater) // not a code that ends the session
	w.login(page("bob").resume())
	fresh, _ := w.login(page("alice"))
	require.Nil(t, fresh.call(frame.Logout, nil).Err)
	now = now.Add(8 * time.Second)
	w.login(page("alice").resume())
}

// An Observer is told of a login with the code that its client got: the code of
// the kick for a client that was evicted, which is not an error of the gateway.
func TestLoginsAreObservedWithTheirCode(t *testing.T) {
	seen := new(observed)
	w := begin(t, setup{options: func(o *gateway.Options) { o.Observer = seen }})
	old := page("alice")
	p, _ := w.login(old)
	w.login(page("alice"))
	p.evicted(frame.KickMultipleAccount)
	p = w.dial()
	p.send(frame.Login, old.resume().frame())
	p.evicted(frame.KickMultipleAccount)
	p, _ = w.login(page("bob"))
	require.Nil(t, p.call(frame.Logout, map[string]any{}).Err)
	eventually(t, "counted", func() bool { return len(seen.all()) >= 5 })
	require.ElementsMatch(t, []string{"login 0", "login 0", "login 3003", "login 0", "logout 0"}, seen.all())
}

// A renewal is charged like a resume, because it is written to the registry like
// one.
func TestRenewTooFrequent(t *testing.T) {
	now := time.Now()
	w := begin(t, setup{options: func(o *gateway.Options) {
		o.LoginRate = 2
		o.Now = func() time.Time { return now }
	}})
	p, _ := w.login(page("alice"))
	renew := func() fault.Code {
		sig := usersig.Sign(app, key, "alice", now, time.Hour)
		if err := p.call(frame.Renew, map[string]any{"userSig": sig}).Err; err != nil {
			return err.Code
		}
		return 0
	}
	for range 8 {
		require.Zero(t, renew())
	}
	require.Equal(t, fault.TooFrequent, renew())
	p.expectOpen()
	now = now.Add(8 * time.Second)
	require.Zero(t, renew())
}

// observed records what an Observer is told of logins and logouts.
type observed struct {
	mu   sync.Mutex
	seen []string
}

func (o *observed) note(what string, code fault.Code) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = append(o.seen, fmt.Sprint(what, " ", int(code)))
}

func (o *observed) all() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.seen...)
}

func (o *observed) Login(code fault.Code, _ time.Duration)                  { o.note("login", code) }
func (o *observed) Handled(method string, code fault.Code, _ time.Duration) { o.note(method, code) }
func (o *observed) Evicted(string)                                          {}
func (o *observed) Closed(int)                                              {}
