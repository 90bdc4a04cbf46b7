package bucket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bucket/bucketmodel"
)

// watched keeps the errors that Observe is told.
type watched struct {
	mu   sync.Mutex
	errs []error
}

func (w *watched) observe(_ string, _ time.Duration, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.errs = append(w.errs, err)
	}
}

func (w *watched) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.errs)
}

func options(url string) Options {
	return Options{
		Endpoint: url, Bucket: bucketmodel.Bucket, Region: "us-east-1", Prefix: "tim/", Style: Path,
		Keys: Keys{ID: bucketmodel.ID, Secret: bucketmodel.Secret},
	}
}

func open(t *testing.T, s *bucketmodel.Store, change func(*Options)) *Bucket {
	t.Helper()
	o := options(s.URL)
	if change != nil {
		change(&o)
	}
	b, err := Open(o)
	require.NoError(t, err)
	return b
}

// pattern returns n bytes that repeat nowhere.
func pattern(n int) []byte {
	out := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(out)
	return out
}

func get(t *testing.T, b *Bucket, key string, from, n int64) []byte {
	t.Helper()
	r, err := b.Get(t.Context(), key, from, n)
	require.NoError(t, err)
	defer r.Close()
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	return data
}

func TestBytesComeBack(t *testing.T) {
	t.Run("model", func(t *testing.T) { bytesComeBack(t, open(t, bucketmodel.New(t), nil)) })
	t.Run("server", func(t *testing.T) {
		b, err := Open(options(bucketmodel.Server(t)))
		require.NoError(t, err)
		bytesComeBack(t, b)
	})
}

// What was stored comes back, whether its length was known or not, as a whole and in
// ranges; what is under a prefix goes, and nothing else.
func bytesComeBack(t *testing.T, b *Bucket) {
	for _, c := range []struct {
		bytes int
		known bool
	}{
		{1, true}, {pieceSize, true}, {pieceSize + 1, true}, {3*pieceSize + 17, true},
		{1, false}, {pieceSize + 1, false}, {partSize, false}, {partSize + 1, false},
	} {
		data, size := pattern(c.bytes), int64(-1)
		if c.known {
			size = int64(c.bytes)
		}
		require.NoError(t, b.Put(t.Context(), "a", bytes.NewReader(data), size), c)
		require.True(t, bytes.Equal(data, get(t, b, "a", 0, int64(c.bytes))), c)
	}
	require.NoError(t, b.Put(t.Context(), "ab", strings.NewReader("0123456789"), 10))
	require.NoError(t, b.Put(t.Context(), "b", strings.NewReader("other"), 5))
	require.Equal(t, "345", string(get(t, b, "ab", 3, 3)))
	require.Equal(t, "89", string(get(t, b, "ab", 8, 100)))
	require.NoError(t, b.Free(t.Context(), "a"))
	for _, key := range []string{"a", "ab", "none"} {
		_, err := b.Get(t.Context(), key, 0, 1)
		require.ErrorIs(t, err, ErrNoObject, key)
	}
	require.Equal(t, "other", string(get(t, b, "b", 0, 5)))
	require.NoError(t, b.Free(t.Context(), "none"))
	require.NoError(t, b.Check(t.Context()))
}

// A body that breaks off leaves nothing. Its error comes back as it was and is not
// counted: the bucket has done nothing wrong.
func TestBodiesThatBreakOffLeaveNothing(t *testing.T) {
	broken := errors.New("the sender has gone")
	s, seen := bucketmodel.New(t), &watched{}
	b := open(t, s, func(o *Options) { o.Observe = seen.observe })
	for _, c := range []struct{ sent, size int }{
		{10, 100}, {10, 4 * pieceSize}, {2*pieceSize + 1, 4 * pieceSize}, {10, -1}, {partSize + 1, -1},
	} {
		body := io.MultiReader(bytes.NewReader(pattern(c.sent)), iotest.ErrReader(broken))
		require.ErrorIs(t, b.Put(t.Context(), "a", body, int64(c.size)), broken, c)
		require.Empty(t, s.Keys())
		require.Zero(t, s.Unfinished())
	}
	require.Zero(t, seen.count(), seen.errs)
}

