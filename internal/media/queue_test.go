package media

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// line is a queue of sizes whose clock a test moves.
type line struct {
	sizes
	now time.Time
}

func newLine() *line {
	l := &line{now: time.Unix(1e9, 0)}
	l.init()
	return l
}

// take returns the name of the next image, whose sizes take so long.
func (l *line) take(t *testing.T, took time.Duration) string {
	t.Helper()
	j := l.next(l.now)
	require.NotNil(t, j)
	l.now = l.now.Add(took)
	l.finish(j, l.now, nil)
	<-j.done
	return j.name
}

// Images that a request waits for go before those that were only uploaded.
func TestUrgentSizesGoFirst(t *testing.T) {
	l := newLine()
	a, b, c := fileID{1, "a"}, fileID{1, "b"}, fileID{1, "c"}
	first := l.want(a, "alice", false)
	l.want(b, "alice", false)
	last := l.want(c, "alice", false)
	require.Same(t, last, l.want(c, "alice", true))
	require.Same(t, first, l.want(a, "alice", false))
	for _, want := range []fileID{c, a, b} {
		j := l.next(l.now)
		require.Equal(t, want, j.fileID)
		require.Same(t, j, l.want(want, "alice", true), "the job under way is returned")
		l.finish(j, l.now, nil)
		<-j.done
	}
	require.Nil(t, l.next(l.now))
	require.Zero(t, l.waiting())
	require.Empty(t, l.owners)
}

// An owner of many images has others wait for one of them at most, even if each of
// theirs is asked for.
func TestOwnersOfSizesTakeTurns(t *testing.T) {
	l := newLine()
	for n := range 50 {
		l.want(fileID{1, "eve" + strconv.Itoa(n)}, "eve", true)
	}
	l.want(fileID{1, "bob0"}, "bob", true)
	l.want(fileID{1, "bob1"}, "bob", true)
	l.want(fileID{1, "cleo"}, "cleo", true)
	l.want(fileID{2, "other"}, "eve", true) // of another app
	var got []string
	for range 6 {
		got = append(got, l.take(t, 2*time.Second))
	}
	require.Equal(t, []string{"eve0", "bob0", "cleo", "other", "eve1", "bob1"}, got)
}

// An owner whose images took long waits behind all others, whoever asks for them,
// until that has been forgotten.
func TestOwnersWhoUsedMuchWait(t *testing.T) {
	l := newLine()
	for n := range 5 {
		l.want(fileID{1, "eve" + strconv.Itoa(n)}, "eve", true)
	}
	require.Equal(t, "eve0", l.take(t, 4*time.Second))
	l.want(fileID{1, "bob0"}, "bob", false)
	require.Equal(t, "eve1", l.take(t, 4*time.Second), "it is asked for")
	require.Equal(t, "eve2", l.take(t, 4*time.Second))
	require.Equal(t, "bob0", l.take(t, 0), "eve has used more than ownTime")
	l.want(fileID{1, "bob1"}, "bob", false)
	l.now = l.now.Add(ownEvery)
	require.Equal(t, "eve3", l.take(t, 0), "it has been forgotten")
}

// One owner does not fill the queue, and all of them together do.
func TestWaitingSizesAreBounded(t *testing.T) {
	l := newLine()
	for n := range ownerWaiting {
		require.NotNil(t, l.want(fileID{1, strconv.Itoa(n)}, "eve", false))
	}
	require.Nil(t, l.want(fileID{1, "x"}, "eve", true))
	for n := range maxWaiting - ownerWaiting {
		require.NotNil(t, l.want(fileID{2, strconv.Itoa(n)}, strconv.Itoa(n), false))
	}
	require.Nil(t, l.want(fileID{1, "x"}, "bob", true))
}
