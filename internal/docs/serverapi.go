package docs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"strings"

	"github.com/tim-wasm/tim/internal/rest"
)

// serverAPIPage returns the commands of the server API with their examples.
func serverAPIPage(*builder, language) (string, error) {
	var out strings.Builder
	out.WriteString("<p>Each example was sent to a timd by a test, and this is what it answered. " +
		`How to call, and every field, stands in <a href="backend.html#calling-the-server-api">A back end</a>; what an ErrorCode means in <a href="codes.html#api">Error codes</a>. ` +
		"The same as OpenAPI 3.1, for a generator of clients: <code>/v4/openapi.json</code> on the address of <code>--ops-listen</code>.</p>\n")
	for _, s := range rest.Services {
		var commands strings.Builder
		for _, d := range rest.Commands() {
			if service, _, _ := strings.Cut(d.Command, "/"); service != s.Name {
				continue
			}
			request, err := indented(d.Request)
			if err != nil {
				return "", fmt.Errorf("%s: %w", d.Command, err)
			}
			reply, err := indented(d.Reply)
			if err != nil {
				return "", fmt.Errorf("%s: %w", d.Command, err)
			}
			id := strings.ReplaceAll(d.Command, "/", "-")
			fmt.Fprintf(&commands, `<h3 id="%s">%s</h3>`+"\n<p>%s</p>\n", id, d.Command, html.EscapeString(d.Summary))
			commands.WriteString(codeHTML("json", "POST /v4/"+d.Command+"\n\n"+request) + "<p>Reply:</p>\n" + codeHTML("json", reply))
		}
		if commands.Len() > 0 {
			fmt.Fprintf(&out, `<h2 id="%s">%s</h2>`+"\n%s", s.Name, html.EscapeString(s.About), commands.String())
		}
	}
	return out.String(), nil
}

// indented lays JSON out for a reader.
func indented(text []byte) (string, error) {
	var out bytes.Buffer
	err := json.Indent(&out, text, "", "  ")
	return out.String() + "\n", err
}
