package group

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
)

var errStore = errors.New("the disk is on fire")

// faulty is a store in which one operation fails, before or after it is carried
// out. If its gateway dies there, all later operations fail, too. A read changes
// nothing, so where the operation is carried out first, or the gateway dies, only
// writes are counted.
type faulty struct {
	*busmodel.Bus
	mu    sync.Mutex // guards what follows
	armed bool
	left  int  // operations until the one that fails
	after bool // it is carried out before it fails
	dead  bool // all later ones fail, too
	over  bool // the one that fails has failed
}

func (f *faulty) OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error) {
	l, err := f.Bus.OpenLog(ctx, c)
	return &faultyLog{l, f}, err
}

// next reports whether an operation fails, and whether it is carried out first.
func (f *faulty) next(write bool) (fails, carriedOut bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.armed:
		return false, false
	case f.over:
		return f.dead, false
	case !write && (f.after || f.dead):
		return false, false
	case f.left > 0:
		f.left--
		return false, false
	}
	f.over = true
	return true, f.after
}

// arm makes the nth operation from now on fail.
func (f *faulty) arm(n int, after, dead bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed, f.over, f.left, f.after, f.dead = true, false, n, after, dead
}

// failed disarms the store and reports whether an operation has failed.
func (f *faulty) failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = false
	return f.over
}

type faultyLog struct {
	bus.Log
	f *faulty
}

func (l *faultyLog) Append(ctx context.Context, subject string, data []byte, expect uint64, id string) (uint64, bool, error) {
	fails, after := l.f.next(true)
	if fails && !after {
		return 0, false, errStore
	}
	pos, dup, err := l.Log.Append(ctx, subject, data, expect, id)
	if fails {
		return 0, false, errStore
	}
	return pos, dup, err
}

func (l *faultyLog) Last(ctx context.Context, subject string) (bus.Value, error) {
	if fails, _ := l.f.next(false); fails {
		return bus.Value{}, errStore
	}
	return l.Log.Last(ctx, subject)
}

func (l *faultyLog) LastUnder(ctx context.Context, patterns ...string) ([]bus.Value, error) {
	if fails, _ := l.f.next(false); fails {
		return nil, errStore
	}
	return l.Log.LastUnder(ctx, patterns...)
}

func (l *faultyLog) Remove(ctx context.Context, subject string, upTo uint64) error {
	fails, after := l.f.next(true)
	if fails && !after {
		return errStore
	}
	err := l.Log.Remove(ctx, subject, upTo)
	if fails {
		return errStore
	}
	return err
}

// faultyChat is the log of a gateway whose store fails.
type faultyChat struct {
	*chat
	f *faulty
}

func (c faultyChat) GroupChanged(ctx context.Context, change Change) error {
	fails, after := c.f.next(true)
	if fails && !after {
		return errStore
	}
	err := c.chat.GroupChanged(ctx, change)
	if fails {
		return errStore
	}
	return err
}

func (c faultyChat) Notify(ctx context.Context, n Notice) error {
	if fails, _ := c.f.next(true); fails {
		return errStore
	}
	return c.chat.Notify(ctx, n)
}

// changes are the calls that change several documents, each with its caller, in a
// group of three: alice, who owns it, bob, its administrator, and carol.
var changes = []struct {
	name, by, method string
	params           obj
}{
	{"create", "dave", "group.create", obj{"name": "n", "groupID": "new", "nonce": "x", "type": "Public", "memberList": []obj{{"userID": "carol", "role": "Admin"}}}},
	{"join", "dave", "group.join", obj{"groupID": "g", "nonce": "x"}},
	{"quit", "carol", "group.quit", obj{"groupID": "g"}},
	{"invite", "root", "group.invite", obj{"groupID": "g", "userIDs": []string{"dave", "erin", "bob"}, "nonce": "x"}},
	{"kick", "alice", "group.kick", obj{"groupID": "g", "userIDs": []string{"bob", "carol"}}},
	{"owner", "alice", "group.owner", obj{"groupID": "g", "newOwnerID": "bob"}},
	{"dismiss", "alice", "group.dismiss", obj{"groupID": "g"}},
	{"handle", "alice", "group.handle", obj{"groupID": "g", "userID": "frank", "handleAction": "Agree"}},
	{"quit the last", "alice", "group.quit", obj{"groupID": "alone"}},
}

// everybody lists the users of the tests in this file.
var everybody = []string{"alice", "bob", "carol", "dave", "erin", "frank"}

// A change that fails at any of its operations, or whose gateway dies there, leaves
// groups in order. At the latest after the next change by somebody else, all lists
// agree with each other and the call can be repeated.
func TestAChangeFailsAnywhere(t *testing.T) {
	for _, c := range changes {
		// Dying before an operation is dying after the one before it.
		for _, how := range []struct{ after, dead bool }{{false, false}, {true, false}, {true, true}} {
			for n := 0; ; n++ {
				require.Less(t, n, 100)
				name := fmt.Sprintf("%s fails at operation %d: %+v", c.name, n, how)
				if !failAt(t, name, c.by, c.method, c.params, n, how.after, how.dead) {
					break
				}
			}
		}
	}
}

