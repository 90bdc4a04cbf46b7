package docs

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
)

// codeNote is what codes.json says about a code besides its message.
type codeNote struct {
	Why string // causes, where the message leaves them open
	ZH  struct{ What, Remedy, Why string }
}

type codeRow struct {
	Code              fault.Code
	What, Remedy, Why string
}

type codeGroup struct {
	ID, Title string
	Rows      []codeRow
}

// codeGroups returns the codes, grouped by where they come from.
func codeGroups(notes map[string]codeNote, l language) ([]codeGroup, error) {
	groups := []codeGroup{{ID: "sdk"}, {ID: "server"}, {ID: "api"}}
	for _, c := range fault.All {
		note := notes[strconv.Itoa(int(c))]
		what, remedy, ok := strings.Cut(strings.TrimSuffix(c.Text(), "."), ": ")
		if !ok {
			remedy = "there is nothing to do"
		}
		row := codeRow{Code: c, What: what + ".", Remedy: sentence(remedy), Why: note.Why}
		if !l.leads() {
			if note.ZH.What == "" || note.ZH.Remedy == "" {
				return nil, fmt.Errorf("web/docs/codes.json: %d is not explained in Chinese", c)
			}
			row.What, row.Remedy, row.Why = note.ZH.What+"。", note.ZH.Remedy+"。", note.ZH.Why
			if row.Why != "" {
				row.Why += "。"
			}
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
		groups[i].Title = l.words[groups[i].ID]
	}
	return groups, nil
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

// codeNotes reads codes.json.
func codeNotes(root fs.FS) (map[string]codeNote, error) {
	text, err := fs.ReadFile(root, "web/docs/codes.json")
	if err != nil {
		return nil, err
	}
	notes := map[string]codeNote{}
	if err := json.Unmarshal(text, &notes); err != nil {
		return nil, fmt.Errorf("web/docs/codes.json: %w", err)
	}
	return notes, nil
}

var codesTable = template.Must(template.New("codes").Parse(`<p>{{.Words.codesLead}}</p>
<p class="filter" hidden><label>{{.Words.filter}} <input type="search" autocomplete="off" spellcheck="false"></label> <span role="status" data-none="{{.Words.none}}"></span></p>
{{range .Groups -}}
<section aria-labelledby="{{.ID}}" class="codes">
<h2 id="{{.ID}}">{{.Title}}</h2>
<table>
<thead><tr><th scope="col">{{$.Words.code}}</th><th scope="col">{{$.Words.what}}</th><th scope="col">{{$.Words.remedy}}</th></tr></thead>
<tbody>
{{range .Rows -}}
<tr id="{{.Code}}"><th scope="row"><a href="#{{.Code}}">{{.Code}}</a></th><td>{{.What}}{{with .Why}}<p class="why">{{.}}</p>{{end}}</td><td>{{.Remedy}}</td></tr>
{{end -}}
</tbody>
</table>
</section>
{{end -}}
`))

// codesPage returns the table of error codes.
func codesPage(b *builder, l language) (string, error) {
	notes, err := codeNotes(b.root)
	if err != nil {
		return "", err
	}
	groups, err := codeGroups(notes, l)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = codesTable.Execute(&out, map[string]any{"Words": l.words, "Groups": groups})
	return out.String(), err
}
