package timd

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/usersig"
)

const everyKick = "kickedOut REST_API_Kick"

func TestKick(t *testing.T) {
	s := newStage(t, nil)
	s.call("timd_config/set", `{"WebInstances":2}`)
	one, two, other := s.online("alice"), s.online("alice"), s.online("bob")
	before := sign("alice")
	s.call("im_open_login_svc/kick", `{"UserID":"alice"}`)
	after := time.Now()
	one.until(everyKick)
	two.until(everyKick)
	require.True(t, other.State().Ready, "others stay")
	require.Equal(t, fault.SigRevoked, s.member("Web").login("alice", before))
	require.Zero(t, s.member("Web").login("alice", usersig.Sign(appA, keyA, "alice", after, time.Hour)),
		"signed right after the reply")

	// The old name of the field, and a user who does not exist.
	s.call("im_open_login_svc/kick", `{"Identifier":"bob"}`)
	other.until(everyKick)
	s.call("im_open_login_svc/kick", `{"UserID":"nobody"}`)
}

func TestAccounts(t *testing.T) {
	s := newStage(t, func(o *options) { o.requireImport = true })
	require.Equal(t, fault.NoSuchAccount, s.member("Web").login("alice", sign("alice")))
	s.call("im_open_login_svc/account_import", `{"UserID":"alice","Nick":"Alice <script>","FaceUrl":"https://example.com/a.png"}`)
	s.call("im_open_login_svc/account_import", `{"UserID":"alice"}`) // again: the nick stays
	alice := s.online("alice")

	a := s.call("im_open_login_svc/multiaccount_import", `{"Accounts":["bob","carol","ümlaut"]}`)
	require.Equal(t, []any{"ümlaut"}, a["FailAccounts"])
	a = s.call("im_open_login_svc/multiaccount_import", `{"AccountList":[{"UserID":"dave","Nick":"Dave"},{"UserID":""}]}`)
	require.Equal(t, []any{""}, a["FailAccounts"])

	check := func(user string) map[string]any {
		a := s.call("im_open_login_svc/account_check", `{"CheckItem":[{"UserID":"`+user+`"}]}`)
		return a["ResultItem"].([]any)[0].(map[string]any)
	}
	for _, user := range []string{"alice", "bob", "carol", "dave"} {
		require.Equal(t, map[string]any{"UserID": user, "ResultCode": 0., "ResultInfo": "", "AccountStatus": "Imported"}, check(user))
	}
	require.Equal(t, "NotImported", check("Alice")["AccountStatus"], "case-sensitive")
	require.EqualValues(t, fault.BadParameters, check(strings.Repeat("x", 33))["ResultCode"])

	users := s.call("timd_session/list", `{}`)["UserList"].([]any)
	require.Len(t, users, 1)
	u := users[0].(map[string]any)
	require.Equal(t, "Alice <script>", u["Nick"])
	require.Equal(t, "https://example.com/a.png", u["FaceUrl"])

	a = s.call("im_open_login_svc/account_delete", `{"DeleteItem":[{"UserID":"alice"},{"UserID":"zoe"},{"UserID":"administrator"}]}`)
	results := a["ResultItem"].([]any)
	require.EqualValues(t, 0, results[0].(map[string]any)["ResultCode"])
	require.EqualValues(t, fault.NoSuchAccount, results[1].(map[string]any)["ResultCode"])
	require.EqualValues(t, fault.BadParameters, results[2].(map[string]any)["ResultCode"])
	alice.until(everyKick)
	require.Equal(t, "NotImported", check("alice")["AccountStatus"])
	require.Equal(t, fault.NoSuchAccount, s.member("Web").login("alice", sign("alice")))
	s.call("im_open_login_svc/account_import", `{"UserID":"alice"}`)
	alice = s.online("alice")
	answer, err := alice.Send(t.Context(), "profile.get", &jsonframe.Object{Raw: []byte(`{"userIDs":["alice"]}`)})
	require.NoError(t, err)
	require.Contains(t, string(answer.(*jsonframe.Object).Raw), `"nick":"","avatar":""`, "the nick and face of the account that was deleted do not come back")

	require.EqualValues(t, fault.NoSuchAccount, s.post("im_open_login_svc/kick", good(), `{"UserID":"zoe"}`).code())
	a = s.call("openim/query_online_status", `{"To_Account":["alice","bob","zoe"]}`)
	require.Equal(t, []any{map[string]any{"To_Account": "zoe", "ErrorCode": float64(fault.NoSuchAccount)}}, a["ErrorList"])
}

