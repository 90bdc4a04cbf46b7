package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tim-wasm/tim/internal/fault"
)

// Ensure makes a stream, or updates an existing one to this configuration,
// with this bus's storage and number of replicas. A cluster that lacks the
// servers for three copies at the moment gets one copy, and three at a later
// start.
func (b *Bus) Ensure(ctx context.Context, c jetstream.StreamConfig) (s jetstream.Stream, err error) {
	err = Retry(ctx, func(ctx context.Context) error {
		s, err = b.ensure(ctx, c)
		return err
	})
	return s, err
}

// Retry asks JetStream until it answers, for at most 30 s: a cluster answers
// nobody while it elects a leader, and when several gateways start at once and
// make the same stream, some of them never get an answer.
func Retry(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		try, stop := context.WithTimeout(ctx, 3*time.Second)
		err := ask(try)
		stop()
		if err == nil || !unanswered(err) {
			return err
		}
		t := time.NewTimer(100*time.Millisecond + rand.N(200*time.Millisecond))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return err
		}
	}
}

// unavailable is the code of "JetStream system temporarily unavailable".
const unavailable = 10008

// unanswered reports whether the same request may be answered a little later.
func unanswered(err error) bool {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.ErrorCode == unavailable
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders)
}

func (b *Bus) ensure(ctx context.Context, c jetstream.StreamConfig) (jetstream.Stream, error) {
	c.Storage = b.Storage()
	if c.Replicas == 0 {
		c.Replicas = b.replicas
	}
	if old, err := b.js.Stream(ctx, c.Name); err == nil {
		was := old.CachedInfo().Config
		c.Storage = was.Storage                          // cannot be changed
		c.AllowMsgTTL = c.AllowMsgTTL || was.AllowMsgTTL // cannot be taken back
		c.Replicas = max(c.Replicas, was.Replicas)
		s, err := b.js.UpdateStream(ctx, c)
		if err != nil && c.Replicas > was.Replicas {
			b.log.Warn("a NATS stream keeps fewer copies than wanted", "stream", c.Name, "copies", was.Replicas, "error", err)
			c.Replicas = was.Replicas
			s, err = b.js.UpdateStream(ctx, c)
		}
		if err != nil {
			return nil, fmt.Errorf("NATS stream %s cannot be updated: %w", c.Name, err)
		}
		return s, nil
	} else if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("NATS stream %s cannot be looked up: %w", c.Name, err)
	}
	s, err := b.js.CreateStream(ctx, c)
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode != unavailable && c.Replicas > 1 {
		b.log.Warn("NATS cluster has no room for three copies; it starts with one", "stream", c.Name, "error", err)
		c.Replicas = 1
		s, err = b.js.CreateStream(ctx, c)
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		// Another timd was quicker, with another configuration.
		return b.js.Stream(ctx, c.Name)
	}
	if err == nil && b.embedded != nil {
		if n := s.CachedInfo().State.Msgs; n > 0 {
			b.log.Warn("the description of a NATS stream was damaged and has been rewritten; its messages are kept", "stream", c.Name, "messages", n)
		}
		// The recreated stream keeps its damaged description until this
		// update.
		s, err = b.js.UpdateStream(ctx, c)
	}
	if err != nil {
		return nil, fmt.Errorf("NATS stream %s cannot be created: %w", c.Name, err)
	}
	return s, nil
}

// KV returns the configuration of a key-value bucket's stream: the newest
// value of each key, values that may end by a TTL of their own, and no
// tombstones. Any NATS client can read such a bucket.
func KV(bucket, description string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              "KV_" + bucket,
		Description:       description,
		Subjects:          []string{"$KV." + bucket + ".>"},
		MaxMsgsPerSubject: 1,
		Discard:           jetstream.DiscardNew,
		DenyDelete:        true,
		AllowRollup:       true,
		AllowDirect:       true,
		AllowMsgTTL:       true,
	}
}

// OpenBucket makes the stream of a bucket if it is absent.
func (b *Bus) OpenBucket(ctx context.Context, bucket, description string) error {
	_, err := b.Ensure(ctx, KV(bucket, description))
	return err
}

// Value is a stored message, the newest of its subject.
type Value struct {
	Subject string
	Data    []byte
	Seq     uint64 // its revision
	Time    time.Time
}

// ErrNoValue means that a subject holds nothing.
var ErrNoValue = errors.New("no value")

