package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// store reads and writes the three streams. On one node, reads ask JetStream
// directly. On a cluster the newest record of a subject is asked of the
// stream's leader, because a follower may be behind and a catch-up that misses
// a record would lose it; a record at a position never changes, so any replica
// may give it.
type store struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	cluster bool
}

// entry is one stored record, raw.
type entry struct {
	subject string
	pos     uint64
	data    []byte
}

var (
	errNone     = errors.New("inbox: no such record")
	errConflict = errors.New("inbox: somebody else wrote first")
	errNoLeader = errors.New("inbox: the stream has no leader at the moment")
)

// errCodeDuplicateInFlight: the first of two equal messages is not through yet.
const errCodeDuplicateInFlight = 10158

func openStore(ctx context.Context, nc *nats.Conn, o Options) (*store, error) {
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(storeTimeout))
	if err != nil {
		return nil, err
	}
	storage := jetstream.FileStorage
	if o.Memory {
		storage = jetstream.MemoryStorage
	}
	for _, cfg := range []jetstream.StreamConfig{
		{Name: streamMsg, Subjects: []string{prefixMsg + ">"}, MaxMsgsPerSubject: o.MaxCount, MaxAge: o.MaxAge, Duplicates: o.Dedup},
		{Name: streamDoc, Subjects: []string{prefixDoc + ">"}, MaxMsgsPerSubject: 1},
		{Name: streamMark, Subjects: []string{prefixMark + ">"}, MaxMsgsPerSubject: 1, MaxAge: o.MaxAge},
	} {
		cfg.Storage = storage
		cfg.Replicas = o.Replicas
		cfg.AllowDirect = true
		cfg.Discard = jetstream.DiscardOld
		ensure := o.Ensure
		if ensure == nil {
			ensure = func(ctx context.Context, c jetstream.StreamConfig) (s jetstream.Stream, err error) {
				err = bus.Retry(ctx, func(ctx context.Context) error {
					s, err = js.CreateOrUpdateStream(ctx, c)
					return err
				})
				return s, err
			}
		}
		if _, err := ensure(ctx, cfg); err != nil {
			return nil, fmt.Errorf("inbox: stream %s: %w", cfg.Name, err)
		}
	}
	return &store{nc: nc, js: js, cluster: o.Replicas > 1}, nil
}

// publish appends to a subject whose newest record stands at expect, 0 for
// none. msgID, where not empty, makes a repetition recognisable: dup tells
// that pos is the first one's. errConflict: the subject has moved on.
func (s *store) publish(ctx context.Context, subject string, data []byte, expect uint64, msgID string) (pos uint64, dup bool, err error) {
	opts := []jetstream.PublishOpt{
		jetstream.WithExpectLastSequencePerSubject(expect),
		jetstream.WithRetryAttempts(0),
	}
	if msgID != "" {
		opts = append(opts, jetstream.WithMsgID(msgID))
	}
	spend(ctx, len(data))
	ack, err := s.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: data}, opts...)
	if err != nil {
		var api *jetstream.APIError
		if errors.As(err, &api) {
			switch api.ErrorCode {
			case jetstream.JSErrCodeStreamWrongLastSequence,
				jetstream.JSErrCodeStreamWrongLastSequenceConstant,
				errCodeDuplicateInFlight:
				return 0, false, errConflict
			}
			if api.Code == http.StatusServiceUnavailable && !bus.NoRoom(err) {
				return 0, false, errNoLeader
			}
		}
		return 0, false, err
	}
	return ack.Sequence, ack.Duplicate, nil
}

// last gives the newest record of a subject, of all for ">", or errNone.
func (s *store) last(ctx context.Context, stream, subject string) (entry, error) {
	if s.cluster {
		return s.fromLeader(ctx, stream, `{"last_by_subj":`+quote(subject)+`}`)
	}
	m, err := s.request(ctx, "$JS.API.DIRECT.GET."+stream, []byte(`{"last_by_subj":`+quote(subject)+`}`))
	if err != nil {
		return entry{}, err
	}
	spend(ctx, len(m.Data))
	return direct(m)
}

// at gives the record at a position, or errNone.
func (s *store) at(ctx context.Context, stream string, pos uint64) (entry, error) {
	if pos == 0 { // the first position is 1
		return entry{}, errNone
	}
	body := `{"seq":` + strconv.FormatUint(pos, 10) + `}`
	m, err := s.request(ctx, "$JS.API.DIRECT.GET."+stream, []byte(body))
	if err != nil {
		return entry{}, err
	}
	spend(ctx, len(m.Data))
	e, err := direct(m)
	if errors.Is(err, errNone) && s.cluster {
		return s.fromLeader(ctx, stream, body)
	}
	return e, err
}

