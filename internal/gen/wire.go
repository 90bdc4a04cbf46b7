package main

import (
	"fmt"
	"strings"
)

// wire is the table of what crosses the wire, by method and notification. Each
// row becomes a constant in package frame; a row with a call also becomes the
// SDK method that only asks the gateway.
type wire struct {
	Methods       []wireMethod `json:"methods"`
	Notifications []wireNote   `json:"notifications"`
}

// wireMethod is one request of the client.
type wireMethod struct {
	Name   string `json:"name"`
	Family string `json:"family"`
	By     string `json:"by"` // which room answers it
	Params string `json:"params"`
	Result string `json:"result"`
	Call   *call  `json:"call"`
}

// wireNote is one notification of the gateway.
type wireNote struct {
	Name   string `json:"name"`
	Family string `json:"family"`
	Params string `json:"params"`
}

// call is an SDK method that goes to the gateway and back: neither its
// arguments nor its result hold a Message or Conversation, and it emits
// nothing. wasm/relays_js.go carries it out.
type call struct {
	Name string     `json:"name"`
	Args []argument `json:"args"`
	// Pages names the result's list when the gateway is asked about a long list
	// in parts.
	Pages string `json:"pages"`
	// Part is how many elements of its list one request carries; the others follow
	// in further ones. 0: all of them. A list that is not in the options as they
	// travel is the first of the arguments.
	Part int `json:"part"`
	// Data is what the promise resolves with: one field of the result by
	// itself (no name), or an object. Without any: {}.
	Data []datum `json:"data"`
}

// argument is one field of the options.
type argument struct {
	Kind string `json:"kind"` // see kinds
	From string `json:"from"` // in the options
	To   string `json:"to"`   // on the wire; the same as From when empty
	Most int    `json:"most"` // of a list: further elements are left out
}

// kinds of arguments, with their letters in the generated table.
var kinds = map[string]byte{
	"list":     'l', // an array that is not empty
	"optional": 'o', // an array that may be missing; one that is too long is refused
	"text":     't', // a string, "" when it is missing
	"any":      'a', // what is given, if anything is
	"nonce":    'r', // a random text by which the gateway knows a repetition of this call
	"named":    'n', // a string that is not empty
	"only":     's', // the call's only argument, a string that is not empty
	// All that the options hold. The arguments behind it are fields of it.
	"options": 'w',
}

// datum is a field of a promise's data; no From makes it an empty array.
type datum struct {
	Name string `json:"name"`
	From string `json:"from"`
	Of   string `json:"of"` // see contents
}

// contents are what a datum holds, with their letters in the generated table:
// some elements of a list, or what is to be completed, for the gateway leaves out
// what has its usual value.
var contents = map[string]byte{
	"done":    'd', // those without a code, or with 0
	"failed":  'f',
	"list":    'l',
	"map":     'o',
	"number":  'n',
	"group":   'g',
	"member":  'm',
	"members": 'M', // a list of them
}

// families are the groups of the wire, in the order of the documents.
var families = []struct{ name, title string }{
	{"session", "The session's own."},
	{"message", "Messages."},
	{"conversation", "Conversations and what a user has set of them."},
	{"people", "Profiles, the blacklist and who is online."},
	{"contact", "Friends, applications to become one, and friend groups."},
	{"group", "Groups and their members."},
	{"media", "Files that messages name."},
}

// constant returns the name of a method's constant: MessageReadAll for
// message.readAll.
func (m wireMethod) constant() string {
	var b strings.Builder
	for word := range strings.SplitSeq(m.Name, ".") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// constant returns the name of a notification's constant; those of the session
// have no prefix.
func (n wireNote) constant() string {
	name := strings.ToUpper(n.Name[:1]) + n.Name[1:]
	if n.Family == "session" {
		return name
	}
	return "Note" + name
}

// frameMethods returns the list for package frame.
func (s source) frameMethods() string {
	var b strings.Builder
	b.WriteString(header("wire.json"))
	b.WriteString("package frame\n\n")
	for _, f := range families {
		fmt.Fprintf(&b, "// %s Requests of the client, with their params and results:\nconst (\n", f.title)
		for _, m := range s.Wire.Methods {
			if m.Family == f.name {
				fmt.Fprintf(&b, "\t// %s -> %s\n\t%s = %q\n", m.Params, m.Result, m.constant(), m.Name)
			}
		}
		b.WriteString(")\n\n// Notifications of the gateway:\nconst (\n")
		for _, n := range s.Wire.Notifications {
			if n.Family == f.name {
				fmt.Fprintf(&b, "\t// %s\n\t%s = %q\n", n.Params, n.constant(), n.Name)
			}
		}
		b.WriteString(")\n\n")
	}
	for _, room := range []struct{ name, list string }{{"inbox", "InboxMethods"}, {"contacts", "ContactMethods"}, {"timd", "TimdMethods"}, {"group", "GroupMethods"}} {
		fmt.Fprintf(&b, "// %s are the requests that package %s answers.\nvar %s = []string{\n", room.list, room.name, room.list)
		for _, m := range s.Wire.Methods {
			if m.By == room.name {
				fmt.Fprintf(&b, "\t%s,\n", m.constant())
			}
		}
		b.WriteString("}\n\n")
	}
	return b.String()
}

// wasmRelays returns the SDK methods that need no code of their own.
func (s source) wasmRelays() string {
	var b strings.Builder
	b.WriteString(header("wire.json"))
	b.WriteString("package main\n\nimport \"github.com/tim-wasm/tim/internal/frame\"\n\n" +
		"// relays are the SDK methods that only go to the gateway and back.\nvar relays = []relay{\n")
	for _, m := range s.Wire.Methods {
		c := m.Call
		if c == nil {
			continue
		}
		fmt.Fprintf(&b, "\t{name: %q, method: frame.%s", c.Name, m.constant())
		if len(c.Args) > 0 {
			b.WriteString(", args: []argument{")
			for _, a := range c.Args {
				if a.To == "" {
					a.To = a.From
				}
				fmt.Fprintf(&b, "{%q, %q, %q, %d},", kinds[a.Kind], a.From, a.To, a.Most)
			}
			b.WriteString("}")
		}
		if c.Pages != "" {
			fmt.Fprintf(&b, ", pages: %q", c.Pages)
		}
		if c.Part != 0 {
			fmt.Fprintf(&b, ", part: %d", c.Part)
		}
		if len(c.Data) > 0 {
			b.WriteString(", data: []datum{")
			for _, d := range c.Data {
				fmt.Fprintf(&b, "{name: %q, from: %q", d.Name, d.From)
				if d.Of != "" {
					fmt.Fprintf(&b, ", of: %q", contents[d.Of])
				}
				b.WriteString("},")
			}
			b.WriteString("}")
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n")
	return b.String()
}
