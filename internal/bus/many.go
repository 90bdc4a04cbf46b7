package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// How many subjects one request of LastAll names. NATS holds the stream's lock
// while it reads them, so more are asked for only while answers are quick.
const (
	fewAtOnce  = 16
	manyAtOnce = 64
	quick      = 5 * time.Millisecond
)

// answersQueue is how many messages of an answer wait to be read: MaxUnder records and
// the answer's end at most, and twice that leaves nothing to chance. nats.go makes the
// whole queue for every request, and its default takes half a megabyte.
const answersQueue = 2 * MaxUnder

// LastAll implements Log.
func (l *stream) LastAll(ctx context.Context, subjects []string) ([]Value, error) {
	out := make([]Value, 0, len(subjects))
	for n := fewAtOnce; len(subjects) > 0; {
		some := subjects[:min(n, len(subjects))]
		began := time.Now()
		read, err := l.lastOf(ctx, some)
		if err != nil {
			return nil, err
		}
		if n = fewAtOnce; time.Since(began) < quick {
			n = min(2*len(some), manyAtOnce)
		}
		out = append(out, read...)
		subjects = subjects[len(some):]
	}
	return out, nil
}

// lastOf is LastAll for one request.
func (l *stream) lastOf(ctx context.Context, subjects []string) ([]Value, error) {
	if len(subjects) == 1 {
		v, err := l.Last(ctx, subjects[0])
		if errors.Is(err, ErrNoValue) {
			err = nil
		}
		return []Value{v}, err
	}
	list, err := l.newest(ctx, subjects)
	if err != nil {
		return nil, err
	}
	found := make(map[string]Value, len(list))
	for _, v := range list {
		found[v.Subject] = v
	}
	out := make([]Value, len(subjects))
	for i, subject := range subjects {
		out[i] = found[subject]
	}
	return out, nil
}

// LastUnder implements Log.
func (l *stream) LastUnder(ctx context.Context, patterns ...string) ([]Value, error) {
	return l.newest(ctx, patterns)
}

// newest reads the newest record of each subject that one of some patterns
// matches. On a cluster any replica answers, and says up to which position it
// knows the stream. If that is not the end that the leader has named, or if the
// answer breaks off, it is asked again.
func (l *stream) newest(ctx context.Context, patterns []string) ([]Value, error) {
	if l.b.replicas == 1 {
		for {
			values, _, err := l.replica(ctx, patterns)
			switch {
			case errors.Is(err, errUnreadable):
				return l.oneByOne(ctx, patterns)
			case !errors.Is(err, errLost):
				return values, err
			}
		}
	}
	end, err := l.Last(ctx, ">")
	if errors.Is(err, ErrNoValue) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for range replicaTries {
		values, upTo, err := l.replica(ctx, patterns)
		if errors.Is(err, errLost) {
			continue
		}
		if errors.Is(err, errUnreadable) || err == nil && upTo == 0 { // it does not say how far it is
			break
		}
		if err != nil || upTo >= end.Seq {
			return values, err
		}
		if err := Sleep(ctx, askAgain); err != nil {
			return nil, err
		}
	}
	return l.oneByOne(ctx, patterns)
}

// replicaTries is how often replicas are asked before the leader is.
const replicaTries = 3

var (
	// errUnreadable means that one of the records that were asked for is damaged.
	errUnreadable = errors.New("a record cannot be read")
	// errLost means that a part of an answer is missing: its server has ended, or
	// the connection was made anew.
	errLost = errors.New("the answer has not come to its end")
)

// silence is how long nothing may come of an answer before it counts as lost.
const silence = 3 * time.Second

// oneByOne is newest without what cannot be read.
func (l *stream) oneByOne(ctx context.Context, patterns []string) ([]Value, error) {
	var subjects []string
	for _, pattern := range patterns {
		if !strings.HasSuffix(pattern, "*") && !strings.HasSuffix(pattern, ">") {
			subjects = append(subjects, pattern)
			continue
		}
		_, err := l.Last(ctx, pattern)
		if errors.Is(err, ErrNoValue) {
			continue // it costs less than a list, and most have none
		}
		if err != nil {
			return nil, err
		}
		matching, err := l.Subjects(ctx, pattern)
		if err != nil {
			return nil, err
		}
		subjects = append(subjects, matching...)
	}
	if len(subjects) > MaxUnder {
		return nil, ErrTooMany
	}
	values, err := values(subjects, func(subject string) (Value, error) { return l.Last(ctx, subject) })
	return slices.DeleteFunc(values, func(v Value) bool { return v.Seq == 0 }), err
}

