package inbox

import (
	"context"
	"fmt"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// store holds the streams.
type store struct {
	messages                                 partitions
	documents, conversations, cursors, marks bus.Log
}

func openStore(ctx context.Context, b Bus, o Options) (*store, error) {
	st := &store{}
	var err error
	st.messages, err = openPartitions(ctx, b, o.Partitions, bus.LogConfig{Keep: o.MaxCount, MaxAge: o.MaxAge, Dedup: o.Dedup})
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	for _, s := range []struct {
		log *bus.Log
		bus.LogConfig
	}{
		{&st.documents, bus.LogConfig{Stream: bus.StreamDocuments, Subjects: bus.SubjectDocuments + ">", Keep: 1}},
		{&st.cursors, bus.LogConfig{Stream: bus.StreamCursors, Subjects: bus.SubjectCursors + ">", Keep: 1, MaxAge: o.MaxAge}},
		{&st.conversations, bus.LogConfig{Stream: bus.StreamConversations, Subjects: bus.SubjectConversations + ">", Keep: 1}},
		{&st.marks, bus.LogConfig{Stream: bus.StreamMarks, Subjects: bus.SubjectMarks + ">", Keep: 1, MaxAge: o.MaxAge}},
	} {
		l, err := b.OpenLog(ctx, s.LogConfig)
		if err != nil {
			return nil, fmt.Errorf("inbox: %w", err)
		}
		*s.log = charged{l}
	}
	return st, nil
}

// charged is a stream that charges its reads and writes to the calls that need
// them; nothing else in the inbox counts them.
type charged struct{ bus.Log }

func (c charged) Last(ctx context.Context, subject string) (bus.Value, error) {
	v, err := c.Log.Last(ctx, subject)
	spend(ctx, len(v.Data))
	return v, err
}

func (c charged) At(ctx context.Context, pos uint64) (bus.Value, error) {
	v, err := c.Log.At(ctx, pos)
	if pos != 0 { // positions begin at 1, so the store was not asked for 0
		spend(ctx, len(v.Data))
	}
	return v, err
}

func (c charged) LastAll(ctx context.Context, subjects []string) ([]bus.Value, error) {
	values, err := c.Log.LastAll(ctx, subjects)
	spendAll(ctx, len(subjects), values)
	return values, err
}

func (c charged) AtAll(ctx context.Context, positions []uint64) ([]bus.Value, error) {
	values, err := c.Log.AtAll(ctx, positions)
	spendAll(ctx, len(positions), values)
	return values, err
}

func (c charged) LastUnder(ctx context.Context, patterns ...string) ([]bus.Value, error) {
	values, err := c.Log.LastUnder(ctx, patterns...)
	bytes := 0
	for _, v := range values {
		bytes += costSubject + len(v.Data)
	}
	spend(ctx, bytes)
	return values, err
}

func (c charged) Subjects(ctx context.Context, pattern string) ([]string, error) {
	subjects, err := c.Log.Subjects(ctx, pattern)
	spend(ctx, costSubject*len(subjects))
	return subjects, err
}

func (c charged) Remove(ctx context.Context, subject string, upTo uint64) error {
	spend(ctx, 0)
	return c.Log.Remove(ctx, subject, upTo)
}

// spendAll counts n reads. If they have failed there are no values, and each
// costs as much as a small one.
func spendAll(ctx context.Context, n int, values []bus.Value) {
	for i := range n {
		if values == nil {
			spend(ctx, 0)
		} else {
			spend(ctx, len(values[i].Data))
		}
	}
}

func (c charged) Append(ctx context.Context, subject string, data []byte, expect uint64, msgID string) (pos uint64, dup bool, err error) {
	spend(ctx, len(data))
	pos, dup, err = c.Log.Append(ctx, subject, data, expect, msgID)
	if err == nil && !dup {
		stored(ctx, len(data))
	}
	return pos, dup, err
}

// failed returns the error that a client gets, and reports unexpected ones.
func (in *Inbox) failed(what string, err error) *fault.Error {
	f := bus.Fault(err)
	if f.Code == fault.Internal {
		in.o.Report(fmt.Errorf("inbox: %s: %w", what, err))
	}
	return f
}
