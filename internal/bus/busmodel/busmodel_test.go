package busmodel_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
)

// both has what the tests use of a Bus and of its model.
type both interface {
	OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error)
	Publish(subject string, data []byte) error
	Subscribe(subject string, handle func(data []byte)) (stop func(), err error)
}

func nats(t *testing.T) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{Data: bus.Memory, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}

// seen is a follower with the records that it has handed on.
type seen struct {
	bus.Follower
	mu  sync.Mutex
	got []string
}

func follow(t *testing.T, l bus.Log) *seen {
	t.Helper()
	s := &seen{}
	s.Follower = l.Follower(func(v bus.Value) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got = append(s.got, said(v, nil))
	}, func(err error) { t.Error(err) })
	require.NoError(t, s.Start(t.Context()))
	t.Cleanup(s.Close)
	return s
}

// said returns an answer as text, without the time, in which Bus and model may
// differ.
func said(v bus.Value, err error) string {
	for _, known := range []error{bus.ErrNoValue, bus.ErrConflict} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if err != nil {
		return "failed: " + err.Error()
	}
	return fmt.Sprintf("%s@%d=%s", v.Subject, v.Seq, v.Data)
}

// operation makes a call of a Log that is drawn from r, and returns the call and
// its answer as text. The draws do not depend on answers, so two logs get the
// same calls.
func operation(ctx context.Context, l bus.Log, r *rand.Rand, n int) (call, answer string) {
	subject := func() string { return []string{"l.0", "l.1", "l.2", "l.deep.0", "l.deep.1"}[r.IntN(5)] }
	pattern := func() string { return []string{"l.*", "l.>", "l.deep.*", "l.deep.>", "l.none.*"}[r.IntN(5)] }
	position := func() uint64 { return r.Uint64N(uint64(n) + 2) }
	many := func(values []bus.Value, err error) string {
		text := ""
		for _, v := range values {
			text += said(v, nil) + " "
		}
		return text + said(bus.Value{}, err)
	}
	switch r.IntN(13) {
	case 0:
		pos := position()
		return fmt.Sprint("At ", pos), said(l.At(ctx, pos))
	case 1:
		s := subject()
		return "Last " + s, said(l.Last(ctx, s))
	case 2:
		return "Last >", said(l.Last(ctx, ">"))
	case 3:
		list := []string{subject(), subject(), "l.none", subject()}
		return fmt.Sprint("LastAll ", list), many(l.LastAll(ctx, list))
	case 4:
		list := []uint64{position(), position(), position()}
		return fmt.Sprint("AtAll ", list), many(l.AtAll(ctx, list))
	}
	switch r.IntN(9) {
	case 0:
		s := pattern()
		return "Last " + s, said(l.Last(ctx, s))
	case 1:
		s, more := pattern(), pattern()
		return "LastUnder " + s + " " + more, many(l.LastUnder(ctx, s, more))
	case 2:
		s := pattern()
		list, err := l.Subjects(ctx, s)
		if err == nil {
			n, err := l.Count(ctx, s)
			return "Subjects, Count " + s, fmt.Sprint(list, n, err)
		}
		return "Subjects " + s, fmt.Sprint(list, err)
	case 3:
		// Not the newest of all: a NATS in memory then knows none for ">".
		s, upTo := subject(), position()/8
		newest, err := l.Last(ctx, ">")
		if err != nil && !errors.Is(err, bus.ErrNoValue) {
			return "Last >", said(newest, err)
		}
		if upTo >= newest.Seq {
			upTo = newest.Seq / 2
		}
		return fmt.Sprint("Remove ", s, " ", upTo), said(bus.Value{}, l.Remove(ctx, s, upTo))
	}
	s, id, expect := subject(), "", uint64(0)
	if r.IntN(2) == 0 {
		id = fmt.Sprint("id", r.IntN(n+10))
	}
	switch r.IntN(4) {
	case 0: // expects no record: begins a log, or is a conflict
	case 1:
		expect = position()
	default: // expects the newest record, as most callers do
		v, err := l.Last(ctx, s)
		if err != nil && !errors.Is(err, bus.ErrNoValue) {
			return "Last " + s, said(v, err)
		}
		expect = v.Seq
	}
	pos, dup, err := l.Append(ctx, s, fmt.Append(nil, "record ", n), expect, id)
	return fmt.Sprint("Append ", s, " ", expect, " ", id), fmt.Sprint(pos, dup, " ", said(bus.Value{}, err))
}

