package timd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/usersig"
)

// Each mistake in a request, and each attempt of an intruder, has its code and does
// nothing.
func TestRefused(t *testing.T) {
	s := newStage(t, nil)
	alice := s.online("alice")
	const kick = "im_open_login_svc/kick"
	with := func(name, value string) url.Values {
		q := good()
		q.Set(name, value)
		if value == "" {
			q.Del(name)
		}
		return q
	}
	twice := good()
	twice.Add("identifier", "administrator")
	other := good()
	other.Set("usersig", usersig.Sign(appB, keyB, "administrator", time.Now(), time.Hour))
	wrong := good()
	wrong.Set("usersig", usersig.Sign(appA, keyB, "administrator", time.Now(), time.Hour))
	user := good()
	user.Set("identifier", "alice")
	user.Set("usersig", sign("alice"))
	as := good()
	as.Set("usersig", sign("alice"))
	for _, c := range []struct {
		what string
		path string
		q    url.Values
		body string
		code fault.Code
	}{
		{"no such service", "nothing/here", good(), `{}`, fault.RESTURL},
		{"no such command", "im_open_login_svc/nothing", good(), `{}`, fault.RESTURL},
		{"a command of the vendor's that is not built", "openim_dirty_words/add", good(), `{}`, fault.RESTURL},
		{"case of a command", "im_open_login_svc/Kick", good(), `{}`, fault.RESTURL},
		{"more path", kick + "/more", good(), `{}`, fault.RESTURL},
		{"no sdkappid", kick, with("sdkappid", ""), `{}`, fault.RESTNoSDKAppID},
		{"case of a parameter", kick, url.Values{"SdkAppid": {"1"}}, `{}`, fault.RESTNoSDKAppID},
		{"sdkappid no number", kick, with("sdkappid", "x"), `{}`, fault.RESTParameters},
		{"another app", kick, with("sdkappid", "7"), `{}`, fault.RESTSDKAppID},
		{"random no number", kick, with("random", "x"), `{}`, fault.RESTParameters},
		{"random of 33 bits", kick, with("random", "4294967296"), `{}`, fault.RESTParameters},
		{"contenttype", kick, with("contenttype", "xml"), `{}`, fault.RESTParameters},
		{"a parameter twice", kick, twice, `{}`, fault.RESTParameters},
		{"no identifier", kick, with("identifier", ""), `{}`, fault.RESTIdentifier},
		{"no signature", kick, with("usersig", ""), `{"UserID":"alice"}`, fault.RESTIdentifier},
		{"a broken signature", kick, with("usersig", "eJx"), `{"UserID":"alice"}`, fault.RESTSignature},
		{"another app's signature", kick, other, `{"UserID":"alice"}`, fault.RESTSignature},
		{"another key's signature", kick, wrong, `{"UserID":"alice"}`, fault.RESTSignature},
		{"a user's signature as the administrator", kick, as, `{"UserID":"alice"}`, fault.RESTSignature},
		{"a user", kick, user, `{"UserID":"alice"}`, fault.RESTNotAdmin},
		{"case of the administrator", kick, with("identifier", "Administrator"), `{"UserID":"alice"}`, fault.RESTSignature},
		{"no JSON", kick, good(), `UserID=alice`, fault.RESTJSON},
		{"no object", kick, good(), `["alice"]`, fault.RESTJSON},
		{"null", kick, good(), `null`, fault.RESTJSON},
		{"nothing", kick, good(), ``, fault.RESTJSON},
		{"two objects", kick, good(), `{"UserID":"alice"}{}`, fault.RESTJSON},
		{"too long", kick, good(), `{"UserID":"alice","x":"` + strings.Repeat("x", 256<<10) + `"}`, fault.RESTJSON},
		{"case of a field", kick, good(), `{"userID":"alice"}`, fault.BadParameters},
		{"a number as UserID", kick, good(), `{"UserID":1}`, fault.BadParameters},
		{"a long UserID", kick, good(), `{"UserID":"` + strings.Repeat("x", 33) + `"}`, fault.BadParameters},
		{"a long nick", "im_open_login_svc/account_import", good(), `{"UserID":"a","Nick":"` + strings.Repeat("x", 501) + `"}`, fault.BadParameters},
		{"101 accounts", "im_open_login_svc/multiaccount_import", good(), many("Accounts", `"u"`, 101), fault.BadParameters},
		{"no account", "im_open_login_svc/multiaccount_import", good(), `{"Accounts":[]}`, fault.BadParameters},
		{"101 checks", "im_open_login_svc/account_check", good(), many("CheckItem", `{"UserID":"u"}`, 101), fault.BadParameters},
		{"101 deletions", "im_open_login_svc/account_delete", good(), many("DeleteItem", `{"UserID":"u"}`, 101), fault.BadParameters},
		{"501 states", "openim/query_online_status", good(), many("To_Account", `"u"`, 501), fault.BadParameters},
	} {
		a := s.post(c.path, c.q, c.body)
		require.EqualValues(t, c.code, a.code(), "%s: %v", c.what, a)
		require.NotEmpty(t, a["ErrorInfo"], c.what)
	}
	// A path in another spelling is not redirected either: the reply to every call
	// has HTTP status 200.
	for _, path := range []string{"/v4", "//v4/" + kick, "/v4//" + kick, "/v4/x/../" + kick, "/v4/./" + kick,
		"/v4/im_open_login_svc%2fkick", "/v4%2F" + kick, "/%764/" + kick, "/v4/im_open_login_svc/%6bick"} {
		r, err := http.NewRequest(http.MethodPost, s.url+path+"?"+good().Encode(), strings.NewReader(`{"UserID":"alice"}`))
		require.NoError(t, err)
		resp, err := http.DefaultTransport.RoundTrip(r)
		require.NoError(t, err)
		var a answer
		require.Equal(t, 200, resp.StatusCode, path)
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&a))
		resp.Body.Close()
		require.EqualValues(t, fault.RESTURL, a.code(), path)
	}
	s.call("im_open_login_svc/multiaccount_import", many("Accounts", `"u"`, 100))
	s.call("openim/query_online_status", many("To_Account", `"u"`, 500))

	request := func(method, origin, site, kind string) *http.Request {
		r, err := http.NewRequest(method, s.url+"/v4/"+kick+"?"+good().Encode(), strings.NewReader(`{"UserID":"alice"}`))
		require.NoError(t, err)
		for name, value := range map[string]string{"Origin": origin, "Sec-Fetch-Site": site, "Content-Type": kind} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		return r
	}
	for _, r := range []*http.Request{
		request("GET", "", "", ""),
		request("PUT", "", "", "application/json"),
		request("OPTIONS", "https://evil.example", "cross-site", ""),
		request("POST", "https://evil.example", "", "application/json"),
		request("POST", "https://evil.example", "cross-site", "text/plain"),
		request("POST", "null", "", "application/json"),
		request("POST", "", "cross-site", "application/json"),
		request("POST", "", "same-site", "application/json"),
		request("POST", s.url, "same-origin", "application/x-www-form-urlencoded"),
		request("POST", s.url, "same-origin", "text/plain"),
	} {
		require.EqualValues(t, fault.RESTMethod, s.do(r).code(), "%s %v", r.Method, r.Header)
	}
	require.True(t, alice.State().Ready, "nobody was kicked")
	require.Zero(t, s.do(request("POST", s.url, "same-origin", "application/json; charset=utf-8")).code())
	alice.until(everyKick)
}

