package group

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
)

// left returns the subjects that still have a document.
func (w *world) left() []string {
	w.t.Helper()
	subjects, err := w.rooms[1].log.Subjects(w.t.Context(), bus.SubjectGroups+">")
	require.NoError(w.t, err)
	return subjects
}

// large creates a group with alice and so many other members.
func (w *world) large(id string, members int) {
	list := make([]obj, members)
	for i := range list {
		list[i] = obj{"userID": fmt.Sprint("u", i)}
	}
	w.server("alice", "group.create", obj{"name": "n", "groupID": id, "type": "Public", "memberList": list})
}

// A dismissed group leaves only its own document, even if the store fails for a
// while. The removal goes on where it stopped.
func TestADismissedGroupIsTidied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &faulty{Bus: busmodel.New(busmodel.Options{})}
		w := &world{t: t, clock: newClock()}
		w.rooms = [2]*Room{w.open(b), w.open(b.Bus)}
		w.large("g", removedAtOnce+10)
		w.login(1, "dave").must("group.join", obj{"groupID": "g"}, nil) // waits
		w.login(1, "alice").must("group.attributes.set", obj{"groupID": "g", "groupAttributes": obj{"k": "v"}}, nil)
		b.arm(removedAtOnce, false, true) // the store fails in the middle
		w.login(0, "alice").must("group.dismiss", obj{"groupID": "g"}, nil)
		synctest.Wait()
		require.True(t, b.failed())
		some := len(w.left())
		require.Greater(t, some, removedAtOnce)
		require.Less(t, some, 2*removedAtOnce+20, "some are removed")
		time.Sleep(tidyAgain)
		synctest.Wait()
		require.Equal(t, []string{key{app, "g"}.profileSubject()}, w.left())
		w.rooms[0].tidy(key{app, "g"}) // nothing is left to do
		w.rooms[0].behind()
		require.Empty(t, w.rooms[0].tidying.groups)
	})
}

// What a gateway that died has left of a dismissed group is removed when one of the
// former members lists their groups.
func TestTheNextGatewayTidies(t *testing.T) {
	b := &faulty{Bus: busmodel.New(busmodel.Options{})}
	w := &world{t: t, clock: newClock()}
	w.rooms = [2]*Room{w.open(b), w.open(b.Bus)}
	w.large("g", 5)
	w.large("other", 0)
	b.arm(1, false, true)
	w.login(0, "alice").must("group.dismiss", obj{"groupID": "g"}, nil)
	w.rooms[0].Close()
	require.Greater(t, len(w.left()), 4+5)
	require.Empty(t, w.login(1, "u0").groups())
	w.rooms[1].behind()
	require.Len(t, w.left(), 4, "%v", w.left())
}

// A group without members is tidied like a dismissed one, and its ID can be used
// again meanwhile.
func TestAnEmptyGroupIsTidied(t *testing.T) {
	w := newWorld(t)
	w.large("g", 0)
	alice := w.login(0, "alice")
	alice.must("group.create", obj{"name": "n", "groupID": "w", "memberList": []obj{{"userID": "bob"}}}, nil)
	alice.must("group.kick", obj{"groupID": "w", "userIDs": []string{"bob"}}, nil)
	alice.must("group.quit", obj{"groupID": "w"}, nil)
	w.rooms[0].behind()
	require.Len(t, w.left(), 4, "%v", w.left())
	alice.must("group.dismiss", obj{"groupID": "g"}, nil)
	alice.must("group.create", obj{"name": "again", "groupID": "g"}, nil)
	w.rooms[0].behind()
	require.Equal(t, []string{"g"}, alice.groups())
	require.Equal(t, map[string]string{"alice": "Owner"}, alice.members("g", 100))
}
