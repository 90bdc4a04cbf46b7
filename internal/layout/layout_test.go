package layout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
)

func TestANewStoreIsOfThePresentLayout(t *testing.T) {
	b := empty(t)
	st, err := Read(t.Context(), b)
	require.NoError(t, err)
	require.Zero(t, st.Version)
	takeLease(t, b, "a.1", "")
	for range 2 {
		st, err = Settle(t.Context(), b, options("a.1"))
		require.NoError(t, err)
		require.Equal(t, State{Version: Version, Partitions: 1}, st)
	}
	require.Empty(t, contents(t, b, bus.StreamConversations, bus.StreamDocuments))
}

func TestAStoreOfTheFirstLayoutIsUpgraded(t *testing.T) {
	b := store(t)
	st, err := Read(t.Context(), b)
	require.NoError(t, err)
	require.Equal(t, State{Version: First}, st)
	var said []string
	o := options("a.1")
	o.Report = func(text string) { said = append(said, text) }
	log := logged(&o)
	_, err = Settle(t.Context(), b, o)
	require.NoError(t, err)
	upgraded(t, b, "")
	require.Equal(t, "the store is being brought to layout 2: 0 %", said[0])
	require.Equal(t, []string{"the store is being brought to layout 2: 100 %", ""}, said[len(said)-2:])
	require.Contains(t, log.String(), fmt.Sprintf("documents=%d", documents))

	// At the next start nothing is done.
	before := contents(t, b, bus.StreamDocuments, configStream)
	_, err = Settle(t.Context(), b, options("a.2"))
	require.NoError(t, err)
	require.Equal(t, before, contents(t, b, bus.StreamDocuments, configStream))
}

// NATS and its model come to the same.
func TestAnUpgradeOnNATS(t *testing.T) {
	b, err := bus.Open(t.Context(), bus.Options{Data: bus.Memory, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	_, err = b.Ensure(t.Context(), bus.KV(bus.BucketConfig, ""))
	require.NoError(t, err)
	fill(t, b)
	_, err = Settle(t.Context(), b, options("a.1"))
	require.NoError(t, err)
	upgraded(t, b, "")
}

// A stream whose description is damaged is recovered, and loses nothing.
func TestAnUpgradeOfADamagedStream(t *testing.T) {
	for _, damaged := range fenced {
		data := t.TempDir()
		open := func() *bus.Bus {
			b, err := bus.Open(t.Context(), bus.Options{Data: data, Log: slog.New(slog.DiscardHandler)})
			require.NoError(t, err)
			t.Cleanup(b.Close)
			_, err = b.Ensure(t.Context(), bus.KV(bus.BucketConfig, ""))
			require.NoError(t, err)
			return b
		}
		b := open()
		fill(t, b)
		l, err := b.OpenLog(t.Context(), bus.LogConfig{Stream: bus.StreamMessages, Subjects: bus.SubjectMessages + ">"})
		require.NoError(t, err)
		_, _, err = l.Append(t.Context(), bus.SubjectMessages+"1.a.b", []byte(`{}`), 0, "")
		require.NoError(t, err)
		b.Close()
		found, err := filepath.Glob(filepath.Join(data, "jetstream", "*", "streams", damaged, "meta.inf"))
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.NoError(t, os.WriteFile(found[0], []byte("damaged"), 0o600))
		b = open()
		names, err := b.Unopened(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{damaged}, names)
		_, err = Settle(t.Context(), b, options("a.1"))
		require.NoError(t, err)
		upgraded(t, b, damaged)
		b.Close()
	}
}

// Whatever operation a gateway is killed at, and whether or not that one was
// carried out: another one goes on, and nothing is lost.
func TestAKillAtEveryStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for n, done := 1, false; !done; n++ {
			for _, carried := range []bool{false, true} {
				what := fmt.Sprintf("operation %d, carried out: %v", n, carried)
				b := store(t)
				takeLease(t, b, "a.1", "")
				killed := &faulty{Bus: b, at: n, carried: carried, err: errKilled}
				_, err := Settle(t.Context(), killed, options("a.1"))
				if killed.count < n {
					require.NoError(t, err, what)
					require.Greater(t, n, documents, "it was killed at every operation")
					done = true
					break
				}
				require.ErrorIs(t, err, errKilled, what)
				endLease(t, b, "a.1")
				takeLease(t, b, "b.1", "")
				_, err = Settle(t.Context(), b, options("b.1"))
				require.NoError(t, err, what)
				upgraded(t, b, what)
			}
		}
	})
}

