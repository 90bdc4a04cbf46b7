package media

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

func canceledContext(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx, cancel
}

func (g *gateway) there(name string) bool {
	g.t.Helper()
	res, _ := g.get(name)
	return res.StatusCode == http.StatusOK
}

func TestFilesWithoutMessagesAreFreed(t *testing.T) { each(t, filesWithoutMessagesAreFreed) }

func filesWithoutMessagesAreFreed(t *testing.T, g *gateway) {
	kept := g.upload(File, pattern(2*chunkSize), "kept")
	lost := g.upload(File, pattern(2*chunkSize), "lost")
	img := g.upload(Image, asPNG(t, stripes(900, 900)), "")
	require.True(t, g.there(img.Name+"_198"))
	require.NoError(t, g.refer("m1", kept.Name))
	require.NoError(t, g.refer("m2", kept.Name))
	require.NoError(t, g.refer("m2", kept.Name), "a repetition")
	require.NoError(t, g.refer("m3", img.Name))

	g.sweepAfter(23 * time.Hour)
	require.True(t, g.there(lost.Name), "not yet a day")
	g.sweepAfter(2 * time.Hour)
	require.False(t, g.there(lost.Name))
	require.True(t, g.there(kept.Name))
	require.Equal(t, fault.FileGone, g.code(g.refer("m4", lost.Name)))

	release := func(message, name string) {
		require.NoError(t, g.Release(t.Context(), alice.SDKAppID, message, []string{name}))
	}
	release("m1", kept.Name)
	g.sweepAfter(time.Minute)
	require.True(t, g.there(kept.Name), "m2 still names it")
	release("m2", kept.Name)
	release("m3", img.Name)
	g.sweepAfter(time.Minute)
	require.False(t, g.there(kept.Name))
	require.False(t, g.there(img.Name+"_198"))
	require.Zero(t, g.blobs())
	for _, stream := range []string{bus.StreamReferences, bus.StreamFiles} {
		require.Zero(t, storedIn(t, g.bus, stream), stream)
	}
}

// A message that names a file during a sweep either is refused because the file is
// gone, or keeps the file.
func TestSendingAgainstSweeping(t *testing.T) {
	g := newGateway(t)
	for n := range 30 {
		g.clock.move(time.Minute)
		up := g.upload(File, []byte("text"), "")
		g.clock.move(25 * time.Hour)
		sent := make(chan error, 1)
		go func() { _, err := g.Refer(context.Background(), alice.SDKAppID, "m", []string{up.Name}); sent <- err }()
		require.NoError(t, g.sweep(t.Context()))
		if err := <-sent; err != nil {
			require.Equal(t, fault.FileGone, g.code(err), n)
			continue
		}
		require.NoError(t, g.sweep(t.Context()))
		require.True(t, g.there(up.Name), "run %d: it was sent, so it stays", n)
	}
}

func TestAnInterruptedSweepIsFinished(t *testing.T) { each(t, anInterruptedSweepIsFinished) }

func anInterruptedSweepIsFinished(t *testing.T, g *gateway) {
	for _, state := range []string{stateGone, stateFreed} {
		up := g.upload(File, pattern(chunkSize+1), "")
		i, err := g.store.whole(t.Context(), alice.SDKAppID, up.Name)
		require.NoError(t, err)
		if state == stateFreed { // a message that came too late has left its reference
			require.NoError(t, g.refer("late", up.Name))
		}
		i.State = state
		require.NoError(t, g.store.set(t.Context(), &i))
		require.Equal(t, fault.FileGone, g.code(g.refer("m", up.Name)))
		g.sweepAfter(25 * time.Hour)
		require.Zero(t, g.blobs(), state)
		_, err = g.store.info(t.Context(), alice.SDKAppID, up.Name)
		require.ErrorIs(t, err, errNoFile, state)
	}
	// A file that is marked as gone although a message names it comes back.
	up := g.upload(File, []byte("text"), "")
	require.NoError(t, g.refer("m", up.Name))
	i, err := g.store.whole(t.Context(), alice.SDKAppID, up.Name)
	require.NoError(t, err)
	i.State = stateGone
	require.NoError(t, g.store.set(t.Context(), &i))
	g.sweepAfter(25 * time.Hour)
	require.True(t, g.there(up.Name))
}

