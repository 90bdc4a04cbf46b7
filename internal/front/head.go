package front

import (
	"bytes"
	"net/http"
	"net/url"
	"sync"
)

// verdict is what head.read returns.
type verdict int

const (
	incomplete verdict = iota // nothing unusual so far
	complete
	unusual // net/http shall read it
)

// kept are the fields that a request is judged by, Host first. None may be repeated.
var kept = [...]string{
	"Host", "Connection", "Upgrade", "Origin", "Sec-Websocket-Version", "Sec-Websocket-Key",
	"Sec-Websocket-Protocol", "Sec-Websocket-Extensions", "X-Forwarded-For",
}

// framing are the fields that say where a request ends, or whether the client waits in
// its middle.
var framing = [...]string{"Content-Length", "Transfer-Encoding", "Trailer", "Expect"}

// head reads the head of a request line by line, as it comes. It is stricter than
// net/http: what is not unusual here net/http accepts, and reads in the same way.
type head struct {
	next   int // where the next line begins
	query  span
	fields [len(kept)]span
}

// span is a place in the head. No field is at the zero one.
type span struct{ from, to int }

// read goes on with a head that has grown to b.
func (h *head) read(b []byte, path string) verdict {
	for {
		n := bytes.IndexByte(b[h.next:], '\n')
		if n < 0 && (h.next > 0 || mayBegin(b, path)) {
			return incomplete
		}
		from := h.next
		h.next += n + 1
		if n < 1 || b[from+n-1] != '\r' {
			return unusual
		}
		line := span{from, from + n - 1}
		switch {
		case from == 0:
			if !h.requestLine(b[:line.to], path) {
				return unusual
			}
		case n == 1:
			if h.fields[0] == (span{}) {
				return unusual
			}
			return complete
		case !h.field(b, line):
			return unusual
		}
	}
}

const method, version = "GET ", " HTTP/1.1"

// mayBegin reports whether b is the beginning of a request for path, as far as it goes.
func mayBegin(b []byte, path string) bool {
	n := min(len(b), len(method))
	m := min(len(b)-n, len(path))
	return string(b[:n]) == method[:n] && string(b[n:n+m]) == path[:m]
}

// requestLine reports whether the first line is as usual.
func (h *head) requestLine(line []byte, path string) bool {
	const begin = len(method)
	end := len(line) - len(version)
	if end < begin+len(path) || !mayBegin(line, path) || string(line[end:]) != version {
		return false
	}
	if h.query = (span{begin + len(path), end}); h.query.from == end {
		return true
	}
	for _, c := range line[h.query.from+1 : end] {
		if !inQuery(c) {
			return false
		}
	}
	return line[h.query.from] == '?'
}

// field reports whether a line is a field as usual.
func (h *head) field(b []byte, line span) bool {
	colon := bytes.IndexByte(b[line.from:line.to], ':')
	if colon < 1 {
		return false
	}
	name := b[line.from : line.from+colon]
	for _, c := range name {
		if !inName(c) {
			return false
		}
	}
	value := span{line.from + colon + 1, line.to}
	for _, c := range b[value.from:value.to] {
		if (c < ' ' || c > '~') && c != '\t' {
			return false
		}
	}
	for value.from < value.to && isSpace(b[value.from]) {
		value.from++
	}
	for value.from < value.to && isSpace(b[value.to-1]) {
		value.to--
	}
	if i := among(kept[:], name); i >= 0 {
		if h.fields[i] != (span{}) || i == 0 && !validHost(b[value.from:value.to]) {
			return false
		}
		h.fields[i] = value
		return true
	}
	return among(framing[:], name) < 0
}

// among returns the index of name, or -1.
func among(names []string, name []byte) int {
	for i, n := range names {
		if len(n) == len(name) && bytes.EqualFold(name, []byte(n)) {
			return i
		}
	}
	return -1
}

func validHost(host []byte) bool {
	for _, c := range host {
		if !inName(c) && c != '.' && c != ':' && c != '[' && c != ']' {
			return false
		}
	}
	return len(host) > 0
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// inName allows fewer characters than RFC 9110 does.
func inName(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

func inQuery(c byte) bool {
	return inName(c) || bytes.IndexByte([]byte("=&%+.~!*'(),;:@/?$"), c) >= 0
}

// request is one that http.Request refers into, as a whole.
type request struct {
	http.Request
	url    url.URL
	values [len(kept)]string
}

// requests are those that nobody uses any more, with the maps of their headers.
var requests = sync.Pool{New: func() any { return new(request) }}

// request returns what net/http would make of a complete head, with the fields that are
// kept. It does not refer to b.
func (h *head) request(b []byte, remote string) *request {
	text := string(b[:h.next])
	of := func(s span) string { return text[s.from:s.to] }
	r := requests.Get().(*request)
	header := r.Header
	clear(header)
	*r = request{}
	const begin = len(method)
	r.Method, r.Proto, r.ProtoMajor, r.ProtoMinor = http.MethodGet, "HTTP/1.1", 1, 1
	r.RequestURI = text[begin:h.query.to]
	r.url.Path = text[begin:h.query.from]
	if h.query.to > h.query.from {
		r.url.RawQuery = text[h.query.from+1 : h.query.to]
		r.url.ForceQuery = r.url.RawQuery == ""
	}
	r.URL, r.Body, r.RemoteAddr = &r.url, http.NoBody, remote
	r.Host = of(h.fields[0])
	if header == nil {
		header = make(http.Header, len(kept)-1)
	}
	r.Header = header
	for i := 1; i < len(kept); i++ {
		if h.fields[i] != (span{}) {
			r.values[i] = of(h.fields[i])
			r.Header[kept[i]] = r.values[i : i+1 : i+1]
		}
	}
	return r
}