// The model gives the same answers as NATS to calls drawn at random, and the same
// records to followers.
func TestTheModelAnswersAsNATSDoes(t *testing.T) {
	for run := range 6 {
		seed := rand.Uint64()
		t.Log("seed", seed)
		keep := int64(run%3) - 1 + int64(run/3)*2 // -1, 0, 1, 1, 2, 3
		ctx := t.Context()
		var logs [2]bus.Log
		var draws [2]*rand.Rand
		var followers [2][]*seen
		for i, b := range []both{nats(t), busmodel.New(busmodel.Options{})} {
			l, err := b.OpenLog(ctx, bus.LogConfig{Stream: "L", Subjects: "l.>", Keep: keep, Dedup: time.Hour})
			require.NoError(t, err)
			logs[i], draws[i] = l, rand.New(rand.NewPCG(seed, 0))
		}
		for n := range 400 {
			if n%100 == 0 {
				for i, l := range logs {
					followers[i] = append(followers[i], follow(t, l))
				}
			}
			call, want := operation(ctx, logs[0], draws[0], n)
			_, got := operation(ctx, logs[1], draws[1], n)
			require.Equal(t, want, got, "seed %d, keep %d, call %d: %s", seed, keep, n, call)
			end, err := logs[0].Last(ctx, ">")
			if errors.Is(err, bus.ErrNoValue) {
				continue
			}
			require.NoError(t, err)
			for i := range followers {
				for _, f := range followers[i] { // they reach the end each time: a record that a later one removes may be left out
					f.Reach(ctx, end.Seq)
					require.Equal(t, end.Seq, f.Pos())
				}
			}
		}
		for k := range followers[0] {
			followers[0][k].Close()
			followers[1][k].Close()
			require.Equal(t, followers[0][k].got, followers[1][k].got, "seed %d, follower %d", seed, k)
		}
		require.NotEmpty(t, followers[0][0].got)
	}
}

