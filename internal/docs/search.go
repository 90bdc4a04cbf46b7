package docs

import (
	"regexp"
	"strings"
)

// entry is one place that a search finds: a chapter of a page, or a row with an
// address of its own. Its names are short because the index has hundreds.
type entry struct {
	Page string `json:"p"` // its title
	Name string `json:"n"` // the heading; "" at the top of a page
	URL  string `json:"u"`
	Text string `json:"t"`
}

var place = regexp.MustCompile(`<(h2|h3|tr) id="([^"]*)">`)

// entries returns the places of a page.
func (t *text) entries(title, name string) []entry {
	var out []entry
	add := func(id, body string) {
		e := entry{Page: title, URL: name}
		if id != "" {
			e.URL += "#" + id
		}
		head := ""
		for _, end := range []string{"</h2>", "</h3>", "</th>"} {
			if before, after, ok := strings.Cut(body, end); ok && id != "" {
				head, body = before, after
				break
			}
		}
		e.Name, e.Text = plain(head), plain(body)
		if e.Text != "" || e.Name != "" {
			out = append(out, e)
		}
	}
	found := place.FindAllStringSubmatchIndex(t.html, -1)
	at, id := 0, ""
	for _, m := range found {
		add(id, t.html[at:m[0]])
		at, id = m[0], t.html[m[4]:m[5]]
	}
	add(id, t.html[at:])
	return out
}
