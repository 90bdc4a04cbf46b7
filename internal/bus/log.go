package bus

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrNoLeader means that a stream has no leader at the moment: it is electing
// one.
var ErrNoLeader = errors.New("the stream has no leader at the moment")

// errCodeDuplicateInFlight means that the first of two equal messages is not
// stored yet.
const errCodeDuplicateInFlight = 10158

// stream is a Log. On a cluster the newest record of a subject is asked of the
// leader, because a follower may be behind and a catch-up that misses a record
// would lose it; a record at a position never changes, so any replica may give
// it.
type stream struct {
	b         *Bus
	name      string
	followers *followers
}

// followers are those of this process that follow one stream. All logs of a stream of
// the embedded server share them, as they are to be offered whatever is stored there.
type followers struct {
	mu  sync.Mutex // guards all
	all []*follower
}

func (fs *followers) add(f *follower) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.all = append(fs.all, f)
}

func (fs *followers) remove(f *follower) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.all = slices.DeleteFunc(fs.all, func(other *follower) bool { return other == f })
}

// each calls do, which must not block, for each follower.
func (fs *followers) each(do func(*follower)) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.all {
		do(f)
	}
}

// OpenLog makes a stream of logs, or brings an older one up to this
// configuration, as Ensure does. All logs are fenced against gateways of the
// store's first layout, see Fence.
func (b *Bus) OpenLog(ctx context.Context, c LogConfig) (Log, error) {
	if _, err := b.Ensure(ctx, jetstream.StreamConfig{
		Name: c.Stream, Subjects: []string{c.Subjects}, AllowDirect: true, AllowMsgTTL: true, Discard: jetstream.DiscardOld,
		MaxMsgsPerSubject: c.Keep, MaxAge: c.MaxAge, Duplicates: c.Dedup,
	}); err != nil {
		return nil, err
	}
	fs := &followers{}
	if b.embedded != nil {
		fs = b.embedded.following(c.Stream)
	}
	return &stream{b, c.Stream, fs}, nil
}

// Last implements Log.
func (l *stream) Last(ctx context.Context, subject string) (Value, error) {
	body := `{"last_by_subj":` + strconv.Quote(subject) + `}`
	if l.b.replicas > 1 {
		return l.leader(ctx, body)
	}
	return l.direct(ctx, body)
}

// At implements Log.
func (l *stream) At(ctx context.Context, pos uint64) (Value, error) {
	if pos == 0 { // the first position is 1
		return Value{}, ErrNoValue
	}
	body := `{"seq":` + strconv.FormatUint(pos, 10) + `}`
	v, err := l.direct(ctx, body)
	if errors.Is(err, ErrNoValue) && l.b.replicas > 1 {
		return l.leader(ctx, body)
	}
	return v, err
}

// AtAll implements Log.
func (l *stream) AtAll(ctx context.Context, positions []uint64) ([]Value, error) {
	return values(positions, func(pos uint64) (Value, error) { return l.At(ctx, pos) })
}

func values[K any](keys []K, read func(K) (Value, error)) ([]Value, error) {
	out := make([]Value, len(keys))
	err := Spread(len(keys), func(i int) error {
		v, err := read(keys[i])
		if err != nil && !errors.Is(err, ErrNoValue) {
			return err
		}
		out[i] = v
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// appends are messages to append, whose headers are used again.
var appends = sync.Pool{New: func() any {
	return &nats.Msg{Header: nats.Header{jetstream.ExpectedLastSubjSeqHeader: {""}, jetstream.MsgIDHeader: {""}}}
}}

// Append implements Log.
func (l *stream) Append(ctx context.Context, subject string, data []byte, expect uint64, msgID string) (pos uint64, dup bool, err error) {
	m := appends.Get().(*nats.Msg)
	defer appends.Put(m) // it was written, and nobody has it any more
	m.Subject, m.Data = subject, data
	m.Header[jetstream.ExpectedLastSubjSeqHeader][0] = strconv.FormatUint(expect, 10)
	id := m.Header[jetstream.MsgIDHeader][:0]
	if msgID != "" {
		id = append(id, msgID)
	}
	m.Header[jetstream.MsgIDHeader] = id
	ack, err := l.b.store(ctx, m, func(seq uint64) {
		v := Value{Subject: subject, Data: data, Seq: seq, Time: time.Now()}
		l.followers.each(func(f *follower) { f.offer(v) })
	})
	if err != nil && !errors.Is(err, ErrConflict) { // it may be stored nevertheless
		l.followers.each((*follower).doubt)
	}
	return ack.Seq, ack.Duplicate, err
}

// direct asks any replica.
func (l *stream) direct(ctx context.Context, body string) (Value, error) {
	m, err := l.request(ctx, "$JS.API.DIRECT.GET."+l.name, body)
	if err != nil {
		return Value{}, err
	}
	return direct(m)
}

// leader asks the stream's leader, until there is one or ctx ends.
func (l *stream) leader(ctx context.Context, body string) (Value, error) {
	for {
		m, err := l.request(ctx, "$JS.API.STREAM.MSG.GET."+l.name, body)
		if err != nil {
			return Value{}, err
		}
		v, err := fromLeader(m)
		if !errors.Is(err, ErrNoLeader) || Sleep(ctx, askAgain) != nil {
			return v, err
		}
	}
}

// askAgain is the time between two tries of a read that got no answer.
const askAgain = 50 * time.Millisecond

// request asks until there is an answer or ctx ends: right after a server's
// start or a change of leader nobody listens for a moment, and while the
// connection is made anew nothing is sent.
func (l *stream) request(ctx context.Context, subject, body string) (*nats.Msg, error) {
	for {
		m, err := l.b.nc.RequestWithContext(ctx, subject, []byte(body))
		if !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, nats.ErrReconnectBufExceeded) {
			return m, err
		}
		if Sleep(ctx, askAgain) != nil {
			return nil, err
		}
	}
}

// Sleep waits, or returns an error once ctx ends.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
