package timd

import (
	"flag"
	"fmt"
	"io"
	"log/slog"

	"github.com/tim-wasm/tim/internal/loglimit"
)

// logOptions are the flags of the log, which goes to stderr.
type logOptions struct{ format, level string }

// logLevels are the levels that timd logs at; CONTRIBUTING.md says what each
// is for.
var logLevels = map[string]slog.Level{"info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

func (l *logOptions) flags(f *flag.FlagSet) {
	f.StringVar(&l.format, "log-format", "text", "text, or json for a JSON object a line")
	f.StringVar(&l.level, "log-level", "info", "the least that is logged: info, warn or error")
}

func (l logOptions) check() error {
	if l.format != "text" && l.format != "json" {
		return fmt.Errorf("--log-format %q must be text or json", l.format)
	}
	if _, ok := logLevels[l.level]; !ok {
		return fmt.Errorf("--log-level %q must be info, warn or error", l.level)
	}
	return nil
}

// logger returns the log that the flags describe.
func (l logOptions) logger(to io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: logLevels[l.level]}
	var h slog.Handler = slog.NewTextHandler(to, o)
	if l.format == "json" {
		h = slog.NewJSONHandler(to, o)
	}
	return slog.New(loglimit.Handler(h))
}
