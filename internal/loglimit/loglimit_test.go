package loglimit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// log writes lines at times of the test's choice.
type log struct {
	out bytes.Buffer
	h   slog.Handler
	now time.Time
}

func newLog() *log {
	l := &log{now: time.Unix(1_700_000_000, 0)}
	l.h = Handler(slog.NewTextHandler(&l.out, nil))
	return l
}

func (l *log) line(level slog.Level, message string, attrs ...slog.Attr) {
	r := slog.NewRecord(l.now, level, message, 0)
	r.AddAttrs(attrs...)
	_ = l.h.Handle(context.Background(), r)
}

func (l *log) count(text string) int { return strings.Count(l.out.String(), text) }

func TestLinesOfAKindAreLimited(t *testing.T) {
	l := newLog()
	for n := range 300 {
		l.now = l.now.Add(20 * time.Millisecond)
		l.line(slog.LevelWarn, "messages", slog.Any("error", fmt.Errorf("inbox: message.send: record %d: too large", n)))
	}
	require.Equal(t, PerMinute, l.count("messages"))
	l.line(slog.LevelWarn, "messages", slog.Any("error", errors.New("inbox: message.list: x")))
	l.line(slog.LevelError, "a handler panicked")
	require.Equal(t, PerMinute+1, l.count("messages"), "another kind is not hidden by the first")
	require.Equal(t, 1, l.count("panicked"))
	require.Zero(t, l.count("left_out"))

	l.now = l.now.Add(time.Minute)
	l.line(slog.LevelWarn, "messages", slog.Any("error", errors.New("inbox: message.send: y")))
	require.Equal(t, 1, l.count(fmt.Sprintf("left_out=%d", 300-PerMinute)))
	l.line(slog.LevelWarn, "messages", slog.Any("error", errors.New("inbox: message.send: y")))
	require.Equal(t, 1, l.count("left_out"), "said once")
}

func TestInformationIsNotLimited(t *testing.T) {
	l := newLog()
	for range 100 {
		l.line(slog.LevelInfo, "stopped")
	}
	require.Equal(t, 100, l.count("stopped"))
}

// TestKindsAreBounded: what makes each of its lines a kind of its own is
// limited all the same, and takes no memory.
func TestKindsAreBounded(t *testing.T) {
	l := newLog()
	for a := range 26 * 26 * 26 {
		l.line(slog.LevelWarn, "odd "+string([]rune{'a' + rune(a%26), 'a' + rune(a/26%26), 'a' + rune(a/676)}))
	}
	require.LessOrEqual(t, l.count("odd"), maxKinds+PerMinute)
	lines := l.h.(*handler).lines
	require.LessOrEqual(t, len(lines.kinds), maxKinds+1)
	l.now = l.now.Add(time.Minute)
	l.line(slog.LevelWarn, "a new one")
	require.Equal(t, 1, l.count("a new one"))
	require.Less(t, len(lines.kinds), 5, "kinds of earlier minutes make room")
}

func TestHandlersWithAttributesCountTogether(t *testing.T) {
	l := newLog()
	var out lockedBuffer
	base := Handler(slog.NewTextHandler(&out, nil))
	var wait sync.WaitGroup
	for n := range 4 {
		h := base.WithAttrs([]slog.Attr{slog.Int("n", n)}).WithGroup("g")
		wait.Go(func() {
			for range 50 {
				_ = h.Handle(context.Background(), slog.NewRecord(l.now, slog.LevelWarn, "again", 0))
			}
		})
	}
	wait.Wait()
	require.Equal(t, PerMinute, strings.Count(out.String(), "again"))
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}
