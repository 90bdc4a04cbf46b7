package timd

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

// An administrator sees all that is known of a user, online or not, and nothing of it
// is left once the account was deleted.
func TestRESTAccountGet(t *testing.T) {
	s := newStage(t, nil)
	get := func(user string) answer { return s.call("timd_account/get", `{"UserID":"`+user+`"}`) }
	nobody := get("nobody")
	require.Equal(t, []any{"offline", 0.0, 0.0, 0.0, true}, []any{
		nobody["State"], nobody["ImportTime"], nobody["GroupNum"], nobody["FriendNum"], nobody["HistoryKept"]})
	require.Empty(t, nobody["HistoryList"])
	require.Nil(t, nobody["Ban"])

	s.call("im_open_login_svc/account_import", `{"UserID":"alice","Nick":"Alice"}`)
	s.call("sns/friend_add", `{"From_Account":"alice","AddFriendItem":[{"To_Account":"bob","AddSource":"AddSource_Type_X"}],"AddType":"Add_Type_Single","ForceAddFlags":1}`)
	s.makeGroup(`"GroupId":"g","Name":"n"`)
	alice := s.online("alice")
	on := get("alice")
	require.Equal(t, []any{"Alice", "online", 1.0, 1.0}, []any{on["Nick"], on["State"], on["GroupNum"], on["FriendNum"]})
	require.NotZero(t, on["ImportTime"])
	require.Len(t, on["InstanceList"], 1)
	login := on["HistoryList"].([]any)[0].(map[string]any)
	require.Equal(t, []any{"login", "Register", "alice", "Web", "127.0.0.1"}, []any{login["Kind"], login["Reason"], login["UserID"], login["Platform"], login["Address"]})
	require.NotZero(t, login["Time"])

	s.call("timd_account/ban", `{"UserID":"alice","Reason":"spam"}`)
	alice.until(everyKick)
	off := get("alice")
	require.Equal(t, "offline", off["State"])
	require.Equal(t, "spam", off["Ban"].(map[string]any)["Reason"])
	end := off["HistoryList"].([]any)[0].(map[string]any)
	require.Equal(t, []any{"kick", "REST_API_Kick"}, []any{end["Kind"], end["Reason"]})
	for _, one := range s.call("timd_audit/list", `{}`)["EntryList"].([]any) {
		require.NotEqual(t, "timd_account/get", one.(map[string]any)["Command"], "reading is not recorded")
	}

	// Who deletes carol kicks her out, and that is not left in her history either.
	s.call("im_open_login_svc/account_import", `{"UserID":"carol"}`)
	carol := s.online("carol")
	require.NotEmpty(t, get("carol")["HistoryList"])
	s.call("im_open_login_svc/account_delete", `{"DeleteItem":[{"UserID":"carol"}]}`)
	carol.until(everyKick)
	require.Empty(t, get("carol")["HistoryList"])
	require.EqualValues(t, fault.BadParameters, s.post("timd_account/get", good(), `{}`).code())
}

// With --login-history 0s nothing is kept.
func TestNoLoginHistory(t *testing.T) {
	s := newStage(t, func(o *options) { o.history.age = 0 })
	s.online("alice")
	a := s.call("timd_account/get", `{"UserID":"alice"}`)
	require.Equal(t, "online", a["State"])
	require.Equal(t, false, a["HistoryKept"])
	require.Empty(t, a["HistoryList"])
}