// What an upload has left that could not be ended is ended with its key.
func TestUploadsThatWereLeftAreFreed(t *testing.T) {
	s := bucketmodel.New(t)
	b := open(t, s, nil)
	s.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodDelete && bucketmodel.Down(w, r)
	})
	require.Error(t, b.Put(t.Context(), "a", io.MultiReader(bytes.NewReader(pattern(partSize)), iotest.ErrReader(io.ErrClosedPipe)), -1))
	require.Equal(t, 1, s.Unfinished())
	s.Fault(nil)
	require.NoError(t, b.Free(t.Context(), "b"))
	require.Equal(t, 1, s.Unfinished())
	require.NoError(t, b.Free(t.Context(), "a"))
	require.Zero(t, s.Unfinished())
}

// A store that answers with nothing where an answer is due has stored nothing. Here it
// is asked for the bucket's region.
func TestAnEmptyAnswerIsNoSuccess(t *testing.T) {
	s := bucketmodel.New(t)
	b := open(t, s, func(o *Options) { o.Region = "" })
	s.Fault(func(_ http.ResponseWriter, r *http.Request) bool { return r.Method == http.MethodGet })
	for _, size := range []int{4, 2 * pieceSize} {
		require.Error(t, b.Put(t.Context(), "a", bytes.NewReader(pattern(size)), int64(size)), size)
	}
	require.Empty(t, s.Keys())
}

// While the store is down, what can be sent again is, a few times; each operation that
// fails is counted once.
func TestAStoreThatIsDown(t *testing.T) {
	s, seen := bucketmodel.New(t), &watched{}
	b := open(t, s, func(o *Options) { o.Observe = seen.observe })
	s.Fault(bucketmodel.Down)
	require.ErrorContains(t, b.Put(t.Context(), "a", strings.NewReader("text"), 4), "The store is down")
	require.Equal(t, maxTries, s.Asked(http.MethodPut))
	require.Error(t, b.Put(t.Context(), "a", bytes.NewReader(pattern(2*pieceSize)), 2*pieceSize))
	require.Equal(t, maxTries+1, s.Asked(http.MethodPut), "a stream cannot be sent again")
	_, err := b.Get(t.Context(), "a", 0, 1)
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrNoObject)
	require.Equal(t, maxTries, s.Asked(http.MethodGet))
	require.Equal(t, 3, seen.count())
	s.Fault(nil)
	require.NoError(t, b.Check(t.Context()))
	require.Equal(t, 3, seen.count(), "that a key has nothing is no failure")
}

// A store that takes or sends nothing more is given up. A caller who gives up is not
// counted as a failure of the store.
func TestAStoreThatStandsStill(t *testing.T) {
	s, seen := bucketmodel.New(t), &watched{}
	over := make(chan struct{})
	t.Cleanup(func() { close(over) }) // before the store, which waits for its requests
	began := make(chan struct{}, 8)   // holds a token for each request of the patient one
	s.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet {
			w.Header().Set("ETag", `"one"`)
			w.Header().Set("Last-Modified", time.Unix(1, 0).UTC().Format(http.TimeFormat))
			_, _ = w.Write([]byte("some"))
			_ = http.NewResponseController(w).Flush()
		}
		if strings.HasSuffix(r.URL.Path, "/patient") {
			began <- struct{}{}
		}
		<-over
		return true
	})
	hasty := open(t, s, func(o *Options) { o.stallWithin, o.Observe = 100*time.Millisecond, seen.observe })
	// A busy machine may end this before the store has seen it.
	require.ErrorIs(t, hasty.Put(t.Context(), "a", zeros{}, 1<<30), errStalled)
	require.Equal(t, 1, seen.count())

	patient := open(t, s, func(o *Options) { o.Observe = seen.observe })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	require.ErrorIs(t, patient.Put(ctx, "patient", zeros{}, 1<<30), context.Canceled)
	require.Equal(t, 1, seen.count())

	r, err := hasty.Get(t.Context(), "a", 0, 100)
	if err == nil { // else the machine was busy
		_, err = io.ReadAll(r)
		require.NoError(t, r.Close())
	}
	require.ErrorIs(t, err, errStalled)
}

