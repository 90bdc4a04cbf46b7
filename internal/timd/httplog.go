package timd

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// serverLog receives the HTTP server's own log. Most of it is about mistakes of
// clients and is dropped. Panics of handlers are kept, and so are lines which
// say that no connection can be accepted.
type serverLog struct {
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	told time.Time // when that was last logged
}

// tellEvery is how often timd logs that connections cannot be accepted; the
// server retries once a second.
const tellEvery = time.Minute

func (l *serverLog) Write(text []byte) (int, error) {
	switch cause := strings.TrimSpace(string(text)); {
	case bytes.Contains(text, []byte("panic serving")):
		l.log.Error("an HTTP request was broken off", "cause", cause)
	case bytes.Contains(text, []byte("Accept error")) && l.due():
		l.log.Error("new connections cannot be accepted; with too many open files, raise the limit: ulimit -n, under systemd LimitNOFILE", "cause", cause)
	}
	return len(text), nil
}

func (l *serverLog) due() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if !l.told.IsZero() && now.Sub(l.told) < tellEvery {
		return false
	}
	l.told = now
	return true
}
