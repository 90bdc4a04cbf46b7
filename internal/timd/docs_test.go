package timd

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

// Every code is explained in both languages, and nothing else is.
func TestErrorCodesAreExplained(t *testing.T) {
	files, err := docs(pagesOfTheTree)
	require.NoError(t, err)
	for _, l := range docsLanguages {
		page := string(files[l.file].raw.body)
		require.Contains(t, page, `<html lang="`+l.lang+`">`)
		for _, c := range fault.All {
			require.Equal(t, 1, strings.Count(page, fmt.Sprintf(`<tr id="%d">`, c)), "%s: %d", l.lang, c)
		}
		require.NotContains(t, page, "<td></td>", "each says what happened and what to do")
		require.Contains(t, page, "TIM.create({SDKAppID: &lt;", "code is text")
		for _, other := range docsLanguages {
			require.Equal(t, l.file != other.file, strings.Contains(page, `href="`+other.file+`"`))
		}
		for _, name := range []string{"base.css", "docs.css", "icon.svg", "theme.js", "docs.js"} {
			require.Contains(t, page, `"`+name+`"`)
			require.NotNil(t, files[name], name)
		}
	}
	require.Nil(t, files["codes.json"], "it is the source of the pages")

	text, err := fs.ReadFile(pagesOfTheTree.Docs, "codes.json")
	require.NoError(t, err)
	notes := map[string]codeNote{}
	require.NoError(t, json.Unmarshal(text, &notes))
	for key, note := range notes {
		n, err := strconv.Atoi(key)
		require.NoError(t, err)
		require.True(t, slices.Contains(fault.All, fault.Code(n)), "%s is explained, and there is no such code", key)
		require.Equal(t, note.Why == "", note.ZH.Why == "", "%s has its causes in one language only", key)
		require.Equal(t, note.ZH.What == "", note.ZH.Remedy == "", key)
	}
}

func TestDocs(t *testing.T) {
	s := newStage(t, func(o *options) { o.docs = true })
	for path, kind := range map[string]string{"/docs/": "text/html", "/docs/codes.zh.html": "text/html", "/docs/docs.css": "text/css", "/docs/base.css": "text/css"} {
		res, err := http.Get(s.url + path) // follows the redirect of /docs/
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		require.Contains(t, res.Header.Get("Content-Type"), kind, path)
		require.Contains(t, res.Header.Get("Content-Security-Policy"), "default-src 'none'", path)
	}
}

func TestNoDocs(t *testing.T) {
	s := newStage(t, func(o *options) { o.docs = false })
	res, err := http.Get(s.url + "/docs/codes.html")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusNotFound, res.StatusCode)
}

func TestSentence(t *testing.T) {
	for text, want := range map[string]string{"use POST": "Use POST.", "deleteMessage removes it": "deleteMessage removes it.", "": "."} {
		require.Equal(t, want, sentence(text))
	}
}
