package attack

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// wrongValues replace each parameter of each method in turn.
var wrongValues = []string{
	`null`, `true`, `0`, `-1`, `1.5`, `1e999`, `18446744073709551616`, `""`, `"x"`, `"\u0000"`, `"\ud800"`, `"*.>"`, `"C2C"`,
	`[]`, `[null]`, `[[]]`, `["",""]`, `{}`, `{"a":{"b":[1]}}`,
	`"` + strings.Repeat("x", 20_000) + `"`,
	`[` + strings.Repeat(`"x",`, 5000) + `"x"]`,
	`[` + strings.Repeat(`1,`, 10_000) + `1]`,
	strings.Repeat(`[`, 25) + strings.Repeat(`]`, 25),
}

// wrongParams returns parameters of a method, with something wrong in each.
func wrongParams(c *Caller, method string) []json.RawMessage {
	good, _ := c.Params(method)
	raw, _ := json.Marshal(good)
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(raw, &fields)
	keys := slices.Sorted(maps.Keys(fields))
	with := func(key, as string, value json.RawMessage) json.RawMessage {
		parts := []string{}
		for _, k := range keys {
			if k != key {
				parts = append(parts, fmt.Sprintf("%q:%s", k, fields[k]))
			}
		}
		if as != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", as, value))
		}
		return json.RawMessage("{" + strings.Join(parts, ",") + "}")
	}
	all := []json.RawMessage{
		json.RawMessage(`null`), json.RawMessage(`[]`), json.RawMessage(`1`), json.RawMessage(`"x"`), json.RawMessage(`{}`),
		with("", "__proto__", json.RawMessage(`{"isAdmin":true}`)),
		with("", "", nil)[:max(1, len(raw)/2)], // cut
	}
	for _, key := range keys {
		for _, v := range wrongValues {
			all = append(all, with(key, key, json.RawMessage(v)))
		}
		good := string(with("", "", nil))
		all = append(all,
			with(key, "", nil),                           // missing
			with(key, strings.ToUpper(key), fields[key]), // another case
			json.RawMessage(good[:len(good)-1]+fmt.Sprintf(",%q:%s}", key, fields[key])), // twice
			json.RawMessage(good[:len(good)-1]+fmt.Sprintf(",%q:null}", key)))
	}
	return all
}

// malformed calls every method with parameters that are wrong in one place.
// Each gets an answer whose code says that the fault was the client's.
func (x *attacker) malformed() {
	for _, method := range Methods() {
		c := x.caller("forger")
		var conn *Conn
		for _, params := range wrongParams(c, method) {
			if conn == nil {
				var err error
				if conn, err = x.enter(c, method); err != nil {
					x.failed("%s: %v", method, err)
					return
				}
			}
			a, err := x.call(conn, method, params)
			x.note("params of "+family(method), came(a, err))
			switch {
			case err != nil && CloseCode(err) <= 0: // no answer, or an end without a close frame
				x.failed("%s %.200s: %v", method, params, err)
			case a.Code() == fault.Internal || a.Code() == fault.ServerTimeout:
				x.failed("%s %.200s: %s", method, params, a.Text)
			}
			if err != nil || method == frame.Logout {
				conn.Close()
				conn = nil
			}
		}
		if conn != nil {
			conn.Close()
		}
	}
}

// enter opens the socket that a method is called on.
func (x *attacker) enter(c *Caller, method string) (*Conn, error) {
	if method == frame.Login || method == frame.Farewell || method == frame.RoomVisit {
		return Dial(x.addr)
	}
	conn, _, err := NewPage(c.Account).Login(x.addr)
	return conn, err
}

// call sends a call. Its answer may have no id, if the gateway could not read
// that.
func (x *attacker) call(conn *Conn, method string, params json.RawMessage) (Answer, error) {
	conn.ids++
	id := conn.ids
	if _, err := conn.Write(Frame(OpText, fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, id, method, params))); err != nil {
		return Answer{}, Closed{}
	}
	for {
		a, err := conn.Read()
		if err != nil || a.Method == "" && (a.ID == id || a.ID == 0) {
			return a, err
		}
	}
}

func family(method string) string {
	noun, _, _ := strings.Cut(method, ".")
	return noun
}

// wrongFrames are texts that are not requests, whatever method they name.
func wrongFrames(method string) []string {
	return []string{
		``, ` `, `hello`, `{`, `[]`, `[{"jsonrpc":"2.0","id":1,"method":"` + method + `"}]`, `null`, `1`, `"x"`,
		`{"jsonrpc":"1.0","id":1,"method":"` + method + `"}`,
		`{"id":1,"method":"` + method + `"}`,
		`{"jsonrpc":"2.0","id":"1","method":"` + method + `"}`,
		`{"jsonrpc":"2.0","id":-1,"method":"` + method + `"}`,
		`{"jsonrpc":"2.0","id":1.5,"method":"` + method + `"}`,
		`{"jsonrpc":"2.0","id":9007199254740993,"method":"` + method + `"}`,
		`{"jsonrpc":"2.0","id":{},"method":"` + method + `"}`,
		`{"jsonrpc":"2.0","id":1,"method":["` + method + `"]}`,
		`{"jsonrpc":"2.0","id":1,"method":""}`,
		`{"jsonrpc":"2.0","id":1,"method":"` + method + ` "}`,
		`{"jsonrpc":"2.0","id":1,"method":"` + strings.ToUpper(method) + `"}`,
		`{"jsonrpc":"2.0","id":1,"method":"` + strings.Repeat("x", 1000) + `"}`,
		`{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{}}x`,
		`{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{},"params":[]}`,
		`{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 41),
		`{"jsonrpc":"2.0","id":1,"result":{}}`,
		`{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}`,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\x00\"}",
	}
}

// wrongCodes are the codes that may answer a text that is not a request, or a
// request that lacks what its method needs.
var wrongCodes = []fault.Code{
	0, frame.CodeParse, frame.CodeInvalid, frame.CodeNoMethod, frame.CodeBadParams,
	fault.NotLoggedIn, fault.BadParameters, fault.NoConversation,
}

// frames sends texts that are not requests, on a socket that is logged in and on
// one that is not.
func (x *attacker) frames() {
	for _, in := range []bool{false, true} {
		for _, method := range []string{frame.Login, frame.Farewell, frame.MessageSend, frame.SessionSync} {
			for _, text := range wrongFrames(method) {
				conn, err := Dial(x.addr)
				if in {
					conn, _, err = NewPage(account(x.name("clumsy"))).Login(x.addr)
				}
				if err != nil {
					x.failed("a socket for bad frames: %v", err)
					return
				}
				if _, err := conn.Write(Frame(OpText, []byte(text))); err != nil {
					x.failed("write: %v", err)
				}
				a, err := conn.Read()
				x.note(map[bool]string{false: "frames before login", true: "frames after login"}[in], came(a, err))
				code := CloseCode(err)
				switch {
				case err == nil && slices.Contains(wrongCodes, a.Code()):
				case code == frame.CloseBadFrame || code == frame.CloseRejected || code == 1007:
				default:
					x.failed("%.100q was answered with %s %s", text, came(a, err), a.Text)
				}
				conn.Close()
			}
		}
	}
}
