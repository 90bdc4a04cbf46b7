package layout

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/testlog"
)

func enc(userID string) string { return base64.RawURLEncoding.EncodeToString([]byte(userID)) }

// docs are the documents of a small store of the first layout, as
// <app>.<user>.<kind> and what they hold.
var docs = []struct{ name, text string }{
	{"1." + enc("alice") + ".peers", `{"bob":{},"carol":{"p":true,"d":"später \u003cb\u003e"},"alice":{"u":"to oneself"}}`},
	{"1." + enc("alice") + ".profile", `{"nick":"Alice"}`},
	{"1." + enc("alice") + ".cursor", `{"p":7}`},
	{"1." + enc("bob") + ".peers", `{"alice":{"c":3,"n":1,"e":99,"h":3}}`},
	{"1." + enc("bob") + ".cursor", `{"p":4}`},
	{"2." + enc("alice") + ".peers", `{"<b>.*\u003e \"\\":{"x":true}}`},
	{"1." + enc("carol") + ".peers", `{}`},
	{"1." + enc("carol") + ".status", `"busy"`},
	{"1." + enc("dora") + ".peers", crowd(40)},
	{"1." + enc("dora") + ".cursor", `{"p":12}`},
	{"1." + enc("emil") + ".peers", crowd(20)},
}

// crowd is a document of n conversations.
func crowd(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`"peer%d":{"d":"draft %d"}`, i, i))
	}
	return "{" + strings.Join(all, ",") + "}"
}

