package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/place"
)

// countedReads is a stream that counts the reads of many records, or of their
// subjects.
type countedReads struct {
	bus.Log
	n atomic.Int64
}

func (c *countedReads) LastUnder(ctx context.Context, patterns ...string) ([]bus.Value, error) {
	c.n.Add(1)
	return c.Log.LastUnder(ctx, patterns...)
}

func (c *countedReads) LastAll(ctx context.Context, subjects []string) ([]bus.Value, error) {
	c.n.Add(1)
	return c.Log.LastAll(ctx, subjects)
}

func (c *countedReads) Subjects(ctx context.Context, pattern string) ([]string, error) {
	c.n.Add(1)
	return c.Log.Subjects(ctx, pattern)
}

// countDocuments counts reads of documents of conversations, before anybody has
// logged in.
func countDocuments(in *Inbox) *countedReads {
	c := &countedReads{Log: in.store.conversations}
	in.store.conversations = c
	return c
}

// TestWhoComesBackFindsTheirDocuments: a user who comes back soon is told of all
// that has changed meanwhile, here and on another gateway, and their documents
// are not read again.
func TestWhoComesBackFindsTheirDocuments(t *testing.T) {
	b := openBus(t, bus.Memory)
	in, other := open(t, b, Options{}), open(t, b, Options{})
	reads := countDocuments(in)
	const most = 100
	for n := range most {
		login(t, in, fmt.Sprint("u", n), "i").send("alice", "hello")
	}
	a := login(t, in, "alice", "a1")
	require.Len(t, a.list(), most)
	require.Positive(t, reads.n.Load())
	a.drop()
	require.Nil(t, in.local(a.s.user.User), "she is not online")

	elsewhere := login(t, other, "alice", "a2")
	elsewhere.must("conversation.pin", conversationParams{ConversationID: "C2Cu1", IsPinned: true}, nil)
	elsewhere.must("conversation.delete", conversationParams{ConversationIDs: []string{"C2Cu2"}}, nil)
	login(t, other, "stranger", "i").send("alice", "a first message")
	login(t, in, "u3", "i").send("alice", "once more")
	caughtUp(t, in)

	before := reads.n.Load()
	a.attach(in)
	require.True(t, a.sync().Resumed)
	check := func() {
		require.Equal(t, before, reads.n.Load(), "reads of documents")
		require.Equal(t, true, a.conv("u1")["isPinned"])
		require.Nil(t, a.conv("u2"))
		require.EqualValues(t, 1, a.conv("stranger")["unreadCount"])
		require.EqualValues(t, 2, a.conv("u3")["unreadCount"])
		require.Len(t, a.list(), most)
	}
	check()
	a.drop()
	a = login(t, in, "alice", "a3") // a new page, which knows nothing
	check()
	require.EqualValues(t, 2, in.Stats().Returned)

	elsewhere.must("conversation.pin", conversationParams{ConversationID: "C2Cu1", IsPinned: false}, nil)
	a.until("live", func() bool { return a.field("u1", "isPinned") == false })
}

// TestHalfLoadedUsersComeBack: who hangs up while their documents are read finds
// those that were, and the rest is read.
func TestHalfLoadedUsersComeBack(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	u := place.User{SDKAppID: app, UserID: "alice"}
	const most = bus.MaxUnder + 200
	write(t, in, u, numbered("u", most), document{settings: settings{Pinned: true}})
	s := in.Attach(u, "a1", func(string, json.RawMessage) bool { return true })
	for range 3 {
		all, err := s.user.load(t.Context())
		require.NoError(t, err)
		require.False(t, all)
	}
	s.Close()
	require.Equal(t, 1, in.Stats().Idle)
	reads := countDocuments(in)
	a := login(t, in, "alice", "a2")
	require.EqualValues(t, classes-3, reads.n.Load())
	require.Len(t, a.s.user.peers, most)
}

