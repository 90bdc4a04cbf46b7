package group

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/frame"
)

// lagging is a store whose follower gets nothing while the store is locked.
type lagging struct {
	*busmodel.Bus
	sync.Mutex
	beforeProfiles func() // nil, or called before profiles are read

	upTo uint64        // unless 0, the follower stands still behind this position
	more chan struct{} // until this is closed
}

func (b *lagging) OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error) {
	l, err := b.Bus.OpenLog(ctx, c)
	return &laggingLog{l, b}, err
}

type laggingLog struct {
	bus.Log
	b *lagging
}

func (l *laggingLog) LastAll(ctx context.Context, subjects []string) ([]bus.Value, error) {
	if before := l.b.beforeProfiles; before != nil && slices.ContainsFunc(subjects, func(s string) bool { return strings.Contains(s, ".p.") }) {
		l.b.beforeProfiles = nil
		before()
	}
	return l.Log.LastAll(ctx, subjects)
}

func (l *laggingLog) Follower(handle func(bus.Value), report func(error)) bus.Follower {
	return l.Log.Follower(func(v bus.Value) {
		l.b.Lock()
		defer l.b.Unlock()
		if more := l.b.more; l.b.upTo != 0 && v.Seq > l.b.upTo {
			l.b.Unlock()
			<-more
			l.b.Lock()
		}
		handle(v)
	}, report)
}

// If a list is ahead of the follower, all other members are told what it shows.
func TestAListAheadOfTheFollower(t *testing.T) {
	store := busmodel.New(busmodel.Options{})
	b := &lagging{Bus: store}
	w := &world{t: t, clock: newClock()}
	w.rooms = [2]*Room{w.open(b), w.open(store)}
	root := w.login(1, "root")
	for _, id := range []string{"g", "ends"} {
		root.must("group.create", obj{"name": "n", "groupID": id, "type": "Public", "memberList": []obj{{"userID": "alice"}, {"userID": "bob"}}}, nil)
	}
	w.reach()
	alice, again, bob := w.login(0, "alice"), w.login(0, "alice"), w.login(0, "bob")
	require.Len(t, alice.groups(), 2)
	tidied := make(chan struct{}) // closed once bob has listed
	for range choresAtOnce {
		w.rooms[1].chores.add(func(context.Context) { <-tidied })
	}
	func() {
		b.Lock()
		defer b.Unlock()
		root.must("group.update", obj{"groupID": "g", "name": "m"}, nil)
		root.must("group.role", obj{"groupID": "g", "userID": "alice", "role": "Admin"}, nil)
		root.must("group.dismiss", obj{"groupID": "ends"}, nil)
		require.Equal(t, []string{"g"}, bob.groups())
		require.Equal(t, []string{"g"}, again.groups())
		close(tidied)
	}()
	require.Equal(t, obj{"groupID": "ends", "reason": leftDismissed, "operatorID": "root"}, alice.toldOf(frame.NoteGroupLeft).params)
	require.Equal(t, "m", alice.toldOf(frame.NoteGroup).params["group"].(obj)["name"])
	require.Equal(t, "Admin", alice.toldOf(frame.NoteGroupSelf).params["selfInfo"].(obj)["role"])
}

// When a user's second session reads a new group before the follower brings it, the
// session that listed earlier is told of the group.
func TestAListAheadOfAnotherSession(t *testing.T) {
	store := busmodel.New(busmodel.Options{})
	b := &lagging{Bus: store}
	w := &world{t: t, clock: newClock()}
	w.rooms = [2]*Room{w.open(b), w.open(store)}
	root, alice, again := w.login(1, "root"), w.login(0, "alice"), w.login(0, "alice")
	require.Empty(t, alice.groups())
	func() {
		b.Lock()
		defer b.Unlock()
		root.must("group.create", obj{"name": "n", "groupID": "g", "memberList": []obj{{"userID": "alice"}}}, nil)
		require.Equal(t, []string{"g"}, again.groups())
	}()
	require.Equal(t, "g", alice.toldOf(frame.NoteGroupJoined).params["group"].(obj)["groupID"])
}

// While a list is read, the follower brings the end of an earlier group that had
// the same ID: it ends nobody's membership in the new one.
func TestAnOldEndDuringAList(t *testing.T) {
	for _, end := range []string{"dismissed", "left"} {
		t.Run(end, func(t *testing.T) {
			store := busmodel.New(busmodel.Options{})
			b := &lagging{Bus: store}
			w := &world{t: t, clock: newClock()}
			w.rooms = [2]*Room{w.open(b), w.open(store)}
			root, alice, other := w.login(1, "root"), w.login(0, "alice"), w.login(1, "alice")
			require.Empty(t, alice.groups())
			create := func(name string) {
				root.must("group.create", obj{"name": name, "groupID": "g", "type": "Public", "memberList": []obj{{"userID": "alice"}}}, nil)
			}
			create("old")
			require.Equal(t, "g", alice.toldOf(frame.NoteGroupJoined).params["group"].(obj)["groupID"])
			b.Lock()
			if end == "dismissed" {
				root.must("group.dismiss", obj{"groupID": "g"}, nil)
			} else {
				other.must("group.quit", obj{"groupID": "g"}, nil)
			}
			last, err := w.rooms[1].log.Last(t.Context(), ">")
			require.NoError(t, err)
			b.upTo, b.more = last.Seq, make(chan struct{})
			goOn := sync.OnceFunc(func() { close(b.more) })
			t.Cleanup(goOn)
			if end == "dismissed" {
				create("new")
			} else {
				root.must("group.invite", obj{"groupID": "g", "userIDs": []string{"alice"}}, nil)
			}
			w.clock.pass(time.Minute) // an entry that is old enough would be dropped
			b.beforeProfiles = func() {
				b.Unlock()
				w.rooms[0].follower.Reach(t.Context(), last.Seq)
			}
			require.Equal(t, []string{"g"}, alice.groups())
			goOn()
			w.rooms[0].behind()
			require.Equal(t, []string{"g"}, alice.groups())
		})
	}
}
