package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

// logs opens a bus in memory and returns a stream of logs with the subjects l.>.
func logs(t *testing.T) *stream {
	t.Helper()
	b, err := Open(t.Context(), Options{Data: Memory, Log: quiet()})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	l, err := b.OpenLog(t.Context(), LogConfig{Stream: "L", Subjects: "l.>", Dedup: time.Minute})
	require.NoError(t, err)
	return l.(*stream)
}

func TestLog(t *testing.T) {
	l, ctx := logs(t), t.Context()
	_, err := l.Last(ctx, "l.a")
	require.ErrorIs(t, err, ErrNoValue)
	_, err = l.At(ctx, 0)
	require.ErrorIs(t, err, ErrNoValue)
	_, err = l.At(ctx, 1)
	require.ErrorIs(t, err, ErrNoValue)

	one, dup, err := l.Append(ctx, "l.a", []byte("one"), 0, "id1")
	require.NoError(t, err)
	require.False(t, dup)
	_, _, err = l.Append(ctx, "l.a", []byte("late"), 0, "")
	require.ErrorIs(t, err, ErrConflict)
	again, dup, err := l.Append(ctx, "l.a", []byte("one"), one, "id1")
	require.NoError(t, err)
	require.True(t, dup)
	require.Equal(t, one, again)
	two, _, err := l.Append(ctx, "l.a", []byte("two"), one, "")
	require.NoError(t, err)
	other, _, err := l.Append(ctx, "l.b", []byte("other"), 0, "")
	require.NoError(t, err)

	v, err := l.Last(ctx, "l.a")
	require.NoError(t, err)
	require.Equal(t, "two", string(v.Data))
	require.Equal(t, two, v.Seq)
	require.Equal(t, "l.a", v.Subject)
	v, err = l.Last(ctx, ">")
	require.NoError(t, err)
	require.Equal(t, other, v.Seq)

	all, err := l.AtAll(ctx, []uint64{two, 99, one})
	require.NoError(t, err)
	require.Equal(t, []string{"two", "", "one"}, []string{string(all[0].Data), string(all[1].Data), string(all[2].Data)})
	require.Zero(t, all[1].Seq)
	newest, err := l.LastAll(ctx, []string{"l.none", "l.b"})
	require.NoError(t, err)
	require.Zero(t, newest[0].Seq)
	require.Equal(t, other, newest[1].Seq)
}

// A read of a stream that is missing waits until the stream is there or the
// context ends.
func TestLogReadWaitsForAStream(t *testing.T) {
	l := logs(t)
	missing := &stream{b: l.b, name: "LATER", followers: &followers{}}
	ctx, cancel := context.WithTimeout(t.Context(), 120*time.Millisecond)
	defer cancel()
	_, err := missing.Last(ctx, "later.a")
	require.Error(t, err) // no responders, or the context's error if it ended during a request
	require.Error(t, ctx.Err(), "the read must not give up before its context ends")
	require.Equal(t, fault.ServerTimeout, Fault(err).Code)

	read := make(chan error, 1)
	go func() {
		_, err := missing.Last(t.Context(), "later.a")
		read <- err
	}()
	_, err = l.b.OpenLog(t.Context(), LogConfig{Stream: "LATER", Subjects: "later.>"})
	require.NoError(t, err)
	require.ErrorIs(t, <-read, ErrNoValue)
}

// While a cluster elects a leader, reads are repeated until it has one or the
// context ends. The server here has no JetStream, and the test answers in its
// place.
func TestLogReadWaitsForALeader(t *testing.T) {
	nc, err := nats.Connect(external(t, 1, false)[0].ClientURL())
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	answers := make(chan string, 2)
	const none = `{"error":{"code":503,"description":"JetStream system temporarily unavailable"}}`
	_, err = nc.Subscribe("$JS.API.STREAM.MSG.GET.L", func(m *nats.Msg) {
		select {
		case answer := <-answers:
			_ = m.Respond([]byte(answer))
		default:
			_ = m.Respond([]byte(none))
		}
	})
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	l := &stream{b: &Bus{nc: nc, replicas: 3}, name: "L"}

	answers <- none
	answers <- `{"message":{"subject":"s","seq":7,"data":"eHl6"}}`
	v, err := l.Last(t.Context(), "s")
	require.NoError(t, err)
	require.Equal(t, Value{Subject: "s", Seq: 7, Data: []byte("xyz")}, v)

	answers <- `{"error":{"code":404,"description":"no message found"}}`
	_, err = l.Last(t.Context(), "s")
	require.ErrorIs(t, err, ErrNoValue)

	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = l.Last(ctx, "s")
	require.Equal(t, fault.ServerTimeout, Fault(err).Code, "the caller may try again")
}

func TestSignals(t *testing.T) {
	b := logs(t).b
	got := make(chan string, 4)
	stop, err := b.Subscribe("said", func(data []byte) { got <- string(data) })
	require.NoError(t, err)
	for _, text := range []string{"one", "two"} {
		require.NoError(t, b.Publish("said", []byte(text)))
		require.Equal(t, text, <-got)
	}
	stop()
	require.NoError(t, b.Publish("said", []byte("nobody hears it")))
	require.NoError(t, b.nc.Flush())
	require.Empty(t, got)
}

