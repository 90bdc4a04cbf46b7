package inbox

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// TestCustomFieldsAreKeyAndValue: others get the keys and values of a profile's
// custom fields, and nothing else that the user has sent in them.
func TestCustomFieldsAreKeyAndValue(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	custom := func() string {
		var r profilesResult
		b.must("profile.get", usersParams{[]string{"alice"}}, &r)
		return string(r.Profiles[0].ProfileCustomField)
	}
	for given, kept := range map[string]string{
		`[{"key":"k","value":"<v>"}]`: `[{"key":"k","value":"<v>"}]`,
		`[{"key":"k","value":7,"__proto__":{"x":1},"more":[1]}, {"value":"w","key":"l"}]`: `[{"key":"k","value":7},{"key":"l","value":"w"}]`,
		`[]`: `[]`,
	} {
		a.must("profile.set", json.RawMessage(`{"profileCustomField":`+given+`}`), nil)
		require.Equal(t, kept, custom(), given)
	}
	a.must("profile.set", json.RawMessage(`{"profileCustomField":[{"key":"k","value":"v"}]}`), nil)
	for _, given := range []string{
		`{}`, `"x"`, `1`, `[1]`, `[null]`, `[{}]`, `[{"key":"k"}]`, `[{"value":"v"}]`, `[{"key":"","value":"v"}]`, `[{"key":1,"value":"v"}]`,
		`[{"key":"k","value":null}]`, `[{"key":"k","value":true}]`, `[{"key":"k","value":{"__proto__":1}}]`, `[{"key":"k","value":["v"]}]`,
		`[{"key":"k","value":1e999}]`, `[{"key":"k","value":"` + strings.Repeat("v", maxCustomFields) + `"}]`,
	} {
		f := a.call("profile.set", json.RawMessage(`{"profileCustomField":`+given+`}`), nil)
		require.NotNil(t, f, given)
		require.Equal(t, fault.BadParameters, f.Code, given)
		require.Contains(t, f.Message, "profileCustomField", given)
	}
	require.Equal(t, `[{"key":"k","value":"v"}]`, custom())
	f := a.call("profile.set", map[string]any{"gender": "x"}, nil)
	require.Contains(t, f.Message, "gender must be one of Gender_Type_Unknown, Gender_Type_Female, Gender_Type_Male")
}