// An operation that nobody answers is made again by the same gateway, whether or
// not it was carried out.
func TestNoAnswerAtAnyStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for n, done := 1, false; !done; n++ {
			for _, carried := range []bool{false, true} {
				what := fmt.Sprintf("operation %d, carried out: %v", n, carried)
				b := store(t)
				f := &faulty{Bus: b, at: n, carried: carried, once: true, err: context.DeadlineExceeded}
				_, err := Settle(t.Context(), &retried{f}, options("a.1"))
				require.NoError(t, err, what)
				upgraded(t, b, what)
				done = f.count < n
			}
		}
	})
}

// retried asks again where bus.Bus itself does.
type retried struct{ *faulty }

func (r *retried) Stored(ctx context.Context, stream string) (n uint64, err error) {
	err = bus.Retry(ctx, func(ctx context.Context) error { n, err = r.faulty.Stored(ctx, stream); return err })
	return n, err
}

func (r *retried) Has(ctx context.Context, stream string) (there bool, err error) {
	err = bus.Retry(ctx, func(ctx context.Context) error { there, err = r.faulty.Has(ctx, stream); return err })
	return there, err
}

func (r *retried) Subjects(ctx context.Context, stream string) (all []string, err error) {
	err = bus.Retry(ctx, func(ctx context.Context) error { all, err = r.faulty.Subjects(ctx, stream); return err })
	return all, err
}

func (r *retried) Fence(ctx context.Context, stream string) error {
	return bus.Retry(ctx, func(ctx context.Context) error { return r.faulty.Fence(ctx, stream) })
}

func (r *retried) OpenLog(ctx context.Context, c bus.LogConfig) (l bus.Log, err error) {
	err = bus.Retry(ctx, func(ctx context.Context) error { l, err = r.faulty.OpenLog(ctx, c); return err })
	return l, err
}

// Of many gateways that start at once one does the work, and all of them begin
// when it is done.
func TestManyStartAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := store(t)
		var wg sync.WaitGroup
		for i := range 5 {
			gateway := fmt.Sprintf("g%d.1", i)
			takeLease(t, b, gateway, "")
			wg.Go(func() {
				st, err := Settle(t.Context(), b, options(gateway))
				if err != nil || st.Version != Version || st.Upgrade != nil {
					t.Errorf("%s: %+v, %v", gateway, st, err)
				}
			})
		}
		wg.Wait()
		upgraded(t, b, "")
	})
}

// While the gateway that is at work has its lease, another one waits and says
// for what; once that lease ends, it goes on where the other has stopped.
func TestAnotherGatewayTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := store(t)
		takeLease(t, b, "a.1", "")
		takeLease(t, b, "b.1", "")
		killed := &faulty{Bus: b, at: 40, err: errKilled}
		_, err := Settle(t.Context(), killed, options("a.1"))
		require.ErrorIs(t, err, errKilled)

		var mu sync.Mutex
		text := ""
		o := options("b.1")
		o.Report = func(s string) {
			mu.Lock()
			defer mu.Unlock()
			text = s
		}
		log := logged(&o)
		ended := make(chan error, 1)
		go func() {
			_, err := Settle(t.Context(), b, o)
			ended <- err
		}()
		time.Sleep(time.Minute)
		mu.Lock()
		require.Equal(t, "gateway a.1 is bringing the store to layout 2: 0 %", text)
		mu.Unlock()
		require.Empty(t, ended)
		endLease(t, b, "a.1")
		require.NoError(t, <-ended)
		upgraded(t, b, "")
		require.Contains(t, log.String(), "goes on where another gateway")

		// The first one, had it only been paused, finds that it is over.
		_, err = set(t.Context(), b, State{Version: First, Upgrade: &Upgrade{Gateway: "a.1"}}, 1)
		require.ErrorIs(t, err, bus.ErrConflict)
	})
}