// zeros is a body without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Uploads without a length hold a part each, so there are only so many at once.
func TestUploadsWithoutALengthAreBounded(t *testing.T) {
	b := open(t, bucketmodel.New(t), nil)
	for range maxParted {
		b.parted <- struct{}{}
	}
	require.ErrorIs(t, b.Put(t.Context(), "a", strings.NewReader("x"), -1), ErrBusy)
	require.NoError(t, b.Put(t.Context(), "a", strings.NewReader("x"), 1))
	<-b.parted
	require.NoError(t, b.Put(t.Context(), "a", strings.NewReader("x"), -1))
	require.Len(t, b.parted, maxParted-1, "it gives its place back")
}

// What S3 refuses says what to do, and no secret.
func TestRefusals(t *testing.T) {
	s := bucketmodel.New(t)
	for _, c := range []struct {
		change func(*Options)
		says   string
	}{
		{func(o *Options) { o.Bucket = "another" }, "make the bucket, or correct its name"},
		{func(o *Options) { o.Keys.ID = "somebody" }, "correct the keys"},
	} {
		err := open(t, s, c.change).Check(t.Context())
		var refused *Refused
		require.ErrorAs(t, err, &refused)
		require.ErrorContains(t, err, c.says)
		require.NotContains(t, err.Error(), bucketmodel.Secret)
	}
	b := open(t, s, nil)
	for says, fault := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"cannot be removed": func(w http.ResponseWriter, r *http.Request) bool {
			return r.Method == http.MethodDelete && bucketmodel.Down(w, r)
		},
		"a range was asked for": func(_ http.ResponseWriter, r *http.Request) bool {
			r.Header.Del("Range")
			return false
		},
		"nothing can be stored": bucketmodel.Down,
	} {
		s.Fault(fault)
		require.ErrorContains(t, b.Check(t.Context()), says)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for says, change := range map[string]func(*Options){
		"https://HOST":               func(o *Options) { o.Endpoint = "s3.example.com" },
		"without the bucket":         func(o *Options) { o.Endpoint = "https://s3.example.com/files" },
		"and without keys":           func(o *Options) { o.Endpoint = "https://id:secret@s3.example.com" },
		"the name of the bucket":     func(o *Options) { o.Bucket = "" },
		"must be auto, path or host": func(o *Options) { o.Style = "vhost" },
		"the prefix must not begin":  func(o *Options) { o.Prefix = "/tim" },
		"the keys are missing":       func(o *Options) { o.Keys = Keys{} },
	} {
		o := options("https://s3.example.com")
		change(&o)
		_, err := Open(o)
		require.ErrorContains(t, err, says)
	}
	for _, style := range []string{"", Auto, Path, Host} {
		o := options("https://s3.example.com")
		o.Style = style
		require.NoError(t, o.Check(), style)
	}
}

// Keys come from a file or from variables, and no error shows what is in the file.
func TestKeysAreRead(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	_, err := ReadKeys("")
	require.ErrorContains(t, err, "AWS_ACCESS_KEY_ID")
	file := filepath.Join(t.TempDir(), "keys")
	_, err = ReadKeys(file)
	require.ErrorContains(t, err, "cannot be read")
	for _, text := range []string{"", "s3cret", "[default]\ns3cret", "[default]\naws_access_key_id = a\n", "[other]\naws_access_key_id = a\naws_secret_access_key = s3cret\n"} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err = ReadKeys(file)
		require.ErrorContains(t, err, "holds no keys", text)
		require.NotContains(t, err.Error(), "s3cret")
	}
	require.NoError(t, os.WriteFile(file, []byte("[default]\naws_access_key_id = a\naws_secret_access_key = b\n"), 0o600))
	t.Setenv("AWS_ACCESS_KEY_ID", "c")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "d")
	k, err := ReadKeys(file)
	require.NoError(t, err)
	require.Equal(t, Keys{ID: "a", Secret: "b"}, k, "the file wins")
	k, err = ReadKeys("")
	require.NoError(t, err)
	require.Equal(t, Keys{ID: "c", Secret: "d"}, k)
}
