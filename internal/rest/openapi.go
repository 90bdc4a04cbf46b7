package rest

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	dist "github.com/tim-wasm/tim/js"
)

// commandsJSON describes the commands by examples that can be carried out one
// after the other on a new timd, as a test of timd does; with -update it writes
// the replies.
//
//go:embed commands.json
var commandsJSON []byte

// Described is what commands.json says about one command.
type Described struct {
	Command string          `json:"command"`
	Summary string          `json:"summary"`
	Request json.RawMessage `json:"request"`
	// Reply is the example's, of a stream its first line.
	Reply json.RawMessage `json:"reply,omitempty"`
}

// Service is the first part of a command's name, with what it is about.
type Service struct{ Name, About string }

// Services are those of the commands, in the order of the document.
var Services = []Service{
	{"im_open_login_svc", "Accounts and kicks"},
	{"openim", "Messages between users, and who is online"},
	{"recentcontact", "The conversations of a user's list"},
	{"profile", "Profiles"},
	{"sns", "Friends and blacklists"},
	{"group_open_http_svc", "Groups"},
	{"group_open_avchatroom_http_svc", "Who is in a live room"},
	{"group_open_attr_http_svc", "Attributes of groups"},
	{"million_group_open_http_svc", "Topics of communities"},
	{"timd_account", "Imported accounts and bans; not of the vendor's API"},
	{"timd_audit", "What administrators did; not of the vendor's API"},
	{"timd_cluster", "Gateways, NATS and the webhook's queue; not of the vendor's API"},
	{"timd_config", "Settings of the app; not of the vendor's API"},
	{"timd_group", "All groups of the app; not of the vendor's API"},
	{"timd_message", "Stored messages, for moderation; not of the vendor's API"},
	{"timd_quota", "What a user may use in a day; not of the vendor's API"},
	{"timd_session", "Sessions; not of the vendor's API"},
	{"timd_usersig", "UserSigs for trying things out, in dev mode only; not of the vendor's API"},
	{"timd_stats", "What happened by day and hour; not of the vendor's API"},
}

// Commands returns the descriptions, in the order of their examples.
var Commands = sync.OnceValue(func() []Described {
	var all []Described
	if err := json.Unmarshal(commandsJSON, &all); err != nil {
		panic("rest: commands.json: " + err.Error()) // it is part of the build
	}
	return all
})

// Streams reports whether a command answers with lines until its caller goes.
func (d Described) Streams() bool { return d.Command == "timd_session/watch" }

// openAPIName is where the document is, below /v4/.
const openAPIName = "openapi.json"

// document is a part of the OpenAPI document.
type document = map[string]any

// openAPI returns the OpenAPI document of the server API.
var openAPI = sync.OnceValue(func() []byte {
	paths := document{}
	for _, d := range Commands() {
		service, _, _ := strings.Cut(d.Command, "/")
		reply := document{"allOf": []any{document{"$ref": "#/components/schemas/Reply"}, schemaOf(d.Reply)}}
		kind := "application/json"
		if d.Streams() {
			reply, kind = schemaOf(d.Reply), "application/x-ndjson"
		}
		paths["/v4/"+d.Command] = document{
			"post": document{
				"operationId": strings.ReplaceAll(d.Command, "/", "_"), "summary": d.Summary, "tags": []string{service},
				"parameters": []any{
					document{"$ref": "#/components/parameters/sdkappid"}, document{"$ref": "#/components/parameters/identifier"},
					document{"$ref": "#/components/parameters/random"}, document{"$ref": "#/components/parameters/contenttype"},
				},
				"requestBody": document{"required": true, "content": document{"application/json": document{
					"schema": schemaOf(d.Request), "example": d.Request,
				}}},
				"responses": document{"200": document{
					"description": "Also for a refusal: ErrorCode says whether it worked.",
					"content":     document{kind: document{"schema": reply, "example": d.Reply}},
				}},
			},
		}
	}
	tags := []any{}
	for _, s := range Services {
		tags = append(tags, document{"name": s.Name, "description": s.About})
	}
	parameter := func(name, about string, schema document) document {
		return document{"name": name, "in": "query", "required": true, "description": about, "schema": schema}
	}
	text, err := json.MarshalIndent(document{
		"openapi": "3.1.0",
		"info": document{
			"title": "Server API of timd", "version": dist.Version(),
			"license":     document{"name": "Apache-2.0", "identifier": "Apache-2.0"},
			"description": "What a back end calls with the UserSig of an administrator. The schemas follow from the examples, which are carried out in the tests of timd; web/examples/README.md, \"Calling the server API\", names every field.",
		},
		"servers":  []any{document{"url": "/", "description": "the address of --ops-listen"}},
		"security": []any{document{"administrator": []any{}}},
		"tags":     tags,
		"paths":    paths,
		"components": document{
			"securitySchemes": document{"administrator": document{
				"type": "apiKey", "in": "query", "name": "usersig", "description": "A UserSig of the administrator that identifier names.",
			}},
			"parameters": document{
				"sdkappid":    parameter("sdkappid", "The app.", document{"type": "integer"}),
				"identifier":  parameter("identifier", "The administrator.", document{"type": "string"}),
				"random":      parameter("random", "Any number up to 4294967295.", document{"type": "integer", "minimum": 0, "maximum": 1<<32 - 1}),
				"contenttype": parameter("contenttype", "Always json.", document{"const": "json"}),
			},
			"schemas": document{"Reply": document{
				"type": "object", "required": []string{"ActionStatus", "ErrorCode", "ErrorInfo"},
				"properties": document{
					"ActionStatus": document{"enum": []string{"OK", "FAIL"}},
					"ErrorCode":    document{"type": "integer", "description": "0 when it worked."},
					"ErrorInfo":    document{"type": "string", "description": "What happened and what to do; empty when it worked."},
				},
			}},
		},
	}, "", " ")
	if err != nil {
		panic("rest: " + err.Error()) // maps and JSON always marshal
	}
	return text
})

// schemaOf returns the schema that an example has. Of a list the first element
// says what all are like.
func schemaOf(example json.RawMessage) document {
	var value any
	if json.Unmarshal(example, &value) != nil {
		return document{}
	}
	return schema(value)
}

func schema(value any) document {
	switch v := value.(type) {
	case map[string]any:
		properties := document{}
		for name, field := range v {
			properties[name] = schema(field)
		}
		return document{"type": "object", "properties": properties}
	case []any:
		if len(v) == 0 {
			return document{"type": "array"}
		}
		return document{"type": "array", "items": schema(v[0])}
	case string:
		return document{"type": "string"}
	case bool:
		return document{"type": "boolean"}
	case float64:
		return document{"type": "integer"}
	}
	return document{}
}

// serveOpenAPI answers /v4/openapi.json. It says nothing that the documents do
// not say, so nobody has to prove who they are.
func serveOpenAPI(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Use GET.", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(openAPI()) // the caller is gone
}
