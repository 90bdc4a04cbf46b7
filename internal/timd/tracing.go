package timd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"strconv"
	"time"

	dist "github.com/tim-wasm/tim/js"

	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/trace"
)

// traceOptions are the flags of serve about traces of logins and messages.
type traceOptions struct {
	endpoint string
	sample   float64
}

func (o *traceOptions) flags(f *flag.FlagSet) {
	f.StringVar(&o.endpoint, "otlp-endpoint", "", "`URL` of a collector of OpenTelemetry that takes OTLP over HTTP, for example http://127.0.0.1:4318: spans of logins and messages go there (default none)")
	o.sample = 1
	f.Var((*share)(&o.sample), "otlp-sample", "`SHARE` of logins and messages that are followed with --otlp-endpoint, above 0 and at most 1")
}

// share is a flag for a part of a whole.
type share float64

func (s *share) String() string { return strconv.FormatFloat(float64(*s), 'g', -1, 64) }

func (s *share) Set(text string) error {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v > 0 && v <= 1) {
		return errors.New("give a share above 0 and at most 1, for example 0.01 for one in a hundred")
	}
	*s = share(v)
	return nil
}

func (o *traceOptions) check() error {
	if o.endpoint == "" {
		return nil
	}
	if err := (trace.Options{Endpoint: o.endpoint, Sample: o.sample}).Check(); err != nil {
		return fmt.Errorf("--otlp-endpoint %q: %w", o.endpoint, err)
	}
	return nil
}

// openTracer begins to follow logins and messages, if it is to.
func (t *running) openTracer(g *gateway.Options) error {
	o := t.options.trace
	if o.endpoint == "" {
		return nil
	}
	tracer, err := trace.Start(trace.Options{Endpoint: o.endpoint, Sample: o.sample, Version: dist.Version(), Node: t.options.node, Log: t.log})
	if err != nil {
		return fmt.Errorf("--otlp-endpoint %q: %w", o.endpoint, err)
	}
	t.tracer, g.Trace = tracer, tracer
	t.closers = append(t.closers, func(context.Context) { tracer.Close() })
	t.metrics.traces(tracer)
	return nil
}

// traces shows what became of spans.
func (m *metrics) traces(t *trace.Tracer) {
	m.counter("tim_spans_sent_total", "Spans that the collector of --otlp-endpoint has taken.", func() float64 { sent, _ := t.Counts(); return float64(sent) })
	m.counter("tim_spans_dropped_total", "Spans that were dropped: the collector did not take them, or more came than are sent.", func() float64 { _, dropped := t.Counts(); return float64(dropped) })
}

// collector checks that the collector of --otlp-endpoint answers.
func (d *doctor) collector(ctx context.Context) {
	endpoint := d.o.trace.endpoint
	if endpoint == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
	if err == nil {
		var answer *http.Response
		if answer, err = http.DefaultClient.Do(r); err == nil {
			answer.Body.Close()
			d.say(isOK, "traces", "%s answers", endpoint) // with whatever status: it takes only POST
			return
		}
	}
	d.say(isWarn, "traces", "the collector of --otlp-endpoint cannot be reached, so spans are dropped and timd serves without it: %v", err)
}
