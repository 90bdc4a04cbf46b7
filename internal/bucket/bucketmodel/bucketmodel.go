// Package bucketmodel is a store that speaks as much of S3 as package bucket does,
// in memory and with faults that can be ordered, for tests. It looks at the ID of a
// request's key and not at its signature; make s3 runs the same tests against a
// real server.
//
//	bucketmodel.go  Store: objects
//	parts.go        uploads in parts
//	server.go       a real server
package bucketmodel

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What a Store expects.
const (
	Bucket = "files"
	ID     = "model-key"
	Secret = "model-s3cret"
)

// Store is one bucket. It is safe for concurrent use.
type Store struct {
	URL string

	mu      sync.Mutex // guards what follows
	objects map[string][]byte
	uploads map[string]*parts
	fault   func(w http.ResponseWriter, r *http.Request) bool
	asked   map[string]int
}

// New starts a Store, which ends with the test.
func New(t testing.TB) *Store {
	s := &Store{objects: map[string][]byte{}, uploads: map[string]*parts{}, asked: map[string]int{}}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	s.URL = srv.URL
	return s
}

// Fault has f look at each request before the store does, nil: nothing. f returns
// true if it has dealt with it.
func (s *Store) Fault(f func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Down is a fault: nothing works.
func Down(w http.ResponseWriter, _ *http.Request) bool {
	refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable", "The store is down.")
	return true
}

// Cut answers a request with the first n bytes of what it is to get, and then the
// connection ends.
func (s *Store) Cut(w http.ResponseWriter, r *http.Request, n int) {
	s.serve(&cut{w, n}, r)
	panic(http.ErrAbortHandler)
}

type cut struct {
	http.ResponseWriter
	left int
}

// Write implements http.ResponseWriter.
func (c *cut) Write(p []byte) (int, error) {
	if len(p) > c.left {
		p = p[:c.left]
	}
	n, err := c.ResponseWriter.Write(p)
	if c.left -= n; c.left == 0 {
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		err = io.ErrShortWrite
	}
	return n, err
}

// Keys returns the keys of all objects, in order.
func (s *Store) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

// Unfinished returns how many uploads in parts have not ended.
func (s *Store) Unfinished() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uploads)
}

// Asked returns how many requests of a method there were.
func (s *Store) Asked(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[method]
}

// Drop removes an object behind the back of whoever uses the store.
func (s *Store) Drop(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
}

// ServeHTTP implements http.Handler.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked[r.Method]++
	fault := s.fault
	s.mu.Unlock()
	if fault == nil || !fault(w, r) {
		s.serve(w, r)
	}
}

func (s *Store) serve(w http.ResponseWriter, r *http.Request) {
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case !strings.Contains(r.Header.Get("Authorization"), "Credential="+ID+"/"):
		refuse(w, http.StatusForbidden, "InvalidAccessKeyId", "The key is not known.")
	case name != Bucket:
		refuse(w, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist.")
	case r.URL.Query().Has("uploads") || r.URL.Query().Has("uploadId"):
		s.serveParts(w, r, key)
	case key == "" && r.Method == http.MethodGet:
		s.list(w, r.URL.Query().Get("prefix"))
	case r.Method == http.MethodPut:
		if data, ok := read(w, r); ok {
			s.mu.Lock()
			s.objects[key] = data
			s.mu.Unlock()
			w.Header().Set("ETag", `"one"`)
		}
	case r.Method == http.MethodGet:
		s.get(w, r, key)
	case r.Method == http.MethodDelete:
		s.Drop(key)
		w.WriteHeader(http.StatusNoContent)
	default:
		refuse(w, http.StatusNotImplemented, "NotImplemented", "The model does not know this.")
	}
}

func (s *Store) get(w http.ResponseWriter, r *http.Request, key string) {
	s.mu.Lock()
	data, ok := s.objects[key]
	s.mu.Unlock()
	if !ok {
		refuse(w, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
		return
	}
	w.Header().Set("ETag", `"one"`)
	http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(data))
}

func (s *Store) list(w http.ResponseWriter, prefix string) {
	type object struct {
		Key          string
		Size         int
		LastModified string
	}
	var answer struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Contents []object
	}
	s.mu.Lock()
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if strings.HasPrefix(key, prefix) {
			answer.Contents = append(answer.Contents, object{key, len(s.objects[key]), "2026-01-02T03:04:05.000Z"})
		}
	}
	s.mu.Unlock()
	say(w, answer)
}

func say(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(answer)
}

func refuse(w http.ResponseWriter, status int, code, text string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, text)
}

// read reads a body, which may be signed in chunks. One that is not whole is refused.
func read(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, want := io.Reader(r.Body), r.ContentLength
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		body = &signed{from: bufio.NewReader(r.Body)}
		want, _ = strconv.ParseInt(r.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64)
	}
	data, err := io.ReadAll(body)
	if err != nil || int64(len(data)) != want {
		refuse(w, http.StatusBadRequest, "IncompleteBody", "The body is not whole.")
		return nil, false
	}
	return data, true
}

// signed reads a body whose chunks are signed: "SIZE;chunk-signature=…\r\n", then as
// many bytes and "\r\n". One of 0 bytes is the last.
type signed struct {
	from *bufio.Reader
	left int64
	last bool
}

// Read implements io.Reader.
func (s *signed) Read(p []byte) (int, error) {
	for s.left == 0 && !s.last {
		line, err := s.from.ReadString('\n')
		if err != nil {
			return 0, io.ErrUnexpectedEOF
		}
		if line = strings.TrimSpace(line); line == "" {
			continue // behind a chunk
		}
		size, _, _ := strings.Cut(line, ";")
		if s.left, err = strconv.ParseInt(size, 16, 64); err != nil {
			return 0, err
		}
		s.last = s.left == 0
	}
	if s.last {
		return 0, io.EOF
	}
	n, err := s.from.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
