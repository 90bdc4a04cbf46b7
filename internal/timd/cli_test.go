package timd

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/cluster"
	"github.com/tim-wasm/tim/internal/testlog"
)

const within = 30 * time.Second

func TestMain(m *testing.M) {
	code := m.Run()
	cluster.Cleanup()
	os.Exit(code)
}

// timd is one that runs in its own process.
type timd struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	opsURL string // the origin of the console
	stderr *testlog.Buffer
	ended  chan error
}

func timdCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(cluster.Timd(t), args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_STATE_HOME=", "STATE_DIRECTORY=")
	return cmd
}

// runTimd starts timd serve on a free port and waits for its URL.
func runTimd(t *testing.T, args ...string) *timd {
	t.Helper()
	return runCommand(t, timdCommand(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...))
}

func runCommand(t *testing.T, cmd *exec.Cmd) *timd {
	t.Helper()
	d := &timd{t: t, cmd: cmd, stderr: new(testlog.Buffer), ended: make(chan error, 1)}
	cmd.Stderr = d.stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	said := make(chan struct{})
	go func() {
		r := bufio.NewScanner(stdout)
		if r.Scan() {
			d.url = r.Text()
		}
		for r.Scan() { // "console" comes before "data"
			what, where, _ := strings.Cut(strings.TrimSpace(r.Text()), " ")
			if what == "console" {
				d.opsURL, _, _ = strings.Cut(strings.TrimSpace(where), "/console/")
			}
			if what == "data" {
				break
			}
		}
		close(said)
		_, _ = io.Copy(io.Discard, stdout)
		d.ended <- cmd.Wait()
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	select {
	case <-said:
		require.NotEmpty(t, d.url, d.stderr.String())
	case <-time.After(within):
		require.FailNow(t, "no URL was printed", d.stderr.String())
	}
	return d
}

// stop ends it with a signal, as an operator does.
func (d *timd) stop(sig os.Signal) {
	d.t.Helper()
	require.NoError(d.t, d.cmd.Process.Signal(sig))
	select {
	case err := <-d.ended:
		require.NoError(d.t, err, d.stderr.String())
	case <-time.After(within):
		require.FailNow(d.t, "timd did not stop", d.stderr.String())
	}
}

func (d *timd) get(path string, header ...string) (*http.Response, string) {
	d.t.Helper()
	return d.do(http.MethodGet, path, "", header...)
}

func (d *timd) do(method, path, body string, header ...string) (*http.Response, string) {
	d.t.Helper()
	req, err := http.NewRequest(method, d.url+path, strings.NewReader(body))
	require.NoError(d.t, err)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		} else {
			req.Header.Set(header[i], header[i+1])
		}
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}, Timeout: within}
	res, err := client.Do(req)
	require.NoError(d.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(d.t, err)
	return res, string(text)
}

