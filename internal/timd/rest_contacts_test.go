package timd

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

// field returns the value at a path of an answer, as JSON.
func field(t *testing.T, v any, path ...any) string {
	t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			require.True(t, ok, "no object at %q: %v", p, v)
			v = m[p]
		case int:
			l, ok := v.([]any)
			require.True(t, ok && p < len(l), "no element %d: %v", p, v)
			v = l[p]
		}
	}
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// The commands of sns and profile take the vendor's fields and answer with its codes.
func TestRESTContacts(t *testing.T) {
	s := newStage(t, nil)
	call := func(command, body string) map[string]any { return s.call(command, body) }

	call("profile/portrait_set", `{"From_Account":"bob","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"Bob"},{"Tag":"Tag_Profile_IM_Level","Value":7},`+
		`{"Tag":"Tag_Profile_IM_AllowType","Value":"AllowType_Type_NeedConfirm"},{"Tag":"Tag_Profile_Custom_A","Value":"a"},{"Tag":"Tag_Profile_Custom_B","Value":"b"}]}`)
	call("profile/portrait_set", `{"From_Account":"bob","ProfileItem":[{"Tag":"Tag_Profile_Custom_B","Value":"c"}]}`)
	got := call("profile/portrait_get", `{"To_Account":["bob","carol"],"TagList":["Tag_Profile_IM_Nick","Tag_Profile_IM_Level","Tag_Profile_Custom_A","Tag_Profile_Custom_B"]}`)
	require.JSONEq(t, `[{"To_Account":"bob","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"Bob"},{"Tag":"Tag_Profile_IM_Level","Value":7},`+
		`{"Tag":"Tag_Profile_Custom_A","Value":"a"},{"Tag":"Tag_Profile_Custom_B","Value":"c"}],"ResultCode":0,"ResultInfo":""},`+
		`{"To_Account":"carol","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":""},{"Tag":"Tag_Profile_IM_Level","Value":0}],"ResultCode":0,"ResultInfo":""}]`,
		field(t, got, "UserProfileItem"))

	got = call("sns/friend_add", `{"From_Account":"alice","AddFriendItem":[{"To_Account":"bob","AddSource":"AddSource_Type_Web"},{"To_Account":"alice"},`+
		`{"To_Account":"carol","Remark":"Caz","GroupName":"work","AddWording":"hi"},{"To_Account":7}]}`)
	require.Equal(t, `["bob","alice","7"]`, field(t, got, "Fail_Account"))
	for i, code := range []fault.Code{fault.FriendshipPending, fault.SNSBadParameters, 0, fault.BadParameters} {
		require.Equal(t, fmt.Sprint(int(code)), field(t, got, "ResultItem", i, "ResultCode"))
	}
	got = call("sns/friend_add", `{"From_Account":"alice","AddFriendItem":[{"To_Account":"bob"}],"AddType":"Add_Type_Both","ForceAddFlags":1}`)
	require.Equal(t, `[]`, field(t, got, "Fail_Account"))
	got = call("sns/friend_get", `{"From_Account":"alice","StartIndex":0,"StandardSequence":0,"CustomSequence":0}`)
	require.Equal(t, `2`, field(t, got, "FriendNum"))
	require.Equal(t, `1`, field(t, got, "CompleteFlag"))
	require.Equal(t, `"carol"`, field(t, got, "UserDataItem", 1, "To_Account"))
	require.Equal(t, `{"Tag":"Tag_SNS_IM_Remark","Value":"Caz"}`, field(t, got, "UserDataItem", 1, "ValueItem", 0))
	require.Equal(t, `{"Tag":"Tag_SNS_IM_Group","Value":["work"]}`, field(t, got, "UserDataItem", 1, "ValueItem", 1))
	got = call("sns/friend_check", `{"From_Account":"alice","To_Account":["bob","dave","bob"],"CheckType":"CheckResult_Type_Both"}`)
	require.Equal(t, `"CheckResult_Type_BothWay"`, field(t, got, "InfoItem", 0, "Relation"))
	require.Equal(t, `"CheckResult_Type_NoRelation"`, field(t, got, "InfoItem", 1, "Relation"))
	require.Len(t, got["InfoItem"], 2)
	got = call("sns/friend_delete", `{"From_Account":"alice","To_Account":["bob","dave"],"DeleteType":"Delete_Type_Both"}`)
	require.Equal(t, `["dave"]`, field(t, got, "Fail_Account"))
	require.Equal(t, `31704`, field(t, got, "ResultItem", 1, "ResultCode"))

	call("sns/black_list_add", `{"From_Account":"carol","To_Account":["alice","eve"]}`)
	got = call("sns/friend_get", `{"From_Account":"alice"}`)
	require.Equal(t, `[]`, field(t, got, "UserDataItem"))
	got = call("sns/black_list_get", `{"From_Account":"carol","StartIndex":0,"MaxLimited":1,"LastSequence":0}`)
	require.Equal(t, `[{"AddBlackTimeStamp":0,"To_Account":"alice"}]`, field(t, got, "BlackListItem"))
	require.Equal(t, `1`, field(t, got, "StartIndex"))
	call("sns/black_list_delete", `{"From_Account":"carol","To_Account":["alice"]}`)
	got = call("sns/black_list_get", `{"From_Account":"carol","StartIndex":0,"MaxLimited":20}`)
	require.Equal(t, `[{"AddBlackTimeStamp":0,"To_Account":"eve"}]`, field(t, got, "BlackListItem"))
	require.Equal(t, `0`, field(t, got, "StartIndex"))
}

