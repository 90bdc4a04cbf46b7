package timd

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

// An administrator finds groups by a part of their ID or name, and reading the list
// leaves no entry in the audit log.
func TestRESTGroupList(t *testing.T) {
	s := newStage(t, nil)
	for _, one := range []string{`"GroupId":"tea","Name":"Green"`, `"GroupId":"other","Name":"Black TEA"`, `"GroupId":"third","Name":"x"`} {
		s.call("group_open_http_svc/create_group", `{"Type":"Public","Owner_Account":"alice",`+one+`}`)
	}
	list := func(body string) (ids []string, next string) {
		a := s.call("timd_group/list", body)
		for _, one := range a["GroupList"].([]any) {
			g := one.(map[string]any)
			require.Equal(t, "alice", g["Owner_Account"])
			require.EqualValues(t, 1, g["MemberNum"])
			ids = append(ids, g["GroupId"].(string))
		}
		return ids, a["Next"].(string)
	}
	ids, next := list(`{}`)
	require.ElementsMatch(t, []string{"tea", "other", "third"}, ids)
	require.Empty(t, next)
	ids, _ = list(`{"Search":"tEa"}`)
	require.ElementsMatch(t, []string{"tea", "other"}, ids)
	ids, next = list(`{"Search":"tea","Limit":1}`)
	require.Len(t, ids, 1)
	require.NotEmpty(t, next)
	more, next := list(`{"Search":"tea","Limit":1,"Next":"` + next + `"}`)
	require.ElementsMatch(t, []string{"tea", "other"}, append(ids, more...))
	for next != "" { // a last page may be empty
		ids, next = list(`{"Search":"tea","Limit":1,"Next":"` + next + `"}`)
		require.Empty(t, ids)
	}
	require.EqualValues(t, fault.BadParameters, s.post("timd_group/list", good(), `{"Next":"x"}`).code())
	require.EqualValues(t, fault.BadParameters, s.post("timd_group/list", good(), `{"Search":7}`).code())
	log := s.call("timd_audit/list", `{}`)["EntryList"].([]any)
	require.Len(t, log, 3, "the groups that were created")
}