// A mistake prints one line on stderr that says what to do, and exits with
// code 2.
func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	keyFile := filepath.Join(dir, "app.key")
	require.NoError(t, os.WriteFile(keyFile, []byte("s3cret of 16 bytes"), 0o600))
	busy := runTimd(t, "--dev", "--data", filepath.Join(dir, "busy"))
	runTimd(t, "--dev", "--data", filepath.Join(dir, "made")).stop(syscall.SIGTERM)
	address := strings.TrimPrefix(busy.url, "http://")
	app := "1400000001=" + keyFile
	for _, c := range []struct {
		name string
		args []string
		env  string
		says string
	}{
		{"no command", []string{}, "", "timd serve --dev"},
		{"unknown command", []string{"server"}, "", "timd help"},
		{"no app", []string{"serve"}, "", "--app SDKAPPID=KEYFILE"},
		{"unknown flag", []string{"serve", "--what"}, "", "timd serve -h"},
		{"argument", []string{"serve", "--dev", "what"}, "", `"what"`},
		{"app", []string{"serve", "--app", "what"}, "", "SDKAPPID=KEYFILE"},
		{"key file", []string{"serve", "--app", "1400000001=" + filepath.Join(dir, "none")}, "", "cannot be read"},
		{"listen", []string{"serve", "--dev", "--listen", "8080"}, "", "127.0.0.1:8080"},
		{"dev for all", []string{"serve", "--dev", "--listen", "0.0.0.0:0"}, "", "--dev-remote"},
		{"dev-remote alone", []string{"serve", "--app", app, "--dev-remote"}, "", "--dev"},
		{"port in use", []string{"serve", "--dev", "--data", "memory", "--listen", address}, "", "port is in use"},
		{"ops port in use", []string{"serve", "--dev", "--data", "memory", "--listen", ":0", "--ops-listen", address}, "", "port is in use"},
		{"data in use", []string{"serve", "--dev", "--listen", ":0", "--data", filepath.Join(dir, "busy")}, "", "--data"},
		{"data is a file", []string{"serve", "--dev", "--listen", ":0", "--data", keyFile}, "", "--data"},
		{"media size", []string{"serve", "--dev", "--media-size", "2GB"}, "", "--media-size 2 GB must be between 1 KB and 1 GB"},
		{"media age", []string{"serve", "--dev", "--media-age", "1m"}, "", "--media-age must be an hour or more"},
		{"half of a bucket", []string{"serve", "--dev", "--media-s3-bucket", "files"}, "", "--media-s3-endpoint and --media-s3-bucket belong together"},
		{"keys in an endpoint", []string{"serve", "--dev", "--media-s3-endpoint", "https://id:s3cret@s3.example.com", "--media-s3-bucket", "files"}, "", "without the bucket and without keys"},
		{"a bucket without keys", []string{"serve", "--dev", "--listen", ":0", "--data", "memory", "--media-s3-endpoint", "https://s3.example.com", "--media-s3-bucket", "files", "--media-s3-keys", keyFile}, "", "holds no keys"},
		{"sync", []string{"serve", "--dev", "--sync", "never"}, "", "default or always"},
		{"grace", []string{"serve", "--dev", "--grace", "0s"}, "", "--grace"},
		{"grace is no duration", []string{"serve", "--dev", "--grace", "soon"}, "", "10s, 5m or 24h"},
		{"expire is no duration", []string{"usersig", "--app", app, "--user", "alice", "--expire", "60"}, "", "10s, 5m or 24h"},
		{"login-timeout", []string{"serve", "--dev", "--login-timeout", "1h"}, "", "--login-timeout"},
		{"origin", []string{"serve", "--dev", "--allowed-origin", "chat.example.com"}, "", "--allowed-origin"},
		{"proxy", []string{"serve", "--dev", "--trusted-proxy", "router"}, "", "--trusted-proxy"},
		{"half of TLS", []string{"serve", "--dev", "--tls-cert", keyFile}, "", "give both"},
		{"bad TLS", []string{"serve", "--dev", "--listen", ":0", "--tls-cert", keyFile, "--tls-key", keyFile}, "", "PEM"},
		{"NATS", []string{"serve", "--dev", "--listen", ":0", "--nats", "nats://127.0.0.1:1"}, "", "--nats"},
		{"dev console for all", []string{"serve", "--dev", "--listen", ":0", "--ops-listen", "0.0.0.0:0"}, "", "--dev-remote"},
		{"ops-listen", []string{"serve", "--app", app, "--ops-listen", "9000"}, "", "127.0.0.1:8081"},
		{"admin", []string{"serve", "--dev", "--admin", strings.Repeat("x", 33)}, "", "--admin"},
		{"node", []string{"serve", "--dev", "--node", "Zürich"}, "", "--node"},
		{"login-rate", []string{"serve", "--dev", "--login-rate", "0"}, "", "--login-rate"},
		{"visitors", []string{"serve", "--dev", "--visitors", "-1"}, "", "--visitors"},
		{"login-history", []string{"serve", "--dev", "--login-history", "1m"}, "", "--login-history"},
		{"webhook", []string{"serve", "--dev", "--webhook", "ftp://s3cret@back.example.com"}, "", "--webhook"},
		{"credentials", []string{"serve", "--dev", "--listen", ":0", "--nats", "nats://u:s3cret@127.0.0.1:1"}, "", "--nats"},
		{"NATS and data", []string{"serve", "--app", app, "--nats", "nats://127.0.0.1:1", "--data", "memory"}, "", "--data and --nats exclude each other"},
		{"NATS and data by environment", []string{"serve", "--app", app, "--nats", "nats://127.0.0.1:1"}, "TIM_DATA=memory", "comes from TIM_DATA"},
		{"max-store is no size", []string{"serve", "--dev", "--max-store", "much"}, "", "500MB"},
		{"max-store too small", []string{"serve", "--dev", "--max-store", "1KB"}, "", "--max-store 1 KB must be 1 MB or more"},
		{"max-store too large", []string{"serve", "--dev", "--listen", ":0", "--data", filepath.Join(dir, "new"), "--max-store", "1000000TB"}, "", "is more than the disk"},
		{"silence too short", []string{"serve", "--dev", "--silence", "1ms"}, "", "--silence 1ms must be between 1s and 10m"},
		{"quota-bytes too small", []string{"serve", "--dev", "--quota-bytes", "1KB"}, "", "--quota-bytes 1 KB must be 100 KB or more, or 0 for no limit"},
		{"quota-conversations below none", []string{"serve", "--dev", "--quota-conversations", "-1"}, "", "--quota-conversations must be 1 or more, or 0 for no limit"},
		{"more partitions than there can be", []string{"serve", "--dev", "--partitions", "17"}, "", "--partitions 17 must be 1 to 16, or 0 for what the store has"},
		{"partitions of a store that has another number", []string{"serve", "--dev", "--listen", ":0", "--data", filepath.Join(dir, "made"), "--partitions", "8"}, "", "--partitions: a store keeps the number of partitions that it was made with: this one has 1, not 8; leave it out, or give that"},
		{"max-store of NATS", []string{"serve", "--dev", "--nats", "nats://127.0.0.1:1", "--max-store", "1GB"}, "", "limit the account"},
		{"config without app", []string{"config", "get"}, "", "--app SDKAPPID=KEYFILE"},
		{"config without a command", []string{"config", "--app", app}, "", "set webInstances=2"},
		{"config value", []string{"config", "--app", app, "set", "webInstances=many"}, "", "webInstances"},
		{"config bounds", []string{"config", "--app", app, "set", "webInstances=20"}, "", "WebInstances is 20 and must be 1 to 10; timd config -h"},
		{"config mode", []string{"config", "--app", app, "set", "loginMode=any"}, "", "single, dual, triple or multi"},
		{"config platform", []string{"config", "--app", app, "set", "ipad=4"}, "", "Instances of iPad is 4 and must be 1 to 3"},
		{"config name", []string{"config", "--app", app, "set", "tabs=2"}, "", "tabs"},
		{"environment", []string{"serve", "--dev"}, "TIM_GRACE=soon", "TIM_GRACE"},
		{"environment out of bounds", []string{"serve", "--dev"}, "TIM_GRACE=0s", "TIM_GRACE"},
		{"environment listen", []string{"serve", "--dev"}, "TIM_LISTEN=8080", "TIM_LISTEN"},
		{"environment that is neither", []string{"serve"}, "TIM_DEV=maybe", "true or false"},
		{"environment that is no number", []string{"serve", "--dev"}, "TIM_API_RATE=many", "whole number"},
		{"environment app", []string{"serve"}, "TIM_APP=1400000001=" + keyFile + "x", "comes from TIM_APP"},
		{"environment busy", []string{"serve", "--dev", "--data", "memory"}, "TIM_LISTEN=" + address, "comes from TIM_LISTEN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := timdCommand(t, c.args...)
			if c.env != "" {
				cmd.Env = append(cmd.Env, c.env)
			}
			var out, errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errs
			err := cmd.Run()
			exit, ok := errors.AsType[*exec.ExitError](err)
			require.True(t, ok, "%v %s", err, errs.String())
			require.Equal(t, 2, exit.ExitCode(), errs.String())
			require.Empty(t, out.String())
			require.Contains(t, errs.String(), c.says)
			require.Equal(t, 1, strings.Count(errs.String(), "\n"), errs.String())
			require.NotContains(t, errs.String(), "s3cret")
		})
	}
	busy.stop(os.Interrupt)
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"serve", "-h"}, {"usersig", "-h"}} {
		out, err := timdCommand(t, args...).Output()
		require.NoError(t, err)
		require.Contains(t, string(out), "timd")
	}
	for _, arg := range []string{"version", "-v", "--version"} {
		out, err := timdCommand(t, arg).Output()
		require.NoError(t, err)
		require.Regexp(t, `^timd \d+\.\d+\.\d+\n$`, string(out))
	}
	out, err := timdCommand(t, "serve", "-h").Output()
	require.NoError(t, err)
	for _, flag := range []string{"listen", "dev", "dev-remote", "app", "admin", "data", "nats", "nats-creds", "nats-ca", "node", "sync",
		"allowed-origin", "trusted-proxy", "tls-cert", "tls-key", "ops-listen", "page", "webhook", "require-import", "grace", "login-timeout"} {
		require.Regexp(t, `\n  -`+flag+`[ \n]`, string(out))
	}
	require.Contains(t, string(out), filepath.Join(".local", "state", "timd"), "the help names the data directory")
}

