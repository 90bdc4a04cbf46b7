package docs

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/rest"
)

// tree is the repository.
var tree = os.DirFS("../..")

// build makes the documents of the tree once for all tests.
var build = sync.OnceValues(func() (map[string][]byte, error) { return Build(tree) })

func built(t *testing.T) map[string][]byte {
	files, err := build()
	require.NoError(t, err)
	return files
}

// Every page has its side list, one heading and a way to the other language.
func TestEveryPage(t *testing.T) {
	files := built(t)
	pages := 0
	for _, l := range languages {
		for _, s := range site {
			for _, p := range s.pages {
				name, own := p.address(l)
				body := string(files[name])
				require.NotEmpty(t, body, name)
				if !own {
					require.False(t, l.leads(), "%s has to be there in English", p.name)
					continue
				}
				pages++
				require.Contains(t, body, `<html lang="`+l.tag+`">`, name)
				require.Equal(t, 1, strings.Count(body, "<h1"), name)
				require.Equal(t, 1, strings.Count(body, `aria-current="page"`), name)
				require.NotContains(t, body, "raw HTML omitted", name)
			}
		}
	}
	require.Greater(t, pages, 10)
	for name := range files {
		require.NotContains(t, name, "/", "the pages name each other without folders")
	}
}

// The same documents come out each time, so that timd is the same, too.
func TestBuildIsReproducible(t *testing.T) {
	again, err := Build(tree)
	require.NoError(t, err)
	require.Equal(t, built(t), again)
}

// Every code is explained in both languages, and nothing else is.
func TestErrorCodesAreExplained(t *testing.T) {
	files := built(t)
	for _, l := range languages {
		body := string(files["codes"+l.suffix])
		for _, c := range fault.All {
			require.Equal(t, 1, strings.Count(body, fmt.Sprintf(`<tr id="%d">`, c)), "%s: %d", l.tag, c)
		}
		require.NotRegexp(t, "<td>[.。]?</td>", body, "each says what happened and what to do")
		require.Contains(t, body, "TIM.create({SDKAppID: &lt;", "code is text")
	}
	notes, err := codeNotes(tree)
	require.NoError(t, err)
	for key, note := range notes {
		n, err := strconv.Atoi(key)
		require.NoError(t, err)
		require.True(t, slices.Contains(fault.All, fault.Code(n)), "%s is explained, and there is no such code", key)
		require.Equal(t, note.Why == "", note.ZH.Why == "", "%s has its causes in one language only", key)
	}
	delete(notes, "70001")
	_, err = codeGroups(notes, languages[1])
	require.ErrorContains(t, err, "70001 is not explained in Chinese")
}

// markdownOf returns what a page is made from.
func markdownOf(t *testing.T, s source) string {
	t.Helper()
	body, err := fs.ReadFile(tree, s.file)
	require.NoError(t, err)
	text := string(body)
	if s.chapter != "" {
		text, err = chapter(text, s.chapter)
		require.NoError(t, err)
	}
	return text
}

// A page in Chinese shows the code of the English one, which tests run.
func TestChineseShowsTheSameCode(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```.*?^```$")
	read := func(s source) []string { return block.FindAllString(markdownOf(t, s), -1) }
	seen := 0
	for _, s := range site {
		for _, p := range s.pages {
			if p.zh.file != "" {
				seen++
				require.Equal(t, read(p.en), read(p.zh), p.name)
			}
		}
	}
	require.Greater(t, seen, 8)
}

// The Chinese page of the server API names every command and every callback.
func TestChineseNamesEveryCommand(t *testing.T) {
	read := func(file string) string {
		body, err := fs.ReadFile(tree, file)
		require.NoError(t, err)
		return string(body)
	}
	chinese := read("web/docs/zh/backend.md")
	for _, d := range rest.Commands() {
		_, name, _ := strings.Cut(d.Command, "/")
		require.Contains(t, chinese, name+"`", d.Command)
	}
	callback := regexp.MustCompile("`(State|C2C|Group)\\.[A-Za-z0-9]+`")
	require.Subset(t, callback.FindAllString(chinese, -1), callback.FindAllString(read("web/examples/README.md"), -1))
}

