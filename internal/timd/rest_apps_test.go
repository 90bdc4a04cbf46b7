package timd

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/usersig"
)

// Two apps of one timd see nothing of each other, even where their users and
// administrators have the same names.
func TestAppsAreApart(t *testing.T) {
	s := newStage(t, nil)
	b := good()
	b.Set("sdkappid", strconv.Itoa(appB))
	b.Set("usersig", usersig.Sign(appB, keyB, "administrator", time.Now(), time.Hour))
	inB := func(command, body string) answer {
		t.Helper()
		a := s.post(command, b, body)
		require.Zero(t, a.code(), "%s %s: %v", command, body, a)
		return a
	}
	lines, _ := s.watch(b)
	next(t, lines, "hello", func(l answer) bool { return l["Type"] == "hello" })

	old := sign("alice")
	alice := s.online("alice")
	theirs, err := dial(t, s.url, nil)
	require.NoError(t, err)
	require.Nil(t, theirs.login("alice", usersig.Sign(appB, keyB, "alice", time.Now(), time.Hour), someInstance, frame.IntentNew).Err)
	require.True(t, alice.State().Ready, "one Web instance each")
	e := next(t, lines, "a login", func(l answer) bool { return l["Type"] == "event" })["Event"].(map[string]any)
	idB := instanceOf(t, inB("timd_session/list", `{}`))
	require.Equal(t, idB, e["InstanceID"], "the first event is the app's own")
	idA := instanceOf(t, s.call("timd_session/list", `{}`))
	require.NotEqual(t, idA, idB)

	require.Equal(t, false, inB("timd_session/kick", `{"UserID":"alice","InstanceID":"`+idA+`"}`)["Kicked"])
	inB("timd_config/set", `{"WebInstances":5,"LoginMode":"single"}`)
	require.Equal(t, 1., s.call("timd_config/get", `{}`)["WebInstances"])
	inB("im_open_login_svc/account_import", `{"UserID":"alice","Nick":"B"}`)
	require.NotContains(t, s.call("timd_session/list", `{}`)["UserList"].([]any)[0], "Nick")

	inB("im_open_login_svc/kick", `{"UserID":"alice"}`)
	require.Equal(t, frame.Evicted, theirs.next().Method)
	require.Equal(t, "Offline", inB("openim/querystate", `{"To_Account":["alice"]}`)["QueryResult"].([]any)[0].(map[string]any)["Status"])
	require.True(t, alice.State().Ready)
	again := s.member("Web")
	require.Zero(t, again.login("alice", old), "the other app's kick does not revoke it")
	again.until(frame.EventSDKReady)
}

// instanceOf returns the only instance of a list.
func instanceOf(t *testing.T, list answer) string {
	t.Helper()
	users := list["UserList"].([]any)
	require.Len(t, users, 1)
	instances := users[0].(map[string]any)["InstanceList"].([]any)
	require.Len(t, instances, 1)
	return instances[0].(map[string]any)["InstanceID"].(string)
}