func TestOnlineStatus(t *testing.T) {
	s := newStage(t, func(o *options) { o.grace = time.Second })
	alice := s.online("alice")
	phone := s.member("Android")
	require.Zero(t, phone.login("alice", sign("alice")))
	a := s.call("openim/query_online_status", `{"To_Account":["alice","bob","ümlaut"],"IsNeedDetail":1}`)
	results := a["QueryResult"].([]any)
	require.Len(t, results, 2)
	first := results[0].(map[string]any)
	require.Equal(t, "Online", first["Status"])
	require.ElementsMatch(t, []any{
		map[string]any{"Platform": "Web", "Status": "Online"}, map[string]any{"Platform": "Android", "Status": "Online"},
	}, first["Detail"])
	require.Equal(t, map[string]any{"To_Account": "bob", "Status": "Offline"}, results[1])
	require.Equal(t, []any{map[string]any{"To_Account": "ümlaut", "ErrorCode": float64(fault.NoSuchAccount)}}, a["ErrorList"])
	a = s.call("openim/querystate", `{"To_Account":["alice"]}`)
	require.Equal(t, map[string]any{"To_Account": "alice", "Status": "Online", "State": "Online"}, a["QueryResult"].([]any)[0])

	lines, _ := s.watch(good())
	next(t, lines, "hello", func(l answer) bool { return l["Type"] == "hello" })
	require.NoError(t, alice.Logout(t.Context()))
	require.NoError(t, phone.Logout(t.Context()))
	next(t, lines, "the counts at zero", func(l answer) bool {
		c, ok := l["Counts"].(map[string]any)
		return ok && c["Users"] == 0. && c["Instances"] == 0.
	})
	a = s.call("openim/query_online_status", `{"To_Account":["alice"]}`)
	require.Equal(t, "Offline", a["QueryResult"].([]any)[0].(map[string]any)["Status"])
}

// A user whose page was closed is offline after 5 s, and one whose link was lost is
// offline when grace ends. Until then both count as online.
func TestPresenceTimes(t *testing.T) {
	s := newStage(t, func(o *options) { o.grace = 7 * time.Second })
	lines, _ := s.watch(good())
	next(t, lines, "hello", func(l answer) bool { return l["Type"] == "hello" })
	page, err := dial(t, s.url, nil)
	require.NoError(t, err)
	require.Nil(t, page.login("closed", sign("closed"), someInstance, frame.IntentNew).Err)
	require.NoError(t, page.conn.WriteClose(1001, nil))
	s.online("lost").lose()
	at := map[string]float64{}
	for len(at) < 4 {
		l := next(t, lines, "what became of them", func(l answer) bool { return l["Type"] == "event" })
		e := l["Event"].(map[string]any)
		if e["Kind"] == "lost" || e["Kind"] == "disconnect" {
			at[e["Kind"].(string)+" "+e["UserID"].(string)] = l["Time"].(float64)
		}
		if len(at) == 2 {
			a := s.call("openim/query_online_status", `{"To_Account":["closed","lost"]}`)
			for _, one := range a["QueryResult"].([]any) {
				require.Equal(t, "Online", one.(map[string]any)["Status"], one)
			}
		}
	}
	for user, grace := range map[string]float64{"closed": 5000, "lost": 7000} {
		took := at["disconnect "+user] - at["lost "+user]
		require.GreaterOrEqual(t, took, grace-500, user)
		require.Less(t, took, grace+30_000, user)
	}
	a := s.call("openim/query_online_status", `{"To_Account":["closed","lost"]}`)
	for _, one := range a["QueryResult"].([]any) {
		require.Equal(t, "Offline", one.(map[string]any)["Status"], one)
	}
}