func TestSentence(t *testing.T) {
	for text, want := range map[string]string{"use POST": "Use POST.", "deleteMessage removes it": "deleteMessage removes it."} {
		require.Equal(t, want, sentence(text))
	}
}

// What the index names is there, and finds a code by its number.
func TestIndex(t *testing.T) {
	for _, l := range languages {
		var index []entry
		require.NoError(t, json.Unmarshal(built(t)["search."+l.tag+".json"], &index))
		named := map[string]bool{}
		for _, e := range index {
			require.False(t, named[e.URL], "%s is there twice", e.URL)
			named[e.URL] = true
			require.NotContains(t, e.Text, "<td", e.URL)
			file, id, _ := strings.Cut(e.URL, "#")
			require.Contains(t, string(built(t)[file]), ` id="`+id, e.URL)
		}
		at := slices.IndexFunc(index, func(e entry) bool { return e.Name == "70001" })
		require.GreaterOrEqual(t, at, 0)
		require.Equal(t, "codes"+l.suffix+"#70001", index[at].URL)
	}
}

func render(t *testing.T, body string) (*text, error) {
	t.Helper()
	b := &builder{site: site, root: fstest.MapFS{
		"a/page.md": {}, "js/MIGRATION.md": {}, "a/b/README.md": {}, "a/c/x": {},
	}}
	return b.render(body, "a/page.md", languages[0])
}

func TestMarkdown(t *testing.T) {
	got, err := render(t, "# Title\n\nText\n\n## One & two\n\n<!-- unseen -->\n\n## 二 级\n\n## One & two\n\n```js\nconst a = '<b>' // c\n```\n\n| a |\n|---|\n| `b` |\n")
	require.NoError(t, err)
	require.NotContains(t, got.html, "Title")
	require.NotContains(t, got.html, "unseen")
	require.Equal(t, []heading{{2, "one--two", "One & two", false}, {2, "二-级", "二 级", false}, {2, "one--two-1", "One & two", false}}, got.headings)
	require.Contains(t, got.html, `<pre tabindex="0"><code><span class="k">const</span> a = <span class="s">&#39;&lt;b&gt;&#39;</span> <span class="c">// c</span>`)
	require.Contains(t, got.html, "<td><code>b</code></td>")
}

func TestLinks(t *testing.T) {
	for link, want := range map[string]string{
		"https://example.com/": "https://example.com/", "#here": "#here", "../js/MIGRATION.md#there": "migration.html#there",
		"b": repository + "a/b/README.md", "c/": repository + "a/c", "c/x": repository + "a/c/x",
	} {
		got, err := render(t, "["+"x]("+link+")")
		require.NoError(t, err, link)
		require.Contains(t, got.html, `href="`+want+`"`)
	}
	_, err := render(t, "[x](gone.md) [y](../gone)")
	require.ErrorContains(t, err, "a/page.md: the link to gone.md leads nowhere")
	require.ErrorContains(t, err, "../gone")

	good := map[string][]byte{"a.html": []byte(`<p id="x"></p><a href="b.html#y"></a><a href="#x"></a><a href="base.css"></a>`), "b.html": []byte(`<p id="y">`)}
	require.NoError(t, checkLinks(good))
	for _, bad := range []string{"c.html", "b.html#z", "#y"} {
		good["a.html"] = []byte(`<a href="` + bad + `">`)
		require.ErrorContains(t, checkLinks(good), bad)
	}
}

