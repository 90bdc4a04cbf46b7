package docs

import (
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"regexp"
	"strings"
)

// typings are the files that the reference is made of, in its order.
var typings = []string{"index", "inbox", "conversations", "marks", "contacts", "groups", "signaling", "payloads"}

// declaration is one of a file of typings: its comment, and what it says.
type declaration struct {
	kind, name, comment string
	code                string // whole, without the comment and "export"
	members             []member
}

// member is one line of an interface, with its comment.
type member struct {
	name, comment, code string
}

// methodChapters are the interfaces whose members are the methods of an
// instance, with their headings.
var methodChapters = []struct{ name, title, titleZH string }{
	{"TIM", "TIM", "TIM"},
	{"ChatSDK", "An instance: session, events, new messages", "实例：会话、事件、创建消息"},
	{"InboxMethods", "Messages, conversations, users", "消息、会话、用户"},
	{"ConversationMethods", "Marks, remind types and groups of conversations", "会话标记、消息提醒与会话分组"},
	{"MarkMethods", "Read receipts and reactions", "已读回执与表情回应"},
	{"ContactMethods", "Friends", "好友"},
	{"GroupMethods", "Groups", "群组"},
	{"SignalingMethods", "Signalling", "信令"},
}

// eventMap is the interface that says what each event brings.
const eventMap = "EventMap"

var (
	declared = regexp.MustCompile(`(?m)^(?:export )?(?:declare )?(interface|type|function) (\w+)`)
	named    = regexp.MustCompile(`^(?:readonly )?(\w+)`)
	seeLink  = regexp.MustCompile(`\{@link (?:\w+\.)?(\w+)\}`)
	margin   = regexp.MustCompile(`(?m)^\s*\* ?`)
	ticked   = regexp.MustCompile("`([^`]*)`")
)

// parse returns what a file of typings declares. The files are written by hand
// in one shape: what is declared begins at the margin and ends with the line
// that is } or ends in ; there.
func parse(text string) []declaration {
	var out []declaration
	var comment []string
	var open *declaration
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case open != nil:
			open.code += "\n" + line
		case strings.HasPrefix(line, "/**") || strings.HasPrefix(line, " *"):
			comment = append(comment, line)
			continue
		default:
			m := declared.FindStringSubmatch(line)
			if m == nil {
				comment = nil
				continue
			}
			line = strings.TrimPrefix(strings.TrimPrefix(line, "export "), "declare ")
			open = &declaration{kind: m[1], name: m[2], comment: prose(strings.Join(comment, "\n")), code: line}
		}
		if ends(open, line) {
			open.members = members(open)
			open.code = seeLink.ReplaceAllString(open.code, "$1")
			out = append(out, *open)
			open, comment = nil, nil
		}
	}
	return out
}

// ends reports whether a line is the last one of a declaration.
func ends(d *declaration, line string) bool {
	if d.kind == "interface" {
		return line == "}" || strings.HasSuffix(line, " {}")
	}
	return strings.HasSuffix(line, ";")
}

// members returns those of an interface.
func members(d *declaration) []member {
	if d.kind != "interface" {
		return nil
	}
	var out []member
	var comment, code []string
	depth := 0
	lines := strings.Split(d.code, "\n")
	for _, line := range lines[1:max(1, len(lines)-1)] {
		trimmed := strings.TrimSpace(line)
		if depth == 0 && len(code) == 0 && (strings.HasPrefix(trimmed, "/**") || strings.HasPrefix(trimmed, "*")) {
			comment = append(comment, trimmed)
			continue
		}
		if trimmed == "" {
			continue
		}
		code = append(code, strings.TrimPrefix(line, "  "))
		depth += strings.Count(line, "{") + strings.Count(line, "(") - strings.Count(line, "}") - strings.Count(line, ")")
		if depth == 0 && strings.HasSuffix(trimmed, ";") {
			text := seeLink.ReplaceAllString(strings.Join(code, "\n"), "$1")
			if m := named.FindStringSubmatch(text); m != nil {
				out = append(out, member{m[1], prose(strings.Join(comment, "\n")), text})
			}
			comment, code = nil, nil
		}
	}
	return out
}

// prose returns the words of a comment.
func prose(comment string) string {
	comment = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(comment), "*/"))
	comment = margin.ReplaceAllString(strings.TrimPrefix(comment, "/**"), "")
	return strings.Join(strings.Fields(comment), " ")
}

// reference is all that the typings say.
type reference struct {
	all   []declaration
	ids   map[string]string // the page of what has an address, by its name
	names map[string]string // of events, by their values
}

func newReference(root fs.FS) (*reference, error) {
	r := &reference{ids: map[string]string{}, names: map[string]string{}}
	for _, file := range typings {
		text, err := fs.ReadFile(root, "js/types/"+file+".d.ts")
		if err != nil {
			return nil, err
		}
		r.all = append(r.all, parse(string(text))...)
	}
	text, err := fs.ReadFile(root, "internal/gen/constants.json")
	if err != nil {
		return nil, err
	}
	var constants struct{ EVENT map[string]string }
	if err := json.Unmarshal(text, &constants); err != nil {
		return nil, fmt.Errorf("internal/gen/constants.json: %w", err)
	}
	for name, value := range constants.EVENT {
		r.names[value] = name
	}
	events, err := r.find(eventMap)
	if err != nil {
		return nil, err
	}
	for _, m := range events.members {
		name := r.names[m.name]
		if name == "" {
			return nil, fmt.Errorf("js/types: no event has the value %s", m.name)
		}
		r.ids[name] = "types"
	}
	for _, d := range r.all {
		switch {
		case r.methods(d.name):
			for _, m := range d.members {
				r.ids[m.name] = "api"
			}
		case d.kind == "function":
			r.ids[d.name] = "api"
		case d.name != eventMap:
			r.ids[d.name] = "types"
		}
	}
	return r, nil
}

// methods reports whether the members of an interface are methods of the API.
func (r *reference) methods(name string) bool {
	for _, c := range methodChapters {
		if c.name == name {
			return true
		}
	}
	return false
}

// find returns a declaration.
func (r *reference) find(name string) (declaration, error) {
	for _, d := range r.all {
		if d.name == name {
			return d, nil
		}
	}
	return declaration{}, fmt.Errorf("js/types declares no %s", name)
}

// paragraph returns a comment as HTML, its links leading to what they name.
func (r *reference) paragraph(comment string) string {
	if comment == "" {
		return ""
	}
	text := seeLink.ReplaceAllStringFunc(html.EscapeString(comment), func(link string) string {
		name := seeLink.FindStringSubmatch(link)[1]
		page := r.ids[name]
		if page == "" {
			return "<code>" + name + "</code>"
		}
		return `<a href="` + page + languages[0].suffix + "#" + name + `"><code>` + name + "</code></a>"
	})
	return "<p>" + ticked.ReplaceAllString(text, "<code>$1</code>") + "</p>\n"
}