// Friends can be imported from elsewhere with times, groups and custom fields. Repeating
// the import changes nothing, and long lists come in pages.
func TestRESTFriendImport(t *testing.T) {
	s := newStage(t, nil)
	var items []string
	for n := range 150 {
		items = append(items, fmt.Sprintf(`{"To_Account":"u%03d","Remark":"r%d","AddTime":1420000001,"GroupName":["old","friends"],"AddSource":"AddSource_Type_Web","CustomItem":[{"Tag":"Tag_SNS_Custom_T","Value":"v"}]}`, n, n))
	}
	body := `{"From_Account":"alice","AddFriendItem":[` + strings.Join(items, ",") + `]}`
	for range 2 {
		require.Equal(t, `[]`, field(t, map[string]any(s.call("sns/friend_import", body)), "Fail_Account"))
	}
	first := map[string]any(s.call("sns/friend_get", `{"From_Account":"alice"}`))
	require.Equal(t, `150`, field(t, first, "FriendNum"))
	require.Equal(t, `0`, field(t, first, "CompleteFlag"))
	require.Equal(t, `100`, field(t, first, "NextStartIndex"))
	require.JSONEq(t, `[{"Tag":"Tag_SNS_IM_Remark","Value":"r0"},{"Tag":"Tag_SNS_IM_Group","Value":["old","friends"]},{"Tag":"Tag_SNS_IM_AddSource","Value":"AddSource_Type_Web"},`+
		`{"Tag":"Tag_SNS_IM_AddWording","Value":""},{"Tag":"Tag_SNS_IM_AddTime","Value":1420000001},{"Tag":"Tag_SNS_Custom_T","Value":"v"}]`, field(t, first, "UserDataItem", 0, "ValueItem"))
	second := map[string]any(s.call("sns/friend_get", `{"From_Account":"alice","StartIndex":100}`))
	require.Len(t, second["UserDataItem"], 50)
	require.Equal(t, `1`, field(t, second, "CompleteFlag"))
	require.Empty(t, s.call("sns/friend_get", `{"From_Account":"u001"}`)["UserDataItem"], "it is one-sided")
}

// A wrong call is answered with the code of its mistake.
func TestRESTContactsRefused(t *testing.T) {
	s := newStage(t, func(o *options) { o.requireImport = true })
	s.call("im_open_login_svc/account_import", `{"UserID":"alice"}`)
	for _, c := range []struct {
		command, body string
		code          fault.Code
	}{
		{"sns/friend_add", `{"From_Account":"nobody","AddFriendItem":[{"To_Account":"bob"}]}`, fault.SNSUnknownAccount},
		{"sns/friend_add", `{"From_Account":"alice","AddFriendItem":[]}`, fault.BadParameters},
		{"sns/friend_add", `{"From_Account":"alice","AddFriendItem":["bob"]}`, fault.BadParameters},
		{"sns/friend_add", `{"From_Account":"alice","AddFriendItem":[{}],"ForceAddFlags":2}`, fault.BadParameters},
		{"sns/friend_delete", `{"From_Account":"alice","To_Account":"bob"}`, fault.BadParameters},
		{"sns/friend_delete", `{"From_Account":"alice","To_Account":["bob"],"DeleteType":"x"}`, fault.SNSBadParameters},
		{"sns/friend_check", `{"From_Account":"alice","To_Account":["` + strings.Repeat("x", 33) + `"]}`, fault.BadParameters},
		{"sns/friend_get", `{"From_Account":"alice","StartIndex":-1}`, fault.BadParameters},
		{"sns/black_list_add", `{"From_Account":"alice","To_Account":["alice"]}`, fault.BadParameters},
		{"sns/black_list_get", `{"From_Account":"alice","MaxLimited":0}`, fault.BadParameters},
		{"profile/portrait_get", `{"To_Account":["alice"]}`, fault.BadParameters},
		{"profile/portrait_get", `{"To_Account":[],"TagList":["Tag_Profile_IM_Nick"]}`, fault.BadParameters},
		{"profile/portrait_set", `{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nope","Value":"x"}]}`, fault.BadParameters},
		{"profile/portrait_set", `{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":7}]}`, fault.BadParameters},
		{"profile/portrait_set", `{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Level","Value":null}]}`, fault.BadParameters},
		{"profile/portrait_set", `{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_AllowType","Value":"x"}]}`, fault.BadParameters},
		{"profile/portrait_set", `{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_Custom_A","Value":{}}]}`, fault.BadParameters},
	} {
		require.Equal(t, int(c.code), s.post(c.command, good(), c.body).code(), "%s %s", c.command, c.body)
	}
	got := map[string]any(s.call("sns/friend_add", `{"From_Account":"alice","AddFriendItem":[{"To_Account":"bob"},{"To_Account":"carol","AddSource":"x"}]}`))
	require.Equal(t, fmt.Sprint(int(fault.SNSUnknownAccount)), field(t, got, "ResultItem", 0, "ResultCode"))
	require.Equal(t, fmt.Sprint(int(fault.SNSBadParameters)), field(t, got, "ResultItem", 1, "ResultCode"))
}