// Code is what it was, whatever is coloured in it.
func TestHighlight(t *testing.T) {
	for kind := range grammars {
		const code = "a = \"x\\\"y\" // no\n# c\n+ d\n- e\n<b c='d'>{\"k\": 'it`s'} `t` /* never ends"
		body := highlight(kind, code)
		require.Contains(t, body, "<span class=", kind)
		words := anyTag.ReplaceAllString(body, "")
		require.Equal(t, strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(code), words, kind)
	}
}

// The reference has every method that is built, every event that fires, and what
// a reader follows from them.
func TestReference(t *testing.T) {
	files := built(t)
	api, types := string(files["api.html"]), string(files["types.html"])
	var methods struct{ Methods, Built []string }
	text, err := fs.ReadFile(tree, "internal/gen/methods.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &methods))
	require.Greater(t, len(methods.Built), 50)
	for _, name := range methods.Built {
		require.Equal(t, 1, strings.Count(api, `<h3 id="`+name+`">`), name)
	}
	// An event has its row unless it is one of those that never fire.
	var constants struct{ EVENT map[string]string }
	text, err = fs.ReadFile(tree, "internal/gen/constants.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &constants))
	never := []string{"SDK_RELOAD", "ROOM_CUSTOM_DATA_RECEIVED", "SERVER_CONFIG_UPDATED", "MY_FOLLOWERS_LIST_UPDATED", "MY_FOLLOWING_LIST_UPDATED", "MUTUAL_FOLLOWERS_LIST_UPDATED"}
	for name := range constants.EVENT {
		rows := 1
		if slices.Contains(never, name) {
			rows = 0
		}
		require.Equal(t, rows, strings.Count(types, `<tr id="`+name+`">`), name)
	}
	for _, id := range []string{"SDK_READY", "LOGIN_STATUS_CHANGE", "Message", "Conversation", "KickedOutType"} {
		require.Equal(t, 1, strings.Count(types, ` id="`+id+`"`), id)
	}
	for _, part := range []string{"{@link", "*/</p>", "<p>/**"} {
		require.False(t, strings.Contains(api+types, part), part)
	}
}

// Every command of the server API has its place.
func TestServerAPI(t *testing.T) {
	for _, l := range languages {
		body := string(built(t)["server-api"+l.suffix])
		for _, d := range rest.Commands() {
			require.Equal(t, 1, strings.Count(body, `<h3 id="`+anchor(d.Command)+`">`), "%s: %s", l.tag, d.Command)
		}
	}
}

func TestTypings(t *testing.T) {
	got := parse(`// a file
import type { X } from 'x';

/** One. */
export type A =
  | 'a'
  | 'b';
/**
 * Two, of {@link A}
 * and more.
 */
export interface B<T> extends A {
  /** Is a. */
  a: string;
  b?: {
    /** Deep. */
    c: number;
  };
  d(options: {
    e: string;
  }): void;
}
export declare function f(a: A): B;
declare const x: string;
`)
	require.Len(t, got, 3)
	require.Equal(t, declaration{kind: "type", name: "A", comment: "One.", code: "type A =\n  | 'a'\n  | 'b';"}, got[0])
	require.Equal(t, "Two, of {@link A} and more.", got[1].comment)
	require.Equal(t, []member{
		{"a", "Is a.", "a: string;"}, {"b", "", "b?: {\n  /** Deep. */\n  c: number;\n};"}, {"d", "", "d(options: {\n  e: string;\n}): void;"},
	}, got[1].members)
	require.Equal(t, "function f(a: A): B;", got[2].code)
}

func TestChapter(t *testing.T) {
	got, err := chapter("# a\n\n## b\n\n### c\n\ntext\n\n## d\n", "b")
	require.NoError(t, err)
	require.Equal(t, "\n## c\n\ntext\n", got)
	_, err = chapter("# a\n", "b")
	require.ErrorContains(t, err, `no chapter "b"`)
}

func TestBuildElsewhere(t *testing.T) {
	_, err := Build(fstest.MapFS{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "module's root")
}
