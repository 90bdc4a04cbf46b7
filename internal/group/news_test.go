package group

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/frame"
)

// methods returns the methods of the notifications since the last call, in order.
func (c *client) methods() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, n := range c.notes {
		out = append(out, n.method)
	}
	c.notes = nil
	return out
}

// Somebody who brings a user into a group and removes them, again and again, does
// not fill the user's connection: the user is told once in a pause, and learns in
// the end whether they are a member.
func TestABurstOfInvitations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		mallory, bob := w.login(0, "mallory"), w.login(1, "bob")
		bob.groups()
		mallory.must("group.create", obj{"name": "n", "groupID": "g"}, nil)
		change := func(method string) {
			mallory.must(method, obj{"groupID": "g", "userIDs": []string{"bob"}}, nil)
			synctest.Wait()
		}
		for range 20 {
			change("group.invite")
			change("group.kick")
		}
		change("group.invite")
		require.Equal(t, []string{frame.NoteGroupJoined}, bob.methods())
		time.Sleep(tellPause)
		synctest.Wait()
		require.Equal(t, []string{frame.NoteGroupLeft, frame.NoteGroupJoined}, bob.methods())
		for range 10 {
			change("group.kick")
			change("group.invite")
		}
		change("group.kick")
		require.Empty(t, bob.methods())
		time.Sleep(tellPause)
		synctest.Wait()
		require.Equal(t, []string{frame.NoteGroupLeft}, bob.methods())
		time.Sleep(2 * tellPause)
		change("group.invite")
		require.Equal(t, []string{frame.NoteGroupJoined}, bob.methods(), "after a pause at once")
	})
}

// A user who is brought into many groups at once is told of all, some in each pause.
func TestManyGroupsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		mallory, bob := w.login(0, "mallory"), w.login(1, "bob")
		bob.groups()
		for n := range 2*saidAtOnce + 1 {
			mallory.must("group.create", obj{"name": "n", "groupID": strconv.Itoa(n), "memberList": []obj{{"userID": "bob"}}}, nil)
		}
		synctest.Wait()
		for _, n := range []int{saidAtOnce, saidAtOnce, 1, 0} {
			told := slices.DeleteFunc(bob.methods(), func(method string) bool { return method != frame.NoteGroupJoined })
			require.Len(t, told, n)
			time.Sleep(tellPause)
			synctest.Wait()
		}
	})
}

// Those who may handle applications are told of a burst of them once in a pause.
func TestABurstOfApplications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		alice, mallory := w.login(0, "alice"), w.login(1, "mallory")
		alice.must("group.create", obj{"name": "n", "groupID": "g", "type": "Public"}, nil)
		synctest.Wait() // else she might be told of her own group once she has listed it
		alice.groups()
		for n := range 20 {
			mallory.must("group.join", obj{"groupID": "g", "applyMessage": strconv.Itoa(n)}, nil)
		}
		for range 2 {
			synctest.Wait()
			require.Equal(t, []string{frame.NoteGroupApplication}, alice.methods())
			time.Sleep(tellPause)
		}
		synctest.Wait()
		require.Empty(t, alice.methods())
	})
}

// stuck is a store that does not answer reads of one subject until it is released.
type stuck struct {
	*busmodel.Bus
	subject string
	release chan struct{}
}

func (b *stuck) OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error) {
	l, err := b.Bus.OpenLog(ctx, c)
	return &stuckLog{l, b}, err
}

type stuckLog struct {
	bus.Log
	b *stuck
}

func (l *stuckLog) Last(ctx context.Context, subject string) (bus.Value, error) {
	if subject == l.b.subject {
		select {
		case <-l.b.release:
		case <-ctx.Done():
			return bus.Value{}, ctx.Err()
		}
	}
	return l.Log.Last(ctx, subject)
}

// A slow read of one group does not delay the notifications of another one.
func TestASlowGroupHoldsUpNoOther(t *testing.T) {
	store := busmodel.New(busmodel.Options{})
	b := &stuck{store, key{app, "slow"}.profileSubject(), make(chan struct{})}
	w := &world{t: t, clock: newClock()}
	w.rooms = [2]*Room{w.open(b), w.open(store)}
	alice, bob, carol := w.login(1, "alice"), w.login(0, "bob"), w.login(0, "carol")
	bob.groups()
	carol.groups()
	for _, id := range []string{"slow", "fast"} {
		member := map[string]string{"slow": "carol", "fast": "bob"}[id]
		alice.must("group.create", obj{"name": "n", "groupID": id, "memberList": []obj{{"userID": member}}}, nil)
	}
	bob.toldOf(frame.NoteGroupJoined)
	require.Empty(t, carol.methods())
	close(b.release)
	carol.toldOf(frame.NoteGroupJoined)
}