// Last reads the newest message of a subject from any replica: fast, but
// perhaps a little old.
func (b *Bus) Last(ctx context.Context, stream, subject string) (Value, error) {
	m, err := b.nc.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+stream+"."+subject, nil)
	if err != nil {
		return Value{}, err
	}
	return direct(m)
}

// Next reads the first message with at least this sequence number whose
// subject matches filter, from any replica.
func (b *Bus) Next(ctx context.Context, stream, filter string, seq uint64) (Value, error) {
	req := `{"seq":` + strconv.FormatUint(max(seq, 1), 10) + `,"next_by_subj":` + strconv.Quote(filter) + `}`
	m, err := b.nc.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+stream, []byte(req))
	if err != nil {
		return Value{}, err
	}
	return direct(m)
}

func direct(m *nats.Msg) (Value, error) {
	switch status := m.Header.Get("Status"); status {
	case "":
	case "404":
		return Value{}, ErrNoValue
	default:
		return Value{}, fmt.Errorf("NATS answered %s %s", status, m.Header.Get("Description"))
	}
	seq, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return Value{}, fmt.Errorf("the answer of NATS has no sequence: %w", err)
	}
	t, _ := time.Parse(time.RFC3339Nano, m.Header.Get(jetstream.TimeStampHeaer))
	return Value{Subject: m.Header.Get(jetstream.SubjectHeader), Data: m.Data, Seq: seq, Time: t}, nil
}

// LastAtLeader reads the newest message of a subject from the stream's leader.
func (b *Bus) LastAtLeader(ctx context.Context, stream, subject string) (Value, error) {
	m, err := b.nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream,
		[]byte(`{"last_by_subj":`+strconv.Quote(subject)+`}`))
	if err != nil {
		return Value{}, err
	}
	return fromLeader(m)
}

func fromLeader(m *nats.Msg) (Value, error) {
	var reply struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Data    []byte    `json:"data"`
			Time    time.Time `json:"time"`
		} `json:"message"`
	}
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return Value{}, fmt.Errorf("the answer of NATS cannot be read: %w", err)
	}
	if reply.Error != nil {
		switch reply.Error.Code {
		case http.StatusNotFound:
			return Value{}, ErrNoValue
		case http.StatusServiceUnavailable:
			return Value{}, fmt.Errorf("%w: %w", ErrNoLeader, reply.Error)
		}
		return Value{}, reply.Error
	}
	v := reply.Message
	return Value{Subject: v.Subject, Data: v.Data, Seq: v.Seq, Time: v.Time}, nil
}

// ErrConflict means that a compare-and-set found another revision.
var ErrConflict = errors.New("changed meanwhile")

// Put stores data as the newest message of a subject if the newest one still
// has this sequence number (0: there is none), and returns the new number.
// With a ttl of 0 it stays; otherwise it ends after ttl, rounded up to
// seconds. After any error but ErrConflict it is unknown whether the data was
// stored.
func (b *Bus) Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error) {
	m := nats.NewMsg(subject)
	m.Data = data
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(seq, 10))
	if ttl > 0 {
		m.Header.Set(jetstream.MsgTTLHeader, strconv.FormatInt(int64((ttl+time.Second-1)/time.Second), 10)+"s")
	}
	a, err := b.store(ctx, m, nil)
	return a.Seq, err
}

// batchBytes is after how many bytes a batch ends.
const batchBytes = 4 << 20

// Cursor reads the cursor that a list has given with a page: the position at which
// the next page begins. "" is the beginning. Other texts get a *fault.Error.
func Cursor(text string) (from uint64, err error) {
	if text == "" {
		return 1, nil
	}
	from, err = strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fault.With(fault.BadParameters, "unknown cursor: pass the one from the last answer, or none")
	}
	return from, nil
}

// Batch reads up to n messages from a sequence number on whose subject matches
// filter, from any replica: fewer when they are large, none at the end.
func (b *Bus) Batch(ctx context.Context, stream, filter string, seq uint64, n int) ([]Value, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	inbox := b.nc.NewRespInbox()
	sub, err := b.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	req := fmt.Sprintf(`{"seq":%d,"batch":%d,"max_bytes":%d,"next_by_subj":%s}`, max(seq, 1), n, batchBytes, strconv.Quote(filter))
	if err := b.nc.PublishRequest("$JS.API.DIRECT.GET."+stream, inbox, []byte(req)); err != nil {
		return nil, err
	}
	var values []Value
	for len(values) < n {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, err
		}
		switch m.Header.Get("Status") {
		case "204", "404": // the end of the batch; nothing at all
			return values, nil
		}
		v, err := direct(m)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}
