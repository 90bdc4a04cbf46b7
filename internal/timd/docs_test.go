package timd

import (
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	docspkg "github.com/tim-wasm/tim/internal/docs"
)

// builtDocs builds the documentation once for all tests.
var builtDocs = sync.OnceValues(func() (fstest.MapFS, error) {
	files, err := docspkg.Build(os.DirFS("../.."))
	made := fstest.MapFS{}
	for name, body := range files {
		made[name] = &fstest.MapFile{Data: body}
	}
	return made, err
})

func withDocs(t *testing.T) func(*options) {
	made, err := builtDocs()
	require.NoError(t, err)
	return func(o *options) {
		o.docs = true
		o.files.Docs = made
	}
}

// fetchDoc returns an answer and its body. It follows the redirect of /docs/.
func fetchDoc(t *testing.T, url, language string) (*http.Response, string) {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	require.NoError(t, err)
	r.Header.Set("Accept-Language", language)
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res, string(body)
}

func TestDocs(t *testing.T) {
	s := newStage(t, withDocs(t))
	for path, kind := range map[string]string{
		"/docs/": "text/html", "/docs/codes.zh.html": "text/html", "/docs/docs.css": "text/css", "/docs/base.css": "text/css",
		"/docs/search.en.json": "application/json",
	} {
		res, _ := fetchDoc(t, s.url+path, "")
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		require.Contains(t, res.Header.Get("Content-Type"), kind, path)
		require.Contains(t, res.Header.Get("Content-Security-Policy"), "default-src 'none'", path)
	}
	for language, tag := range map[string]string{"": "en", "de, zh;q=0.5": "en", "zh-CN,zh;q=0.9": "zh-CN"} {
		_, body := fetchDoc(t, s.url+"/docs/", language)
		require.Contains(t, body, `<html lang="`+tag+`">`, language)
	}
}

// The pages have no inline styles and scripts: their Content-Security-Policy forbids
// them.
func TestDocsKeepTheirPolicy(t *testing.T) {
	made, err := builtDocs()
	require.NoError(t, err)
	for name, file := range made {
		if !strings.HasSuffix(name, ".html") {
			continue
		}
		for _, part := range []string{" style=", "<style", " onclick=", "<script>", "javascript:"} {
			require.NotContains(t, string(file.Data), part, name)
		}
	}
}

func TestDocsThatAreNotBuilt(t *testing.T) {
	s := newStage(t, func(o *options) {
		o.docs = true
		o.files.Docs = fstest.MapFS{}
	})
	res, body := fetchDoc(t, s.url+"/docs/", "")
	require.Equal(t, http.StatusNotFound, res.StatusCode)
	require.Contains(t, body, "make build")
}

func TestNoDocs(t *testing.T) {
	s := newStage(t, func(o *options) { o.docs = false })
	res, _ := fetchDoc(t, s.url+"/docs/codes.html", "")
	require.Equal(t, http.StatusNotFound, res.StatusCode)
}