// second is what becomes of some of them.
var second = map[string]string{
	bus.SubjectConversations + "1." + enc("alice") + "." + bus.ConversationTail("bob"):       `{}`,
	bus.SubjectConversations + "1." + enc("alice") + "." + bus.ConversationTail("carol"):     `{"p":true,"d":"später \u003cb\u003e"}`,
	bus.SubjectConversations + "1." + enc("alice") + "." + bus.ConversationTail("alice"):     `{"u":"to oneself"}`,
	bus.SubjectConversations + "1." + enc("bob") + "." + bus.ConversationTail("alice"):       `{"c":3,"n":1,"e":99,"h":3}`,
	bus.SubjectConversations + "2." + enc("alice") + "." + bus.ConversationTail(`<b>.*> "\`): `{"x":true}`,
	bus.SubjectConversations + "1." + enc("dora") + "." + bus.ConversationTail("peer39"):     `{"d":"draft 39"}`,
	bus.SubjectCursors + "1." + enc("alice"):                                                 `2.0.7`,
	bus.SubjectCursors + "1." + enc("dora"):                                                  `2.0.12`,
}

// documents is how many there are after the upgrade.
const documents = 3 + 1 + 1 + 40 + 20 + 3

// store is a store in memory with these documents, and with what a registry
// makes.
func store(t *testing.T) *busmodel.Bus {
	t.Helper()
	b := empty(t)
	fill(t, b)
	return b
}

func empty(t *testing.T) *busmodel.Bus {
	t.Helper()
	b := busmodel.New(busmodel.Options{})
	for _, bucket := range []string{bus.BucketConfig, bus.BucketLeases} {
		require.NoError(t, b.OpenBucket(t.Context(), bucket, ""))
	}
	return b
}

func fill(t *testing.T, b Bus) {
	t.Helper()
	l, err := b.OpenLog(t.Context(), bus.LogConfig{Stream: bus.StreamDocuments, Subjects: bus.SubjectDocuments + ">", Keep: 1})
	require.NoError(t, err)
	for _, d := range docs {
		_, _, err := l.Append(t.Context(), bus.SubjectDocuments+d.name, []byte(d.text), 0, "")
		require.NoError(t, err)
	}
}

// lease gives a gateway its lease; value "" is one of this program's.
func takeLease(t *testing.T, b Bus, gateway, value string) {
	t.Helper()
	if value == "" {
		value = string(Encode(gateway))
	}
	_, err := b.Put(context.Background(), leaseSubject(gateway), []byte(value), 0, 0)
	require.NoError(t, err)
}

func endLease(t *testing.T, b Bus, gateway string) {
	t.Helper()
	require.NoError(t, b.Purge(context.Background(), leaseStream, leaseSubject(gateway)))
}

// contents are all subjects of some streams, with what they hold.
func contents(t *testing.T, b Bus, streams ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, stream := range streams {
		if n, err := b.Stored(t.Context(), stream); err != nil || n == 0 {
			require.NoError(t, err)
			continue
		}
		values, err := b.Batch(t.Context(), stream, ">", 1, 1000)
		require.NoError(t, err)
		for _, v := range values {
			all[v.Subject] = string(v.Data)
		}
	}
	return all
}

// upgraded fails unless a store is whole, in the second layout.
func upgraded(t *testing.T, b Bus, what string) {
	t.Helper()
	st, err := Read(t.Context(), b)
	require.NoError(t, err, what)
	require.Equal(t, Version, st.Version, what)
	require.Equal(t, 1, st.Partitions, what)
	require.Nil(t, st.Upgrade, what)
	require.NotZero(t, st.Upgraded, what)
	got := contents(t, b, bus.StreamConversations, bus.StreamCursors)
	require.Len(t, got, documents, what)
	for subject, text := range second {
		require.Equal(t, text, got[subject], "%s: %s", what, subject)
	}
	left := contents(t, b, bus.StreamDocuments)
	for _, d := range docs {
		require.Equal(t, d.text, left[bus.SubjectDocuments+d.name], what)
	}
}

func options(gateway string) Options {
	return Options{Gateway: gateway, Log: slog.New(slog.DiscardHandler)}
}

func logged(o *Options) *testlog.Buffer {
	log := new(testlog.Buffer)
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	return log
}

// faulty is a bus of a gateway that is killed, or not answered, at one of its
// operations.
type faulty struct {
	*busmodel.Bus
	mu      sync.Mutex
	count   int
	at      int   // the operation it happens at, from 1 on; 0: never
	carried bool  // that operation is carried out all the same
	err     error // of that operation
	once    bool  // it goes on afterwards: not killed
	before  func(n int)
}

var errKilled = errors.New("killed")

// do carries an operation out, or not.
func (f *faulty) do(op func() error) error {
	f.mu.Lock()
	f.count++
	n := f.count
	f.mu.Unlock()
	if f.before != nil {
		f.before(n)
	}
	switch {
	case f.at == 0 || n < f.at || n > f.at && f.once:
		return op()
	case n == f.at && f.carried:
		_ = op()
	}
	return f.err
}

func (f *faulty) LastAtLeader(ctx context.Context, stream, subject string) (v bus.Value, err error) {
	err = f.do(func() error { v, err = f.Bus.LastAtLeader(ctx, stream, subject); return err })
	return v, err
}

func (f *faulty) Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (rev uint64, err error) {
	err = f.do(func() error { rev, err = f.Bus.Put(ctx, subject, data, seq, ttl); return err })
	return rev, err
}

func (f *faulty) Batch(ctx context.Context, stream, filter string, seq uint64, n int) (values []bus.Value, err error) {
	err = f.do(func() error { values, err = f.Bus.Batch(ctx, stream, filter, seq, n); return err })
	return values, err
}

func (f *faulty) Stored(ctx context.Context, stream string) (n uint64, err error) {
	err = f.do(func() error { n, err = f.Bus.Stored(ctx, stream); return err })
	return n, err
}

func (f *faulty) Has(ctx context.Context, stream string) (there bool, err error) {
	err = f.do(func() error { there, err = f.Bus.Has(ctx, stream); return err })
	return there, err
}

func (f *faulty) Subjects(ctx context.Context, stream string) (all []string, err error) {
	err = f.do(func() error { all, err = f.Bus.Subjects(ctx, stream); return err })
	return all, err
}

func (f *faulty) Fence(ctx context.Context, stream string) error {
	return f.do(func() error { return f.Bus.Fence(ctx, stream) })
}

func (f *faulty) Purge(ctx context.Context, stream, subject string) error {
	return f.do(func() error { return f.Bus.Purge(ctx, stream, subject) })
}

func (f *faulty) OpenLog(ctx context.Context, c bus.LogConfig) (l bus.Log, err error) {
	err = f.do(func() error { l, err = f.Bus.OpenLog(ctx, c); return err })
	return faultyLog{l, f}, err
}

type faultyLog struct {
	bus.Log
	f *faulty
}

func (l faultyLog) Last(ctx context.Context, subject string) (v bus.Value, err error) {
	err = l.f.do(func() error { v, err = l.Log.Last(ctx, subject); return err })
	return v, err
}

func (l faultyLog) Append(ctx context.Context, subject string, data []byte, expect uint64, id string) (pos uint64, dup bool, err error) {
	err = l.f.do(func() error { pos, dup, err = l.Log.Append(ctx, subject, data, expect, id); return err })
	return pos, dup, err
}
