package docs

import (
	"html"
	"regexp"
	"strings"
)

// grammar is what of a language is coloured: the first group of pattern that
// matches says as what; a match of none of them stays as it is.
type grammar struct {
	pattern *regexp.Regexp
	classes []string // of the groups
}

var (
	script = grammar{
		regexp.MustCompile(`(?s)=>|(//[^\n]*|/\*.*?\*/|<!--.*?-->)|('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|` + "`(?:[^`\\\\]|\\\\.)*`" + `)|\b(import|from|export|default|const|let|function|return|async|await|new|try|catch|finally|if|else|for|of|throw|type|true|false|null|undefined)\b|(</?[A-Za-z][\w.-]*|/?>)`),
		[]string{"c", "s", "k", "t"},
	}
	typing = grammar{ // without tags: < begins the parameters of a type
		regexp.MustCompile(`(?s)(//[^\n]*|/\*.*?\*/)|('(?:[^'\\\n]|\\.)*')|\b(interface|type|function|extends|readonly|keyof|typeof|string|number|boolean|unknown|any|void|null|undefined|true|false)\b`),
		[]string{"c", "s", "k"},
	}
	shell = grammar{
		regexp.MustCompile(`(?m)((?:^|\s)#[^\n]*)|('[^']*'|"[^"]*")`),
		[]string{"c", "s"},
	}
	data = grammar{
		regexp.MustCompile(`("(?:[^"\\]|\\.)*")(?:\s*:)|("(?:[^"\\]|\\.)*")|\b(true|false|null)\b`),
		[]string{"k", "s", "k"},
	}
	patch = grammar{regexp.MustCompile(`(?m)^(-[^\n]*)|^(\+[^\n]*)`), []string{"d", "a"}}
)

// grammars are those of the languages that blocks of code name.
var grammars = map[string]grammar{
	"js": script, "jsx": script, "ts": typing, "tsx": script, "html": script, "vue": script,
	"sh": shell, "json": data, "diff": patch,
}

// highlight returns code as HTML; without a grammar it is only escaped.
func highlight(kind, text string) string {
	g, ok := grammars[kind]
	if !ok {
		return html.EscapeString(text)
	}
	var b strings.Builder
	at := 0
	for _, m := range g.pattern.FindAllStringSubmatchIndex(text, -1) {
		for i, class := range g.classes {
			from, to := m[2*i+2], m[2*i+3]
			if from < 0 {
				continue
			}
			b.WriteString(html.EscapeString(text[at:from]))
			b.WriteString(`<span class="` + class + `">` + html.EscapeString(text[from:to]) + "</span>")
			at = to
			break
		}
	}
	b.WriteString(html.EscapeString(text[at:]))
	return b.String()
}
