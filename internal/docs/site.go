package docs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// source is where a page's text lies: a file of the repository, or one chapter
// of it, whose headings then move up by one.
type source struct {
	file, chapter string
}

// page is one document. Its name is its address below /docs/, without .html
// and the language.
type page struct {
	name string
	en   source
	zh   source // none: Chinese readers are led to the English page
	// title in each language, for the side list and the page's heading.
	title, titleZH string
	// make returns the text instead of a file, in every language.
	make func(b *builder, l language) (string, error)
}

// section is a part of the side list.
type section struct {
	title, titleZH string
	pages          []page
}

// own is the source of a page that is written for the documents.
func own(name string) source { return source{file: "web/docs/en/" + name + ".md"} }

// zh is the same in Chinese.
func zh(name string) source { return source{file: "web/docs/zh/" + name + ".md"} }

// site lists the pages in the order of the side list.
var site = []section{
	{title: "Begin", titleZH: "开始", pages: []page{
		{name: "index", title: "What tim is", titleZH: "tim 是什么", en: own("index"), zh: zh("index")},
	}},
	{title: "Quick starts", titleZH: "快速开始", pages: []page{
		{name: "page", title: "A plain page", titleZH: "普通网页", en: source{file: "README.md", chapter: "A page"}, zh: zh("page")},
		{name: "vite", title: "Vite", titleZH: "Vite", en: own("vite"), zh: zh("vite")},
		{name: "react", title: "React", titleZH: "React", en: own("react"), zh: zh("react")},
		{name: "vue", title: "Vue", titleZH: "Vue", en: own("vue"), zh: zh("vue")},
		{name: "next", title: "Next", titleZH: "Next", en: own("next"), zh: zh("next")},
		{name: "node", title: "Node", titleZH: "Node", en: own("node"), zh: zh("node")},
		{name: "miniprogram", title: "Mini programs", titleZH: "小程序", en: source{file: "js/README.md", chapter: "Mini programs"}, zh: zh("miniprogram")},
	}},
	{title: "Reference", titleZH: "参考", pages: []page{
		{name: "api", title: "Methods", titleZH: "方法", make: apiPage},
		{name: "types", title: "Types and events", titleZH: "类型与事件", make: typesPage},
		{name: "codes", title: "Error codes", titleZH: "错误码", make: codesPage},
		{name: "migration", title: "Coming from the TIM web SDK", titleZH: "从 TIM Web SDK 迁移", en: source{file: "js/MIGRATION.md"}, zh: zh("migration")},
		{name: "package", title: "The npm package", titleZH: "npm 包", en: source{file: "js/README.md"}, zh: zh("package")},
		{name: "changelog", title: "Changelog", titleZH: "更新日志", en: source{file: "js/CHANGELOG.md"}},
	}},
	{title: "Your servers", titleZH: "你的服务器", pages: []page{
		{name: "server-api", title: "Server API, by example", titleZH: "服务端 API 参考", make: serverAPIPage},
		{name: "backend", title: "A back end and the server API", titleZH: "后端与服务端 API", en: source{file: "web/examples/README.md"}, zh: zh("backend")},
	}},
	{title: "Operating", titleZH: "运维", pages: []page{
		{name: "one-machine", title: "One machine", titleZH: "单机部署", en: own("one-machine"), zh: zh("one-machine")},
		{name: "many-machines", title: "Many machines", titleZH: "集群部署", en: own("many-machines"), zh: zh("many-machines")},
		{name: "operating", title: "Operating timd", titleZH: "日常运维", en: own("operating"), zh: zh("operating")},
		{name: "deploy", title: "Ways to install", titleZH: "安装方式", en: source{file: "web/deploy/README.md"}, zh: zh("deploy")},
		{name: "security", title: "Security", titleZH: "安全", en: source{file: "internal/SECURITY.md"}, zh: zh("security")},
	}},
}

// language is one of those that the documents are written in.
type language struct {
	tag, name, suffix string
	words             map[string]string
}