// replica asks any replica for the newest records of the subjects that some
// patterns match, and returns up to which position it knew the stream: 0 where
// it has found nothing. It fails with errLost where the answer stands still; on a
// single server only once it has begun, or after a reconnect.
func (l *stream) replica(ctx context.Context, patterns []string) (out []Value, upTo uint64, err error) {
	body, err := json.Marshal(map[string]any{"multi_last": patterns})
	if err != nil {
		return nil, 0, err
	}
	sub, err := l.b.reads.SubscribeSync(nats.NewInbox())
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	var connected uint64 // counts the connections before the one that was asked on
	ask := func() error {
		connected = l.b.reads.Stats().Reconnects
		return l.b.reads.PublishRequest("$JS.API.DIRECT.GET."+l.name, sub.Subject, body)
	}
	err = ask()
	for {
		var m *nats.Msg
		if err == nil {
			next, cancel := context.WithTimeout(ctx, silence)
			m, err = sub.NextMsgWithContext(next)
			cancel()
			if err != nil && ctx.Err() == nil && next.Err() != nil {
				if l.b.replicas == 1 && len(out) == 0 && l.b.reads.Stats().Reconnects == connected {
					err = nil
					continue // its server is busy, and would only be asked once more
				}
				return nil, 0, errLost
			}
		}
		switch {
		case errors.Is(err, nats.ErrReconnectBufExceeded), err == nil && m.Header.Get("Status") == "503": // see request
			if Sleep(ctx, askAgain) != nil {
				return nil, 0, nats.ErrNoResponders
			}
			err = ask()
			continue
		case err != nil:
			return nil, 0, err
		}
		switch m.Header.Get("Status") {
		case "204":
			upTo, err = strconv.ParseUint(m.Header.Get("Nats-UpTo-Sequence"), 10, 64)
			return out, upTo, err
		case "413":
			return nil, 0, ErrTooMany
		}
		v, err := direct(m)
		switch {
		case err == nil:
			out = append(out, v)
		case !errors.Is(err, ErrNoValue):
			return nil, 0, err
		case m.Header.Get("Description") == "No Results":
			return nil, 0, nil
		default:
			return nil, 0, errUnreadable
		}
	}
}

// Subjects implements Log. The leader knows them without reading a record.
func (l *stream) Subjects(ctx context.Context, pattern string) ([]string, error) {
	info, err := l.api(ctx, "INFO", map[string]any{"subjects_filter": pattern})
	return slices.Sorted(maps.Keys(info.State.Subjects)), err
}

// Count implements Log: it asks for the page of subjects behind the last one, which
// has their number only.
func (l *stream) Count(ctx context.Context, pattern string) (int, error) {
	info, err := l.api(ctx, "INFO", map[string]any{"subjects_filter": pattern, "offset": math.MaxInt32})
	return info.Total, err
}

// Remove implements Log.
func (l *stream) Remove(ctx context.Context, subject string, upTo uint64) error {
	// What stands at seq and after it stays.
	_, err := l.api(ctx, "PURGE", map[string]any{"filter": subject, "seq": upTo + 1})
	return err
}

// apiReply is what is read of JetStream's answers.
type apiReply struct {
	Error *jetstream.APIError `json:"error"`
	Total int                 `json:"total"` // subjects that a pattern matches
	State struct {
		Subjects map[string]uint64 `json:"subjects"`
	} `json:"state"`
}

// api sends the stream's leader a request that does not read a record, again
// and again until there is an answer or ctx ends.
func (l *stream) api(ctx context.Context, what string, body any) (r apiReply, err error) {
	data, err := json.Marshal(body)
	if err != nil {
		return r, err
	}
	for {
		m, err := l.request(ctx, "$JS.API.STREAM."+what+"."+l.name, string(data))
		if err != nil {
			return r, err
		}
		r = apiReply{}
		if err := json.Unmarshal(m.Data, &r); err != nil {
			return r, fmt.Errorf("the answer of NATS cannot be read: %w", err)
		}
		switch {
		case r.Error == nil:
			return r, nil
		case r.Error.Code != http.StatusServiceUnavailable || Sleep(ctx, askAgain) != nil:
			return r, r.Error
		}
	}
}
