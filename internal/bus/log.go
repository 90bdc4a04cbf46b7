package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
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

// Log is a stream whose subjects are logs: read by position, appended to by
// compare-and-set. Its reads see everything that was acknowledged, and wait
// for the end of an election or a reconnect as long as their context lasts. On
// a cluster the stream's leader is asked for the newest record of a subject,
// because a follower may be behind and a catch-up that misses a record would
// lose it. A record at a position never changes, so any replica may return it.
type Log struct {
	b    *Bus
	name string
}

// Log returns the stream of that name, which Ensure has made.
func (b *Bus) Log(stream string) *Log { return &Log{b, stream} }

// Last reads the newest record of a subject, of all for ">", or ErrNoValue.
func (l *Log) Last(ctx context.Context, subject string) (Value, error) {
	body := `{"last_by_subj":` + strconv.Quote(subject) + `}`
	if l.b.replicas > 1 {
		return l.leader(ctx, body)
	}
	return l.direct(ctx, body)
}

// At reads the record at a position, or ErrNoValue.
func (l *Log) At(ctx context.Context, pos uint64) (Value, error) {
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

// LastAll reads the newest record of each subject, in that order; the Value of
// a subject without one has Seq 0.
func (l *Log) LastAll(ctx context.Context, subjects []string) ([]Value, error) {
	return values(subjects, func(subject string) (Value, error) { return l.Last(ctx, subject) })
}

// AtAll reads the records at positions, in that order; the Value of one that
// is no more has Seq 0.
func (l *Log) AtAll(ctx context.Context, positions []uint64) ([]Value, error) {
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

// Append stores a record behind the newest one of its subject, which must
// stand at expect (0: there is none), and returns its position. msgID, where
// not empty, makes a repetition recognisable for as long as the stream's
// window of duplicates lasts: dup reports that pos is the first one's. Any
// error but ErrConflict leaves open whether it was stored.
func (l *Log) Append(ctx context.Context, subject string, data []byte, expect uint64, msgID string) (pos uint64, dup bool, err error) {
	m := nats.NewMsg(subject)
	m.Data = data
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(expect, 10))
	if msgID != "" {
		m.Header.Set(jetstream.MsgIDHeader, msgID)
	}
	ack, err := l.b.publish(ctx, m)
	return ack.Seq, ack.Duplicate, err
}

// ack is JetStream's answer to a message that is to be stored.
type ack struct {
	Error     *jetstream.APIError `json:"error"`
	Seq       uint64              `json:"seq"`
	Duplicate bool                `json:"duplicate"`
}

// publish stores a message. Any error but ErrConflict leaves open whether it
// was stored.
func (b *Bus) publish(ctx context.Context, m *nats.Msg) (ack, error) {
	r, err := b.nc.RequestMsgWithContext(ctx, m)
	if err != nil {
		return ack{}, err
	}
	var a ack
	if err := json.Unmarshal(r.Data, &a); err != nil {
		return ack{}, fmt.Errorf("the answer of NATS cannot be read: %w", err)
	}
	if a.Error == nil {
		return a, nil
	}
	switch a.Error.ErrorCode {
	case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant, errCodeDuplicateInFlight:
		return ack{}, ErrConflict
	}
	if a.Error.Code == http.StatusServiceUnavailable && !NoRoom(a.Error) {
		return ack{}, fmt.Errorf("%w: %w", ErrNoLeader, a.Error)
	}
	return ack{}, a.Error
}

// direct asks any replica.
func (l *Log) direct(ctx context.Context, body string) (Value, error) {
	m, err := l.request(ctx, "$JS.API.DIRECT.GET."+l.name, body)
	if err != nil {
		return Value{}, err
	}
	return direct(m)
}

// leader asks the stream's leader, until there is one or ctx ends.
func (l *Log) leader(ctx context.Context, body string) (Value, error) {
	for {
		m, err := l.request(ctx, "$JS.API.STREAM.MSG.GET."+l.name, body)
		if err != nil {
			return Value{}, err
		}
		v, err := fromLeader(m)
		if !errors.Is(err, ErrNoLeader) || sleep(ctx, askAgain) != nil {
			return v, err
		}
	}
}

// askAgain is the time between two tries of a read that nobody has answered.
const askAgain = 50 * time.Millisecond

// request asks until there is an answer or ctx ends: right after a server's
// start or a change of leader nobody listens for a moment, and while the
// connection is being renewed nothing is sent.
func (l *Log) request(ctx context.Context, subject, body string) (*nats.Msg, error) {
	for {
		m, err := l.b.nc.RequestWithContext(ctx, subject, []byte(body))
		if !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, nats.ErrReconnectBufExceeded) {
			return m, err
		}
		if sleep(ctx, askAgain) != nil {
			return nil, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