func TestFollower(t *testing.T) {
	l, ctx := logs(t), t.Context()
	_, _, err := l.Append(ctx, "l.old", []byte("before"), 0, "")
	require.NoError(t, err)
	var mu sync.Mutex
	var got []string
	f := l.Follower(func(v Value) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, v.Subject+"="+string(v.Data)+"@"+strconv.FormatUint(v.Seq, 10))
	}, func(error) {}) // a check of the stream may get no answer in time on a busy machine
	require.NoError(t, f.Start(ctx))
	require.EqualValues(t, 1, f.Pos())
	var want []string
	var last uint64
	for i := range 100 {
		pos, _, err := l.Append(ctx, "l.n", []byte(strconv.Itoa(i)), last, "")
		require.NoError(t, err)
		last = pos
		want = append(want, fmt.Sprintf("l.n=%d@%d", i, pos))
	}
	f.Reach(ctx, last)
	mu.Lock()
	require.Equal(t, want, got)
	mu.Unlock()

	given, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	f.Reach(given, last+1) // nobody writes it
	require.ErrorIs(t, given.Err(), context.DeadlineExceeded)
	f.Close()
}

// After Close has returned, no record is handled, however many are under way.
func TestFollowerHandlesNothingAfterClose(t *testing.T) {
	l, ctx := logs(t), t.Context()
	for range 20 {
		var closed atomic.Bool
		var late atomic.Int64
		f := l.Follower(func(Value) {
			if closed.Load() {
				late.Add(1)
			}
		}, func(error) {})
		require.NoError(t, f.Start(ctx))
		for range 50 {
			require.NoError(t, l.b.nc.Publish("l.flood", nil))
		}
		f.Close()
		closed.Store(true)
		require.NoError(t, l.b.nc.Flush())
		require.Zero(t, late.Load())
	}
	f := l.Follower(func(Value) {}, func(error) {})
	f.Close() // never started
	f.Close() // and once more
	f = (&stream{b: l.b, name: "NONE", followers: &followers{}}).Follower(func(Value) {}, func(error) {})
	require.Error(t, f.Start(ctx))
	f.Close()
}

// Close does not wait for the answer to a check of the stream, which nobody gives
// in an outage, and the check's end is not reported as a failure.
func TestFollowerIsClosedDuringACheck(t *testing.T) {
	nc, err := nats.Connect(external(t, 1, false)[0].ClientURL())
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	asked := make(chan struct{}, 1)
	_, err = nc.Subscribe("$JS.API.STREAM.INFO.L", func(*nats.Msg) { asked <- struct{}{} })
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	f := (&stream{b: &Bus{nc: nc, follows: nc, js: js}, name: "L", followers: &followers{}}).Follower(func(Value) {}, func(err error) { t.Error(err) }).(*follower)
	f.goes.Go(f.watch)
	<-asked
	f.Close()
}

func TestSpread(t *testing.T) {
	for _, n := range []int{0, 1, 2, 100} {
		done := make([]int32, n)
		require.NoError(t, Spread(n, func(i int) error { atomic.AddInt32(&done[i], 1); return nil }))
		for i, times := range done {
			require.EqualValues(t, 1, times, i)
		}
	}
	broken := errors.New("broken")
	var begun atomic.Int32
	require.Equal(t, broken, Spread(10_000, func(int) error { begun.Add(1); return broken }))
	require.LessOrEqual(t, begun.Load(), int32(spreadWidth), "no more calls may begin after the first error")
}

func TestFault(t *testing.T) {
	require.Nil(t, Fault(nil))
	for err, want := range map[error]fault.Code{
		fmt.Errorf("x: %w", context.DeadlineExceeded):    fault.ServerTimeout,
		fmt.Errorf("x: %w", ErrNoLeader):                 fault.ServerTimeout,
		nats.ErrReconnectBufExceeded:                     fault.ServerTimeout,
		errors.New("unexpected"):                         fault.Internal,
		&jetstream.APIError{Code: 503, ErrorCode: 10023}: fault.StoreFull,
		ErrConflict: fault.Internal,
		fmt.Errorf("x: %w", fault.New(fault.NotAMessage)): fault.NotAMessage,
	} {
		require.Equal(t, want, Fault(err).Code, "%v", err)
	}
}

// A backup does not save leases, because they only say which gateways run just
// now.
func TestSavedStreams(t *testing.T) {
	require.NotContains(t, SavedStreams, BucketStream(BucketLeases))
	require.Len(t, SavedStreams, 15+MaxPartitions)
}

// A refusal while there is no leader and one for lack of room are different
// errors, though NATS answers both with status 503.
func TestAppendThatIsRefused(t *testing.T) {
	l, ctx := logs(t), t.Context()
	answers := make(chan string, 1)
	_, err := l.b.nc.Subscribe("refused", func(m *nats.Msg) { _ = m.Respond([]byte(<-answers)) })
	require.NoError(t, err)
	for code, want := range map[int]fault.Code{
		10008: fault.ServerTimeout, // temporarily unavailable
		10023: fault.StoreFull,     // insufficient resources
	} {
		answers <- fmt.Sprintf(`{"error":{"code":503,"err_code":%d,"description":"x"}}`, code)
		_, _, err := l.Append(ctx, "refused", nil, 0, "")
		require.Equal(t, want, Fault(err).Code, "%v", err)
		require.Equal(t, want == fault.ServerTimeout, errors.Is(err, ErrNoLeader), "%v", err)
	}
}
