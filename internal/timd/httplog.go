package timd

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// serverLog takes the HTTP server's own log. Most of it is what clients did
// wrong, which is nobody's business; a handler's panic is ours, and so is that
// nobody can connect any more.
type serverLog struct {
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	told time.Time // of the last word about connections
}

// tellEvery is how often it is said that connections cannot be accepted; the
// server tries once a second.
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