// flagCases has two values of each flag that differ from its default and from
// each other.
var flagCases = []struct{ flag, value, other string }{
	{"listen", "127.0.0.1:1", "127.0.0.1:2"}, {"app", "1=a", "2=b"}, {"admin", "a,b", "c"}, {"data", "d1", "d2"},
	{"nats", "nats://a", "nats://b"}, {"nats-creds", "c1", "c2"}, {"nats-ca", "f1", "f2"}, {"node", "n1", "n2"},
	{"sync", "always", "default"}, {"allowed-origin", "https://a.example", "*"}, {"trusted-proxy", "10.0.0.0/8,::1", "127.0.0.1"},
	{"ops-listen", "127.0.0.1:3", "127.0.0.1:4"}, {"page", "false", "true"}, {"docs", "false", "true"}, {"max-store", "1GB", "2 GB"}, {"webhook", "http://a/", "http://b/"},
	{"require-import", "true", "false"}, {"grace", "5s", "6s"}, {"login-timeout", "5s", "6s"}, {"silence", "5s", "6s"},
	{"media-size", "50MB", "1MB"}, {"media-age", "24h", "48h"},
	{"media-s3-region", "r1", "r2"}, {"media-s3-prefix", "p1", "p2"}, {"media-s3-style", "path", "host"}, {"media-s3-keys", "k1", "k2"},
	{"log-format", "json", "text"}, {"log-level", "warn", "error"},
	{"partitions", "8", "16"}, {"quota-bytes", "2GB", "0"}, {"quota-conversations", "5", "6"}, {"api-rate", "5", "6"}, {"login-rate", "5", "6"}, {"visitors", "5", "0"}, {"login-history", "0s", "24h"}, {"dev-remote", "true", "false"},
}

