package inbox

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/place"
)

// What happens at a gateway whose followers are further behind than a call waits for.

const soonOver = 20 * time.Millisecond

// lateInbox returns an inbox that is late with a stream while b is held, and one that is
// not, on the same store.
func lateInbox(t *testing.T, stream string) (b *late, here, there *Inbox) {
	store := busmodel.New(busmodel.Options{})
	b = &late{Bus: store, stream: stream}
	return b, open(t, b, Options{reach: soonOver}), open(t, store, Options{})
}

func has(t *testing.T, c *client, texts ...string) {
	t.Helper()
	c.until(fmt.Sprint(texts), func() bool { return len(c.messages) >= len(texts) })
	require.Equal(t, texts, c.texts())
}

// lastAllHook calls hook once, before some documents are read.
type lastAllHook struct {
	bus.Log
	hook *func()
}

func (l lastAllHook) LastAll(ctx context.Context, subjects []string) ([]bus.Value, error) {
	if hook := *l.hook; hook != nil {
		*l.hook = nil
		hook()
	}
	return l.Log.LastAll(ctx, subjects)
}

// TestTwoLoadAtOnce: what the slower one of a user's two sessions has read is used.
func TestTwoLoadAtOnce(t *testing.T) {
	b, here, there := lateInbox(t, bus.StreamConversations)
	alice := login(t, there, "alice", "a1")
	b.hold(t)
	var b2 *client
	reads, b1Took, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	second := func() { close(reads); <-b1Took }
	first := func() {
		alice.send("bob", "one")
		heard(t, here)
		b.hook.Store(&second)
		go func() { defer close(done); b2 = login(t, here, "bob", "b2") }()
		<-reads
	}
	slow := func() { close(b1Took); <-done }
	here.store.conversations = lastAllHook{here.store.conversations, &slow}
	b.hook.Store(&first)
	has(t, login(t, here, "bob", "b1"), "one")
	has(t, b2, "one")
}

// TestLoadedInParts: of somebody with many conversations, what has begun since the first
// part of their documents was read is found.
func TestLoadedInParts(t *testing.T) {
	b, here, there := lateInbox(t, bus.StreamConversations)
	bob := place.User{SDKAppID: app, UserID: "bob"}
	write(t, there, bob, numbered("p", bus.MaxUnder+100), document{})
	caughtUp(t, here)
	name := "s0" // of the first part
	for n := 1; classOf(convToken(name)) != 0; n++ {
		name = fmt.Sprint("s", n)
	}
	alice := login(t, there, name, "a1")
	b.hold(t)
	var b2 *client
	reads := 0
	var hook func()
	hook = func() {
		if reads++; reads < 3 { // all at once, which are too many, and the first part
			b.hook.Store(&hook)
			return
		}
		alice.send("bob", "one")
		heard(t, here)
		b2 = login(t, here, "bob", "b2")
	}
	b.hook.Store(&hook)
	has(t, login(t, here, "bob", "b1"), "one")
	require.Equal(t, 3, reads)
	has(t, b2, "one")
}

// TestJoinedWhileLoading: a group that its member joined while their documents were read.
func TestJoinedWhileLoading(t *testing.T) {
	store := busmodel.New(busmodel.Options{})
	b := &late{Bus: store, stream: bus.StreamConversations}
	there, groups := openGroups(t, store, Options{})
	here, _ := openGroups(t, b, Options{Groups: groups, reach: soonOver})
	groups.make("g", 1, false)
	require.NoError(t, groups.change(there, "g", []string{"boss"}, nil))
	boss := listen(t, there, "boss", "i1")
	caughtUp(t, here)
	release := b.hold(t)
	hook := func() {
		require.NoError(t, groups.change(there, "g", []string{"bob"}, nil))
		boss.says("g", "one")
		heard(t, here)
	}
	b.hook.Store(&hook)
	bob := listen(t, here, "bob", "b1")
	require.Nil(t, b.hook.Load())
	release()
	caughtUp(t, here)
	boss.says("g", "two")
	bob.hears("one", "two")
}

// TestGivenUpWhileRead: a document that was read because the follower is late, and which
// the follower has brought and taken away meanwhile, does not come back.
func TestGivenUpWhileRead(t *testing.T) {
	b, here, there := lateInbox(t, bus.StreamConversations)
	alice, bob := login(t, there, "alice", "a1"), login(t, here, "bob", "b1")
	bob.drop()
	release := b.hold(t)
	alice.send("bob", "one")
	u := bob.s.user.User
	hook := func() {
		kept, err := there.document(t.Context(), u, "alice")
		require.NoError(t, err)
		require.NoError(t, there.giveUp(t.Context(), u, "alice", kept.rev))
		release()
		caughtUp(t, here)
	}
	b.hook.Store(&hook)
	bob.attach(here)
	bob.sync()
	require.Nil(t, b.hook.Load())
	caughtUp(t, here)
	require.Zero(t, here.local(u).peer("alice").rev)
}

// TestDocumentsAreReadOnce: those who come again while the follower is late have their
// documents read once more only if there is something newer.
func TestDocumentsAreReadOnce(t *testing.T) {
	b, here, there := lateInbox(t, bus.StreamConversations)
	alice, bob := login(t, there, "alice", "a1"), login(t, here, "bob", "b1")
	bob.drop()
	b.hold(t)
	alice.send("bob", "one")
	reads := countDocuments(here)
	for range 3 {
		bob.attach(here)
		bob.sync()
		bob.drop()
	}
	require.EqualValues(t, 1, reads.n.Load())
	login(t, there, "carol", "c1").send("bob", "two")
	bob.attach(here)
	bob.sync()
	require.EqualValues(t, 2, reads.n.Load())
	has(t, bob, "one", "two")
}

// TestAcknowledgedAtALateGateway: what an instance has acknowledged is no news to another
// one, and can be acknowledged, at a gateway that has not heard of it yet.
func TestAcknowledgedAtALateGateway(t *testing.T) {
	b, here, there := lateInbox(t, bus.StreamMessages)
	alice, b1 := login(t, there, "alice", "a1"), login(t, there, "bob", "b1")
	release := b.hold(t)
	alice.send("bob", "one")
	alice.send("bob", "two")
	has(t, b1, "one", "two")
	b1.drop()
	b1.attach(here)
	b1.sync()
	b1.ack()
	b1.s.user.store()
	b1.drop()

	b2 := login(t, here, "bob", "b2")
	require.Empty(t, b2.texts())
	release()
	caughtUp(t, here)
	alice.send("bob", "three")
	has(t, b2, "three")
}