func many(name, element string, n int) string {
	return `{"` + name + `":[` + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + `]}`
}

func TestRates(t *testing.T) {
	stands := time.Now() // the clock stands still, so that the allowance is not refilled during the test
	s := newStage(t, func(o *options) { o.apiRate, o.now = 3, func() time.Time { return stands } })
	for range 3 {
		s.call("timd_config/get", `{}`)
	}
	require.EqualValues(t, fault.RESTTooFrequent, s.post("timd_config/get", good(), `{}`).code())
	s.call("openim/querystate", `{"To_Account":["a"]}`) // another command still has calls left
	other := good()
	other.Set("sdkappid", fmt.Sprint(appB))
	other.Set("usersig", usersig.Sign(appB, keyB, "administrator", time.Now(), time.Hour))
	require.Zero(t, s.post("timd_config/get", other, `{}`).code(), "another app has its own rate")
	var codes []int
	for _, command := range []string{"openim/querystate", "openim/query_online_status", "im_open_login_svc/account_check", "timd_session/list", "im_open_login_svc/account_import", "openim/sendmsg"} {
		for range 3 {
			codes = append(codes, s.post(command, good(), `{"To_Account":["a"]}`).code())
		}
	}
	require.Contains(t, codes, int(fault.RESTAppTooFrequent))
	// Requests with a wrong signature use up no allowance.
	bad := other
	bad.Set("usersig", "x")
	for range 20 {
		require.EqualValues(t, fault.RESTSignature, s.post("timd_session/list", bad, `{}`).code())
	}
	other.Set("usersig", usersig.Sign(appB, keyB, "administrator", time.Now(), time.Hour))
	require.Zero(t, s.post("timd_session/list", other, `{}`).code())
}

// Markup in a nick arrives as data, and no browser takes the reply for a page.
func TestScriptInNick(t *testing.T) {
	s := newStage(t, nil)
	s.call("im_open_login_svc/account_import", `{"UserID":"mallory","Nick":"<script>alert(1)</script>"}`)
	s.online("mallory")
	r, err := http.NewRequest("POST", s.url+"/v4/timd_session/list?"+good().Encode(), strings.NewReader(`{}`))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
	var text bytes.Buffer
	_, _ = text.ReadFrom(resp.Body)
	require.NotContains(t, text.String(), "<script>")
	var a answer
	require.NoError(t, json.Unmarshal(text.Bytes(), &a))
	require.Equal(t, "<script>alert(1)</script>", a["UserList"].([]any)[0].(map[string]any)["Nick"])
}

// A kick that is sent again is just another kick by the administrator: it
// voids nothing that is signed later.
func TestKickReplayed(t *testing.T) {
	s := newStage(t, nil)
	q := good()
	for range 3 {
		require.Zero(t, s.post("im_open_login_svc/kick", q, `{"UserID":"alice"}`).code())
		require.Zero(t, s.member("Web").login("alice", sign("alice")))
	}
	// Nor does it work once its UserSig has expired.
	q.Set("usersig", usersig.Sign(appA, keyA, "administrator", time.Now().Add(-time.Hour), time.Minute))
	m := s.online("carol")
	a := s.post("im_open_login_svc/kick", q, `{"UserID":"carol"}`)
	require.EqualValues(t, fault.RESTSignature, a.code())
	require.Contains(t, a["ErrorInfo"], "70001")
	require.True(t, m.State().Ready)
}
