//go:build js && wasm

package host

import (
	"testing"

	"github.com/hack-pad/safejs"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// sender replaces the realm's XMLHttpRequest by a class, and returns a function
// that returns the last object of it.
func sender(t *testing.T, members string) func() safejs.Value {
	t.Helper()
	made, err := bridge.Global("Function").New(`
		const all = [];
		return { last: () => all[all.length - 1], Class: class {
			upload = {};
			told = [];
			status = 0;
			responseText = '';
			constructor() { all.push(this); }
			open(...args) { this.told.push('open ' + args.join(' ')); }
			setRequestHeader(...args) { this.told.push(args.join(': ')); }
			send(file) { this.told.push('send ' + file); }
			abort() { this.told.push('abort'); }
			` + members + `
		} }`)
	require.NoError(t, err)
	pair, err := made.Invoke()
	require.NoError(t, err)
	replace(t, "XMLHttpRequest", bridge.Get(pair, "Class"))
	return func() safejs.Value { return bridge.Call(pair, "last") }
}

type ended struct {
	status int
	text   string
}

func TestUpload(t *testing.T) {
	last := sender(t, "")
	h := New(Config{})
	defer h.Release()
	before := bridge.Live()
	var parts []float64
	var ends []ended
	h.Upload(&Upload{
		URL: "http://gateway/media", Ticket: "t", File: bridge.String("the file"),
		Progress: func(part float64) { parts = append(parts, part) },
		Done:     func(status int, text string) { ends = append(ends, ended{status, text}) },
	})
	xhr := last()
	require.Equal(t, "open POST http://gateway/media, Authorization: Bearer t, send the file", told(t, xhr))
	progress, end := bridge.Get(bridge.Get(xhr, "upload"), "onprogress"), bridge.Get(xhr, "onloadend")
	for _, event := range []string{`{"loaded":5,"total":10}`, `{"loaded":5,"total":0}`, `{"loaded":20,"total":10}`} {
		_, err := progress.Invoke(bridge.Parse(event))
		require.NoError(t, err)
	}
	require.Equal(t, []float64{.5, 1}, parts)
	require.Empty(t, ends)
	bridge.Set(xhr, "status", bridge.Int(200))
	bridge.Set(xhr, "responseText", bridge.String("{}"))
	_, err := end.Invoke()
	require.NoError(t, err)
	require.Equal(t, []ended{{200, "{}"}}, ends)
	require.True(t, bridge.Get(xhr, "onloadend").IsNull())
	require.Equal(t, before, bridge.Live(), "its functions are freed")
}

func TestDownload(t *testing.T) {
	last := sender(t, "")
	h := New(Config{})
	defer h.Release()
	before := bridge.Live()
	var ends []ended
	h.Download("http://gateway/media/1/x", func(status int, text string) { ends = append(ends, ended{status, text}) })
	xhr := last()
	require.Equal(t, "open GET http://gateway/media/1/x, send undefined", told(t, xhr))
	bridge.Set(xhr, "status", bridge.Int(404))
	_, err := bridge.Get(xhr, "onloadend").Invoke()
	require.NoError(t, err)
	require.Equal(t, []ended{{404, ""}}, ends)
	require.Equal(t, before, bridge.Live(), "its functions are freed")
}

// An upload for which nobody waits any more is ended, once.
func TestReleaseEndsUploads(t *testing.T) {
	last := sender(t, "abort() { this.told.push('abort'); this.onloadend?.(); }")
	h := New(Config{})
	var ends []ended
	h.Upload(&Upload{Progress: func(float64) {}, Done: func(status int, text string) { ends = append(ends, ended{status, text}) }})
	h.Release()
	require.Equal(t, []ended{{}}, ends)
	require.Contains(t, told(t, last()), "abort")
}

// The end of a session ends its uploads, and nothing else.
func TestAbortUploads(t *testing.T) {
	last := sender(t, "")
	h := New(Config{})
	defer h.Release()
	over := 0
	h.Upload(&Upload{Progress: func(float64) {}, Done: func(int, string) { over++ }})
	upload := last()
	h.Download("http://gateway/media/1/x", func(int, string) { over += 10 })
	h.AbortUploads()
	require.Equal(t, 1, over)
	require.Contains(t, told(t, upload), "abort")
	require.NotContains(t, told(t, last()), "abort")
}

// An upload that stands still is given up; each progress grants it the time anew. A
// download is given up where nobody answers.
func TestAnUploadThatStandsStill(t *testing.T) {
	last := sender(t, "")
	h := New(Config{})
	defer h.Release()
	before := bridge.Live()
	var ends []ended
	u := &Upload{Progress: func(float64) {}, Done: func(status int, text string) { ends = append(ends, ended{status, text}) }}
	h.Upload(u)
	first := u.timer
	require.False(t, first.IsUndefined())
	_, err := bridge.Get(bridge.Get(last(), "upload"), "onprogress").Invoke(bridge.Parse(`{"loaded":5,"total":10}`))
	require.NoError(t, err)
	require.False(t, u.timer.Equal(first))
	require.Empty(t, ends)
	_, err = u.quiet.Value().Invoke() // as the timer would
	require.NoError(t, err)
	require.Equal(t, []ended{{}}, ends)
	require.Contains(t, told(t, last()), "abort")
	h.Download("http://gateway/media/1/x", u.Done)
	for u := range h.uploads {
		_, err = u.quiet.Value().Invoke()
		require.NoError(t, err)
	}
	require.Equal(t, []ended{{}, {}}, ends)
	require.Contains(t, told(t, last()), "abort")
	require.Equal(t, before, bridge.Live(), "its functions are freed")
}

// Where files cannot be uploaded, the upload fails, but not before Upload has
// returned.
func TestUploadsThatCannotBegin(t *testing.T) {
	for what, class := range map[string]string{
		"no XMLHttpRequest":      "",
		"one that takes no file": "send() { throw new TypeError('no'); }",
	} {
		if class == "" {
			replace(t, "XMLHttpRequest", safejs.Undefined())
		} else {
			sender(t, class)
		}
		h := New(Config{})
		over := make(chan ended, 2)
		h.Upload(&Upload{Progress: func(float64) {}, Done: func(status int, text string) { over <- ended{status, text} }})
		select {
		case <-over:
			t.Fatal(what, "ended at once")
		default:
		}
		require.Equal(t, ended{}, <-over, what)
		h.Release()
		require.Empty(t, over, what)
	}
}
