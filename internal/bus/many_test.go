package bus

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestNewestOfMany(t *testing.T) {
	l, ctx := logs(t), t.Context()
	var subjects, want []string
	last := map[string]uint64{}
	for n := range 2 * MaxUnder {
		subject := fmt.Sprintf("l.a.%d", n%(MaxUnder+1))
		pos, _, err := l.Append(ctx, subject, fmt.Append(nil, n), last[subject], "")
		require.NoError(t, err)
		last[subject] = pos
	}
	for n := range 300 {
		subject := fmt.Sprintf("l.a.%d", 7*n%400)
		subjects = append(subjects, subject)
		want = append(want, fmt.Sprint(last[subject]))
	}
	subjects[20], want[20] = "l.a.none", "0"
	values, err := l.LastAll(ctx, subjects)
	require.NoError(t, err)
	for i, v := range values {
		require.Equal(t, want[i], fmt.Sprint(v.Seq), subjects[i])
	}
	_, err = l.LastUnder(ctx, "l.a.*")
	require.ErrorIs(t, err, ErrTooMany)
	all, err := l.Subjects(ctx, "l.a.*")
	require.NoError(t, err)
	require.Len(t, all, MaxUnder+1)
	for pattern, want := range map[string]int{"l.a.*": len(all), "l.a.1": 1, "l.none.*": 0} {
		n, err := l.Count(ctx, pattern)
		require.NoError(t, err)
		require.Equal(t, want, n, pattern)
	}
	require.NoError(t, l.Remove(ctx, "l.a.0", last["l.a.0"]-1), "removes only older records")
	values, err = l.LastAll(ctx, []string{"l.a.0", "l.a.1"})
	require.NoError(t, err)
	require.Equal(t, last["l.a.0"], values[0].Seq)
	require.NoError(t, l.Remove(ctx, "l.a.0", last["l.a.0"]))
	values, err = l.LastUnder(ctx, "l.a.*")
	require.NoError(t, err)
	require.Len(t, values, MaxUnder)
	_, _, err = l.Append(ctx, "l.a.0", nil, 0, "")
	require.NoError(t, err, "the subject has no record left")
}

// A read of a few subjects does not take the memory of the largest answer.
func TestNewestOfFewTakesLittleMemory(t *testing.T) {
	l, ctx := logs(t), t.Context()
	subjects := []string{"l.a", "l.b"}
	for _, subject := range subjects {
		_, _, err := l.Append(ctx, subject, []byte("x"), 0, "")
		require.NoError(t, err)
	}
	const reads = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range reads {
		values, err := l.LastAll(ctx, subjects)
		require.NoError(t, err)
		require.Len(t, values, len(subjects))
	}
	runtime.ReadMemStats(&after)
	require.Less(t, (after.TotalAlloc-before.TotalAlloc)/reads, uint64(128<<10), "bytes a read, those of the server included")
}

// A replica that has not come to the stream's end is asked again. If it stays
// behind, or does not say how far it is, the leader is asked. The server here has
// no JetStream, and the test answers for both.
func TestAReplicaThatIsBehind(t *testing.T) {
	nc, err := nats.Connect(external(t, 1, false)[0].ClientURL())
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	record := func(seq int) string {
		return fmt.Sprintf(`{"message":{"subject":"l.a","seq":%d,"data":"eA=="}}`, seq)
	}
	_, err = nc.Subscribe("$JS.API.STREAM.MSG.GET.L", func(m *nats.Msg) { _ = m.Respond([]byte(record(7))) })
	require.NoError(t, err)
	_, err = nc.Subscribe("$JS.API.STREAM.INFO.L", func(m *nats.Msg) { _ = m.Respond([]byte(`{"state":{"subjects":{"l.a":2}}}`)) })
	require.NoError(t, err)
	// The position of the record and that of the replica; or, if the second is "",
	// the description of an answer without a record.
	answers := make(chan [2]string, 3)
	_, err = nc.Subscribe("$JS.API.DIRECT.GET.L", func(m *nats.Msg) {
		answer := <-answers
		if answer[1] == "" {
			_ = m.RespondMsg(&nats.Msg{Header: nats.Header{"Status": {"404"}, "Description": {answer[0]}}})
			return
		}
		_ = m.RespondMsg(&nats.Msg{Header: nats.Header{"Nats-Subject": {"l.a"}, "Nats-Sequence": {answer[0]}}})
		_ = m.RespondMsg(&nats.Msg{Header: nats.Header{"Status": {"204"}, "Nats-UpTo-Sequence": {answer[1]}}})
	})
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	l := &stream{b: &Bus{nc: nc, reads: nc, replicas: 3}, name: "L"}
	for _, c := range [][][2]string{
		{{"7", "9"}},
		{{"3", "3"}, {"7", "7"}},
		{{"3", "3"}, {"3", "4"}, {"3", "6"}},
		{{"No Results", ""}},
		{{"Message Not Found", ""}},
	} {
		for _, answer := range c {
			answers <- answer
		}
		for _, patterns := range [][]string{{"l.>"}, {"l.a"}} {
			values, err := l.newest(t.Context(), patterns)
			require.NoError(t, err)
			require.Len(t, values, 1, "%v", c)
			require.EqualValues(t, 7, values[0].Seq, "%v", c)
			require.Empty(t, answers)
			for _, answer := range c { // the same again for the other patterns
				answers <- answer
			}
		}
		for range c {
			<-answers
		}
	}
}

