// Package trace follows single logins and messages through timd and sends their
// spans to a collector of OpenTelemetry, as OTLP over HTTP in its JSON form.
//
//	trace.go   a Tracer begins traces, a Span is a part of one
//	export.go  spans are sent in batches
//	otlp.go    the JSON of OTLP
//
// A span names what was done, when, how it ended, and which app it was for:
// never who did it or what was said. Nothing waits for the collector. Spans that
// it does not take, or that come faster than they are sent, are dropped and
// counted.
//
// Without a Tracer every call of this package does nothing: a nil Tracer begins
// nil Spans, whose methods return at once.
package trace
