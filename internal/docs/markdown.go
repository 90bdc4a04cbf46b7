package docs

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	gtext "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// repository is where the files lie that are no page.
const repository = "https://github.com/tim-wasm/tim/blob/main/"

// text is the text of a page without its heading.
type text struct {
	html     string
	headings []heading
}

// heading is one of the second or third level.
type heading struct {
	Level  int
	ID     string
	Title  string // plain
	Nested bool   // of the third level
}

// markdown converts; tables and headings are as on GitHub, where the documents
// of the repository are read as well, and HTML in them is left out.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.Table),
	goldmark.WithParserOptions(parser.WithAutoHeadingID()),
	goldmark.WithRendererOptions(renderer.WithNodeRenderers(
		util.Prioritized(blocks{}, 100),
	)),
)

// render turns the Markdown of a file into a page's text. Its first heading is
// left out: the frame has the page's title.
func (b *builder) render(body, file string, l language) (*text, error) {
	source := []byte(body)
	doc := markdown.Parser().Parse(gtext.NewReader(source), parser.WithContext(parser.NewContext(parser.WithIDs(&ids{}))))
	if h, ok := doc.FirstChild().(*ast.Heading); ok && h.Level == 1 {
		doc.RemoveChild(doc, h)
	}
	var failures []error
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		link, ok := n.(*ast.Link)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		to, err := b.resolve(string(link.Destination), file, l)
		if err != nil {
			failures = append(failures, err)
		}
		link.Destination = []byte(to)
		return ast.WalkContinue, nil
	})
	if err := errors.Join(append(failures, err)...); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := markdown.Renderer().Render(&out, source, doc); err != nil {
		return nil, err
	}
	return made(out.String()), nil
}

// resolve returns where a link of a file leads in the documents: to a page if
// one is made of that file, else to the file in the repository.
func (b *builder) resolve(link, file string, l language) (string, error) {
	if strings.Contains(link, ":") || strings.HasPrefix(link, "#") || strings.HasPrefix(link, "/") {
		return link, nil
	}
	to, fragment, _ := strings.Cut(link, "#")
	if fragment != "" {
		fragment = "#" + fragment
	}
	if strings.HasSuffix(to, ".html") && strings.HasPrefix(file, "web/docs/") {
		return link, nil // another page, as checkLinks will see
	}
	target := path.Join(path.Dir(file), to)
	if info, err := fs.Stat(b.root, target); err != nil {
		return "", fmt.Errorf("%s: the link to %s leads nowhere", file, link)
	} else if info.IsDir() {
		target = path.Join(target, "README.md")
		if _, err := fs.Stat(b.root, target); err != nil {
			target = path.Dir(target)
		}
	}
	for _, s := range b.site {
		for _, p := range s.pages {
			if p.en.chapter == "" && (p.en.file == target || p.zh.file == target) {
				name, _ := p.address(l)
				return name + fragment, nil
			}
		}
	}
	return repository + target + fragment, nil
}

var (
	headingTag = regexp.MustCompile(`(?s)<h([23]) id="([^"]*)">(.*?)</h[23]>`)
	anyTag     = regexp.MustCompile(`(?s)<!--.*?-->|<[^>]*>`)
)

// made returns the text of a page whose HTML is known.
func made(body string) *text {
	t := &text{html: body}
	for _, m := range headingTag.FindAllStringSubmatch(body, -1) {
		level, _ := strconv.Atoi(m[1])
		t.headings = append(t.headings, heading{Level: level, ID: m[2], Title: plain(m[3]), Nested: level == 3})
	}
	return t
}

// plain returns the words of HTML.
func plain(body string) string {
	return strings.Join(strings.Fields(html.UnescapeString(anyTag.ReplaceAllString(body, " "))), " ")
}

// ids names headings as GitHub does, in every script.
type ids struct{ used map[string]int }

// Generate returns the ID of a heading.
func (s *ids) Generate(value []byte, _ ast.NodeKind) []byte {
	id := slug(string(value))
	n := s.used[id]
	if s.used == nil {
		s.used = map[string]int{}
	}
	s.used[id]++
	if n > 0 {
		id += "-" + strconv.Itoa(n)
	}
	return []byte(id)
}

// Put does nothing: no heading names its own ID.
func (s *ids) Put([]byte) {}

func slug(title string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(title)) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
			b.WriteRune(r)
		case r == ' ':
			b.WriteByte('-')
		}
	}
	return b.String()
}

// blocks renders code, which can be scrolled with the keyboard, and leaves HTML
// out.
type blocks struct{}

func (blocks) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock, code)
	r.Register(ast.KindCodeBlock, code)
	r.Register(ast.KindHTMLBlock, skip)
	r.Register(ast.KindRawHTML, skip)
}

func code(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	kind := ""
	if fenced, ok := n.(*ast.FencedCodeBlock); ok {
		kind = string(fenced.Language(source))
	}
	_, err := w.WriteString(codeHTML(kind, string(n.Lines().Value(source))))
	return ast.WalkSkipChildren, err
}

// codeHTML returns a block of code.
func codeHTML(kind, text string) string {
	return `<pre tabindex="0"><code>` + highlight(kind, text) + "</code></pre>\n"
}

func skip(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) {
	return ast.WalkSkipChildren, nil
}