// A record that is older than MaxAge is removed, and its position is not used
// again. An ID that is older than Dedup is no duplicate.
func TestOldRecordsAreRemoved(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	model := busmodel.New(busmodel.Options{Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	for name, b := range map[string]both{"nats": nats(t), "model": model} {
		ctx := t.Context()
		l, err := b.OpenLog(ctx, bus.LogConfig{Stream: "L", Subjects: "l.>", MaxAge: 500 * time.Millisecond, Dedup: 100 * time.Millisecond})
		require.NoError(t, err)
		_, _, err = l.Append(ctx, "l.a", []byte("old"), 0, "id")
		require.NoError(t, err)
		mu.Lock()
		now = now.Add(500 * time.Millisecond)
		mu.Unlock()
		require.Eventually(t, func() bool {
			_, err := l.At(ctx, 1)
			return errors.Is(err, bus.ErrNoValue)
		}, time.Minute, 10*time.Millisecond, name)
		for _, subject := range []string{"l.a", ">"} {
			_, err = l.Last(ctx, subject)
			require.ErrorIs(t, err, bus.ErrNoValue, name)
		}
		f := follow(t, l)
		require.EqualValues(t, 1, f.Pos(), name)
		pos, dup, err := l.Append(ctx, "l.a", []byte("new"), 0, "id")
		require.NoError(t, err)
		require.EqualValues(t, 2, pos, name)
		require.False(t, dup, name)
		f.Reach(ctx, 2)
		require.EqualValues(t, 2, f.Pos(), name)
	}
}

// The window of duplicates and the age of records are measured by Options.Now,
// exactly.
func TestAgesAreMeasuredByTheGivenClock(t *testing.T) {
	now := time.Unix(1, 0)
	b, ctx := busmodel.New(busmodel.Options{Now: func() time.Time { return now }}), t.Context()
	l, err := b.OpenLog(ctx, bus.LogConfig{Stream: "L", Subjects: "l.>", MaxAge: time.Minute, Dedup: time.Second})
	require.NoError(t, err)
	one, _, err := l.Append(ctx, "l.a", nil, 0, "id")
	require.NoError(t, err)
	now = now.Add(time.Second - 1)
	again, dup, err := l.Append(ctx, "l.a", nil, one, "id")
	require.NoError(t, err)
	require.True(t, dup)
	require.Equal(t, one, again)
	now = now.Add(1)
	_, dup, err = l.Append(ctx, "l.a", nil, one, "id")
	require.NoError(t, err)
	require.False(t, dup)
	now = now.Add(59*time.Second - 1)
	_, err = l.At(ctx, one)
	require.NoError(t, err)
	now = now.Add(1)
	_, err = l.At(ctx, one)
	require.ErrorIs(t, err, bus.ErrNoValue)
}

// Records are handed on by what Options.Go is given, and not before it runs.
func TestRecordsAreHandedOnByTheGivenGo(t *testing.T) {
	var turns []func()
	b, ctx := busmodel.New(busmodel.Options{Go: func(f func()) { turns = append(turns, f) }}), t.Context()
	l, err := b.OpenLog(ctx, bus.LogConfig{Stream: "L", Subjects: "l.>"})
	require.NoError(t, err)
	f := follow(t, l)
	for n := range uint64(3) {
		_, _, err := l.Append(ctx, "l.a", nil, n, "")
		require.NoError(t, err)
	}
	require.Zero(t, f.Pos())
	require.Len(t, turns, 1)
	turns[0]()
	require.Equal(t, []string{"l.a@1=", "l.a@2=", "l.a@3="}, f.got)
}

func TestSignals(t *testing.T) {
	for name, b := range map[string]both{"nats": nats(t), "model": busmodel.New(busmodel.Options{})} {
		got := make(chan string, 8)
		listen := func(subject string) (stop func()) {
			stop, err := b.Subscribe(subject, func(data []byte) { got <- subject + string(data) })
			require.NoError(t, err)
			return stop
		}
		stop := listen("a")
		listen("b")
		say := func(subject, text string) { require.NoError(t, b.Publish(subject, []byte(text))) }
		say("a", "1")
		require.Equal(t, "a1", <-got, name)
		say("nobody", "2")
		stop()
		say("a", "3")
		say("b", "4")
		require.Equal(t, "b4", <-got, name)
		require.Empty(t, got, name)
	}
}

// After Close has returned, no record is handed on. A context that has ended
// ends every call.
func TestCloseAndEndedContexts(t *testing.T) {
	b := busmodel.New(busmodel.Options{})
	l, err := b.OpenLog(t.Context(), bus.LogConfig{Stream: "L", Subjects: "l.>"})
	require.NoError(t, err)
	var last uint64
	for range 50 {
		f := follow(t, l)
		for range 20 {
			last, _, err = l.Append(t.Context(), "l.a", nil, last, "")
			require.NoError(t, err)
		}
		f.Close()
		n := len(f.got) // read without the lock, so that -race finds a record that comes too late
		require.LessOrEqual(t, n, 20)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = l.Last(gone, "l.a")
	require.ErrorIs(t, err, context.Canceled)
	_, err = l.LastAll(gone, []string{"l.a"})
	require.ErrorIs(t, err, context.Canceled)
	_, _, err = l.Append(gone, "l.a", nil, last, "")
	require.ErrorIs(t, err, context.Canceled)
	f := l.Follower(func(bus.Value) {}, func(error) {})
	require.ErrorIs(t, f.Start(gone), context.Canceled)
	f.Reach(gone, last+1)
	f.Close()
	f.Close()
}