func TestSessions(t *testing.T) {
	s := newStage(t, nil)
	lines, stop := s.watch(good())
	hello := next(t, lines, "hello", func(l answer) bool { return l["Type"] == "hello" })
	require.Equal(t, map[string]any{"Users": 0., "Instances": 0., "Disconnected": 0., "Web": 0.}, hello["Counts"])

	s.call("timd_config/set", `{"WebInstances":2}`)
	one, two := s.online("alice"), s.online("alice")
	next(t, lines, "the login", kindIs("login", "alice"))
	login := next(t, lines, "the second login", kindIs("login", "alice"))["Event"].(map[string]any)
	require.Equal(t, "Web", login["Platform"])
	require.Equal(t, "127.0.0.1", login["Address"])
	next(t, lines, "counts", func(l answer) bool {
		c, ok := l["Counts"].(map[string]any)
		return ok && c["Users"] == 1. && c["Instances"] == 2. && c["Web"] == 2.
	})

	list := func(body string) ([]any, string) {
		a := s.call("timd_session/list", body)
		return a["UserList"].([]any), a["Next"].(string)
	}
	users, more := list(`{"Search":"LIC"}`)
	require.Empty(t, more)
	require.Len(t, users, 1)
	u := users[0].(map[string]any)
	require.Equal(t, "alice", u["UserID"])
	require.Equal(t, "online", u["State"])
	instances := u["InstanceList"].([]any)
	require.Len(t, instances, 2)
	var second string
	for _, i := range instances {
		in := i.(map[string]any)
		require.True(t, strings.HasPrefix(in["Gateway"].(string), "test."))
		require.InDelta(t, time.Now().UnixMilli(), in["LoginTime"], 60_000)
		require.InDelta(t, time.Now().Add(time.Hour).UnixMilli(), in["ExpireTime"], 60_000)
		if in["InstanceID"] == login["InstanceID"] {
			second = in["InstanceID"].(string)
		}
	}
	require.NotEmpty(t, second)

	// One instance is kicked; the other one stays, and so does its UserSig.
	require.Equal(t, true, s.call("timd_session/kick", `{"UserID":"alice","InstanceID":"`+second+`"}`)["Kicked"])
	two.until(everyKick)
	require.True(t, one.State().Ready)
	kick := next(t, lines, "the kick", kindIs("kick", "alice"))["Event"].(map[string]any)
	require.Equal(t, second, kick["InstanceID"])
	require.Equal(t, "REST_API_Kick", kick["Reason"])
	require.Equal(t, false, s.call("timd_session/kick", `{"UserID":"alice","InstanceID":"`+second+`"}`)["Kicked"])

	// Pages.
	for i := range 5 {
		s.online(fmt.Sprintf("user-%d", i))
	}
	seen := map[string]bool{}
	pages, cursor := 0, ""
	for {
		users, next := list(`{"Limit":2,"Next":"` + cursor + `"}`)
		require.LessOrEqual(t, len(users), 2)
		for _, u := range users {
			seen[u.(map[string]any)["UserID"].(string)] = true
		}
		pages++
		if cursor = next; cursor == "" {
			break
		}
	}
	require.Len(t, seen, 6)
	require.Equal(t, 3, pages)
	users, _ = list(`{"Search":"user-3","Limit":1}`)
	require.Len(t, users, 1)
	require.EqualValues(t, fault.BadParameters, s.post("timd_session/list", good(), `{"Next":"x"}`).code())

	// An eviction is part of the event of the login that caused it.
	s.call("timd_config/set", `{"WebInstances":1}`)
	three := s.online("alice")
	one.until("kickedOut multipleAccount")
	evicting := next(t, lines, "the evicting login", func(l answer) bool {
		e, ok := l["Event"].(map[string]any)
		return ok && e["KickedList"] != nil
	})["Event"].(map[string]any)
	require.Equal(t, "multipleAccount", evicting["KickedList"].([]any)[0].(map[string]any)["Type"])
	require.True(t, three.State().Ready)
	stop()
}

// A stream ends with its administrator's UserSig, and when the administrator
// is kicked.
func TestWatchEnds(t *testing.T) {
	s := newStage(t, nil)
	q := good()
	q.Set("usersig", usersig.Sign(appA, keyA, "administrator", time.Now(), 3*time.Second))
	short, _ := s.watch(q)
	q = good()
	q.Set("identifier", "second-admin")
	q.Set("usersig", sign("second-admin"))
	long, _ := s.watch(q)
	next(t, long, "hello", func(l answer) bool { return l["Type"] == "hello" })
	end := next(t, short, "the end", func(l answer) bool { return l["Type"] == "end" })
	require.EqualValues(t, fault.RESTSignature, end["ErrorCode"])

	s.online("second-admin")
	s.call("im_open_login_svc/kick", `{"UserID":"second-admin"}`)
	end = next(t, long, "the end", func(l answer) bool { return l["Type"] == "end" })
	require.EqualValues(t, fault.RESTSignature, end["ErrorCode"])
	require.Contains(t, end["ErrorInfo"], "70052")
	a := s.post("timd_config/get", q, `{}`)
	require.EqualValues(t, fault.RESTSignature, a.code(), "their UserSig is void for the server API, too")
	q.Set("usersig", sign("second-admin"))
	require.Zero(t, s.post("timd_config/get", q, `{}`).code())
}

