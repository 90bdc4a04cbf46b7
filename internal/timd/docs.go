package timd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
	dist "github.com/tim-wasm/tim/js"
)

// docsLanguages lists the languages of the documents, the default first.
var docsLanguages = []struct {
	file, lang, name string
	words            map[string]string
}{
	{"codes.html", "en", "English", map[string]string{
		"title": "Error codes", "skip": "Skip to the codes", "version": "Version", "languages": "Languages",
		"lead":   "What each code means and what to do about it. The codes are those of the TIM web SDK and its server API; an IMError has one as code, a reply of the server API as ErrorCode.",
		"search": "Search", "none": "Nothing has these letters in it.", "code": "Code", "what": "What happened", "remedy": "What to do",
		"sdk": "In the SDK", "server": "From the gateway", "api": "From the server API",
	}},
	{"codes.zh.html", "zh-CN", "中文", map[string]string{
		"title": "错误码", "skip": "跳到错误码", "version": "版本", "languages": "语言",
		"lead":   "每个错误码的含义和处理办法。错误码与 TIM Web SDK 及其服务端 API 相同：IMError 的 code，或服务端 API 应答中的 ErrorCode。",
		"search": "搜索", "none": "没有匹配的内容。", "code": "错误码", "what": "发生了什么", "remedy": "怎么办",
		"sdk": "SDK 产生", "server": "网关返回", "api": "服务端 API 返回",
	}},
}

// codeNote is what codes.json says about a code besides its message.
type codeNote struct {
	Why string // causes
	ZH  struct{ What, Remedy, Why string }
}

type codeRow struct {
	Code              fault.Code
	What, Remedy, Why string
	Lang              string // of the text, if it is not the page's
}

type codeGroup struct {
	ID, Title string
	Rows      []codeRow
}

// codeGroups returns the codes, grouped by where they come from.
func codeGroups(notes map[string]codeNote, lang string, words map[string]string) []codeGroup {
	groups := []codeGroup{{ID: "sdk"}, {ID: "server"}, {ID: "api"}}
	for _, c := range fault.All {
		note := notes[strconv.Itoa(int(c))]
		what, remedy, _ := strings.Cut(strings.TrimSuffix(c.Text(), "."), ": ")
		row := codeRow{Code: c, What: what + ".", Remedy: sentence(remedy), Why: note.Why}
		switch {
		case lang == "en":
		case note.ZH.What == "":
			row.Lang = "en"
		default:
			row.What, row.Remedy, row.Why = note.ZH.What+"。", note.ZH.Remedy+"。", note.ZH.Why
		}
		at := 1
		switch {
		case c < 4000: // raised by the SDK itself, see internal/gen
			at = 0
		case c >= 60000 && c < 70000:
			at = 2
		}
		groups[at].Rows = append(groups[at].Rows, row)
	}
	for i := range groups {
		groups[i].Title = words[groups[i].ID]
	}
	return groups
}

// sentence begins a text with a capital, unless it begins with a name of the
// API.
func sentence(text string) string {
	first, _, _ := strings.Cut(text, " ")
	if text == "" || strings.ToLower(first) != first {
		return text + "."
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// serveDocs serves the documents at /docs/: the table of error codes.
func serveDocs(_ context.Context, t *running) error {
	if !t.options.docs {
		return nil
	}
	files, err := docs(t.options.files)
	if err != nil {
		return err
	}
	h := &static{
		files:  files,
		header: pageHeader,
		cache:  func(string) string { return "no-cache" },
		absent: "There is no such document here.",
	}
	t.public.Handle("/docs/", http.StripPrefix("/docs", h))
	t.public.Handle("/docs/{$}", http.RedirectHandler("/docs/"+docsLanguages[0].file, http.StatusFound))
	return nil
}

// docs renders the documents.
func docs(pages Files) (map[string]*asset, error) {
	all, err := readStatic(pages.Docs)
	if err != nil {
		return nil, err
	}
	shared, err := readStatic(pages.Page)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"base.css", "icon.svg", "theme.js"} {
		all[name] = shared[name]
	}
	text, err := fs.ReadFile(pages.Docs, "codes.json")
	if err != nil {
		return nil, err
	}
	notes := map[string]codeNote{}
	if err := json.Unmarshal(text, &notes); err != nil {
		return nil, fmt.Errorf("web/docs/codes.json: %w", err)
	}
	page, err := template.ParseFS(pages.Docs, "codes.html")
	if err != nil {
		return nil, err
	}
	delete(all, "codes.json") // it is not served
	for i, l := range docsLanguages {
		other := docsLanguages[len(docsLanguages)-1-i]
		var out bytes.Buffer
		err := page.Execute(&out, map[string]any{
			"Lang": l.lang, "Words": l.words, "Version": dist.Version(), "Groups": codeGroups(notes, l.lang, l.words),
			"Other": other.file, "OtherLang": other.lang, "OtherName": other.name,
		})
		if err != nil {
			return nil, err
		}
		all[l.file] = newAsset(l.file, out.Bytes())
	}
	return all, nil
}
