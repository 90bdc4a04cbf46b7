package timd

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

// makeGroup makes a group of alice's. A busy store may not answer in time; then the
// call is made again, as its error says, and may find that it was carried out.
func (s *stage) makeGroup(fields string) {
	s.t.Helper()
	for {
		a := s.post("group_open_http_svc/create_group", good(), `{"Type":"Public","Owner_Account":"alice",`+fields+`}`)
		if code := fault.Code(a.code()); code != fault.ServerTimeout {
			require.Contains(s.t, []fault.Code{0, fault.GroupIDTaken}, code, "%v", a)
			return
		}
	}
}

// An administrator finds groups by a part of their ID or name, and reading the list
// leaves no entry in the audit log.
func TestRESTGroupList(t *testing.T) {
	s := newStage(t, nil)
	for _, one := range []string{`"GroupId":"tea","Name":"Green"`, `"GroupId":"other","Name":"Black TEA"`, `"GroupId":"third","Name":"x"`} {
		s.makeGroup(one)
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
	for _, one := range log {
		require.Equal(t, "group_open_http_svc/create_group", one.(map[string]any)["Command"])
	}
}

// A back end lists the IDs of all groups, or of those of a type.
func TestRESTGroupIDs(t *testing.T) {
	s := newStage(t, nil)
	for _, id := range []string{"tea", "other", "third"} {
		s.makeGroup(`"GroupId":"` + id + `","Name":"n"`)
	}
	list := func(fields string) (ids []string) {
		next := 0.
		for pages := 0; pages == 0 || next != 0; pages++ {
			a := s.call("group_open_http_svc/get_appid_group_list", fmt.Sprintf(`{"Next":%.0f%s}`, next, fields))
			next = a["Next"].(float64)
			for _, one := range a["GroupIdList"].([]any) {
				ids = append(ids, one.(map[string]any)["GroupId"].(string))
			}
			require.LessOrEqual(t, pages, 4)
		}
		return ids
	}
	require.ElementsMatch(t, []string{"tea", "other", "third"}, list(""))
	require.ElementsMatch(t, []string{"tea", "other", "third"}, list(`,"Limit":1,"GroupType":"Public"`))
	require.Empty(t, list(`,"GroupType":"Private"`))
	for _, body := range []string{`{"Next":"x"}`, `{"Next":-1}`, `{"Limit":0}`, `{"Limit":10001}`, `{"GroupType":7}`} {
		require.EqualValues(t, fault.BadParameters, s.post("group_open_http_svc/get_appid_group_list", good(), body).code(), body)
	}
}
