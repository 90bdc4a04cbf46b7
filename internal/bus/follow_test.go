package bus

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// following starts a follower that checks often; got returns the positions of the
// records that it has handled.
func following(t *testing.T, l *stream) (f *follower, got func() []uint64) {
	t.Helper()
	f, got = offered(t, l, 0)
	f.report = func(error) {} // a check may get no answer in time on a busy machine
	f.every = 5 * time.Millisecond
	require.NoError(t, f.Start(t.Context()))
	return f, got
}

// doubting starts a follower that has no consumer, and makes none but in doubt: it
// checks nothing by itself.
func doubting(t *testing.T, l *stream) (f *follower, got func() []uint64) {
	t.Helper()
	f, got = offered(t, l, 0) // which allows no report of a failure
	f.every = time.Hour
	require.NoError(t, f.Start(t.Context()))
	return f, got
}

// calm waits until a follower has no consumer.
func calm(t *testing.T, f *follower) {
	t.Helper()
	require.EventuallyWithT(t, func(t *assert.CollectT) { require.False(t, f.consumes()) }, time.Minute, 5*time.Millisecond)
}

// consumers returns how many consumers NATS has of a stream.
func consumers(t require.TestingT, l *stream) int {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	s, err := l.b.js.Stream(ctx, l.name)
	require.NoError(t, err)
	return s.CachedInfo().State.Consumers
}

// put stores a record of which no follower is told.
func put(t *testing.T, l *stream, text string) (pos uint64) {
	t.Helper()
	ack, err := l.b.store(t.Context(), &nats.Msg{Subject: "l.put", Data: []byte(text)}, nil)
	require.NoError(t, err)
	return ack.Seq
}

// upTo returns 1, 2, … n.
func upTo(n uint64) (all []uint64) {
	for i := range n {
		all = append(all, i+1)
	}
	return all
}

// reached waits until a follower has handled everything up to a position, and
// requires that it has handled each record once, in the stream's order.
func reached(t *testing.T, f *follower, got func() []uint64, pos uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	f.Reach(ctx, pos)
	require.NoError(t, ctx.Err())
	all := got()
	require.GreaterOrEqual(t, uint64(len(all)), pos)
	require.Equal(t, upTo(uint64(len(all))), all)
}

// Where only this process stores, NATS sends nothing a second time: the consumer ends,
// and what is stored is handled nevertheless.
func TestACalmFollowerHasNoConsumer(t *testing.T) {
	l := logs(t)
	f, _ := following(t, l)
	calm(t, f)
	require.EventuallyWithT(t, func(t *assert.CollectT) { require.Zero(t, consumers(t, l)) }, time.Minute, 5*time.Millisecond)
	f, got := doubting(t, l)
	for i := range uint64(100) {
		pos, _, err := l.Append(t.Context(), "l.a", nil, i, "")
		require.NoError(t, err)
		reached(t, f, got, pos)
	}
	require.False(t, f.consumes())
}

// It has none from its start on, whatever is stored meanwhile.
func TestAFollowerStartsWithoutAConsumer(t *testing.T) {
	l := logs(t)
	for range 10 {
		stop := make(chan struct{})
		var storing sync.WaitGroup
		end := sync.OnceFunc(func() {
			close(stop)
			storing.Wait()
		})
		for range 3 {
			storing.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						appendNew(t, l)
					}
				}
			})
		}
		defer end()
		f, got := offered(t, l, 0)
		f.every = time.Hour
		require.NoError(t, f.Start(t.Context()))
		first := appendNew(t, l)
		require.Zero(t, consumers(t, l))
		end()
		last := appendNew(t, l)
		f.Reach(t.Context(), last)
		all := got()
		require.LessOrEqual(t, all[0], first)
		require.Equal(t, last, all[len(all)-1])
		require.Len(t, all, int(last-all[0])+1, "none is missing")
		require.False(t, f.consumes())
		f.Close()
	}
}

// appendNew stores a record of a subject of its own.
func appendNew(t *testing.T, l *stream) (pos uint64) {
	t.Helper()
	pos, _, err := l.Append(t.Context(), "l."+rand.Text(), nil, 0, "")
	assert.NoError(t, err)
	return pos
}

// A record that was not offered is handled nevertheless, before those that came after
// it, as soon as one of them is offered.
func TestAGapIsFilled(t *testing.T) {
	l := logs(t)
	f, got := doubting(t, l)
	for range 3 {
		before := put(t, l, "not offered")
		pos, _, err := l.Append(t.Context(), fmt.Sprint("l.", before), nil, 0, "")
		require.NoError(t, err)
		reached(t, f, got, pos)
		f.shut()
	}
}

// The same while nothing else is stored: then a check finds it.
func TestASilentGapIsFilled(t *testing.T) {
	l := logs(t)
	f, got := following(t, l)
	for range 3 {
		calm(t, f)
		reached(t, f, got, put(t, l, "not offered"))
	}
}

// What is removed leaves no gap for which a follower would wait.
func TestRemovedRecordsAreNoGap(t *testing.T) {
	l := logs(t)
	f, got := doubting(t, l)
	for range 10 {
		pos, _, err := l.Append(t.Context(), "l.a", nil, 0, "")
		require.NoError(t, err)
		require.NoError(t, l.Remove(t.Context(), "l.a", pos))
		reached(t, f, got, pos)
	}
	require.False(t, f.consumes())
}

