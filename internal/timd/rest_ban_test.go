package timd

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

func TestBans(t *testing.T) {
	s := newStage(t, nil)
	alice := s.online("alice")
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	b := s.call("timd_account/ban", fmt.Sprintf(`{"UserID":"alice","Until":%d,"Reason":"spam <b>"}`, until.UnixMilli()))["Ban"].(map[string]any)
	require.Equal(t, []any{"administrator", "spam <b>", float64(until.UnixMilli())}, []any{b["By"], b["Reason"], b["Until"]})
	alice.until(everyKick)
	_, err := s.member("Web").Login(t.Context(), "alice", sign("alice"))
	require.ErrorIs(t, err, fault.New(fault.Blocklisted))
	require.ErrorContains(t, err, "until "+until.UTC().Format("2006-01-02 15:04:05")+" UTC")
	require.NotContains(t, err.Error(), "spam", "the reason is for administrators")

	// A user can be banned who was never imported and never logged in.
	s.call("timd_account/ban", `{"UserID":"bob"}`)
	s.call("im_open_login_svc/account_import", `{"UserID":"carol","Nick":"Carol"}`)
	list := s.call("timd_account/list", `{"Banned":true,"Limit":1}`)
	first := list["AccountList"].([]any)[0].(map[string]any)
	require.Equal(t, []any{"alice", "offline", b}, []any{first["UserID"], first["State"], first["Ban"]})
	list = s.call("timd_account/list", fmt.Sprintf(`{"Banned":true,"Next":%q}`, list["Next"]))
	require.Equal(t, "bob", list["AccountList"].([]any)[0].(map[string]any)["UserID"])
	require.Empty(t, list["Next"])
	list = s.call("timd_account/list", `{}`)
	require.Len(t, list["AccountList"], 1)
	imported := list["AccountList"].([]any)[0].(map[string]any)
	require.Equal(t, []any{"carol", "Carol", nil}, []any{imported["UserID"], imported["Nick"], imported["Ban"]})

	require.Equal(t, true, s.call("timd_account/unban", `{"UserID":"alice"}`)["Unbanned"])
	require.Equal(t, false, s.call("timd_account/unban", `{"UserID":"alice"}`)["Unbanned"])
	s.online("alice")
	// Deleting an account is no way around a ban.
	s.call("timd_account/ban", `{"UserID":"carol"}`)
	s.call("im_open_login_svc/account_delete", `{"DeleteItem":[{"UserID":"carol"}]}`)
	s.call("im_open_login_svc/account_import", `{"UserID":"carol"}`)
	require.Equal(t, fault.Blocklisted, s.member("Web").login("carol", sign("carol")))
}

func TestBansThatAreRefused(t *testing.T) {
	s := newStage(t, func(o *options) { o.requireImport = true })
	s.call("im_open_login_svc/account_import", `{"UserID":"alice"}`)
	for body, want := range map[string]string{
		`{}`:                         "UserID is missing",
		`{"UserID":"administrator"}`: "is an administrator",
		`{"UserID":"alice","Until":1600000000000}`:                       "over already",
		`{"UserID":"alice","Until":9000000000000000}`:                    "ten years",
		`{"UserID":"alice","Until":"tomorrow"}`:                          "Until is not a whole number",
		`{"UserID":"alice","Untill":0}`:                                  "there is nothing called",
		`{"UserID":"alice","Reason":"` + strings.Repeat("x", 201) + `"}`: "longer than 200 bytes",
	} {
		a := s.post("timd_account/ban", good(), body)
		require.EqualValues(t, fault.BadParameters, a.code(), body)
		require.Contains(t, a["ErrorInfo"], want)
	}
	require.EqualValues(t, fault.NoSuchAccount, s.post("timd_account/ban", good(), `{"UserID":"nobody"}`).code())
	require.Empty(t, s.call("timd_account/list", `{"Banned":true}`)["AccountList"])
	require.EqualValues(t, fault.BadParameters, s.post("timd_account/list", good(), `{"Next":"x"}`).code())
	require.EqualValues(t, fault.BadParameters, s.post("timd_account/list", good(), `{"Banned":true,"Next":"x"}`).code())
}
