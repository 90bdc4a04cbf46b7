package docs

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/rest"
)

// changed is the tree with one file as edit returns it.
type changed struct {
	fs.FS
	file string
	edit func(string) string
}

func (c changed) Open(name string) (fs.File, error) {
	if name != c.file {
		return c.FS.Open(name)
	}
	body, err := fs.ReadFile(c.FS, name)
	if err != nil {
		return nil, err
	}
	return fstest.MapFS{name: {Data: []byte(c.edit(string(body)))}}.Open(name)
}

// What is new in English has to be explained in Chinese, and what is gone goes
// there, too: the build says which name it is.
func TestChineseFollowsTheEnglish(t *testing.T) {
	instead := func(old, text string) func(string) string {
		return func(body string) string {
			if !strings.Contains(body, old) {
				t.Errorf("there is no %q to replace", old)
			}
			return strings.Replace(body, old, text, 1)
		}
	}
	for _, c := range []struct {
		file, old, text, want string
	}{
		{"js/types/index.d.ts", "  isReady(): boolean;", "  isReady(): boolean;\n  isNew(): boolean;", "web/docs/zh/api.md: there is no text for isNew"},
		{"js/types/index.d.ts", "  isReady(): boolean;", "", "web/docs/zh/api.md: nothing is called isReady any more"},
		{"js/types/index.d.ts", "  error: { code", "  sdkReload: {};\n  error: { code", "web/docs/zh/types.md: there is no text for SDK_RELOAD"},
		{"js/types/inbox.d.ts", "export interface UserStatus {", "export interface New {\n}\nexport interface UserStatus {", "web/docs/zh/types.md: there is no text for New"},
		{"js/types/index.d.ts", "/** Unix ms. */", "/** Unix µs. */", `web/docs/zh/comments.json: there is nothing for "Unix µs."`},
		{"js/types/index.d.ts", "/** Unix ms. */", "", `no comment of the typings says "Unix ms." any more`},
		{commandTable, "| `openim/sendmsg` |", "| openim/sendmsg |", "openim/sendmsg: web/examples/README.md has no row for it"},
		{"web/docs/zh/server-api.md", "## openim/sendmsg\n", "## openim/send\n", "there is no text for openim/sendmsg"},
		{"web/docs/zh/server-api.md", "## recentcontact\n", "## openim/send\nx\n\n## recentcontact\n", "nothing is called openim/send any more"},
		{"web/docs/zh/api.md", "## login\n", "## logon\n", "there is no text for login"},
		{"web/docs/zh/api.md", "## isReady\n", "## login\n", "login is there twice"},
		{"web/docs/zh/api.md", "`LOGIN_STATUS_CHANGE`", "[x](types.zh.html#LOGIN)", "types.zh.html#LOGIN leads nowhere"},
	} {
		_, err := Build(changed{tree, c.file, instead(c.old, c.text)})
		require.ErrorContains(t, err, c.want, "%s: %s", c.file, c.text)
	}
}

var (
	figure   = regexp.MustCompile(`\b\d[\d,.]*\d|\b\d`)
	constant = regexp.MustCompile(`\b[A-Z][A-Z0-9]*_[A-Z0-9_]+`)
)

// figures returns the numbers of a text.
func figures(text string) []string {
	found := figure.FindAllString(text, -1)
	for i, n := range found {
		found[i] = strings.ReplaceAll(n, ",", "")
	}
	return found
}

// requireSame holds a Chinese text to the English one: the same limits, codes
// and constants are in both. Small numbers may be words in either.
func requireSame(t *testing.T, name, english, chinese, code string) {
	t.Helper()
	require.Subset(t, figures(chinese), figures(english), "%s: %s", name, chinese)
	require.Subset(t, constant.FindAllString(chinese, -1), constant.FindAllString(english, -1), "%s: %s", name, chinese)
	known := figures(english + " " + code)
	for _, n := range figures(chinese) {
		small, err := strconv.Atoi(n)
		require.True(t, slices.Contains(known, n) || err == nil && small <= 12, "%s: %s is only in the Chinese: %s", name, n, chinese)
	}
}

// The Chinese reference says the limits, codes and constants of the English one.
func TestChineseSaysTheSame(t *testing.T) {
	r, err := newReference(tree)
	require.NoError(t, err)
	api, err := explainedIn(tree, "api")
	require.NoError(t, err)
	types, err := explainedIn(tree, "types")
	require.NoError(t, err)
	said := map[string]*[2]string{} // comments and code by name: overloads are one
	add := func(name, comment, code string) {
		if said[name] == nil {
			said[name] = new([2]string)
		}
		said[name][0] += " " + comment
		said[name][1] += " " + code
	}
	for _, d := range r.all {
		switch {
		case r.methods(d.name):
			add(d.name, d.comment, "")
			for _, m := range d.members {
				add(m.name, m.comment, m.code)
			}
		case d.name == eventMap:
			for _, m := range d.members {
				add(r.names[m.name], m.comment, m.code)
			}
		default:
			add(d.name, d.comment, d.code)
		}
	}
	require.Greater(t, len(said), 250)
	for name, s := range said {
		zh := api.texts[name] + types.texts[name]
		require.NotEmpty(t, zh, name)
		requireSame(t, name, s[0], zh, s[1])
	}
	c, err := readComments(tree)
	require.NoError(t, err)
	for english, chinese := range c.zh {
		requireSame(t, english, english, chinese, "")
	}
}