// A gateway whose lease has ended stops, because another one may be at work.
func TestALostLeaseEndsTheUpgrade(t *testing.T) {
	b := store(t)
	takeLease(t, b, "a.1", "")
	f := &faulty{Bus: b}
	o := options("a.1")
	o.Live = func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.count < 30
	}
	_, err := Settle(t.Context(), f, o)
	require.ErrorIs(t, err, errLost)
	st, err := Read(t.Context(), b)
	require.NoError(t, err)
	require.Equal(t, "a.1", st.Upgrade.Gateway)
}

// While gateways of the first layout hold a lease nothing is touched.
func TestGatewaysOfTheFirstLayoutAreNamed(t *testing.T) {
	b := store(t)
	takeLease(t, b, "new.1", "")
	takeLease(t, b, "old.1", "old.1")
	takeLease(t, b, "older.1", "older.1")
	before := contents(t, b, bus.StreamDocuments, configStream)
	_, err := Settle(t.Context(), b, options("new.1"))
	require.ErrorIs(t, err, ErrRunning)
	require.ErrorContains(t, err, "old.1, older.1: stop all of them")
	require.Equal(t, before, contents(t, b, bus.StreamDocuments, configStream))

	// One that starts just before the fence is there has a lease by then.
	endLease(t, b, "old.1")
	endLease(t, b, "older.1")
	f := &faulty{Bus: b}
	late := sync.OnceFunc(func() { takeLease(t, b, "late.1", "late.1") })
	f.before = func(int) {
		if st, _, err := read(t.Context(), b); err == nil && st.Upgrade != nil {
			late()
		}
	}
	_, err = Settle(t.Context(), f, options("new.1"))
	require.ErrorIs(t, err, ErrRunning)
	require.ErrorContains(t, err, "late.1")
	require.Empty(t, contents(t, b, bus.StreamConversations))
	endLease(t, b, "late.1")
	_, err = Settle(t.Context(), b, options("new.1"))
	require.NoError(t, err)
	upgraded(t, b, "")

	// Nor does one begin beside them later.
	takeLease(t, b, "old.2", "old.2")
	_, err = Settle(t.Context(), b, options("new.2"))
	require.ErrorIs(t, err, ErrRunning)
}

func TestALaterLayoutIsRefused(t *testing.T) {
	b := store(t)
	_, err := b.Put(t.Context(), keySubject, []byte(`{"version":3,"partitions":4,"more":{}}`), 0, 0)
	require.NoError(t, err)
	_, err = Settle(t.Context(), b, options("a.1"))
	require.ErrorIs(t, err, ErrNewer)
	require.ErrorContains(t, err, "layout 3 and this timd knows 2: start the timd that wrote it")
	for _, text := range []string{`{}`, `nonsense`, `{"version":0}`, `{"version":2}`, `{"version":2,"partitions":17}`} {
		v, err := b.LastAtLeader(t.Context(), configStream, keySubject)
		require.NoError(t, err)
		_, err = b.Put(t.Context(), keySubject, []byte(text), v.Seq, 0)
		require.NoError(t, err)
		_, err = Settle(t.Context(), b, options("a.1"))
		require.ErrorContains(t, err, "cannot be read: key $KV.tim_config.layout holds")
	}
	require.Empty(t, contents(t, b, bus.StreamConversations))
}

// A document that is damaged ends nobody's upgrade; it stays where it is.
func TestADamagedDocument(t *testing.T) {
	b := store(t)
	l, err := b.OpenLog(t.Context(), bus.LogConfig{Stream: bus.StreamDocuments, Subjects: bus.SubjectDocuments + ">", Keep: 1})
	require.NoError(t, err)
	bad := bus.SubjectDocuments + "1." + enc("fritz") + ".peers"
	_, _, err = l.Append(t.Context(), bad, []byte(`{"bob":`), 0, "")
	require.NoError(t, err)
	o := options("a.1")
	log := logged(&o)
	_, err = Settle(t.Context(), b, o)
	require.NoError(t, err)
	upgraded(t, b, "")
	require.Contains(t, log.String(), "document="+bad)
	require.NoError(t, tidy(t.Context(), b))
	require.Contains(t, contents(t, b, bus.StreamDocuments), bad)
}

