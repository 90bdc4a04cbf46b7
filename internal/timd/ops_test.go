package timd

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func noEnv(string) (string, bool) { return "", false }

// Operations have a loopback address of their own, except in dev mode or when
// the operator puts them where clients connect.
func TestWhereOperationsAre(t *testing.T) {
	for _, c := range []struct {
		args []string
		ops  string // "" is the public address
		page bool
	}{
		{[]string{"--app", "1=a"}, "127.0.0.1:8081", false},
		{[]string{"--app", "1=a", "--page"}, "127.0.0.1:8081", true},
		{[]string{"--app", "1=a", "--listen", "0.0.0.0:443", "--ops-listen", "10.0.0.1:9000"}, "10.0.0.1:9000", false},
		{[]string{"--app", "1=a", "--listen", "0.0.0.0:443", "--ops-listen", "0.0.0.0:443"}, "", false},
		{[]string{"--app", "1=a", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"}, "127.0.0.1:0", false},
		{[]string{"--dev"}, "", true},
		{[]string{"--dev", "--page=false"}, "", false},
		{[]string{"--dev", "--ops-listen", ":9000"}, "127.0.0.1:9000", true},
	} {
		o, err := parseServe(c.args, noEnv, io.Discard)
		require.NoError(t, err, c.args)
		require.Equal(t, c.ops, o.opsListen, c.args)
		require.Equal(t, c.page, o.page, c.args)
	}
	o, err := parseServe([]string{"--dev"}, func(name string) (string, bool) { return "false", name == "TIM_PAGE" }, io.Discard)
	require.NoError(t, err)
	require.False(t, o.page)
}

func TestTheDefaultOpsPortIsTaken(t *testing.T) {
	// If another program has the port already, the test works all the same.
	if l, err := net.Listen("tcp", "127.0.0.1:8081"); err == nil {
		defer l.Close()
	}
	key := filepath.Join(t.TempDir(), "app.key")
	require.NoError(t, os.WriteFile(key, []byte("a key for tests only"), 0o600))
	out, err := timdCommand(t, "serve", "--listen", "127.0.0.1:0", "--data", "memory", "--app", "1400000001="+key).CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "%s", out)
	require.Equal(t, 2, exit.ExitCode(), "%s", out)
	require.Contains(t, string(out), "--ops-listen 127.0.0.1:8081: the port is in use")
	require.Equal(t, 1, strings.Count(string(out), "\n"), "%s", out)
}

func TestOpsListen(t *testing.T) {
	s := newStage(t, func(o *options) { o.opsListen = "127.0.0.1:0" })
	require.NotEqual(t, s.url, s.opsURL)
	s.call("timd_config/get", `{}`)
	for _, path := range []string{"/console/", "/metrics"} {
		require.Equal(t, 200, status(t, s.opsURL+path), path)
	}
	for _, path := range []string{"/console/", "/metrics", "/v4/timd_config/get"} {
		require.Equal(t, 404, status(t, s.url+path), path)
	}
	resp, err := http.Post(s.url+"/v4/timd_config/get?"+good().Encode(), "application/json", strings.NewReader(`{}`))
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, 404, resp.StatusCode, "a call, too")
	require.Equal(t, 404, status(t, s.opsURL+"/ws"), "and clients' URLs are not on the operators' address")
}

// Without the demo page, the root says in plain text that this is timd, and no file of the
// page is served.
func TestNoPage(t *testing.T) {
	s := newStage(t, nil)
	require.Contains(t, body(t, s.url+"/"), "timd")
	require.NotContains(t, body(t, s.url+"/"), "<")
	for _, path := range []string{"/index.html", "/main.js", "/none"} {
		require.Equal(t, 404, status(t, s.url+path), path)
	}
}
