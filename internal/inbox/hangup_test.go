package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// heldPresence answers once it is let go.
type heldPresence struct{ asked, answer chan struct{} }

func (p *heldPresence) Online(_ context.Context, _ uint32, userIDs []string, _ bool) ([]bool, error) {
	p.asked <- struct{}{}
	<-p.answer
	return make([]bool, len(userIDs)), nil
}

// TestHangUpWhileWatching: a session that ends while statuses are read for its
// subscription leaves no subscription behind.
func TestHangUpWhileWatching(t *testing.T) {
	held := &heldPresence{make(chan struct{}), make(chan struct{})}
	in := open(t, openBus(t, bus.Memory), Options{Presence: held})
	a := newClient(t, "alice", "a1")
	a.attach(in)
	failed := make(chan error)
	go func() {
		if f := a.call("status.watch", usersParams{[]string{"bob", "carol"}}, nil); f != nil {
			failed <- f
		}
		close(failed)
	}()
	<-held.asked
	a.s.Close()
	close(held.answer)
	require.Error(t, <-failed)
	in.mu.Lock()
	defer in.mu.Unlock()
	require.Empty(t, in.watch)
}

// TestHangUpBetweenWatches: a hang-up does not race with the counting of a
// session's subscriptions.
func TestHangUpBetweenWatches(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = fmt.Sprintf("user%d", i)
	}
	params := encode(usersParams{ids})
	for range 100 {
		s := in.Attach(place.User{SDKAppID: app, UserID: "alice"}, "a1", func(string, json.RawMessage) bool { return true })
		_, f := s.Call(t.Context(), "status.watch", params)
		require.Nil(t, f)
		var wg sync.WaitGroup
		wg.Go(func() {
			for f == nil {
				_, f = s.Call(t.Context(), "status.watch", params)
			}
		})
		s.Close()
		wg.Wait()
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	require.Empty(t, in.watch)
}

// paramsOf has parameters for each method with which it gets as far as it can: about
// the conversation of a message, and another one.
func paramsOf(m Message, other string, send any) map[string]any {
	here, both := m.ConversationID, []string{m.ConversationID, other}
	conv := map[string]any{
		"conversationID": here, "conversationIDs": both, "position": m.Position,
		"positions": []uint64{m.Position}, "reactionID": "smile", "extensions": []extending{{Key: "k"}}, "remove": rand.IntN(2) == 0, "isPinned": rand.IntN(2) == 0, "draftText": freshID(), "customData": freshID(), "cloudCustomData": freshID(), "markType": 1, "enableMark": rand.IntN(2) == 0,
		"messageRemindType": remindTypes[rand.IntN(2)],
	}
	sorted := convGroupParams{GroupName: "g", ConversationIDs: both}
	users := usersParams{[]string{"bob", "carol", "dave"}}
	cursor := ackParams{cursorAt(m.Position)}
	return map[string]any{
		"session.sync": syncParams{Cursor: cursor.Cursor, Watch: users.UserIDs}, "session.more": nothing{},
		"message.send": send,
		"message.list": conv, "message.hop": hopParams{ConversationID: here, Sequence: m.Sequence, Time: float64(m.Time), Newer: rand.IntN(2) == 0}, "message.read": conv, "message.readAll": nothing{},
		"message.delete": conv, "message.revoke": conv, "message.modify": conv, "message.receipt": conv, "message.receipts": conv, "message.readers": conv, "message.react": conv, "message.reactions": conv, "message.reactors": conv, "message.extend": conv, "message.extensions": conv, "message.pin": conv, "message.pinned": conv, "message.ack": cursor,
		"message.search": searchParams{KeywordList: []string{"hello"}}, "profile.search": searchParams{KeywordList: []string{"b"}},
		"conversation.get": conv, "conversation.enter": conv, "conversation.delete": conv, "conversation.clear": conv,
		"conversation.pin": conv, "conversation.draft": conv, "conversation.custom": conv, "conversation.mark": conv, "conversation.remind": conv,
		"conversation.group.list": nothing{}, "conversation.group.create": sorted, "conversation.group.delete": sorted,
		"conversation.group.rename": convGroupParams{GroupName: "g", NewName: "h"}, "conversation.group.add": sorted, "conversation.group.remove": sorted,
		"remindAll.get": nothing{}, "remindAll.set": remindAll{RemindType: remindTypes[rand.IntN(3)], StartTime: rand.Int64N(9)},
		"profile.get": users, "profile.set": map[string]string{"nick": freshID()},
		"blacklist.get": nothing{}, "blacklist.add": usersParams{[]string{"eve"}}, "blacklist.remove": usersParams{[]string{"eve"}},
		"status.get": users, "status.set": statusParams{freshID()}, "status.watch": users, "status.unwatch": nothing{},
	}
}