// A week later the documents of the first layout go, and no others.
func TestTidy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := store(t)
		_, err := Settle(t.Context(), b, options("a.1"))
		require.NoError(t, err)
		ended := make(chan error, 2)
		for range cap(ended) {
			go func() { ended <- Tidy(t.Context(), b, time.Now) }()
		}
		time.Sleep(keptFor - time.Second)
		require.Empty(t, ended)
		upgraded(t, b, "before")
		time.Sleep(time.Hour + time.Minute)
		for range cap(ended) {
			require.NoError(t, <-ended)
		}
		left := contents(t, b, bus.StreamDocuments)
		require.Equal(t, map[string]string{
			bus.SubjectDocuments + "1." + enc("alice") + ".profile": `{"nick":"Alice"}`,
			bus.SubjectDocuments + "1." + enc("carol") + ".status":  `"busy"`,
		}, left)
		require.Len(t, contents(t, b, bus.StreamConversations, bus.StreamCursors), documents)
		st, err := Read(t.Context(), b)
		require.NoError(t, err)
		require.Equal(t, State{Version: Version, Partitions: 1}, st)
		require.NoError(t, Tidy(t.Context(), b, time.Now), "there is nothing to do")
	})
}

// Tidy goes on after a kill at any step, and ends with its context.
func TestAKillWhileTidying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for n, done := 1, false; !done; n++ {
			b := store(t)
			_, err := Settle(t.Context(), b, options("a.1"))
			require.NoError(t, err)
			time.Sleep(keptFor)
			killed := &faulty{Bus: b, at: n, carried: n%2 == 0, err: errKilled}
			err = Tidy(t.Context(), killed, time.Now)
			done = killed.count < n
			require.Equal(t, !done, errors.Is(err, errKilled))
			require.NoError(t, Tidy(t.Context(), b, time.Now))
			require.Len(t, contents(t, b, bus.StreamDocuments), 2)
		}
		b := store(t)
		_, err := Settle(t.Context(), b, options("a.1"))
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, Tidy(ctx, b, time.Now), context.Canceled)
	})
}

// Of a user with many conversations those with the newest messages are written
// last: a gateway lists them first.
func TestNewestConversationsLast(t *testing.T) {
	b := empty(t)
	const many = listedFirst + 50
	docs, err := b.OpenLog(t.Context(), bus.LogConfig{Stream: bus.StreamDocuments, Subjects: bus.SubjectDocuments + ">", Keep: 1})
	require.NoError(t, err)
	_, _, err = docs.Append(t.Context(), bus.SubjectDocuments+"1."+enc("me")+".peers", []byte(crowd(many)), 0, "")
	require.NoError(t, err)
	logs, err := b.OpenLog(t.Context(), bus.LogConfig{Stream: bus.StreamMessages, Subjects: bus.SubjectMessages + ">"})
	require.NoError(t, err)
	for i := range many { // but for the last: one without a message
		peer := fmt.Sprint("peer", (i*7)%(many-1))
		pair := []string{"me", peer}
		slices.Sort(pair)
		subject := bus.SubjectMessages + "1." + enc(pair[0]) + "." + enc(pair[1])
		old, err := logs.Last(t.Context(), subject)
		if !errors.Is(err, bus.ErrNoValue) {
			require.NoError(t, err)
		}
		_, _, err = logs.Append(t.Context(), subject, nil, old.Seq, "")
		require.NoError(t, err)
	}
	_, err = Settle(t.Context(), b, options("a.1"))
	require.NoError(t, err)
	made, err := b.Batch(t.Context(), bus.StreamConversations, ">", 1, 2*many)
	require.NoError(t, err)
	require.Len(t, made, many)
	place := map[string]int{}
	for i, v := range made {
		place[v.Subject] = i
	}
	at := func(i int) int {
		return place[bus.SubjectConversations+"1."+enc("me")+"."+bus.ConversationTail(fmt.Sprint("peer", i))]
	}
	require.Less(t, at(many-1), inTurn, "the one without a message comes first")
	for i := 1; i < many-1; i++ {
		require.InDelta(t, i+1, at((i*7)%(many-1)), inTurn-1, "message %d", i)
	}
}
