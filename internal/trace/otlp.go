package trace

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// What follows is ExportTraceServiceRequest in the JSON form of OTLP: names in lower
// camel case, IDs in hex, 64-bit numbers as text.
type (
	export struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resource     `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
	}
	resource struct {
		Attributes []keyValue `json:"attributes"`
	}
	scopeSpans struct {
		Scope scope      `json:"scope"`
		Spans []spanJSON `json:"spans"`
	}
	scope struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	spanJSON struct {
		TraceID      string     `json:"traceId"`
		SpanID       string     `json:"spanId"`
		ParentSpanID string     `json:"parentSpanId,omitempty"`
		Name         string     `json:"name"`
		Kind         int        `json:"kind"`
		Start        string     `json:"startTimeUnixNano"`
		End          string     `json:"endTimeUnixNano"`
		Attributes   []keyValue `json:"attributes,omitempty"`
		Status       status     `json:"status,omitzero"`
	}
	status struct {
		Code int `json:"code,omitempty"`
	}
	keyValue struct {
		Key   string `json:"key"`
		Value value  `json:"value"`
	}
	value struct {
		String string `json:"stringValue,omitempty"`
		Int    string `json:"intValue,omitempty"`
	}
)

// Numbers of OTLP.
const (
	kindInternal = 1
	kindServer   = 2
	statusError  = 2
)

// codeKey is the attribute with the code that a span ended with.
const codeKey = "tim.code"

func number(n int64) string { return strconv.FormatInt(n, 10) }

// body returns the request that sends spans.
func (t *Tracer) body(spans []*Span) []byte {
	list := make([]spanJSON, len(spans))
	for i, s := range spans {
		list[i] = s.json()
	}
	text := func(key, v string) keyValue { return keyValue{key, value{String: v}} }
	data, err := json.Marshal(export{[]resourceSpans{{
		Resource: resource{[]keyValue{
			text("service.name", "timd"), text("service.version", t.o.Version), text("service.instance.id", t.o.Node),
		}},
		ScopeSpans: []scopeSpans{{scope{"timd", t.o.Version}, list}},
	}}})
	if err != nil {
		panic("trace: " + err.Error()) // texts and numbers always marshal
	}
	return data
}

func (s *Span) json() spanJSON {
	out := spanJSON{
		TraceID: fmt.Sprintf("%016x%016x", s.trace[0], s.trace[1]), SpanID: fmt.Sprintf("%016x", s.id),
		Name: s.name, Kind: kindServer,
		Start: number(s.began.UnixNano()), End: number(s.began.Add(s.took).UnixNano()),
	}
	if s.parent != 0 {
		out.ParentSpanID, out.Kind = fmt.Sprintf("%016x", s.parent), kindInternal
	}
	for _, a := range s.ints[:s.used] {
		out.Attributes = append(out.Attributes, keyValue{a.key, value{Int: number(a.value)}})
	}
	if s.code != 0 {
		out.Attributes = append(out.Attributes, keyValue{codeKey, value{Int: number(int64(s.code))}})
		out.Status.Code = statusError
	}
	return out
}
