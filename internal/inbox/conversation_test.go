package inbox

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
)

// afterAppends is a bus that calls a function of the test after each append to its
// log of messages.
type afterAppends struct {
	Bus
	log *afterAppend
}

func (s *afterAppends) OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error) {
	l, err := s.Bus.OpenLog(ctx, c)
	if c.Stream == bus.StreamMessages {
		s.log = &afterAppend{Log: l}
		l = s.log
	}
	return l, err
}

// TestHangUpBeforeItsTurnToWrite: a call that hangs up while another one writes to
// the same conversation ends at once and writes nothing.
func TestHangUpBeforeItsTurnToWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &afterAppends{Bus: busmodel.New(busmodel.Options{})}
		in := open(t, store, Options{})
		a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
		a.send("bob", "0")
		goOn, sent := make(chan struct{}), make(chan struct{})
		hold := func() { <-goOn }
		store.log.do.Store(&hold)
		go func() {
			a.send("bob", "1")
			close(sent)
		}()
		synctest.Wait() // alice's message is stored, and its answer is on the way
		ctx, hangUp := context.WithCancel(t.Context())
		refused := make(chan *fault.Error, 1)
		go func() {
			_, f := b.s.Call(ctx, "message.send", encode(sendText(freshID(), "alice", "2")))
			refused <- f
		}()
		synctest.Wait() // bob waits for alice
		hangUp()
		require.Equal(t, fault.ServerTimeout, (<-refused).Code)
		close(goOn)
		<-sent
		synctest.Wait()
		require.Equal(t, []string{"0", "1"}, b.texts())
	})
}

// TestHangUpBehindAnotherCall: a call that waits for an earlier one of its session
// ends when the session hangs up.
func TestHangUpBehindAnotherCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &afterAppends{Bus: busmodel.New(busmodel.Options{})}
		in := open(t, store, Options{})
		a := login(t, in, "alice", "a1")
		goOn, sent := make(chan struct{}), make(chan struct{})
		hold := func() { <-goOn }
		store.log.do.Store(&hold)
		go func() {
			a.send("bob", "0")
			close(sent)
		}()
		synctest.Wait()
		ctx, hangUp := context.WithCancel(t.Context())
		refused := make(chan *fault.Error, 1)
		go func() {
			_, f := a.s.Call(ctx, "profile.get", nil)
			refused <- f
		}()
		synctest.Wait()
		require.Empty(t, refused, "the first call is at work")
		hangUp()
		require.Equal(t, fault.ServerTimeout, (<-refused).Code)
		close(goOn)
		<-sent
	})
}

// TestARecordThatComesDuringAnAppend: if a record of another gateway comes while one
// is appended here, the next append knows it and succeeds at once.
func TestARecordThatComesDuringAnAppend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := busmodel.New(busmodel.Options{})
		store := &afterAppends{Bus: model}
		in, other := open(t, store, Options{}), open(t, model, Options{})
		a, a2 := login(t, in, "alice", "a1"), login(t, other, "alice", "a2")
		a.send("bob", "0")
		synctest.Wait()
		overtake := func() {
			a2.send("bob", "2")
			synctest.Wait() // this gateway knows it, too
		}
		store.log.do.Store(&overtake)
		a.send("bob", "1")
		var appends int
		count := func() { appends++ }
		store.log.do.Store(&count)
		_, _, err := in.append(t.Context(), pairOf(app, "alice", "bob"), "", func(prev *record) (*record, error) {
			require.Zero(t, appends, "the newest record was known")
			return next(prev, kindRead, 0, 0), nil
		})
		require.NoError(t, err)
	})
}
