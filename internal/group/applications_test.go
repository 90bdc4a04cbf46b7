package group

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
)

// The document of a handled application is removed once its call can no longer be
// repeated, since every new application reads all that are stored.
func TestHandledApplicationsAreRemoved(t *testing.T) {
	w := &world{t: t, clock: newClock()}
	b := busmodel.New(busmodel.Options{Now: w.clock.Now})
	w.rooms = [2]*Room{w.open(b), w.open(b)}
	alice, bob := w.login(0, "alice"), w.login(1, "bob")
	alice.must("group.create", obj{"name": "n", "groupID": "p", "type": "Public"}, nil)
	bob.must("group.join", obj{"groupID": "p"}, nil)
	w.clock.pass(time.Hour)
	var list applicationsResult
	alice.must("group.applications", obj{}, &list)
	reject := obj{"groupID": "p", "userID": "bob", "handleAction": "Reject", "authentication": list.ApplicationList[0].Authentication}
	documents := func() int {
		w.rooms[0].behind()
		subjects, err := w.rooms[0].log.Subjects(t.Context(), key{app, "p"}.applicationPattern())
		require.NoError(t, err)
		return len(subjects)
	}
	alice.must("group.handle", reject, nil)
	alice.must("group.applications", obj{}, &list)
	require.Equal(t, 1, documents())
	alice.must("group.handle", reject, nil) // the repetition of a call
	w.clock.pass(repeatedWithin * time.Millisecond)
	alice.must("group.applications", obj{}, &list)
	require.Empty(t, list.ApplicationList)
	require.Zero(t, documents())
}