// languages lists them, the leading one first.
var languages = []language{
	{"en", "English", ".html", map[string]string{
		"skip": "Skip to the text", "parts": "Parts of timd", "demo": "Demo", "console": "Console", "version": "Version", "languages": "Languages", "pages": "Pages", "contents": "On this page",
		"search": "Search", "searchHint": "Search the documents", "none": "Nothing has these words in it.", "menu": "Pages", "before": "Previous", "after": "Next",
		"copy": "Copy", "copied": "Copied", "theme": "Light or dark", "english": "in English", "failed": "The index could not be loaded: reload the page.",
		"code": "Code", "what": "What happened", "remedy": "What to do", "filter": "Show codes with",
		"sdk": "In the SDK", "server": "From the gateway", "api": "From the server API",
		"codesLead": "What each code means and what to do about it. The codes are those of the TIM web SDK and its server API; an IMError has one as code, a reply of the server API as ErrorCode.",
		"found":     "found",
	}},
	{"zh-CN", "中文", ".zh.html", map[string]string{
		"skip": "跳到正文", "parts": "timd 的各部分", "demo": "演示", "console": "控制台", "version": "版本", "languages": "语言", "pages": "页面", "contents": "本页内容",
		"search": "搜索", "searchHint": "搜索文档", "none": "没有匹配的内容。", "menu": "目录", "before": "上一页", "after": "下一页",
		"copy": "复制", "copied": "已复制", "theme": "明暗主题", "english": "英文", "failed": "搜索索引加载失败，请刷新页面。",
		"code": "错误码", "what": "发生了什么", "remedy": "怎么办", "filter": "只显示包含以下内容的错误码",
		"sdk": "SDK 产生", "server": "网关返回", "api": "服务端 API 返回",
		"codesLead": "每个错误码的含义和处理办法。错误码与 TIM Web SDK 及其服务端 API 相同：IMError 的 code，或服务端 API 应答中的 ErrorCode。",
		"found":     "条结果",
	}},
}

func (l language) leads() bool { return l.tag == languages[0].tag }

func (p page) titleIn(l language) string {
	if l.leads() {
		return p.title
	}
	return p.titleZH
}

// in returns the page's source in a language, and whether it has one.
func (p page) in(l language) (source, bool) {
	s := p.zh
	if l.leads() {
		s = p.en
	}
	return s, p.make != nil || s.file != ""
}

// address returns the file that shows the page to readers of a language, and
// whether it is in that language.
func (p page) address(l language) (string, bool) {
	if _, ok := p.in(l); ok {
		return p.name + l.suffix, true
	}
	return p.name + languages[0].suffix, false
}

// builder makes the documents from the files of the repository.
type builder struct {
	root     fs.FS
	version  string
	site     []section // what links to files lead to
	comments *comments
}

// Build returns the documents by their names below /docs/, made from the files
// of the repository that root holds.
func Build(root fs.FS) (map[string][]byte, error) {
	b := &builder{root: root, site: site}
	text, err := fs.ReadFile(root, "js/package.json")
	if err != nil {
		return nil, fmt.Errorf("run it in the module's root: %w", err)
	}
	var npm struct{ Version string }
	if err := json.Unmarshal(text, &npm); err != nil {
		return nil, fmt.Errorf("js/package.json: %w", err)
	}
	b.version = npm.Version
	if b.comments, err = readComments(root); err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, name := range []string{"docs.css", "docs.js", "search.js"} {
		if out[name], err = fs.ReadFile(root, path.Join("web/docs", name)); err != nil {
			return nil, err
		}
	}
	for _, l := range languages {
		if err := b.buildIn(l, out); err != nil {
			return nil, err
		}
	}
	return out, errors.Join(b.comments.rest(), checkLinks(out))
}

// buildIn adds the pages of a language to out, with their index.
func (b *builder) buildIn(l language, out map[string][]byte) error {
	var index []entry
	for _, s := range site {
		for _, p := range s.pages {
			if _, ok := p.in(l); !ok {
				continue
			}
			t, err := b.text(p, l)
			if err != nil {
				return fmt.Errorf("%s (%s): %w", p.name, l.tag, err)
			}
			html, err := b.frame(p, l, t)
			if err != nil {
				return fmt.Errorf("%s (%s): %w", p.name, l.tag, err)
			}
			name, _ := p.address(l)
			out[name] = html
			index = append(index, t.entries(p.titleIn(l), name)...)
		}
	}
	text, err := json.Marshal(index)
	if err != nil {
		return err
	}
	out["search."+l.tag+".json"] = text
	return nil
}

// text returns the text of a page in a language.
func (b *builder) text(p page, l language) (*text, error) {
	src, _ := p.in(l)
	if p.make != nil {
		html, err := p.make(b, l)
		if err != nil {
			return nil, err
		}
		return made(html), nil
	}
	markdown, err := fs.ReadFile(b.root, src.file)
	if err != nil {
		return nil, err
	}
	body := string(markdown)
	if src.chapter != "" {
		if body, err = chapter(body, src.chapter); err != nil {
			return nil, fmt.Errorf("%s: %w", src.file, err)
		}
	}
	return b.render(body, src.file, l)
}

// chapter returns what stands under a heading of the second level, with its
// own headings one level higher.
func chapter(markdown, title string) (string, error) {
	_, rest, ok := strings.Cut("\n"+markdown, "\n## "+title+"\n")
	if !ok {
		return "", fmt.Errorf("there is no chapter %q", title)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	return strings.ReplaceAll(rest, "\n### ", "\n## "), nil
}