// When a part of an answer is lost, the question is repeated: in a cluster to any
// replica, and at last to the leader; otherwise to the only server.
func TestAnAnswerThatIsLost(t *testing.T) {
	url := external(t, 1, false)[0].ClientURL()
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprint(replicas), func(t *testing.T) {
			t.Parallel() // each case waits for silence, 3 s
			nc, err := nats.Connect(url)
			require.NoError(t, err)
			t.Cleanup(nc.Close)
			name := fmt.Sprint("L", replicas)
			record := nats.Header{"Nats-Subject": {"l.a"}, "Nats-Sequence": {"7"}}
			lost := false // used by the subscription's goroutine only
			_, err = nc.Subscribe("$JS.API.DIRECT.GET."+name, func(m *nats.Msg) {
				_ = m.RespondMsg(&nats.Msg{Header: record})
				if !lost {
					lost = true
					return // without the answer's end
				}
				_ = m.RespondMsg(&nats.Msg{Header: nats.Header{"Status": {"204"}, "Nats-UpTo-Sequence": {"7"}}})
			})
			require.NoError(t, err)
			_, err = nc.Subscribe("$JS.API.STREAM.MSG.GET."+name, func(m *nats.Msg) {
				_ = m.Respond([]byte(`{"message":{"subject":"l.a","seq":7,"data":"eA=="}}`))
			})
			require.NoError(t, err)
			require.NoError(t, nc.Flush())
			l := &stream{b: &Bus{nc: nc, reads: nc, replicas: replicas}, name: name}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a question without an answer would never end
			defer cancel()
			values, err := l.newest(ctx, []string{"l.a", "l.b"})
			require.NoError(t, err)
			require.Len(t, values, 1)
			require.EqualValues(t, 7, values[0].Seq)
		})
	}
	// On a single server, an answer of which nothing has come is not asked for
	// again: the server is busy, and would only get the question twice.
	t.Run("late", func(t *testing.T) {
		t.Parallel()
		nc, err := nats.Connect(url)
		require.NoError(t, err)
		t.Cleanup(nc.Close)
		var asked atomic.Int64
		_, err = nc.Subscribe("$JS.API.DIRECT.GET.late", func(m *nats.Msg) {
			asked.Add(1)
			time.AfterFunc(silence*5/4, func() {
				_ = m.RespondMsg(&nats.Msg{Header: nats.Header{"Nats-Subject": {"l.a"}, "Nats-Sequence": {"7"}}})
				_ = m.RespondMsg(&nats.Msg{Header: nats.Header{"Status": {"204"}, "Nats-UpTo-Sequence": {"7"}}})
			})
		})
		require.NoError(t, err)
		require.NoError(t, nc.Flush())
		l := &stream{b: &Bus{nc: nc, reads: nc, replicas: 1}, name: "late"}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		values, err := l.newest(ctx, []string{"l.a", "l.b"})
		require.NoError(t, err)
		require.Len(t, values, 1)
		require.EqualValues(t, 1, asked.Load())
	})
}