func TestConfig(t *testing.T) {
	s := newStage(t, nil)
	a := s.call("timd_config/get", `{}`)
	defaults := map[string]any{"Android": 1., "iPhone": 1., "iPad": 1., "Windows": 1., "Mac": 1.}
	require.Equal(t, 1., a["WebInstances"])
	require.Equal(t, "dual", a["LoginMode"])
	require.Equal(t, defaults, a["Instances"])
	a = s.call("timd_config/set", `{"WebInstances":2,"LoginMode":"multi","Instances":{"Android":3}}`)
	defaults["Android"] = 3.
	require.Equal(t, []any{2., "multi", defaults}, []any{a["WebInstances"], a["LoginMode"], a["Instances"]})
	for _, body := range []string{
		`{}`, `{"WebInstances":0}`, `{"WebInstances":11}`, `{"WebInstances":"2"}`, `{"WebInstances":1.5}`, `{"webInstances":2}`,
		`{"LoginMode":"Multi"}`, `{"LoginMode":3}`, `{"Instances":{"Web":2}}`, `{"Instances":{"Android":4}}`, `{"WebInstances":3,"Other":1}`,
	} {
		require.EqualValues(t, fault.BadParameters, s.post("timd_config/set", good(), body).code(), body)
	}
	require.Equal(t, 2., s.call("timd_config/get", `{}`)["WebInstances"], "a refused set changes nothing")

	// timd config does the same from a shell.
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(keyA+"\n"), 0o600))
	run := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := Config(append([]string{"--server", s.url, "--app", fmt.Sprintf("%d=%s", appA, file)}, args...), &out, &errs)
		return code, out.String(), errs.String()
	}
	code, out, errs := run("set", "webInstances=4", "loginMode=single", "ipad=2")
	require.Zero(t, code, errs)
	require.Equal(t, "webInstances=4\nloginMode=single\nandroid=3\niphone=1\nipad=2\nwindows=1\nmac=1\n", out)
	code, out, _ = run("get")
	require.Zero(t, code)
	require.Contains(t, out, "webInstances=4\n")
	code, _, errs = run("set", "webInstances=11")
	require.Equal(t, 2, code, "the command does not even call the server")
	require.Contains(t, errs, "1 to 10")
	for _, args := range [][]string{{}, {"set"}, {"get", "x"}, {"set", "webInstances"}, {"set", "x=1"}, {"set", "mac=two"}} {
		code, _, errs = run(args...)
		require.Equal(t, 2, code, args)
		require.Equal(t, 1, strings.Count(errs, "\n"))
	}
	require.NoError(t, os.WriteFile(file, []byte("another key"), 0o600))
	code, _, errs = run("get")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "70009")
	require.Contains(t, errs, "--app must name the same key file")
	require.NotContains(t, errs, "usersig=")
}

// Lowering a limit evicts surplus instances that are online.
func TestALowerLimitEvicts(t *testing.T) {
	s := newStage(t, nil)
	s.call("timd_config/set", `{"WebInstances":2}`)
	one, two := s.online("alice"), s.online("alice")
	s.call("timd_config/set", `{"WebInstances":1}`)
	one.until("kickedOut multipleAccount")
	require.True(t, two.State().Ready)
}

func TestSendMessageRefused(t *testing.T) {
	s := newStage(t, nil)
	text := `"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]`
	for body, code := range map[string]fault.Code{
		`{"MsgRandom":1,` + text + `}`:                                                                              fault.BadParameters,
		`{"To_Account":"bob",` + text + `}`:                                                                         fault.BadParameters,
		`{"To_Account":"bob","MsgRandom":-1,` + text + `}`:                                                          fault.BadParameters,
		`{"To_Account":"bob","MsgRandom":1,"SyncOtherMachine":3,` + text + `}`:                                      fault.BadParameters,
		`{"To_Account":"bob","MsgRandom":1,"MsgLifeTime":604801,` + text + `}`:                                      fault.BadParameters,
		`{"To_Account":"bob","MsgRandom":1,"CloudCustomData":5,` + text + `}`:                                       fault.BadParameters,
		`{"To_Account":"bob","MsgRandom":1,"CloudCustomData":"` + strings.Repeat("x", 12<<10+1) + `",` + text + `}`: fault.BodyTooLarge,
		`{"To_Account":"bob","MsgRandom":1}`:                                                                        fault.BodyMalformed,
		`{"To_Account":"bob","MsgRandom":1,"MsgBody":[]}`:                                                           fault.BodyMalformed,
		`{"To_Account":"bob","MsgRandom":1,"MsgBody":[{"MsgType":"TIMFaceElem","MsgContent":{}}]}`:                  fault.BodyMalformed,
		`{"To_Account":"bob","MsgRandom":1,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"text":""}}]}`:         fault.BodyMalformed,
	} {
		require.EqualValues(t, code, s.post("openim/sendmsg", good(), body).code(), body)
	}
}

