package rest

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryCommandIsDescribed(t *testing.T) {
	var described []string
	for _, d := range Commands() {
		described = append(described, d.Command)
		require.Regexp(t, `^[A-Z].*\.$`, d.Summary, d.Command)
		for what, example := range map[string]json.RawMessage{"request": d.Request, "reply": d.Reply} {
			require.True(t, strings.HasPrefix(string(example), "{"), "%s has no %s: go test ./internal/timd -run TestAPIExamples -update", d.Command, what)
		}
		service, _, _ := strings.Cut(d.Command, "/")
		require.True(t, slices.ContainsFunc(Services, func(s Service) bool { return s.Name == service }), "%s belongs to no service", d.Command)
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(commands)), described, "commands.json describes every command of api.go")
}

// Every reference in the document leads somewhere, and every operation has an ID of its
// own.
func TestOpenAPIDocument(t *testing.T) {
	var doc map[string]any
	require.NoError(t, json.Unmarshal(openAPI(), &doc))
	for _, m := range regexp.MustCompile(`"\$ref": "#/([^"]*)"`).FindAllStringSubmatch(string(openAPI()), -1) {
		at := any(doc)
		for part := range strings.SplitSeq(m[1], "/") {
			at = at.(map[string]any)[part]
			require.NotNil(t, at, m[1])
		}
	}
	names := map[string]bool{}
	for path, item := range doc["paths"].(map[string]any) {
		require.NotNil(t, commands[strings.TrimPrefix(path, "/v4/")], path)
		name := item.(map[string]any)["post"].(map[string]any)["operationId"].(string)
		require.False(t, names[name], name)
		names[name] = true
	}
}

func TestSchemaOf(t *testing.T) {
	require.Equal(t, document{"type": "object", "properties": document{
		"a": document{"type": "array", "items": document{"type": "string"}}, "b": document{"type": "boolean"},
		"c": document{"type": "integer"}, "d": document{"type": "array"}, "e": document{},
	}}, schemaOf(json.RawMessage(`{"a":["x",7],"b":true,"c":1,"d":[],"e":null}`)))
	require.Equal(t, document{}, schemaOf(nil))
}
