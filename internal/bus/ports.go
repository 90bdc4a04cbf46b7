package bus

import (
	"context"
	"errors"
	"time"
)

// MaxUnder is how many records Log.LastUnder returns at most: NATS sends no
// more.
const MaxUnder = 1024

// ErrTooMany means that a pattern matches more than MaxUnder subjects.
var ErrTooMany = errors.New("the pattern matches too many subjects")

// Rooms that keep logs need the interfaces of this file. A Bus has them on
// NATS, package busmodel in memory; a test of that package holds both against
// each other.

// LogConfig describes a stream whose subjects are logs.
type LogConfig struct {
	Stream   string
	Subjects string        // a pattern, for example "tim.msg.>"
	Keep     int64         // how many of its newest records a subject keeps; 0 or less: all
	MaxAge   time.Duration // older records go; 0: they stay
	Dedup    time.Duration // how long Append recognises a msgID; 0: 2 min
}

// Log is a stream whose subjects are logs: read by position, appended to by
// compare-and-set. Positions grow over all subjects and are never used again.
// Reads see all that was acknowledged, and wait for the end of an election or
// a reconnect as long as their context lasts.
type Log interface {
	// Last reads the newest record of a subject, or of all that a pattern matches
	// ("l.a.>", ">"), or ErrNoValue.
	Last(ctx context.Context, subject string) (Value, error)
	// At reads the record at a position, or ErrNoValue.
	At(ctx context.Context, pos uint64) (Value, error)
	// LastAll reads the newest record of each subject, in that order; the Value
	// of a subject without one has Seq 0.
	LastAll(ctx context.Context, subjects []string) ([]Value, error)
	// LastUnder reads the newest record of each subject that one of some patterns
	// matches, in the order of their positions. If there are more than MaxUnder,
	// it fails with ErrTooMany.
	LastUnder(ctx context.Context, patterns ...string) ([]Value, error)
	// Subjects lists the subjects that a pattern matches and that have a record.
	Subjects(ctx context.Context, pattern string) ([]string, error)
	// Count returns how many Subjects would list, for a quarter of its cost.
	Count(ctx context.Context, pattern string) (int, error)
	// AtAll reads the records at positions, in that order; the Value of one that
	// is no more has Seq 0.
	AtAll(ctx context.Context, positions []uint64) ([]Value, error)
	// Append stores a record behind the newest one of its subject, which must
	// stand at expect (0: there is none), and returns its position. msgID, where
	// not empty, makes a repetition recognisable for as long as LogConfig.Dedup:
	// dup reports that pos is the first one's. A repetition with an expect that
	// has passed is one or the other. Any error but ErrConflict leaves open
	// whether it was stored: context.DeadlineExceeded, say, which comes after 2 s
	// without an answer. data must not change any more: followers get it.
	Append(ctx context.Context, subject string, data []byte, expect uint64, msgID string) (pos uint64, dup bool, err error)
	// Remove removes the records of a subject up to the position of one of them.
	// Followers are not told.
	Remove(ctx context.Context, subject string, upTo uint64) error
	// Follower returns a follower of the stream that is yet to start. handle gets
	// each record once, one after the other, from a single goroutine at a time,
	// and must not block on the log; the Value is its to keep. report gets what
	// went wrong in the background.
	Follower(handle func(Value), report func(error)) Follower
}

// Follower hands on what is new in a stream, in order and without gaps; what
// went before it came by, for its age or number, may be left out. What this Log
// has stored may come before NATS sends it, with the time of this process.
type Follower interface {
	// Start begins behind the newest record of now.
	Start(ctx context.Context) error
	// Pos is the position of the newest record that was handed to handle, or is
	// about to be. It stands at a record before that is handled, so whoever reads
	// it after registering for records knows that each later one will reach them.
	Pos() uint64
	// Reach waits until everything up to a position has been handled, or ctx ends.
	Reach(ctx context.Context, pos uint64)
	// Close ends it: when it returns, handle runs no more. It may be called again,
	// and when Start has failed or was never called, but not from handle.
	Close()
}