// TestHangUpInTheMiddle: a session that ends at any moment of any call, beside
// others of its user and of a peer that stay, leaves nothing behind.
func TestHangUpInTheMiddle(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Missed: 20})
	stays, peer := login(t, in, "alice", "a0"), login(t, in, "bob", "b0")
	peer.send("alice", "hello")
	stays.send("carol", "hello")
	before := countsOf(in)
	for range rounds(10) {
		var wg sync.WaitGroup
		in.rates.forget() // of alice's synchronisations, there are hundreds
		calls := paramsOf(stays.send("bob", "hello"), "C2Ccarol", sendText(freshID(), "bob", "hello"))
		for _, method := range Methods() {
			params, ok := calls[method]
			require.True(t, ok, "this test has no params for %s", method)
			a := newClient(t, "alice", "a1")
			a.attach(in)
			if rand.IntN(2) == 0 && method != "session.sync" {
				a.sync()
			}
			moment := time.Duration(rand.Int64N(int64(2 * time.Millisecond)))
			wg.Go(func() { _ = a.call(method, params, nil) })
			wg.Go(func() {
				time.Sleep(moment)
				a.s.Close()
				pushed := a.count()
				runtime.Gosched()
				if a.count() != pushed {
					t.Errorf("%s: pushed to a closed session", method)
				}
			})
		}
		wg.Wait()
	}
	settles(t, in, before)
	text := freshID()
	peer.send("alice", text)
	stays.until("what comes afterwards", func() bool { return slices.Contains(stays.textsLocked(), text) })
}

// forget gives each user a whole allowance again.
func (r *rates) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.users)
}

// settles waits until the inbox holds no more than before.
func settles(t *testing.T, in *Inbox, before counts) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		now := countsOf(in)
		assert.LessOrEqual(c, now.goroutines, before.goroutines)
		now.goroutines = before.goroutines
		assert.Equal(c, before, now)
	}, time.Minute, 20*time.Millisecond)
}

func (c *client) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.notes)
}

// counts says how much an inbox holds for its sessions.
type counts struct{ users, crowded, sessions, watched, watches, waiting, unsaved, writing, goroutines int }

func countsOf(in *Inbox) counts {
	n := counts{goroutines: goroutines()}
	for _, d := range []*docs{in.docs, in.peers} {
		d.mu.Lock()
		n.writing += d.writing.Len() + len(d.reading)
		d.mu.Unlock()
	}
	n.writing += in.marking.Len()
	in.crowds.mu.Lock()
	n.crowded = len(in.crowds.pairs)
	in.crowds.mu.Unlock()
	in.waiting.mu.Lock()
	n.waiting = len(in.waiting.at)
	in.waiting.mu.Unlock()
	in.mu.Lock()
	defer in.mu.Unlock()
	n.users, n.watched, n.unsaved = len(in.users), len(in.watch), in.unsaved.len()
	for _, u := range in.users {
		u.mu.Lock()
		n.sessions += len(u.sessions)
		u.mu.Unlock()
	}
	for _, w := range in.watch {
		n.watches += len(w.by)
	}
	return n
}

// goroutines counts those that the package has begun, or that run through it.
func goroutines() int {
	all := make([]byte, 1<<20)
	for {
		n := runtime.Stack(all, true)
		if n < len(all) {
			all = all[:n]
			break
		}
		all = make([]byte, 2*len(all))
	}
	n := 0
	for stack := range strings.SplitSeq(string(all), "\n\n") {
		// Work that Close has waited for may have its last instructions to go.
		stack, _, _ = strings.Cut(strings.ReplaceAll(stack, "/internal/inbox.(*work).goes.func1", ""), "created by ")
		if strings.Contains(stack, "/internal/inbox.(*") && !strings.Contains(stack, "testing.tRunner") {
			n++
		}
	}
	return n
}

// TestNothingRunsAfterClose: whatever was under way, timers included, ends
// with the inbox.
func TestNothingRunsAfterClose(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	b := newClient(t, "bob", "b1")
	var refuse atomic.Bool
	b.s = in.Attach(place.User{SDKAppID: app, UserID: "bob"}, "b1", func(string, json.RawMessage) bool { return !refuse.Load() })
	b.must("session.sync", nothing{}, nil)
	refuse.Store(true)
	others := []string{}
	for i := range 20 {
		other := fmt.Sprintf("peer%d", i)
		a.send(other, "hello")
		others = append(others, c2c+other)
	}
	m := a.send("bob", "hello") // its push is refused, so bob's session will go on after a moment
	a.must("message.ack", ackParams{cursorAt(m.Position)}, nil)
	before := login(t, in, "alice", "a2")
	before.must("conversation.custom", conversationParams{ConversationIDs: others, CustomData: "x"}, nil)
	in.Close()
	require.Zero(t, goroutines())
	at, err := in.cursorOf(t.Context(), place.User{SDKAppID: app, UserID: "alice"})
	require.NoError(t, err)
	require.Equal(t, upTo(m.Position), at.pos, "what was acknowledged is stored")
	late := newClient(t, "carol", "c1")
	late.attach(in)
	require.Equal(t, fault.NotLoggedIn, late.call("session.sync", nothing{}, nil).Code)
	late.s.Close()
	a.s.Close()
	require.Empty(t, in.users)
	b.s.goOn() // as a timer that has just run out
	in.work.later(0, func() { t.Error("it ran after Close") })
	runtime.Gosched()
	require.Zero(t, goroutines())
}

// TestHangUpIsNotReported ends work in the background twice: because its session
// hung up, which is not reported, and because the store failed, which is.
func TestHangUpIsNotReported(t *testing.T) {
	var reported []error
	in := open(t, busmodel.New(busmodel.Options{}), Options{Report: func(err error) { reported = append(reported, err) }})
	failed := errors.New("the disk is full")
	in.report(fmt.Errorf("documents: %w", context.Canceled))
	in.report(failed)
	require.Len(t, reported, 1)
	require.ErrorIs(t, reported[0], failed)
}