func TestFilesOfADeletedAccountAreFreed(t *testing.T) { each(t, filesOfADeletedAccountAreFreed) }

func filesOfADeletedAccountAreFreed(t *testing.T, g *gateway) {
	old := g.upload(File, []byte("text"), "")
	require.NoError(t, g.refer("m", old.Name))
	bob := place.User{SDKAppID: alice.SDKAppID, UserID: "bob"}
	require.NoError(t, g.Forget(t.Context(), bob))
	g.sweepAfter(time.Minute)
	require.True(t, g.there(old.Name), "another user's account was deleted")
	require.NoError(t, g.Forget(t.Context(), alice))
	require.NoError(t, g.Forget(t.Context(), alice), "a repetition")
	g.clock.move(time.Minute)
	young := g.upload(File, []byte("text"), "") // of the next owner of the UserID
	g.sweepAfter(time.Minute)
	require.False(t, g.there(old.Name))
	require.True(t, g.there(young.Name))
	require.NoError(t, g.refer("n", young.Name))
	g.sweepAfter(time.Minute)
	require.True(t, g.there(young.Name), "the deletion does not act on later files")
}

func TestFilesOlderThanMaxAgeAreFreed(t *testing.T) {
	g := open(t, busmodel.New(busmodel.Options{}), func(o *Options) { o.MaxAge = 48 * time.Hour })
	up := g.upload(File, []byte("text"), "")
	require.NoError(t, g.refer("m", up.Name))
	g.sweepAfter(47 * time.Hour)
	require.True(t, g.there(up.Name))
	g.sweepAfter(2 * time.Hour)
	require.False(t, g.there(up.Name))
}

// When a sweep is due, one gateway of all does it.
func TestOneGatewaySweeps(t *testing.T) {
	b := busmodel.New(busmodel.Options{})
	g, other := open(t, b, nil), open(t, b, nil)
	claim := func(m *gateway) bool {
		due, err := m.claimSweep(t.Context())
		require.NoError(t, err)
		return due
	}
	require.True(t, claim(g), "there was none yet")
	require.False(t, claim(g))
	require.False(t, claim(other))
	g.clock.move(sweepEvery + time.Minute)
	other.clock.move(sweepEvery + time.Minute)
	require.True(t, claim(other))
	require.False(t, claim(g))
}

// A gateway sweeps without being asked.
func TestAGatewaySweepsByItself(t *testing.T) {
	b := busmodel.New(busmodel.Options{})
	old := open(t, b, nil)
	up := old.upload(File, []byte("text"), "")
	open(t, b, func(o *Options) {
		o.look = time.Millisecond
		o.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	})
	require.Eventually(t, func() bool { return !old.there(up.Name) }, within, time.Millisecond)
}

// A reference to a file that does not exist is refused and stores nothing.
func TestReferencesToNothing(t *testing.T) {
	g := newGateway(t)
	for _, name := range []string{"", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAA", "A.B", "*", ">", "AAAAAAAAAAAAAAAAAAAAAAAAAA_198"} {
		require.Equal(t, fault.FileGone, g.code(g.refer("m", name)), name)
		require.NoError(t, g.Release(t.Context(), alice.SDKAppID, "m", []string{name}), name)
	}
	up := g.upload(File, []byte("text"), "")
	_, err := g.Refer(t.Context(), 7, "m", []string{up.Name})
	require.Equal(t, fault.FileGone, g.code(err), "a file of another app")
	require.Zero(t, storedIn(t, g.bus, bus.StreamReferences))
}
