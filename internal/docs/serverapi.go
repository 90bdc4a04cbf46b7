package docs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"regexp"
	"strings"

	"github.com/tim-wasm/tim/internal/rest"
)

// commandTable is the file whose tables say in English what each command takes.
const commandTable = "web/examples/README.md"

// commandRow is a row of these tables: the vendor's commands have a last column
// that timd's own lack.
var commandRow = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+/[a-z0-9_]+)` \\|(.*)\\|$")

// fields returns the rows by command.
func fields(root fs.FS) (map[string]string, error) {
	body, err := fs.ReadFile(root, commandTable)
	if err != nil {
		return nil, err
	}
	rows := map[string]string{}
	for _, m := range commandRow.FindAllStringSubmatch(string(body), -1) {
		rows[m[1]] = m[2]
	}
	return rows, nil
}

// listed returns a row as a list.
func listed(row string) string {
	var list strings.Builder
	for i, cell := range strings.SplitN(row, " | ", 3) {
		if cell = strings.TrimSpace(cell); cell != "-" {
			list.WriteString("- " + []string{"Takes: ", "Replies with: ", "Ignores, for example: "}[i] + cell + "\n")
		}
	}
	return list.String()
}

// serverAPIPage returns the commands of the server API: what each does and
// takes, and an example.
func serverAPIPage(b *builder, l language) (string, error) {
	n := &narrator{b: b, l: l, r: &reference{ids: map[string]string{}}}
	rows, err := fields(b.root)
	if err != nil {
		return "", err
	}
	for _, d := range rest.Commands() {
		n.r.ids[d.Command] = "server-api"
	}
	if !l.leads() {
		if n.zh, err = explainedIn(b.root, "server-api"); err != nil {
			return "", err
		}
	}
	lead, err := n.lead("<p>Each example was sent to a timd by a test, and this is what it answered. " +
		`How to call stands in <a href="backend.html#calling-the-server-api">A back end</a>; what an ErrorCode means in <a href="codes.html#api">Error codes</a>. ` +
		"The same as OpenAPI 3.1, for a generator of clients: <code>/v4/openapi.json</code> on the address of <code>--ops-listen</code>.</p>\n")
	if err != nil {
		return "", err
	}
	var out strings.Builder
	out.WriteString(lead)
	for _, s := range rest.Services {
		about, err := n.plainly(s.Name, s.About)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, `<h2 id="%s">%s</h2>`+"\n", s.Name, html.EscapeString(about))
		for _, d := range rest.Commands() {
			if service, _, _ := strings.Cut(d.Command, "/"); service != s.Name {
				continue
			}
			if err := n.command(&out, d, rows[d.Command]); err != nil {
				return "", fmt.Errorf("%s: %w", d.Command, err)
			}
		}
	}
	return out.String(), n.end()
}

// plainly returns what is said about a name without any markup.
func (n *narrator) plainly(name, english string) (string, error) {
	if n.zh == nil {
		return english, nil
	}
	return n.zh.text(name)
}

// command tells one command, of which a row of the table says what it takes.
func (n *narrator) command(out *strings.Builder, d rest.Described, row string) error {
	request, err := indented(d.Request)
	if err != nil {
		return err
	}
	reply, err := indented(d.Reply)
	if err != nil {
		return err
	}
	about, err := n.about(d.Command, d.Summary)
	if err != nil {
		return err
	}
	if n.zh == nil {
		if row == "" {
			return fmt.Errorf("%s has no row for it", commandTable)
		}
		t, err := n.b.render(listed(row), commandTable, n.l)
		if err != nil {
			return err
		}
		about += t.html
	}
	fmt.Fprintf(out, `<h3 id="%s">%s</h3>`+"\n%s", anchor(d.Command), d.Command, about)
	out.WriteString(codeHTML("json", "POST /v4/"+d.Command+"\n\n"+request) + "<p>" + n.title("Reply:", "应答：") + "</p>\n" + codeHTML("json", reply))
	return nil
}

// indented lays JSON out for a reader.
func indented(text []byte) (string, error) {
	var out bytes.Buffer
	err := json.Indent(&out, text, "", "  ")
	return out.String() + "\n", err
}