func TestSendMessage(t *testing.T) {
	s := newStage(t, func(o *options) { o.requireImport = true })
	s.call("im_open_login_svc/multiaccount_import", `{"AccountList":[{"UserID":"alice","Nick":"Alice"},{"UserID":"bob"}]}`)
	bob := s.online("bob")
	bob.until(frame.EventConversationListUpdated) // it has caught up
	text := `{"From_Account":"alice","To_Account":"bob","MsgSeq":7,"MsgRandom":8,"CloudCustomData":"c","MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]}`
	a := s.call("openim/sendmsg", text)
	require.InDelta(t, time.Now().Unix(), a["MsgTime"], 60)
	require.Regexp(t, `^7_8_\d+$`, a["MsgKey"])
	require.Equal(t, a["MsgId"], s.call("openim/sendmsg", text)["MsgId"], "a repetition is the same message")
	m := bob.message()
	require.Equal(t, []any{"alice", "bob", "Alice", "c", map[string]any{"text": "hi"}}, []any{m["from"], m["to"], m["nick"], m["cloudCustomData"], m["payload"]})

	s.call("openim/sendmsg", `{"To_Account":"bob","MsgRandom":9,"MsgBody":[{"MsgType":"TIMCustomElem","MsgContent":{"Data":"d","Desc":"e","Ext":"f"}}]}`)
	m = bob.message()
	require.Equal(t, []any{"administrator", map[string]any{"data": "d", "description": "e", "extension": "f"}}, []any{m["from"], m["payload"]})
	require.Empty(t, bob.messages)
	for body, code := range map[string]fault.Code{
		strings.Replace(text, "alice", "zoe", 1):                              fault.UnknownAccount,
		strings.Replace(text, `"bob"`, `"zoe"`, 1):                            fault.UnknownAccount,
		strings.Replace(text, `"hi"`, `"`+strings.Repeat("x", 13<<10)+`"`, 1): fault.BodyTooLarge,
	} {
		require.EqualValues(t, code, s.post("openim/sendmsg", good(), body).code(), body)
	}
}

func TestSendToMany(t *testing.T) {
	s := newStage(t, func(o *options) { o.requireImport = true })
	s.call("im_open_login_svc/multiaccount_import", `{"Accounts":["alice","bob","carol"]}`)
	bob, carol := s.online("bob"), s.online("carol")
	to := func(list string) answer {
		return s.post("openim/batchsendmsg", good(), `{"From_Account":"alice","To_Account":`+list+`,"MsgSeq":7,"MsgRandom":8,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"to all"}}]}`)
	}
	for range 2 { // the second time nothing is sent
		a := to(`["bob","zoe","carol","bob"]`)
		require.Zero(t, a.code(), "%v", a)
		require.Regexp(t, `^7_8_\d+$`, a["MsgKey"])
		require.Equal(t, `[{"ErrorCode":20003,"To_Account":"zoe"}]`, field(t, map[string]any(a), "ErrorList"))
	}
	for _, m := range []*member{bob, carol} {
		require.Equal(t, []any{"alice", map[string]any{"text": "to all"}}, func() []any { got := m.message(); return []any{got["from"], got["payload"]} }())
	}
	require.EqualValues(t, fault.UnknownAccount, to(`["zoe"]`).code())
	for _, wrong := range []string{`[]`, `"bob"`, `[""]`, `[` + strings.Repeat(`"bob",`, maxSentTo) + `"bob"]`} {
		require.EqualValues(t, fault.BadParameters, to(wrong).code(), wrong[:min(len(wrong), 20)])
	}
	require.Empty(t, bob.messages)
	require.Empty(t, carol.messages)
}

// maxSentTo is how many users one call may send to.
const maxSentTo = 500

func status(t *testing.T, url string) int {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	resp.Body.Close()
	return resp.StatusCode
}
