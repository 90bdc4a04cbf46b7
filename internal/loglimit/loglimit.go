// Package loglimit keeps warnings and errors that come in masses from filling
// a log: what a client can cause once, it can cause fifty times a second.
package loglimit

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// PerMinute is how many lines of one kind are written within a minute. The
// next one that is written afterwards says how many were left out.
const PerMinute = 20

// maxKinds bounds the kinds that are told apart; further ones are one.
const maxKinds = 64

// Handler returns a slog.Handler that passes on what next shall write. Lines
// below slog.LevelWarn are not limited: no client can cause them.
func Handler(next slog.Handler) slog.Handler {
	return &handler{next: next, lines: &limiter{kinds: map[string]*window{}}}
}

type handler struct {
	next  slog.Handler
	lines *limiter // shared by all that With has made
}

func (h *handler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		ok, leftOut := h.lines.allow(kindOf(r), r.Time)
		if !ok {
			return nil
		}
		if leftOut > 0 {
			r = r.Clone()
			r.AddAttrs(slog.Int("left_out", leftOut))
		}
	}
	return h.next.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.next.WithAttrs(attrs), h.lines}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.next.WithGroup(name), h.lines}
}

// kindOf returns what lines of the same kind have in common: the message and
// what the error begins with, without what differs from line to line.
func kindOf(r slog.Record) string {
	kind := stem(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" {
			kind += "\x00" + stem(a.Value.String())
			return false
		}
		return true
	})
	return kind
}

// stem is the part of a text before its second colon and its first digit.
func stem(text string) string {
	if i := strings.IndexAny(text, "0123456789"); i >= 0 {
		text = text[:i]
	}
	if parts := strings.SplitN(text, ": ", 3); len(parts) == 3 {
		text = parts[0] + ": " + parts[1]
	}
	return strings.Clone(text)
}

// limiter counts lines by their kind.
type limiter struct {
	mu    sync.Mutex
	kinds map[string]*window // guarded by mu, and what it holds
}

// window is the minute of a kind that is under way.
type window struct {
	since            time.Time
	written, leftOut int
}

// allow reports whether a line may be written, and how many of its kind were
// left out since the last one that was.
func (l *limiter) allow(kind string, now time.Time) (ok bool, leftOut int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.of(kind, now)
	if now.Sub(w.since) >= time.Minute {
		w.since, w.written = now, 0
	}
	if w.written >= PerMinute {
		w.leftOut++
		return false, 0
	}
	w.written++
	leftOut, w.leftOut = w.leftOut, 0
	return true, leftOut
}

// of needs mu.
func (l *limiter) of(kind string, now time.Time) *window {
	if w := l.kinds[kind]; w != nil {
		return w
	}
	if len(l.kinds) >= maxKinds {
		for k, w := range l.kinds {
			if now.Sub(w.since) >= time.Minute && w.leftOut == 0 {
				delete(l.kinds, k)
			}
		}
	}
	if len(l.kinds) >= maxKinds {
		kind = "" // the last one, for all the others
		if w := l.kinds[kind]; w != nil {
			return w
		}
	}
	w := &window{since: now}
	l.kinds[kind] = w
	return w
}