// Who gives up while they store something may have stored it, so followers ask NATS.
func TestAnAppendThatIsGivenUpIsFollowed(t *testing.T) {
	l := logs(t)
	f, got := doubting(t, l)
	held := make(chan struct{})
	_, err := l.b.store(t.Context(), &nats.Msg{Subject: "l.first"}, func(uint64) { <-held })
	require.NoError(t, err) // the answers after this one are held now
	ctx, hangUp := context.WithCancel(t.Context())
	go func() {
		defer hangUp()
		assert.EventuallyWithT(t, func(t *assert.CollectT) {
			_, err := l.Last(ctx, "l.a")
			require.NoError(t, err)
		}, time.Minute, time.Millisecond)
	}()
	_, _, err = l.Append(ctx, "l.a", nil, 0, "")
	require.ErrorIs(t, err, context.Canceled)
	reached(t, f, got, 2)
	close(held)
}

// The same for many, in any state of the follower.
func TestAppendsThatAreGivenUpAreFollowed(t *testing.T) {
	l := logs(t)
	f, got := following(t, l)
	for i := range 100 {
		if i%25 == 0 {
			calm(t, f)
		}
		ctx, hangUp := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _, _, _ = l.Append(ctx, "l."+strconv.Itoa(i), nil, 0, "") })
		wg.Go(hangUp)
		wg.Wait()
	}
	pos, _, err := l.Append(t.Context(), "l.last", nil, 0, "") // behind all that were published
	require.NoError(t, err)
	reached(t, f, got, pos)
	calm(t, f)
}

// More offers than may wait are dropped, and NATS sends them.
func TestDroppedOffersAreSent(t *testing.T) {
	l := logs(t)
	f, got := offered(t, l, 0)
	held, note := make(chan struct{}), f.handle
	f.handle = func(v Value) { <-held; note(v) }
	f.every, f.offers = time.Hour, make(chan Value, 4)
	require.NoError(t, f.Start(t.Context()))
	const n = 20
	for i := range n {
		_, _, err := l.Append(t.Context(), "l."+strconv.Itoa(i), nil, 0, "")
		require.NoError(t, err)
	}
	require.Len(t, f.offers, 4)
	close(held)
	reached(t, f, got, n)
}

// Two logs of one stream, on connections of their own, have the same followers.
func TestFollowersSeeWhatIsStoredBeside(t *testing.T) {
	l := logs(t)
	f, got := doubting(t, l)
	side, err := l.b.Beside(t.Context(), "side")
	require.NoError(t, err)
	other, err := side.OpenLog(t.Context(), LogConfig{Stream: "L", Subjects: "l.>", Dedup: time.Minute})
	require.NoError(t, err)
	pos, _, err := other.Append(t.Context(), "l.a", nil, 0, "")
	require.NoError(t, err)
	reached(t, f, got, pos)
	require.False(t, f.consumes())
	const n = 400 // the answers of two connections come in any order
	require.NoError(t, Spread(n, func(i int) error {
		_, _, err := []Log{l, other}[i%2].Append(t.Context(), "l.both"+strconv.Itoa(i), nil, 0, "")
		return err
	}))
	reached(t, f, got, n+1)
}

// What is stored while connections break is followed, though its answer may be lost.
func TestFollowersOutliveConnections(t *testing.T) {
	l := logs(t)
	f, got := following(t, l)
	calm(t, f)
	for _, nc := range []*nats.Conn{l.b.nc, l.b.follows} {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				_, _, _ = l.Append(ctx, fmt.Sprint("l.", i), nil, 0, "")
			})
		}
		require.NoError(t, nc.ForceReconnect())
		wg.Wait()
	}
	var pos uint64
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		var err error
		pos, _, err = l.Append(ctx, "l.last", nil, 0, "last") // one however often it is tried
		require.NoError(t, err)
	}, time.Minute, 10*time.Millisecond)
	reached(t, f, got, pos)
}

// The followers of other processes are only told by NATS, so their consumer stays.
func TestAFollowerOfASharedStreamKeepsItsConsumer(t *testing.T) {
	b, err := Open(t.Context(), Options{URLs: external(t, 1, true)[0].ClientURL(), Log: quiet()})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	opened, err := b.OpenLog(t.Context(), LogConfig{Stream: "L", Subjects: "l.>"})
	require.NoError(t, err)
	l := opened.(*stream)
	f, got := following(t, l)
	for range 3 * calmChecks {
		require.Equal(t, 1, consumers(t, l))
		time.Sleep(f.every)
	}
	reached(t, f, got, put(t, l, "of another process"))
}

// A follower is closed while things are in doubt, and has no consumer afterwards.
func TestFollowerIsClosedInDoubt(t *testing.T) {
	l := logs(t)
	for range 5 {
		f, _ := following(t, l)
		calm(t, f)
		var wg sync.WaitGroup
		wg.Go(f.doubt)
		wg.Go(f.Close)
		wg.Wait()
		f.doubt()
		if f.consume != nil {
			<-f.consume.Closed()
		}
	}
}