// atAll gives the records at positions, in that order; entries that are no
// more have pos 0.
func (s *store) atAll(ctx context.Context, stream string, positions []uint64) ([]entry, error) {
	return parallel(positions, func(pos uint64) (entry, error) { return s.at(ctx, stream, pos) })
}

// lastAll gives the newest record of each subject, in that order; entries of
// subjects without one have pos 0.
func (s *store) lastAll(ctx context.Context, stream string, subjects []string) ([]entry, error) {
	return parallel(subjects, func(subject string) (entry, error) { return s.last(ctx, stream, subject) })
}

// parallel asks for many records at once; errNone leaves an empty entry.
func parallel[T any](keys []T, get func(T) (entry, error)) ([]entry, error) {
	out := make([]entry, len(keys))
	err := spread(len(keys), func(i int) error {
		e, err := get(keys[i])
		if err != nil && !errors.Is(err, errNone) {
			return err
		}
		out[i] = e
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// spread does n things, several at once: each may be a way to the store and
// back. It gives the first error.
func spread(n int, do func(i int) error) error {
	if n == 1 {
		return do(0)
	}
	const width = 16
	var errs [width]error
	var wg sync.WaitGroup
	for w := range min(width, n) {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += width {
				errs[w] = do(i)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// request asks until there is an answer or ctx ends: right after a server's
// start or a change of leader nobody listens for a moment, and while the
// connection is made anew nothing is sent.
func (s *store) request(ctx context.Context, subject string, body []byte) (*nats.Msg, error) {
	for {
		m, err := s.nc.RequestWithContext(ctx, subject, body)
		if !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, nats.ErrReconnectBufExceeded) {
			return m, err
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return nil, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func direct(m *nats.Msg) (entry, error) {
	switch status := m.Header.Get("Status"); status {
	case "":
	case "404":
		return entry{}, errNone
	default:
		return entry{}, fmt.Errorf("inbox: the store answered %s %s", status, m.Header.Get("Description"))
	}
	pos, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
	if err != nil {
		return entry{}, fmt.Errorf("inbox: the store's answer has no position: %w", err)
	}
	return entry{m.Header.Get("Nats-Subject"), pos, m.Data}, nil
}

// fromLeader asks the leader of a stream, until there is one or ctx ends.
func (s *store) fromLeader(ctx context.Context, stream, body string) (entry, error) {
	for {
		e, err := s.fromLeaderOnce(ctx, stream, body)
		if !errors.Is(err, errNoLeader) {
			return e, err
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return entry{}, errNoLeader
		}
	}
}

func (s *store) fromLeaderOnce(ctx context.Context, stream, body string) (entry, error) {
	m, err := s.request(ctx, "$JS.API.STREAM.MSG.GET."+stream, []byte(body))
	if err != nil {
		return entry{}, err
	}
	spend(ctx, len(m.Data))
	var r struct {
		Error *struct {
			Code        int    `json:"code"`
			Description string `json:"description"`
		} `json:"error"`
		Message struct {
			Subject string `json:"subject"`
			Seq     uint64 `json:"seq"`
			Data    []byte `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal(m.Data, &r); err != nil {
		return entry{}, err
	}
	if r.Error != nil {
		switch r.Error.Code {
		case http.StatusNotFound:
			return entry{}, errNone
		case http.StatusServiceUnavailable:
			return entry{}, errNoLeader
		}
		return entry{}, fmt.Errorf("inbox: the store answered %d %s", r.Error.Code, r.Error.Description)
	}
	return entry{r.Message.Subject, r.Message.Seq, r.Message.Data}, nil
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// asFault turns whatever an operation failed with into what a user sees.
func asFault(err error) *fault.Error {
	if err == nil {
		return nil
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, errNoLeader) ||
		errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) ||
		errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrConnectionClosed) ||
		errors.Is(err, nats.ErrDisconnected) || errors.Is(err, nats.ErrReconnectBufExceeded) {
		return fault.New(fault.ServerTimeout)
	}
	if bus.NoRoom(err) {
		return fault.New(fault.StoreFull)
	}
	return fault.New(fault.Internal)
}

// failed is asFault for an operation as a whole: the log gets what was not to
// be expected, its user only that there was something.
func (in *Inbox) failed(what string, err error) *fault.Error {
	f := asFault(err)
	if f.Code == fault.Internal {
		in.o.Report(fmt.Errorf("inbox: %s: %w", what, err))
	}
	return f
}
