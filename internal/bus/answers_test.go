package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// offered returns a follower without a consumer, so that it gets only what the
// test or this process offers. It stands at pos; got returns the positions of
// the records that it has handled.
func offered(t *testing.T, l *stream, pos uint64) (f *follower, got func() []uint64) {
	t.Helper()
	var mu sync.Mutex
	var seen []uint64
	f = l.Follower(func(v Value) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, v.Seq)
	}, func(err error) { t.Error(err) }).(*follower)
	f.pos.Store(pos)
	t.Cleanup(f.Close)
	return f, func() []uint64 {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

// What JetStream answers is read the same in both ways; the short one is for what was
// stored and is no repetition.
func TestAcks(t *testing.T) {
	for text, plain := range map[string]bool{
		`{"stream":"TIM_MSG","seq":7}`:                                                            true,
		`{"stream":"TIM_MSG","domain":"d","seq":7}`:                                               true,
		`{"stream":"TIM_MSG","seq":18446744073709551615}`:                                         true,
		`{"stream":"TIM_MSG","seq":7,"duplicate": true}`:                                          false,
		`{"stream":"TIM_MSG", "seq":7}`:                                                           false,
		`{"stream":"TIM_MSG"}`:                                                                    false,
		`{"error":{"code":503,"err_code":10077,"description":"full"},"stream":"TIM_MSG","seq":0}`: false,
	} {
		var want ack
		require.NoError(t, json.Unmarshal([]byte(text), &want), text)
		seq, ok := plainAck([]byte(text))
		require.Equal(t, plain, ok, text)
		if ok {
			require.Equal(t, want, ack{Seq: seq})
		}
	}
	for _, text := range []string{``, `{"stream":"TIM_MSG","seq":}`, `{"stream":"TIM_MSG","seq":-1}`, `{"stream":"TIM_MSG","seq":7`} {
		_, ok := plainAck([]byte(text))
		require.False(t, ok, text)
	}
}

// A follower handles what this process stores without waiting until NATS sends
// it.
func TestOffersAreHandledAtOnce(t *testing.T) {
	l := logs(t)
	f, got := offered(t, l, 0)
	f.goes.Go(f.hand)
	l.followers.add(f)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var last uint64
	var want []uint64
	for i := range 10 {
		pos, _, err := l.Append(ctx, "l.a", []byte(strconv.Itoa(i)), last, "id"+strconv.Itoa(i))
		require.NoError(t, err)
		again, dup, err := l.Append(ctx, "l.a", []byte(strconv.Itoa(i)), pos, "id"+strconv.Itoa(i))
		require.NoError(t, err)
		require.True(t, dup)
		require.Equal(t, pos, again)
		last, want = pos, append(want, pos)
	}
	f.Reach(ctx, last)
	require.NoError(t, ctx.Err())
	require.Equal(t, want, got())
}

// An offer that comes after a missing record, which another gateway has stored,
// waits until NATS has sent that record. Each record is handled once.
func TestOffersWaitForAMissingRecord(t *testing.T) {
	f, got := offered(t, logs(t), 4)
	for _, seq := range []uint64{6, 7, 9, 3} {
		f.takeOffer(Value{Seq: seq})
	}
	require.Empty(t, got())
	f.pass(Value{Seq: 5})
	require.Equal(t, []uint64{5, 6, 7}, got())
	require.EqualValues(t, 7, f.Pos())
	f.takeOffer(Value{Seq: 7})
	f.takeOffer(Value{Seq: 8})
	require.Equal(t, []uint64{5, 6, 7, 8, 9}, got())
	require.Empty(t, f.held)
}

// The number of offers that wait is bounded, and offers do not wait for ever for
// records that NATS leaves out because they were removed.
func TestWaitingOffersAreBounded(t *testing.T) {
	f, got := offered(t, logs(t), 0)
	for seq := range uint64(2 * maxOffers) {
		f.takeOffer(Value{Seq: seq + 2})
	}
	require.Len(t, f.held, maxOffers)
	f.pass(Value{Seq: maxOffers + 10}) // all records before it were removed
	require.Equal(t, []uint64{maxOffers + 10}, got())
	f.takeOffer(Value{Seq: maxOffers + 20})
	require.Len(t, f.held, 1)
	for range 2 * maxOffers { // more than the channel holds, and nobody takes them
		f.offer(Value{Seq: 1})
	}
	require.Len(t, f.offers, maxOffers)
}

// Followers on two gateways get everything that both store, in one order.
func TestTwoGatewaysFollowEachOther(t *testing.T) {
	const gateways, writers, each = 2, 4, 100
	url := external(t, 1, true)[0].ClientURL()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all []Log
	var followers []Follower
	got := make([][]string, gateways)
	for g := range gateways {
		b, err := Open(ctx, Options{URLs: url, Name: fmt.Sprint("g", g), Log: quiet()})
		require.NoError(t, err)
		t.Cleanup(b.Close)
		l, err := b.OpenLog(ctx, LogConfig{Stream: "L", Subjects: "l.>"})
		require.NoError(t, err)
		f := l.Follower(func(v Value) {
			got[g] = append(got[g], fmt.Sprint(v.Seq, v.Subject, string(v.Data)))
		}, func(error) {}) // a check of the stream may get no answer in time on a busy machine
		require.NoError(t, f.Start(ctx))
		all, followers = append(all, l), append(followers, f)
	}
	var wg sync.WaitGroup
	for w := range gateways * writers {
		wg.Go(func() {
			var last uint64
			for i := range each {
				var err error
				if last, _, err = all[w%gateways].Append(ctx, fmt.Sprint("l.w", w), []byte(strconv.Itoa(i)), last, ""); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	const n = gateways * writers * each
	for _, f := range followers {
		f.Reach(ctx, n)
		f.Close()
	}
	require.NoError(t, ctx.Err())
	require.Len(t, got[0], n)
	require.Equal(t, got[0], got[1])
}

// A caller that stores something gets an error when the connection is closed, and
// a caller that has given up is forgotten.
func TestAnswersThatNeverCome(t *testing.T) {
	l := logs(t)
	asked := make(chan struct{}, 1)
	_, err := l.b.nc.Subscribe("silent", func(*nats.Msg) { asked <- struct{}{} })
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, _, err = l.Append(ctx, "silent", nil, 0, "")
	require.ErrorIs(t, err, context.Canceled)
	_, _, err = l.Append(t.Context(), "nowhere", nil, 0, "")
	require.ErrorIs(t, err, nats.ErrNoResponders)
	l.b.answers.mu.Lock()
	require.Empty(t, l.b.answers.waiting)
	l.b.answers.mu.Unlock()
	go func() {
		<-asked
		l.b.nc.Close()
	}()
	_, _, err = l.Append(t.Context(), "silent", nil, 0, "")
	require.ErrorIs(t, err, nats.ErrConnectionClosed)
}

// A record whose answer does not come is given up in time, without a context that ends,
// and its answer, when it comes at last, is nobody else's.
func TestALateAnswer(t *testing.T) {
	l := logs(t)
	asked := make(chan *nats.Msg, 1)
	_, err := l.b.nc.Subscribe("silent", func(m *nats.Msg) { asked <- m })
	require.NoError(t, err)
	_, _, err = l.Append(t.Context(), "silent", nil, 0, "")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, (<-asked).Respond([]byte(`{"stream":"L","seq":7}`)))
	pos, _, err := l.Append(t.Context(), "l.a", nil, 0, "")
	require.NoError(t, err)
	require.EqualValues(t, 1, pos)
	l.b.answers.mu.Lock()
	defer l.b.answers.mu.Unlock()
	require.Empty(t, l.b.answers.waiting)
}

// An answer that nobody waits for is dropped, whatever its subject and contents.
func TestForgedAnswers(t *testing.T) {
	l := logs(t)
	_, _, err := l.Append(t.Context(), "l.a", nil, 0, "")
	require.NoError(t, err)
	for _, subject := range []string{"x", "0", "-1", "1234567"} {
		l.b.answers.came(&nats.Msg{Subject: l.b.answers.prefix + subject, Data: []byte(`{"seq":7}`)})
	}
	_, _, err = l.Append(t.Context(), "l.b", nil, 0, "")
	require.NoError(t, err)
}
