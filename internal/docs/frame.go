package docs

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// link is one of the side list, or to the neighbours of a page.
type link struct {
	URL, Title string
	Here       bool
	Foreign    bool // leads to a page in English
}

type part struct {
	Title string
	Links []link
}

// frame returns a whole page.
func (b *builder) frame(p page, l language, t *text) ([]byte, error) {
	frame, err := template.ParseFS(b.root, "web/docs/page.html")
	if err != nil {
		return nil, err
	}
	var parts []part
	var all []link
	for _, s := range site {
		one := part{Title: s.title}
		if !l.leads() {
			one.Title = s.titleZH
		}
		for _, q := range s.pages {
			to, own := q.address(l)
			one.Links = append(one.Links, link{URL: to, Title: q.titleIn(l), Here: q.name == p.name, Foreign: !own})
		}
		parts = append(parts, one)
		all = append(all, one.Links...)
	}
	at := slices.IndexFunc(all, func(k link) bool { return k.Here })
	var before, after *link
	if at > 0 {
		before = &all[at-1]
	}
	if at < len(all)-1 {
		after = &all[at+1]
	}
	other := languages[0]
	if l.leads() {
		other = languages[1]
	}
	same, own := p.address(other)
	if !own { // the start is there in every language
		same, _ = site[0].pages[0].address(other)
	}
	var contents []heading
	if len(t.headings) > 1 {
		contents = t.headings
	}
	var out bytes.Buffer
	err = frame.Execute(&out, map[string]any{
		"Lang": l.tag, "Words": l.words, "Version": b.version, "Title": p.titleIn(l), "Parts": parts,
		"Text": template.HTML(t.html), "Contents": contents, "Before": before, "After": after,
		"OtherURL": same, "OtherTag": other.tag, "OtherName": other.name, "Index": "search." + l.tag + ".json",
	})
	return out.Bytes(), err
}

var (
	href = regexp.MustCompile(`(?:href|src|data-index)="([^"]*)"`)
	name = regexp.MustCompile(`\sid="([^"]*)"`)
)

// shared are what timd adds to the documents: files of its demo page, and its other
// parts, whose links parts.css hides where they are not served.
var shared = []string{"base.css", "icon.svg", "theme.js", "parts.css", "../", "../console/"}

// checkLinks reports the links within the documents that lead nowhere.
func checkLinks(files map[string][]byte) error {
	ids := map[string]map[string]bool{}
	for file, body := range files {
		ids[file] = map[string]bool{"": true}
		if strings.HasSuffix(file, ".html") {
			for _, m := range name.FindAllSubmatch(body, -1) {
				ids[file][string(m[1])] = true
			}
		}
	}
	var failures []error
	for file, body := range files {
		if !strings.HasSuffix(file, ".html") {
			continue
		}
		for _, m := range href.FindAllSubmatch(body, -1) {
			to, fragment, _ := strings.Cut(string(m[1]), "#")
			if strings.Contains(to, ":") || strings.HasPrefix(to, "/") || slices.Contains(shared, to) {
				continue
			}
			if to == "" {
				to = file
			}
			if id, err := url.PathUnescape(fragment); err != nil || !ids[to][id] {
				failures = append(failures, fmt.Errorf("%s: the link to %s leads nowhere", file, m[1]))
			}
		}
	}
	slices.SortFunc(failures, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(failures...)
}
