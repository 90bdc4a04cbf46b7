package timd

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/rest"
)

var updateExamples = flag.Bool("update", false, "write the replies of rest/commands.json anew")

// Every example of the server API works as it stands, one after the other, and is
// answered with the fields that its reply shows.
func TestAPIExamples(t *testing.T) {
	s := newStage(t, func(o *options) { o.dev = true }) // otherwise timd signs no UserSigs
	// The message that timd_message/revoke's example revokes is the store's first one.
	s.call("openim/importmsg", `{"From_Account":"alice","To_Account":"carol","SyncFromOldSystem":2,"MsgRandom":2,"MsgTimeStamp":1699999999,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"rude"}}]}`)
	s.online("alice")
	s.call("group_open_http_svc/create_group", `{"GroupId":"show","Type":"AVChatRoom","Name":"Show"}`) // each command has one example, and this one's is another group
	s.call("group_open_http_svc/create_group", `{"GroupId":"@TGS#_garden","Type":"Community","Name":"Garden","SupportTopic":1}`)
	s.call("group_open_http_svc/create_group", `{"GroupId":"@TGS#_forum","Type":"Community","Name":"Forum","SupportTopic":1}`)
	all := rest.Commands()
	changed := false
	for i, d := range all {
		var got answer
		if d.Streams() {
			lines, stop := s.watch(good())
			got = next(t, lines, "a first line", func(answer) bool { return true })
			stop()
		} else {
			got = s.call(d.Command, string(d.Request))
		}
		var want any
		if len(d.Reply) > 0 {
			require.NoError(t, json.Unmarshal(d.Reply, &want), d.Command)
		}
		if *updateExamples {
			if shape := shapeOf(map[string]any(got)); len(d.Reply) == 0 || !equalJSON(t, shape, shapeOf(want)) {
				text, err := json.Marshal(got)
				require.NoError(t, err)
				all[i].Reply, changed = text, true
			}
			continue
		}
		require.Equal(t, shapeOf(want), shapeOf(map[string]any(got)), "%s: go test ./internal/timd -run TestAPIExamples -update", d.Command)
	}
	if changed {
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		require.NoError(t, e.Encode(all))
		require.NoError(t, os.WriteFile("../rest/commands.json", out.Bytes(), 0o644))
	}
}

// shapeOf replaces what may differ from one time to the next: numbers and texts.
func shapeOf(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, field := range v {
			out[name] = shapeOf(field)
		}
		return out
	case []any:
		if len(v) > 1 {
			v = v[:1] // the others are like it
		}
		out := make([]any, len(v))
		for i := range v {
			out[i] = shapeOf(v[i])
		}
		return out
	case string:
		return "text"
	case float64:
		return 0
	}
	return value
}

func equalJSON(t *testing.T, a, b any) bool {
	one, err := json.Marshal(a)
	require.NoError(t, err)
	two, err := json.Marshal(b)
	require.NoError(t, err)
	return bytes.Equal(one, two)
}

// Whoever can reach the server API can read its OpenAPI document, without signing in. It
// describes every command and shows no UserSig.
func TestOpenAPI(t *testing.T) {
	s := newStage(t, nil)
	resp, err := http.Get(s.opsURL + "/v4/openapi.json")
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "application/json; charset=utf-8", resp.Header.Get("Content-Type"))
	var doc struct {
		OpenAPI string
		Paths   map[string]any
	}
	require.NoError(t, json.Unmarshal(text, &doc))
	require.Equal(t, "3.1.0", doc.OpenAPI)
	require.Len(t, doc.Paths, len(rest.Commands()))
	require.False(t, regexp.MustCompile(`"eJ[\w*-]{20}`).Match(text), "a UserSig is in an example")

	posted, err := http.Post(s.opsURL+"/v4/openapi.json", "application/json", strings.NewReader("{}"))
	require.NoError(t, err)
	require.NoError(t, posted.Body.Close())
	require.Equal(t, http.StatusMethodNotAllowed, posted.StatusCode)
}
