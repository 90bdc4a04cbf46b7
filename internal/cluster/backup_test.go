package cluster

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
)

// timd runs a command of timd and returns its exit code and output.
func timd(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(Timd(t), args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func must(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := timd(t, args...)
	require.Zero(t, code, "timd %v: %s", args, errs)
	require.Empty(t, errs)
	return out
}

// refused expects one line that says what to do, and exit code 2.
func refused(t *testing.T, says string, args ...string) {
	t.Helper()
	code, out, errs := timd(t, args...)
	require.Equal(t, 2, code, "timd %v: %s%s", args, out, errs)
	require.Empty(t, out)
	require.Equal(t, 1, strings.Count(errs, "\n"), errs)
	require.Contains(t, errs, says)
}

func member(t *testing.T, b *Balancer, l *ledger, user string) *instance {
	t.Helper()
	i := newInstance(b, l, user, 0, "Web")
	t.Cleanup(i.Destroy)
	require.Nil(t, i.logIn(), "%s: %v", user, i.story())
	i.online(t)
	return i
}

// TestMove moves from the embedded engine to a cluster: messages, settings,
// accounts, evicted and kicked instances, all of it. Its messages lie in four
// partitions, and a gateway is killed before.
func TestMove(t *testing.T) {
	t.Parallel()
	data, file := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "backup")
	l := &ledger{fates: map[string]*fate{}}
	one := StartGateway(t, "--data", data, "--partitions", "4", "--webhook", "http://127.0.0.1:1/hook")
	one.Call("timd_config/set", map[string]any{"WebInstances": 2, "LoginMode": "multi"}, nil)
	one.Call("im_open_login_svc/account_import", map[string]any{"UserID": "carol", "Nick": "Carol", "FaceUrl": "https://example.com/c.png"}, nil)
	alice, bob := member(t, one.Via(), l, "alice"), member(t, one.Via(), l, "bob")
	for n := range 40 {
		alice.send("bob", fmt.Sprintf("a%d", n))
		bob.send("alice", fmt.Sprintf("b%d", n))
	}
	require.Len(t, alice.sent, 40)
	var friends []string // enough for each partition to have some of these conversations
	for n := range 16 {
		friends = append(friends, fmt.Sprint("friend", n))
		alice.send(friends[n], "to "+friends[n])
	}
	require.Len(t, alice.sent, 40+len(friends))
	one.Kill()
	one.Start()
	one.Ready(20 * time.Second)
	// A user who is evicted while away, and comes back after the move.
	away := member(t, one.Via(), l, "dave")
	away.through(nil) // cannot come back yet
	away.cut()
	for range 2 {
		member(t, one.Via(), l, "dave")
	}
	refused(t, "in use", "backup", file, "--data", data)
	one.Stop()
	out := must(t, "backup", file, "--data", data)
	require.Contains(t, out, "TIM_MSG")
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "whoever has it can read the messages")
	refused(t, "--force", "backup", file, "--data", data)

	nats := StartNATS(t, 3)
	out = must(t, "restore", "--nats", nats.URL(), file)
	for _, stream := range []string{"TIM_MSG", "TIM_MSG_1", "TIM_MSG_2", "TIM_MSG_3"} {
		require.Regexp(t, stream+` +[1-9]\d* records`, out)
	}
	require.NotContains(t, out, "1 copies")
	require.Contains(t, out, "3 copies")
	refused(t, "--force", "restore", file, "--nats", nats.URL())

	_, js := nats.Connect()
	for info := range js.ListStreams(t.Context()).Info() {
		require.Equal(t, 3, info.Config.Replicas, info.Config.Name)
	}
	var gateways []*Gateway
	for i := range 2 {
		partitions := []string{"0", "4"}[i]
		gateways = append(gateways, StartGateway(t, "--nats", nats.URL(), "--node", fmt.Sprintf("g%d", i), "--partitions", partitions, "--webhook", "http://127.0.0.1:1/hook"))
	}
	refused(t, "this one has 4, not 8", "serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--dev", "--nats", nats.URL(), "--node", "g2", "--partitions", "8")
	refused(t, "stop the gateways", "restore", file, "--nats", nats.URL(), "--force")
	refused(t, "--live", "backup", file+"2", "--nats", nats.URL())

	var s struct {
		WebInstances int
		LoginMode    string
	}
	gateways[1].Call("timd_config/get", map[string]any{}, &s)
	require.Equal(t, 2, s.WebInstances)
	require.Equal(t, "multi", s.LoginMode)
	var check struct {
		ResultItem []struct{ UserID, AccountStatus string }
	}
	gateways[0].Call("im_open_login_svc/account_check", map[string]any{"CheckItem": []map[string]string{{"UserID": "carol"}}}, &check)
	require.Equal(t, "Imported", check.ResultItem[0].AccountStatus)

	alice, bob = member(t, gateways[0].Via(), l, "alice"), member(t, gateways[1].Via(), l, "bob")
	require.Len(t, alice.history(t, "bob"), 40)
	require.Equal(t, "a39", bob.history(t, "alice")[39])
	for _, friend := range friends {
		require.Equal(t, []string{"to " + friend}, member(t, gateways[1].Via(), l, friend).history(t, "alice"))
	}
	// It goes on where it was: positions and sequences fit.
	for n := range 20 {
		alice.send("bob", fmt.Sprintf("new%d", n))
	}
	got := bob.history(t, "alice")
	require.Len(t, got, 60)
	require.Equal(t, "new19", got[59])

	// The evicted one learns of it from the cluster.
	away.through(gateways[0].Via())
	away.SetOnline(false)
	away.SetOnline(true)
	away.wait(t, frame.EventKickedOut, 20*time.Second, func() bool { return away.kickedAs() != "" })
	require.Equal(t, frame.KickMultipleAccount, away.kickedAs())

	// What the webhook's receiver has not accepted yet is still to be sent.
	events, err := js.Stream(t.Context(), "tim_events")
	require.NoError(t, err)
	hook, err := events.Consumer(t.Context(), "webhook")
	require.NoError(t, err)
	require.Positive(t, hook.CachedInfo().NumPending+uint64(hook.CachedInfo().NumAckPending))

	// And back again, from the running cluster.
	back := filepath.Join(t.TempDir(), "back")
	must(t, "backup", back, "--nats", nats.URL(), "--live")
	again := filepath.Join(t.TempDir(), "data")
	require.NotContains(t, must(t, "restore", back, "--data", again), "3 copies")
	two := StartGateway(t, "--data", again)
	require.Len(t, member(t, two.Via(), l, "bob").history(t, "alice"), 60)
	require.Len(t, member(t, two.Via(), l, friends[0]).history(t, "alice"), 1)
	require.Empty(t, l.violations())
}

