package timd

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

// twoStages starts two gateways on one NATS.
func twoStages(t *testing.T, change func(*options)) (both []*stage) {
	t.Helper()
	nats, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	require.NoError(t, err)
	nats.Start()
	require.True(t, nats.ReadyForConnections(30*time.Second))
	t.Cleanup(nats.Shutdown)
	for i := range 2 {
		s := openStage(t, func(o *options) {
			o.nats, o.data, o.node = nats.ClientURL(), "", fmt.Sprintf("node%d", i)
			change(o)
		})
		t.Cleanup(s.end)
		both = append(both, s)
	}
	return both
}

// What is changed through one gateway takes effect on the other, and administrators see
// it there.
func TestAcrossGateways(t *testing.T) {
	t.Parallel()
	back := newReceiver(t)
	both := twoStages(t, func(o *options) { o.webhook = toldBy(back) })
	lines, _ := both[1].watch(good())
	next(t, lines, "hello", func(l answer) bool { return l["Type"] == "hello" })

	both[1].call("timd_config/set", `{"WebInstances":2}`)
	require.Eventually(t, func() bool { return both[0].call("timd_config/get", `{}`)["WebInstances"] == 2. }, 30*time.Second, 5*time.Millisecond)
	one, two := both[0].online("alice"), both[1].online("alice")
	back.expect("Login", "Register")
	back.expect("Login", "Register")
	next(t, lines, "the login on the other one", kindIs("login", "alice"))
	users := both[1].call("timd_session/list", `{}`)["UserList"].([]any)
	require.Len(t, users[0].(map[string]any)["InstanceList"], 2)

	before := sign("alice")
	both[0].call("im_open_login_svc/kick", `{"UserID":"alice"}`)
	one.until(everyKick)
	two.until(everyKick)
	for _, s := range both {
		require.Equal(t, fault.SigRevoked, s.member("Web").login("alice", before))
		require.Zero(t, s.member("Web").login("alice", sign("alice")))
	}

	carol := both[1].online("carol")
	both[0].call("timd_account/ban", `{"UserID":"carol"}`)
	carol.until(everyKick)
	for _, s := range both {
		require.Equal(t, fault.Blocklisted, s.member("Web").login("carol", sign("carol")))
	}
	both[1].call("timd_account/unban", `{"UserID":"carol"}`)
	require.Zero(t, both[0].member("Web").login("carol", sign("carol")))
	both[0].call("im_open_login_svc/account_import", `{"UserID":"bob"}`)
	a := both[1].call("im_open_login_svc/account_check", `{"CheckItem":[{"UserID":"bob"}]}`)
	require.Equal(t, "Imported", a["ResultItem"].([]any)[0].(map[string]any)["AccountStatus"])
}

// Settings, imported accounts, kicks and bans outlast a restart.
func TestRestart(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	change := func(o *options) { o.data = data; o.requireImport = true }
	s := openStage(t, change)
	s.call("im_open_login_svc/account_import", `{"UserID":"alice","Nick":"Alice"}`)
	s.call("timd_config/set", `{"WebInstances":3,"LoginMode":"single"}`)
	before := sign("alice")
	s.call("im_open_login_svc/kick", `{"UserID":"alice"}`)
	s.call("im_open_login_svc/account_import", `{"UserID":"mallory"}`)
	s.call("timd_account/ban", `{"UserID":"mallory"}`)
	s.end()

	s = openStage(t, change)
	t.Cleanup(s.end)
	a := s.call("timd_config/get", `{}`)
	require.Equal(t, []any{3., "single"}, []any{a["WebInstances"], a["LoginMode"]})
	require.Equal(t, fault.SigRevoked, s.member("Web").login("alice", before))
	s.online("alice")
	users := s.call("timd_session/list", `{}`)["UserList"].([]any)
	require.Equal(t, "Alice", users[0].(map[string]any)["Nick"])
	require.Equal(t, fault.Blocklisted, s.member("Web").login("mallory", sign("mallory")))
}
