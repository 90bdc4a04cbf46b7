package docs

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
)

// The references are generated of English sources: the typings and
// commands.json. What they say in Chinese stands in three files of
// web/docs/zh, under headings that are the names of what is explained, and in
// a fourth for the comments within code. Nothing falls back to English: what
// has no Chinese text fails the build, and so does a text for a name that is
// gone.

// explained are the texts of one of those files.
type explained struct {
	file  string
	lead  string
	texts map[string]string // by name, as Markdown
	used  map[string]bool
}

// explainedIn reads a file of web/docs/zh.
func explainedIn(root fs.FS, name string) (*explained, error) {
	e := &explained{file: "web/docs/zh/" + name + ".md", texts: map[string]string{}, used: map[string]bool{}}
	body, err := fs.ReadFile(root, e.file)
	if err != nil {
		return nil, err
	}
	lead, rest, _ := strings.Cut(string(body), "\n## ")
	_, e.lead, _ = strings.Cut(lead, "\n") // without its heading
	for part := range strings.SplitSeq(rest, "\n## ") {
		name, text, _ := strings.Cut(part, "\n")
		if _, twice := e.texts[name]; twice {
			return nil, fmt.Errorf("%s: %s is there twice", e.file, name)
		}
		e.texts[name] = strings.TrimSpace(text)
	}
	return e, nil
}

// text returns what the file says about a name.
func (e *explained) text(name string) (string, error) {
	e.used[name] = true
	if e.texts[name] == "" {
		return "", fmt.Errorf("%s: there is no text for %s", e.file, name)
	}
	return e.texts[name], nil
}

// rest reports the names that nothing has asked for.
func (e *explained) rest() error {
	var left []string
	for name := range e.texts {
		if !e.used[name] {
			left = append(left, name)
		}
	}
	slices.Sort(left)
	if len(left) > 0 {
		return fmt.Errorf("%s: nothing is called %s any more", e.file, strings.Join(left, ", "))
	}
	return nil
}

var codeTag = regexp.MustCompile(`<code>([^<]*)</code>(</a>)?`)

// explain returns a text as HTML. Names of the references and error codes in
// backticks lead to what they name, but for the name that the text is about.
func (b *builder) explain(e *explained, text string, l language, ids map[string]string, self string) (string, error) {
	t, err := b.render(text, e.file, l)
	if err != nil {
		return "", err
	}
	return codeTag.ReplaceAllStringFunc(t.html, func(tag string) string {
		m := codeTag.FindStringSubmatch(tag)
		name, page := m[1], ids[m[1]]
		if n, err := strconv.Atoi(name); err == nil && slices.Contains(fault.All, fault.Code(n)) {
			page = "codes"
		}
		if page == "" || name == self || m[2] != "" { // the last is a link already
			return tag
		}
		return `<a href="` + page + l.suffix + "#" + anchor(name) + `">` + tag + "</a>"
	}), nil
}

// anchor returns the ID of what has a name: a command's has a stroke in it.
func anchor(name string) string { return strings.ReplaceAll(name, "/", "-") }

// comments are the comments within the code of the typings, by what they say
// in English: one that is changed there has to be changed here.
type comments struct {
	zh   map[string]string
	used map[string]bool
}

const commentsFile = "web/docs/zh/comments.json"

func readComments(root fs.FS) (*comments, error) {
	body, err := fs.ReadFile(root, commentsFile)
	if err != nil {
		return nil, err
	}
	c := &comments{used: map[string]bool{}}
	if err := json.Unmarshal(body, &c.zh); err != nil {
		return nil, fmt.Errorf("%s: %w", commentsFile, err)
	}
	return c, nil
}

// inCode are the comments of a declaration, with the space before them.
var inCode = regexp.MustCompile(`(?s)([ \t]*)/\*\*.*?\*/`)

// translate returns code with its comments in Chinese.
func (c *comments) translate(code string) (string, error) {
	var missing []string
	code = inCode.ReplaceAllStringFunc(code, func(comment string) string {
		indent := inCode.FindStringSubmatch(comment)[1]
		english := prose(comment)
		c.used[english] = true
		chinese := c.zh[english]
		if chinese == "" {
			missing = append(missing, strconv.Quote(english))
			return comment
		}
		lines := wrap(chinese, 76)
		if len(lines) == 1 {
			return indent + "/** " + chinese + " */"
		}
		return indent + "/**\n" + indent + " * " + strings.Join(lines, "\n"+indent+" * ") + "\n" + indent + " */"
	})
	if missing != nil {
		return "", fmt.Errorf("%s: there is nothing for %s", commentsFile, strings.Join(missing, ", "))
	}
	return code, nil
}

// rest reports comments that are in no code any more.
func (c *comments) rest() error {
	for english := range c.zh {
		if !c.used[english] {
			return fmt.Errorf("%s: no comment of the typings says %q any more", commentsFile, english)
		}
	}
	return nil
}

// unit is what a line is not broken in: a word, or one wide character with the
// punctuation after it.
var unit = regexp.MustCompile(`[!-~…]+[，。；：、）]*|[^ -~…][，。；：、）]*| `)

// wrap breaks Chinese into lines of at most so many columns, of which a wide
// character takes two.
func wrap(text string, columns int) []string {
	lines := []string{""}
	at := 0
	for _, word := range unit.FindAllString(text, -1) {
		wide := 0
		for _, r := range word {
			wide++
			if r > 0x2E7F { // ideographs and the punctuation among them
				wide++
			}
		}
		if last := len(lines) - 1; at > 0 && at+wide > columns {
			lines[last] = strings.TrimRight(lines[last], " ")
			lines = append(lines, "")
			at = 0
		}
		if word == " " && at == 0 {
			continue
		}
		lines[len(lines)-1] += word
		at += wide
	}
	return lines
}
