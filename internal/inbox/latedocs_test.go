package inbox

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
)

// late is a bus on which a gateway hears of one stream only while nobody holds it, as one
// does that is too busy to keep up. hook is called once its records under a subject have
// been read.
type late struct {
	*busmodel.Bus
	stream string
	mu     sync.Mutex
	hook   atomic.Pointer[func()]
}

// hold has it hear nothing until release is called, or the test is over.
func (l *late) hold(t *testing.T) (release func()) {
	l.mu.Lock()
	release = sync.OnceFunc(l.mu.Unlock)
	t.Cleanup(release)
	return release
}

func (l *late) OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error) {
	log, err := l.Bus.OpenLog(ctx, c)
	if err == nil && c.Stream == l.stream {
		log = lateLog{log, l}
	}
	return log, err
}

type lateLog struct {
	bus.Log
	*late
}

func (l lateLog) Follower(handle func(bus.Value), report func(error)) bus.Follower {
	return l.Log.Follower(func(v bus.Value) {
		l.mu.Lock()
		defer l.mu.Unlock()
		handle(v)
	}, report)
}

func (l lateLog) LastUnder(ctx context.Context, patterns ...string) ([]bus.Value, error) {
	values, err := l.Log.LastUnder(ctx, patterns...)
	if hook := l.hook.Swap(nil); hook != nil {
		(*hook)()
	}
	return values, err
}

// TestFirstMessagesOfABusyGateway: the first message of a conversation reaches a
// session that begins while the gateway has not heard of the conversation yet.
func TestFirstMessagesOfABusyGateway(t *testing.T) {
	begin := func(t *testing.T) (b *late, here *Inbox, alice *client) {
		b, here, there := lateInbox(t, bus.StreamConversations)
		return b, here, login(t, there, "alice", "a1")
	}
	t.Run("who comes back", func(t *testing.T) {
		b, here, alice := begin(t)
		bob := login(t, here, "bob", "b1")
		require.Empty(t, bob.list())
		bob.drop()
		release := b.hold(t)
		alice.send("bob", "one")
		bob.attach(here)
		require.True(t, bob.sync().Resumed)
		release()
		has(t, bob, "one")
		alice.send("bob", "two")
		has(t, bob, "one", "two")
	})

	t.Run("while they come back", func(t *testing.T) {
		b, here, alice := begin(t)
		bob := login(t, here, "bob", "b1")
		b.hold(t)
		bob.drop()
		before := func() {
			alice.send("bob", "one")
			heard(t, here)
		}
		here.store.conversations = lastHook{here.store.conversations, &before}
		bob.attach(here)
		require.True(t, bob.sync().Resumed)
		require.Nil(t, before)
		has(t, bob, "one")
	})

	t.Run("while their documents are read", func(t *testing.T) {
		b, here, alice := begin(t)
		b.hold(t)
		between := func() {
			alice.send("bob", "one")
			heard(t, here)
		}
		b.hook.Store(&between)
		bob := login(t, here, "bob", "b1")
		require.Nil(t, b.hook.Load())
		has(t, bob, "one")
	})
}

// TestCheckerOfBusyGateways is TestChecker with gateways that hear of each kind of
// record late, and of one later than of another, and with more conversations that
// begin meanwhile.
func TestCheckerOfBusyGateways(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	store := busmodel.New(busmodel.Options{})
	o := Options{Missed: 1e6, reach: time.Millisecond}
	check(t, seed, 8, rounds(20), open(t, &busy{store, seed + 1}, o), open(t, &busy{store, seed + 2}, o))
}

// TestGroupCheckerOfBusyGateways is the same for TestGroupChecker.
func TestGroupCheckerOfBusyGateways(t *testing.T) {
	seed := rand.Uint64()
	store := busmodel.New(busmodel.Options{})
	checkGroups(t, seed, Options{reach: time.Millisecond}, &busy{store, seed + 1}, &busy{store, seed + 2})
}

// busy is a bus whose followers are late now and then.
type busy struct {
	*busmodel.Bus
	seed uint64
}

func (b *busy) OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error) {
	l, err := b.Bus.OpenLog(ctx, c)
	b.seed += 100
	return busyLog{l, b.seed}, err
}

type busyLog struct {
	bus.Log
	seed uint64
}

func (l busyLog) Follower(handle func(bus.Value), report func(error)) bus.Follower {
	draw := rand.New(rand.NewPCG(l.seed, 3)) // of the follower's goroutine
	return l.Log.Follower(func(v bus.Value) {
		if draw.IntN(10) == 0 {
			time.Sleep(time.Duration(draw.IntN(50)) * time.Millisecond)
		}
		handle(v)
	}, report)
}

// heard waits until a gateway has heard of all messages.
func heard(t *testing.T, in *Inbox) {
	ends, err := in.store.messages.ends(t.Context())
	require.NoError(t, err)
	in.messages.Reach(t.Context(), ends)
}

// lastHook calls hook once, after the newest document has been looked for.
type lastHook struct {
	bus.Log
	hook *func()
}

func (l lastHook) Last(ctx context.Context, subject string) (bus.Value, error) {
	v, err := l.Log.Last(ctx, subject)
	if hook := *l.hook; hook != nil {
		*l.hook = nil
		hook()
	}
	return v, err
}
