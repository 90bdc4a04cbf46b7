package timd

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

// A back end reads and changes the attributes and counters of a group.
func TestRESTGroupAttributesAndCounters(t *testing.T) {
	s := newStage(t, nil)
	s.call(groupService+"create_group", `{"Type":"Public","Name":"n","Owner_Account":"alice","GroupId":"g"}`)
	attributes := func() any {
		return s.call("group_open_attr_http_svc/get_group_attr", `{"GroupId":"g"}`)["GroupAttrAry"]
	}
	pair := func(key, value string) any { return map[string]any{"key": key, "value": value} }
	require.Equal(t, []any{}, attributes())
	s.call(groupService+"set_group_attr", `{"GroupId":"g","GroupAttr":[{"key":"b","value":"1"},{"key":"a","value":"2"}]}`)
	require.Equal(t, []any{pair("a", "2"), pair("b", "1")}, attributes())
	s.call(groupService+"modify_group_attr", `{"GroupId":"g","GroupAttr":[{"key":"b","value":"3"},{"key":"c"}]}`)
	require.Equal(t, []any{pair("a", "2"), pair("b", "3"), pair("c", "")}, attributes())
	s.call(groupService+"delete_group_attr", `{"GroupId":"g","GroupAttr":[{"key":"a"},{"key":"none"}]}`)
	require.Equal(t, []any{pair("b", "3"), pair("c", "")}, attributes())
	s.call(groupService+"set_group_attr", `{"GroupId":"g","GroupAttr":[{"key":"d","value":"4"}]}`)
	require.Equal(t, []any{pair("d", "4")}, attributes())
	s.call(groupService+"clear_group_attr", `{"GroupId":"g"}`)
	require.Equal(t, []any{}, attributes())

	update := func(mode, list string) any {
		return s.call(groupService+"update_group_counter", `{"GroupId":"g","Mode":"`+mode+`","GroupCounter":`+list+`}`)["GroupCounter"]
	}
	counter := func(key string, value float64) any { return map[string]any{"Key": key, "Value": value} }
	require.Equal(t, []any{counter("x", 5), counter("y", -1)}, update("Set", `[{"Key":"y","Value":-1},{"Key":"x","Value":5}]`))
	require.Equal(t, []any{counter("x", 7)}, update("Increase", `[{"Key":"x","Value":2}]`))
	require.Equal(t, []any{counter("x", 6), counter("z", -3)}, update("Decrease", `[{"Key":"x","Value":1},{"Key":"z","Value":3}]`))
	require.Equal(t, []any{counter("x", 6), counter("y", -1), counter("z", -3)}, s.call(groupService+"get_group_counter", `{"GroupId":"g"}`)["GroupCounter"])
	require.Equal(t, []any{counter("y", -1)}, s.call(groupService+"get_group_counter", `{"GroupId":"g","GroupCounterKeys":["y","none"]}`)["GroupCounter"])
	counters := func() any { return s.call(groupService+"get_group_counter", `{"GroupId":"g"}`)["GroupCounter"] }
	s.call(groupService+"delete_group_counter", `{"GroupId":"g","GroupCounterKeys":["y","none"]}`)
	require.Equal(t, []any{counter("x", 6), counter("z", -3)}, counters())
	s.call(groupService+"delete_group_counter", `{"GroupId":"g"}`)
	require.Equal(t, []any{}, counters())

	for command, body := range map[string]string{
		"set_group_attr": `{"GroupId":"g"}`, "modify_group_attr": `{"GroupId":"g","GroupAttr":[{"value":"1"}]}`,
		"delete_group_attr": `{"GroupId":"g","GroupAttr":[]}`, "clear_group_attr": `{}`, "get_group_counter": `{"GroupId":"g","GroupCounterKeys":[7]}`,
		"delete_group_counter": `{"GroupId":"g","GroupCounterKeys":[]}`,
		"update_group_counter": `{"GroupId":"g","Mode":"Double","GroupCounter":[{"Key":"x","Value":1}]}`,
	} {
		require.EqualValues(t, fault.BadParameters, s.post(groupService+command, good(), body).code(), command)
	}
	for command, body := range map[string]string{
		"set_group_attr":       `{"GroupId":"none","GroupAttr":[{"key":"a","value":"1"}]}`,
		"delete_group_counter": `{"GroupId":"none"}`,
		"update_group_counter": `{"GroupId":"none","Mode":"Increase","GroupCounter":[{"Key":"x","Value":1}]}`,
	} {
		require.EqualValues(t, fault.NoSuchGroup, s.post(groupService+command, good(), body).code(), command)
	}
}