var inTicks = regexp.MustCompile("`[^`\n]+`")

// The Chinese page of the server API names the fields and limits of each
// command that its English row names, where it names them, and no field that no row
// names.
func TestChineseNamesEveryField(t *testing.T) {
	body, err := fs.ReadFile(tree, commandTable)
	require.NoError(t, err)
	rows, err := fields(tree)
	require.NoError(t, err)
	zh, err := explainedIn(tree, "server-api")
	require.NoError(t, err)
	known := inTicks.FindAllString(string(body), -1)
	for _, d := range rest.Commands() {
		_, name, _ := strings.Cut(d.Command, "/")
		known = append(known, "`"+d.Command+"`", "`"+name+"`")
	}
	for _, d := range rest.Commands() {
		row, chinese := rows[d.Command], zh.texts[d.Command]
		require.NotEmpty(t, row, d.Command)
		fields := inTicks.FindAllString(chinese, -1)
		require.Subset(t, fields, inTicks.FindAllString(row, -1), d.Command)
		for _, field := range fields {
			code, notCode := strconv.Atoi(strings.Trim(field, "`"))
			if notCode == nil {
				require.Contains(t, row, strconv.Itoa(code), d.Command)
				continue
			}
			require.True(t, slices.Contains(known, field), "%s: %s is no field", d.Command, field)
		}
		requireSame(t, d.Command, d.Summary+row, chinese, "")
		for i, cell := range strings.SplitN(row, " | ", 3) {
			part := []string{"请求", "应答", "忽略"}[i]
			said := inTicks.FindAllString(partOf(chinese, part), -1)
			require.Subset(t, said, inTicks.FindAllString(cell, -1), "%s: %s", d.Command, part)
		}
	}
}

// partOf returns the lines of a command's list that say what it takes, replies with or
// ignores: one line may be about two of them.
func partOf(text, part string) (lines string) {
	for line := range strings.Lines(text) {
		if of, _, _ := strings.Cut(line, "："); strings.HasPrefix(of, "- ") && strings.Contains(of, part) {
			lines += line
		}
	}
	return lines
}

// abridged are pages whose English says more than the Chinese, and why.
var abridged = map[string]string{
	"package": "its chapter of mini programs is a page of its own",
	"backend": "the fields of the commands are on the page of the server API",
}

// A page in Chinese names the options, methods, codes and limits of the English
// one, so that what is new there is not missed here.
func TestChinesePagesNameTheSame(t *testing.T) {
	read := func(s source) string {
		text, _, _ := strings.Cut(markdownOf(t, s), "\n| built |") // the page of methods is that list
		return text
	}
	seen := 0
	for _, s := range site {
		for _, p := range s.pages {
			if p.zh.file == "" || abridged[p.name] != "" {
				continue
			}
			seen++
			english, chinese := read(p.en), read(p.zh)
			names := inTicks.FindAllString(chinese, -1)
			for _, name := range inTicks.FindAllString(english, -1) {
				require.True(t, slices.Contains(names, name), "%s: the Chinese does not name %s", p.name, name)
			}
			said := figures(chinese)
			for _, n := range figures(english) {
				require.True(t, slices.Contains(said, n), "%s: the Chinese does not say %s", p.name, n)
			}
		}
	}
	require.Greater(t, seen, 10)
}

// The Chinese page of the migration lists the methods that are not built.
func TestChineseListsWhatIsNotBuilt(t *testing.T) {
	var methods struct{ Methods, Built []string }
	text, err := fs.ReadFile(tree, "internal/gen/methods.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &methods))
	body, err := fs.ReadFile(tree, "web/docs/zh/migration.md")
	require.NoError(t, err)
	_, list, ok := strings.Cut(string(body), "未实现的方法：")
	require.True(t, ok)
	listed := inTicks.FindAllString(list, -1)
	for i := range listed {
		listed[i] = strings.Trim(listed[i], "`")
	}
	unbuilt := slices.DeleteFunc(methods.Methods, func(name string) bool { return slices.Contains(methods.Built, name) })
	require.ElementsMatch(t, unbuilt, listed)
}

func TestWrap(t *testing.T) {
	for text, want := range map[string][]string{
		"一二三四。":        {"一二三", "四。"},
		"一二三。":         {"一二", "三。"}, // no line begins with punctuation
		"ab cd efgh":   {"ab cd", "efgh"},
		"一 abcdefgh 二": {"一", "abcdefgh", "二"},
		"":             {""},
	} {
		lines := wrap(text, 7)
		require.Equal(t, want, lines, text)
	}
	// Nothing is lost.
	c, err := readComments(tree)
	require.NoError(t, err)
	for _, text := range c.zh {
		squeeze := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		require.Equal(t, squeeze(text), squeeze(strings.Join(wrap(text, 76), "")), text)
	}
}

func TestTranslateComments(t *testing.T) {
	c := &comments{zh: map[string]string{"One and two.": "一和二。"}, used: map[string]bool{}}
	got, err := c.translate("a: {\n  /** One\n   * and two. */\n  b: 'c';\n}")
	require.NoError(t, err)
	require.Equal(t, "a: {\n  /** 一和二。 */\n  b: 'c';\n}", got)
	c.zh["One and two."] = strings.Repeat("字", 39)
	got, err = c.translate("  /** One and two. */\n  b;")
	require.NoError(t, err)
	require.Equal(t, "  /**\n   * "+strings.Repeat("字", 38)+"\n   * 字\n   */\n  b;", got)
}