// Each flag does the same as its environment variable, and overrides it.
func TestEnvironment(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	parseServe := func(args []string, env func(string) (string, bool), out io.Writer) (options, error) {
		o, err := parseServe(args, env, out)
		o.set = nil // where a value comes from is all that may differ
		return o, err
	}
	for _, c := range flagCases {
		name := "TIM_" + strings.ToUpper(strings.ReplaceAll(c.flag, "-", "_"))
		env := func(value string) func(string) (string, bool) {
			return func(n string) (string, bool) { return value, n == name }
		}
		base := []string{"--dev"}
		given, err := parseServe(append(base, "--"+c.flag+"="+c.value), none, io.Discard)
		require.NoError(t, err, c.flag)
		set, err := parseServe(base, env(c.value), io.Discard)
		require.NoError(t, err, c.flag)
		require.Equal(t, given, set, c.flag)
		both, err := parseServe(append(base, "--"+c.flag+"="+c.value), env(c.other), io.Discard)
		require.NoError(t, err, c.flag)
		require.Equal(t, given, both, c.flag)
		other, err := parseServe(base, env(c.other), io.Discard)
		require.NoError(t, err, c.flag)
		require.NotEqual(t, given, other, c.flag)
	}
	o, err := parseServe(nil, func(n string) (string, bool) { return "true", n == "TIM_DEV" }, io.Discard)
	require.NoError(t, err)
	require.True(t, o.dev)
	o, err = parseServe([]string{"--app", "1=a", "--app", "1=b", "--tls-key=k"}, func(n string) (string, bool) { return "c", n == "TIM_TLS_CERT" }, io.Discard)
	require.NoError(t, err)
	require.Equal(t, list{"1=a", "1=b"}, o.apps)
	require.Equal(t, "ck", o.tlsCert+o.tlsKey)
}

func TestSignals(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		d := runTimd(t, "--dev", "--data", "memory")
		d.stop(sig)
	}
}

// A client that does not answer delays the end of timd only for a moment. A second
// signal ends timd at once.
func TestAStuckClientDelaysTheEndBriefly(t *testing.T) {
	stuck := func(d *timd) {
		c, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		_, err = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: tim.v1\r\n\r\n")
		require.NoError(t, err)
		_, err = io.ReadFull(c, make([]byte, 12))
		require.NoError(t, err)
	}
	d := runTimd(t, "--dev", "--data", "memory")
	stuck(d)
	d.stop(syscall.SIGTERM)

	d = runTimd(t, "--dev", "--data", "memory")
	stuck(d)
	require.NoError(t, d.cmd.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool { return strings.Contains(d.stderr.String(), "draining") }, within, 5*time.Millisecond)
	require.NoError(t, d.cmd.Process.Signal(syscall.SIGTERM))
	err := <-d.ended
	exit, ok := errors.AsType[*exec.ExitError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, 1, exit.ExitCode(), "exit code 0 would mean that the drain was completed")
}
