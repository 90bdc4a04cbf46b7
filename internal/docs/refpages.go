package docs

import (
	"fmt"
	"html"
	"strings"
)

// narrator tells a reference in one language: in English what the source says
// itself, in Chinese what a file of web/docs/zh says in its place.
type narrator struct {
	b  *builder
	l  language
	r  *reference
	zh *explained // nil in English
}

// narrate returns the narrator of a page of the typings.
func (b *builder) narrate(l language, page string) (*narrator, error) {
	r, err := newReference(b.root)
	if err != nil || l.leads() {
		return &narrator{b: b, l: l, r: r}, err
	}
	zh, err := explainedIn(b.root, page)
	return &narrator{b: b, l: l, r: r, zh: zh}, err
}

// lead returns what a page begins with.
func (n *narrator) lead(english string) (string, error) {
	if n.zh == nil {
		return english, nil
	}
	return n.b.explain(n.zh, n.zh.lead, n.l, n.r.ids, "")
}

// about returns what is said about a name.
func (n *narrator) about(name, english string) (string, error) {
	if n.zh == nil {
		return n.r.paragraph(english), nil
	}
	text, err := n.zh.text(name)
	if err != nil {
		return "", err
	}
	return n.b.explain(n.zh, text, n.l, n.r.ids, name)
}

// code returns code of the typings.
func (n *narrator) code(text string) (string, error) {
	if n.zh != nil {
		var err error
		if text, err = n.b.comments.translate(text); err != nil {
			return "", err
		}
	}
	return codeHTML("ts", text), nil
}

// title returns the text of a heading.
func (n *narrator) title(english, chinese string) string {
	if n.zh == nil {
		return english
	}
	return chinese
}

// end reports what was not told.
func (n *narrator) end() error {
	if n.zh == nil {
		return nil
	}
	return n.zh.rest()
}

// apiPage returns the methods.
func apiPage(b *builder, l language) (string, error) {
	n, err := b.narrate(l, "api")
	if err != nil {
		return "", err
	}
	lead, err := n.lead("<p>Every method of <code>TIM</code> and of the instance that <code>TIM.create</code> returns, as the typings of the package say it. " +
		`What they take and return is on the page <a href="types.html">Types and events</a>. Methods of the originals that are not built yet stand in ` +
		`<a href="migration.html#built-and-not-built">Coming from the TIM web SDK</a>.</p>` + "\n")
	if err != nil {
		return "", err
	}
	var out strings.Builder
	out.WriteString(lead)
	for _, c := range methodChapters {
		d, err := n.r.find(c.name)
		if err != nil {
			return "", err
		}
		about, err := n.about(c.name, d.comment)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, `<h2 id="%s">%s</h2>`+"\n%s", slug(c.name), n.title(c.title, c.titleZH), about)
		methods := d.members
		if c.name == "TIM" {
			for _, f := range n.r.all {
				if f.kind == "function" {
					methods = append(methods, member{f.name, f.comment, f.code})
				}
			}
		}
		if err := n.methods(&out, methods); err != nil {
			return "", err
		}
	}
	return out.String(), n.end()
}

// methods tells methods. Overloads stand under one heading; in English each
// has its own comment, in Chinese one text is about all of them.
func (n *narrator) methods(out *strings.Builder, all []member) error {
	for i, m := range all {
		if i == 0 || all[i-1].name != m.name {
			fmt.Fprintf(out, `<h3 id="%s">%s</h3>`+"\n", m.name, m.name)
		}
		code, err := n.code(m.code)
		if err != nil {
			return err
		}
		out.WriteString(code)
		if n.zh != nil && i < len(all)-1 && all[i+1].name == m.name {
			continue
		}
		about, err := n.about(m.name, m.comment)
		if err != nil {
			return err
		}
		out.WriteString(about)
	}
	return nil
}

// typesPage returns the events and the types.
func typesPage(b *builder, l language) (string, error) {
	n, err := b.narrate(l, "types")
	if err != nil {
		return "", err
	}
	lead, err := n.lead("")
	if err != nil {
		return "", err
	}
	var out strings.Builder
	out.WriteString(lead)
	if err := n.events(&out); err != nil {
		return "", err
	}
	fmt.Fprintf(&out, `<h2 id="types">%s</h2>`+"\n", n.title("Types", "类型"))
	for _, d := range n.r.all {
		if d.kind == "function" || d.name == eventMap || n.r.methods(d.name) {
			continue
		}
		about, err := n.about(d.name, d.comment)
		if err != nil {
			return "", err
		}
		code, err := n.code(d.code)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, `<h3 id="%s">%s</h3>`+"\n%s%s", d.name, d.name, about, code)
	}
	return out.String(), n.end()
}

// events tells the events as a table.
func (n *narrator) events(out *strings.Builder) error {
	events, err := n.r.find(eventMap)
	if err != nil {
		return err
	}
	about := "<p>A listener gets <code>{ name, data }</code>: <code>tim.on(TIM.EVENT.KICKED_OUT, (event) =&gt; show(event.data.type))</code>.</p>\n"
	if n.zh != nil {
		if about, err = n.about(eventMap, ""); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, `<h2 id="events">%s</h2>`+"\n%s"+
		"<table>\n<thead><tr><th scope=\"col\">TIM.EVENT</th><th scope=\"col\">data</th><th scope=\"col\">%s</th></tr></thead>\n<tbody>\n",
		n.title("Events", "事件"), about, n.title("when", "时机"))
	for _, m := range events.members {
		name := n.r.names[m.name]
		when, err := n.about(name, m.comment)
		if err != nil {
			return err
		}
		_, kind, _ := strings.Cut(strings.TrimSuffix(m.code, ";"), ": ")
		fmt.Fprintf(out, `<tr id="%s"><th scope="row"><code>%s</code></th><td><code>%s</code></td><td>%s</td></tr>`+"\n", name, name, html.EscapeString(kind), when)
	}
	out.WriteString("</tbody>\n</table>\n")
	return nil
}