// A file that is damaged anywhere changes nothing.
func TestDamaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, file := filepath.Join(dir, "data"), filepath.Join(dir, "backup")
	g := StartGateway(t, "--data", data)
	g.Call("timd_config/set", map[string]any{"WebInstances": 3}, nil)
	g.Stop()
	must(t, "backup", file, "--data", data)
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	bad := filepath.Join(dir, "bad")
	for name, text := range map[string][]byte{
		"empty":   {},
		"other":   []byte("something else entirely, and longer than the first line"),
		"cut":     whole[:len(whole)/2],
		"flipped": flip(whole, len(whole)/2),
		"sum":     flip(whole, len(whole)-1),
		"longer":  append(bytes.Clone(whole), 'x'),
		"version": bytes.Replace(whole, []byte(`{"version":2`), []byte(`{"version":3`), 1),
	} {
		require.NoError(t, os.WriteFile(bad, text, 0o600))
		refused(t, "backup", "restore", bad, "--data", data, "--force")
		_ = name
	}
	refused(t, "no file", "restore", filepath.Join(dir, "none"), "--data", data)
	refused(t, "no store", "backup", filepath.Join(dir, "x"), "--data", filepath.Join(dir, "none"))
	refused(t, "--data DIR or --nats URL", "backup", filepath.Join(dir, "x"))
	refused(t, "give a FILE", "restore", "--data", data)
	refused(t, "too many", "restore", "a", "b", "--data", data)
	refused(t, "--nats", "backup", filepath.Join(dir, "x"), "--nats", "nats://127.0.0.1:1")
	require.NoFileExists(t, filepath.Join(dir, "x"))
	parts, err := filepath.Glob(filepath.Join(dir, "*.part"))
	require.NoError(t, err)
	require.Empty(t, parts)

	g = StartGateway(t, "--data", data)
	var s struct{ WebInstances int }
	g.Call("timd_config/get", map[string]any{}, &s)
	require.Equal(t, 3, s.WebInstances)
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// damage changes a byte in the middle of a stream's file.
func damage(t *testing.T, data, stream, file string) {
	t.Helper()
	path := filepath.Join(data, "jetstream", "$G", "streams", stream, file)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, flip(text, len(text)/2), 0o600))
}

// A backup of a damaged store reports the damage: data left out silently would
// be missed on the day it is needed.
func TestBackupOfADamagedStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, good, file := filepath.Join(dir, "data"), filepath.Join(dir, "good"), filepath.Join(dir, "file")
	l := &ledger{fates: map[string]*fate{}}
	g := StartGateway(t, "--data", data)
	alice := member(t, g.Via(), l, "alice")
	for n := range 40 {
		alice.send("bob", fmt.Sprintf("a%d", n))
	}
	alice.Destroy()
	g.Stop()
	require.Regexp(t, `TIM_MSG +40 records`, must(t, "backup", good, "--data", data))

	// The description of a stream: NATS ignores such a stream.
	damage(t, data, "TIM_MSG", "meta.inf")
	refused(t, "TIM_MSG: start timd", "backup", file, "--data", data)
	require.NoFileExists(t, file)
	refused(t, "is not empty", "restore", good, "--data", data)
	StartGateway(t, "--data", data).Stop()
	require.Regexp(t, `TIM_MSG +40 records`, must(t, "backup", file, "--data", data))
	damage(t, data, "TIM_MSG", "meta.inf")
	require.Regexp(t, `TIM_MSG +40 records`, must(t, "restore", good, "--data", data, "--force"))

	// One message.
	blocks, err := filepath.Glob(filepath.Join(data, "jetstream", "$G", "streams", "TIM_MSG", "msgs", "*.blk"))
	require.NoError(t, err)
	require.Len(t, blocks, 1)
	damage(t, data, "TIM_MSG", filepath.Join("msgs", filepath.Base(blocks[0])))
	code, out, errs := timd(t, "backup", file, "--data", data, "--force")
	require.Equal(t, 1, code, out+errs)
	require.Equal(t, fmt.Sprintf("timd backup: 1 records of TIM_MSG are damaged on disk and missing from %s, which holds all others\n", file), errs)
	require.Regexp(t, `TIM_MSG +39 records`, out)
	require.Regexp(t, `TIM_MSG +39 records`, must(t, "restore", file, "--data", filepath.Join(dir, "new")))
}