// TestIdleUsersGo: in time, with their account, and with the inbox; and who has
// read nothing is not kept at all.
func TestIdleUsersGo(t *testing.T) {
	c := &clock{now: time.Now()}
	in := open(t, busmodel.New(busmodel.Options{Now: c.Now}), Options{Now: c.Now, AfterFunc: c.AfterFunc})
	leave := func(names ...string) {
		for _, name := range names {
			a := login(t, in, name, "a1")
			a.send("peer", "hello")
			a.drop()
		}
	}
	in.Attach(place.User{SDKAppID: app, UserID: "bob"}, "b1", func(string, json.RawMessage) bool { return true }).Close()
	require.Zero(t, in.Stats().Idle)

	leave("alice", "bob")
	require.Equal(t, 2, in.Stats().Idle)
	require.GreaterOrEqual(t, in.Stats().IdleBytes, 2*userBytes)
	c.forward(idleFor - time.Second)
	require.Equal(t, 2, in.Stats().Idle)
	require.Eventually(t, func() bool { c.forward(sweepEvery); return in.Stats().Idle == 0 }, 30*time.Second, time.Millisecond)
	require.Zero(t, in.Stats().IdleBytes)

	leave("alice", "bob")
	require.NoError(t, in.Forget(t.Context(), place.User{SDKAppID: app, UserID: "alice"}))
	require.Equal(t, 1, in.Stats().Idle)
	require.Empty(t, login(t, in, "alice", "a2").list())
	in.Close()
	require.Zero(t, in.Stats().Idle)
	require.Zero(t, in.Stats().IdleBytes)
}

// TestIdleUsersAreBounded by their bytes, which grow with what the follower
// brings: the longest idle go first.
func TestIdleUsersAreBounded(t *testing.T) {
	in := open(t, busmodel.New(busmodel.Options{}), Options{})
	named := func(name string) *user {
		return &user{in: in, User: place.User{SDKAppID: app, UserID: name}}
	}
	idle := func(names ...string) (out []bool) {
		for _, name := range names {
			out = append(out, in.idle.find(named(name).User) != nil)
		}
		return out
	}
	b := named("b")
	in.idle.add(named("a"), idleBytes/2, in.now())
	in.idle.add(b, idleBytes/4, in.now())
	in.idle.add(named("c"), idleBytes/4, in.now())
	require.Equal(t, []bool{true, true, true}, idle("a", "b", "c"))
	b.texts = idleBytes / 4
	require.True(t, b.adopt("peer", peer{rev: 1, document: document{settings: settings{Draft: "x"}}}))
	require.Equal(t, []bool{false, true, true}, idle("a", "b", "c"), "it has grown")
	in.idle.resize(named("c"), idleBytes) // another user of that name, of before
	in.idle.add(named("d"), idleBytes-1, in.now())
	require.Equal(t, []bool{false, false, false, true}, idle("a", "b", "c", "d"))
	require.Same(t, in.idle.find(named("d").User), in.idle.take(named("d").User))
	in.idle.add(named("e"), idleBytes+1, in.now())
	require.Equal(t, []bool{false, false}, idle("d", "e"))
	require.Zero(t, in.Stats().Idle)
	require.Zero(t, in.Stats().IdleBytes)
}

// TestComingAndGoing: sessions of one user begin and end at any moment, while
// another gateway changes what the user keeps: nothing is left behind, and what
// is kept in the end is what is stored.
func TestComingAndGoing(t *testing.T) {
	b := openBus(t, bus.Memory)
	in, other := open(t, b, Options{}), open(t, b, Options{})
	const most, rounds = 20, 40
	u := place.User{SDKAppID: app, UserID: "alice"}
	for n := range most {
		login(t, other, fmt.Sprint("u", n), "i").send("alice", "hello")
	}
	login(t, in, "alice", "a0").drop()
	elsewhere := login(t, other, "alice", "b1")
	before := countsOf(in)
	var wait sync.WaitGroup
	for i := range 3 {
		wait.Go(func() {
			for range rounds {
				in.rates.forget()
				a := newClient(t, "alice", fmt.Sprint("a", i))
				a.attach(in)
				var one sync.WaitGroup
				if rand.IntN(2) == 0 {
					one.Go(func() { _ = a.call("session.sync", nothing{}, nil) })
				} else {
					one.Go(func() {
						_ = a.call("conversation.draft", conversationParams{ConversationID: "C2Cu0", DraftText: freshID()}, nil)
					})
				}
				a.s.Close()
				one.Wait()
			}
		})
	}
	wait.Go(func() {
		for n := range rounds {
			other.rates.forget()
			id := c2c + fmt.Sprint("u", n%most)
			elsewhere.must("conversation.custom", conversationParams{ConversationIDs: []string{id}, CustomData: strings.Repeat("x", n)}, nil)
			login(t, other, fmt.Sprint("new", n), "i").send("alice", "hello")
		}
	})
	wait.Wait()
	settles(t, in, before)
	want, err := in.peersOf(t.Context(), u)
	require.NoError(t, err)
	require.Len(t, want, most+rounds)
	kept := in.idle.find(u)
	require.NotNil(t, kept)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		kept.mu.Lock()
		defer kept.mu.Unlock()
		assert.Equal(c, want, kept.peers)
		assert.Equal(c, kept.size(), in.Stats().IdleBytes)
	}, 30*time.Second, 10*time.Millisecond)
}
