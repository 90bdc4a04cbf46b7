// Package audit keeps what administrators did through the server API: who, when,
// from where, which command, on whom or what, and what came of it. Texts of
// messages, profiles and reasons are not in it.
//
// One entry is one record of a stream, in one of two kinds, each of its own
// bounds: a back end that sends thousands of messages pushes no ban out. There
// are no locks.
package audit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// Kind divides the entries of an app.
type Kind string

// The kinds of entries.
const (
	Acts     Kind = "acts"     // of everything but messages
	Messages Kind = "messages" // messages were sent or imported
)

// Entry is one command.
type Entry struct {
	Time    int64      `json:"t"` // Unix ms
	Admin   string     `json:"a"`
	Addr    string     `json:"r,omitempty"`
	Command string     `json:"c"`
	Code    fault.Code `json:"e,omitempty"` // 0: it was carried out
	On      []Field    `json:"o,omitempty"`
}

// Field is what a command was given, for example the users that it was about.
type Field struct {
	Name   string   `json:"n"`
	Values []string `json:"v"`
	More   int      `json:"m,omitempty"` // how many values are left out
}

// The bounds of the stream: older entries go, and the oldest ones if there are
// too many.
const (
	maxAge   = 180 * 24 * time.Hour
	maxKept  = 100_000 // of an app and kind
	maxBytes = 256 << 20
)

// Bus is what an audit log needs of a bus.Bus. Package busmodel has it in memory.
type Bus interface {
	OpenJournal(ctx context.Context, c bus.JournalConfig) error
	Enqueue(ctx context.Context, subject string, data []byte, id string) error
	LastAtLeader(ctx context.Context, stream, subject string) (bus.Value, error)
	Batch(ctx context.Context, stream, filter string, seq uint64, n int) ([]bus.Value, error)
}

// Log is the audit log. It is safe for concurrent use. Errors of its methods
// are those of bus.Fault, or describe something unexpected.
type Log struct{ bus Bus }

// Open makes the stream if it is absent.
func Open(ctx context.Context, b Bus) (*Log, error) {
	err := b.OpenJournal(ctx, bus.JournalConfig{
		Stream: bus.StreamAudit, Description: "tim: what administrators did", Subjects: bus.SubjectAudit + "*.*",
		MaxAge: maxAge, Keep: maxKept, MaxBytes: maxBytes,
	})
	return &Log{b}, err
}

func subject(app uint32, k Kind) string {
	return bus.SubjectAudit + strconv.FormatUint(uint64(app), 10) + "." + string(k)
}

// storeTimeout limits one operation.
const storeTimeout = 8 * time.Second

// Add stores an entry. After an error it is unknown whether it was stored.
func (l *Log) Add(ctx context.Context, app uint32, k Kind, e Entry) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	var id [12]byte
	_, _ = rand.Read(id[:]) // never fails
	return l.bus.Enqueue(ctx, subject(app, k), data, hex.EncodeToString(id[:]))
}

// List returns entries, the newest first, at most limit of them, and a cursor
// for those before them, "" at the end.
func (l *Log) List(ctx context.Context, app uint32, k Kind, cursor string, limit int) ([]Entry, string, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	subject := subject(app, k)
	end, err := l.end(ctx, subject, cursor)
	if err != nil || end == 0 {
		return []Entry{}, "", err
	}
	oldest, err := l.bus.Batch(ctx, bus.StreamAudit, subject, 1, 1)
	if err != nil || len(oldest) == 0 {
		return []Entry{}, "", err
	}
	// Entries of others lie between those of a subject, and there is no reading
	// backwards: ever longer stretches are read until the page is full.
	var page []bus.Value // the newest last
	for length := uint64(limit); len(page) < limit && end > oldest[0].Seq; length *= 4 {
		begin := end - min(length, end-1)
		found, err := l.between(ctx, subject, begin, end, limit-len(page))
		if err != nil {
			return nil, "", err
		}
		page = append(found, page...)
		end = begin
	}
	entries := make([]Entry, 0, len(page))
	for _, v := range slices.Backward(page) {
		var e Entry
		if err := json.Unmarshal(v.Data, &e); err != nil {
			return nil, "", fmt.Errorf("an entry of the audit log cannot be read: %w", err)
		}
		entries = append(entries, e)
	}
	if len(page) == 0 || page[0].Seq == oldest[0].Seq {
		return entries, "", nil
	}
	return entries, strconv.FormatUint(page[0].Seq, 10), nil
}

// end returns the position before which a page ends; 0 when there is no entry.
func (l *Log) end(ctx context.Context, subject, cursor string) (uint64, error) {
	if cursor != "" {
		n, err := strconv.ParseUint(cursor, 10, 63)
		if err != nil || n == 0 {
			return 0, fault.With(fault.BadParameters, "unknown cursor: pass the one from the last answer, or none")
		}
		return n, nil
	}
	v, err := l.bus.LastAtLeader(ctx, bus.StreamAudit, subject)
	if errors.Is(err, bus.ErrNoValue) {
		return 0, nil
	}
	return v.Seq + 1, err
}

// between returns the newest entries of a stretch, at most n of them, the
// newest last.
func (l *Log) between(ctx context.Context, subject string, begin, end uint64, n int) (found []bus.Value, err error) {
	for {
		values, err := l.bus.Batch(ctx, bus.StreamAudit, subject, begin, 256)
		if err != nil && !errors.Is(err, bus.ErrNoValue) {
			return nil, err
		}
		for _, v := range values {
			if v.Seq >= end {
				return found, nil
			}
			begin = v.Seq + 1
			if found = append(found, v); len(found) > n {
				found = found[1:]
			}
		}
		if len(values) == 0 {
			return found, nil
		}
	}
}