// failAt reports whether there was an nth operation.
func failAt(t *testing.T, name, by, method string, params obj, n int, after, dead bool) bool {
	b := &faulty{Bus: busmodel.New(busmodel.Options{})}
	w := &world{t: t, clock: newClock()}
	w.rooms = [2]*Room{w.open(b), w.open(b.Bus)}
	defer w.rooms[1].Close()
	defer w.rooms[0].Close()
	alice := w.login(1, "alice")
	alice.must("group.create", obj{"name": "n", "groupID": "g", "type": "Public", "memberList": []obj{{"userID": "bob", "role": "Admin"}, {"userID": "carol"}}}, nil)
	alice.must("group.create", obj{"name": "n", "groupID": "alone"}, nil)
	w.login(1, "frank").must("group.join", obj{"groupID": "g"}, nil)
	var list applicationsResult
	alice.must("group.applications", obj{}, &list)
	alice.must("group.update", obj{"groupID": "g", "joinOption": "FreeAccess"}, nil)
	if method == "group.handle" {
		params["authentication"] = list.ApplicationList[0].Authentication
	}

	caller := w.login(0, by)
	b.arm(n, after, dead)
	f := caller.call(method, params, nil)
	if dead {
		w.rooms[0].Close() // with its background work
	} else {
		w.rooms[0].behind()
	}
	if !b.failed() {
		require.Nil(t, f, name)
		return false
	}
	if dead { // another gateway goes on, once the turn of the dead one is old enough
		w.clock.pass((turnAge + 1) * time.Millisecond)
	}
	w.touch()
	w.inOrder(name)
	again := w.login(1, by) // the client comes back and repeats its call
	f = again.call(method, params, nil)
	require.True(t, f == nil || slices.Contains([]fault.Code{fault.NoSuchGroup, fault.GroupNotPermitted}, f.Code), "%s: %v", name, f)
	if method == "group.create" {
		require.Nil(t, f, name)
		require.Equal(t, map[string]string{"dave": "Owner", "carol": "Admin"}, again.members("new", 100), name)
		w.inOrder(name)
	}
	return true
}

// touch makes the next change of each group: somebody joins and leaves again.
func (w *world) touch() {
	root := w.login(1, "root")
	for _, id := range []string{"g", "alone", "new"} {
		if f := root.call("group.invite", obj{"groupID": id, "userIDs": []string{"guest"}}, nil); f == nil {
			root.must("group.kick", obj{"groupID": id, "userIDs": []string{"guest"}}, nil)
		} else {
			require.Equal(w.t, fault.NoSuchGroup, f.Code)
		}
	}
}

// inOrder checks what must always be true of all groups: the listed members are
// counted; they, and nobody else, find the group; a group has one owner.
func (w *world) inOrder(name string) {
	w.t.Helper()
	in := map[string][]string{} // by user
	root := w.login(1, "root")
	for _, id := range []string{"g", "alone", "new"} {
		var out profilesResult
		root.must("group.get", obj{"groupIDs": []string{id}}, &out)
		if len(out.Groups) == 0 {
			require.Equal(w.t, fault.NoSuchGroup, out.Failures[0].Code, name)
			continue
		}
		members := root.members(id, 100)
		require.Equal(w.t, slices.Sorted(maps.Keys(members)), w.chat.members(id), "%s: who has the messages of %s", name, id)
		require.Equal(w.t, out.Groups[0].MemberCount, len(members), "%s: %s %v", name, id, members)
		for user, role := range members {
			in[user] = append(in[user], id)
			require.Equal(w.t, out.Groups[0].OwnerID == user, role == "Owner", "%s: %s %v", name, id, members)
		}
		require.Contains(w.t, members, out.Groups[0].OwnerID, name)
	}
	for _, user := range everybody {
		require.ElementsMatch(w.t, in[user], w.login(1, user).groups(), "%s: %s", name, user)
	}
	w.rooms[1].behind()
	for id := range w.chat.groups {
		if f := root.call("group.members", obj{"groupID": id}, nil); f != nil {
			require.Empty(w.t, w.chat.members(id), "%s: who has the messages of %s, which is no more", name, id)
		}
	}
}

// hangup is a store that ends the caller's context at one of a call's operations.
type hangup struct {
	*busmodel.Bus
	mu   sync.Mutex
	left int
	end  func()
}

func (h *hangup) set(n int, end func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.left, h.end = n, end
}

func (h *hangup) OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error) {
	l, err := h.Bus.OpenLog(ctx, c)
	return &hangupLog{l, h}, err
}

type hangupLog struct {
	bus.Log
	h *hangup
}

func (l *hangupLog) step() {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if l.h.left--; l.h.left == -1 && l.h.end != nil {
		l.h.end()
	}
}

func (l *hangupLog) Append(ctx context.Context, subject string, data []byte, expect uint64, id string) (uint64, bool, error) {
	l.step()
	return l.Log.Append(ctx, subject, data, expect, id)
}

func (l *hangupLog) Last(ctx context.Context, subject string) (bus.Value, error) {
	if !strings.HasSuffix(subject, ">") {
		l.step()
	}
	return l.Log.Last(ctx, subject)
}
